import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { projectFolder } from './project.ts';

const run = promisify(execFile);
const giveUpMs = 60_000;

/** Builds the pages for buyers where they are missing or older than their sources; what it did, in one line if anything. */
export async function buildSite(say: (line: string) => void): Promise<void> {
  try {
    const { stdout } = await run(process.execPath, ['apps/storefront/src/build.ts'], {
      cwd: projectFolder,
      timeout: giveUpMs,
    });
    if (stdout !== '') say(stdout.trim().replace(/^holdfast: /, ''));
  } catch (fault) {
    // Whoever sells over HTTP alone can go on; pages that were built before are still served.
    say(
      `the pages for buyers could not be built: ${String((fault as { stderr?: string }).stderr ?? fault).trim()}`,
    );
  }
}
