/**
 * Makes `dist/` unless what is there was made of the same sources. One HTML file per
 * page and language, scripts and styles by hashed names, and `site.json`, which tells the edge what to serve where.
 */
import { createHash } from 'node:crypto';
import { globSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const dist = fileURLToPath(new URL('../dist', import.meta.url));
const sources = ['apps/storefront/package.json', 'apps/storefront/src/**/*', 'packages/client/src/**/*'];

/** Everything that the pages are made of, as one digest. */
function stampOfSources(): string {
  const hash = createHash('sha256');
  const files = sources.flatMap((pattern) => globSync(pattern, { cwd: root }));
  for (const file of files.filter((name) => extname(name) !== '').sort())
    hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  return hash.digest('hex').slice(0, 20);
}

function isFresh(stamp: string): boolean {
  try {
    return (JSON.parse(readFileSync(join(dist, 'site.json'), 'utf8')) as { stamp: string }).stamp === stamp;
  } catch {
    return false;
  }
}

/** Builds when it has to; two at once end in the same files. Throws what is wrong with the sources. */
export async function buildStorefront(): Promise<'built' | 'fresh'> {
  const stamp = stampOfSources();
  if (isFresh(stamp)) return 'fresh';
  const { makeSite } = await import('./make-site.ts');
  const site = await makeSite(root);
  mkdirSync(dist, { recursive: true });
  for (const [file, content] of site.files) put(file, content);
  put('site.json', JSON.stringify({ stamp, ...site.map }, null, 1));
  const kept = new Set([...site.files.keys(), 'site.json']);
  for (const file of readdirSync(dist)) {
    // Another build's draft is left alone.
    if (!kept.has(file) && !file.startsWith('.')) rmSync(join(dist, file), { force: true });
  }
  return 'built';
}

/** A reader sees the old one or the new one, whole. */
function put(file: string, content: string | Uint8Array): void {
  const draft = join(dist, `.${basename(file)}.${process.pid}`);
  writeFileSync(draft, content);
  renameSync(draft, join(dist, file));
}
