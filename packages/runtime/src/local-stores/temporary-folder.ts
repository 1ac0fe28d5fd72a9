import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mopUpFolder } from './mop-up.ts';

/** A folder that is gone when this process is, however it ends. Other accounts may enter: Postgres runs as one. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `holdfast-${name}-`));
  chmodSync(folder, 0o755);
  mopUpFolder(folder);
  return folder;
}
