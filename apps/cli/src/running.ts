import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identityOf, isSameProcess } from '@holdfast/runtime/local-stores';

/** What a running stack writes down for those who come after it. */
export interface Running {
  readonly pid: number;
  readonly identity: string | null;
  /** Empty while it starts. */
  readonly edges: readonly string[];
  readonly console: string | null;
  /** Its private stores; null for one that it was given. */
  readonly databaseUrl?: string | null;
  readonly redisUrl?: string | null;
}

export interface Claim {
  /** Writes down where the stack answers. */
  announce(addresses: Omit<Running, 'pid' | 'identity'>): void;
  release(): void;
}

/** Claims the folder for this process; answers with the one that has it instead. */
export function claimFolder(dir: string): { claim: Claim } | { taken: Running } {
  mkdirSync(dir, { recursive: true });
  const file = fileIn(dir);
  const draft = `${file}.${process.pid}`;
  const mine: Running = { pid: process.pid, identity: identityOf(process.pid), edges: [], console: null };
  writeFileSync(draft, JSON.stringify(mine));
  try {
    for (;;) {
      try {
        // A link is made or refused in one step, with its content.
        linkSync(draft, file);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        const other = runningIn(dir);
        if (other !== null) return { taken: other };
        rmSync(file, { force: true });
      }
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return {
    claim: {
      announce(addresses) {
        writeFileSync(draft, JSON.stringify({ ...mine, ...addresses }, null, 2));
        renameSync(draft, file);
      },
      release: () => rmSync(file, { force: true }),
    },
  };
}

/** The stack that runs in this folder now; one that was killed left its note behind and does not count. */
export function runningIn(dir: string): Running | null {
  try {
    const noted = JSON.parse(readFileSync(fileIn(dir), 'utf8')) as Running;
    return noted.identity !== null && isSameProcess(noted.pid, noted.identity) ? noted : null;
  } catch {
    return null;
  }
}

function fileIn(dir: string): string {
  return join(dir, 'running.json');
}
