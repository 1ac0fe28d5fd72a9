/**
 * Builds what is sent to a browser, where it is missing or older than its sources. Whatever needs a page calls this
 * first, so that nobody has to remember it; with nothing to do it takes some milliseconds.
 *
 *   node infra/build-pages.mjs            every page
 *   node infra/build-pages.mjs console    the pages of these apps
 *
 * A page is an app's `vite.config.ts`; its build goes to that app's `dist/`, beside the digest of what it was made of.
 * The pages for buyers, which have no framework, are built by the storefront's own `src/build.ts`, in the same way.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const digestFile = 'made-of';

const asked = process.argv.slice(2);
for (const config of globSync('apps/*/vite.config.ts', { cwd: root })) {
  const app = join(root, dirname(config));
  if (asked.length > 0 && !asked.includes(basename(app))) continue;
  const digest = digestOf(app);
  if (madeOf(join(app, 'dist')) !== digest) await build(app, digest);
}

if (asked.length === 0 || asked.includes('storefront')) {
  const startedAt = performance.now();
  const { buildStorefront } = await import('../apps/storefront/src/build.ts');
  if ((await buildStorefront()) === 'built') say('pages for buyers', startedAt);
}

/** The page's files, and every version. Of our own packages a page takes types, which are not built. */
function digestOf(app) {
  const files = globSync(['vite.config.ts', 'page/**/*'], { cwd: app, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const digest = createHash('sha256');
  for (const file of [...files.sort(), join(root, 'package-lock.json')])
    digest.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0');
  return digest.digest('hex');
}

function madeOf(folder) {
  const file = join(folder, digestFile);
  return existsSync(file) ? readFileSync(file, 'utf8') : null;
}

/** Beside its place, and then moved there: whoever reads finds the old page or the new one. */
async function build(app, digest) {
  const startedAt = performance.now();
  const made = mkdtempSync(join(app, '.dist-'));
  try {
    // Whoever asks, a test too: what is sent is the build for production.
    process.env['NODE_ENV'] = 'production';
    const vite = await import('vite');
    await vite.build({
      root: join(app, 'page'),
      configFile: join(app, 'vite.config.ts'),
      logLevel: 'warn',
      build: { outDir: made, emptyOutDir: true },
    });
    writeFileSync(join(made, digestFile), digest);
    // A temporary folder is its maker's alone; a page is for whoever serves it.
    chmodSync(made, 0o755);
    putInPlace(made, join(app, 'dist'), digest);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
  say(`page of the ${basename(app)}`, startedAt);
}

function say(what, startedAt) {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stderr.write(`built the ${what} (${seconds} s)\n`);
}

function putInPlace(made, place, digest) {
  const old = `${made}-old`;
  if (existsSync(place)) renameSync(place, old);
  try {
    renameSync(made, place);
  } catch (error) {
    // Another process was quicker; it built the same.
    if (madeOf(place) !== digest) throw error;
  } finally {
    rmSync(old, { recursive: true, force: true });
  }
}
