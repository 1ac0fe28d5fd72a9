import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { confirm, isCancel } from '@clack/prompts';
import { configOrExit } from '@holdfast/runtime';
import { removePostgres } from '@holdfast/runtime/local-stores';
import { readStoreConfig } from './config.ts';
import { runningIn } from './running.ts';

/** Throws away this folder's own stores, after asking. Resolves to the exit code. */
export async function reset(options: { yes: boolean }): Promise<number> {
  const { DATABASE_URL, REDIS_URL, HOLDFAST_DIR: dir } = configOrExit(readStoreConfig);
  if (DATABASE_URL !== undefined || REDIS_URL !== undefined) {
    console.error('DATABASE_URL or REDIS_URL is set: only the private stores of this folder are ever reset.');
    return 1;
  }
  const running = runningIn(dir);
  if (running !== null) {
    console.error(`Holdfast runs in this folder (process ${running.pid}): stop it first.`);
    return 1;
  }
  if (!options.yes && !(await agreed(dir))) return 1;
  removePostgres(join(dir, 'postgres'));
  rmSync(dir, { recursive: true, force: true });
  console.log('Every sale of this folder is gone.');
  return 0;
}

async function agreed(dir: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    console.error('Nobody is there to ask; npm run reset -- --yes does it without asking.');
    return false;
  }
  const answer = await confirm({ message: `Throw away every sale in ${dir}?`, initialValue: false });
  return !isCancel(answer) && answer;
}
