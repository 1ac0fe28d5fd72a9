import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectFolder } from './project.ts';

const run = promisify(execFile);
const buildWithinMs = 120_000;

/**
 * Builds the pages that are missing or older than their sources. A page that cannot be built stops no sale: it is said,
 * and who opens the page is told the same.
 */
export async function buildPages(say: (line: string) => void): Promise<void> {
  try {
    const script = join(projectFolder, 'infra', 'build-pages.mjs');
    const { stderr } = await run(process.execPath, [script], { cwd: projectFolder, timeout: buildWithinMs });
    for (const line of stderr.split('\n')) if (line.startsWith('built ')) say(line);
  } catch (error) {
    say(`the pages could not be built: ${(error as Error).message}`);
  }
}
