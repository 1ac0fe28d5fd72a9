/** A real Chromium for tests: one that is there, or one that is installed when that is possible without asking. */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';

const run = promisify(execFile);
const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const installSeconds = 300;

/** Nothing that calls home, and nothing that a machine without a screen does not have. */
const flags = [
  '--headless',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Throws one line that can be pasted when there is none and none can be installed. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = findChromium() ?? (await installChromium());
  const asRoot = process.getuid?.() === 0;
  return chromium.launch({ executablePath, args: asRoot ? [...flags, '--no-sandbox'] : flags });
}

function findChromium(): string | null {
  const named = process.env['CHROME_PATH'];
  if (named !== undefined && named !== '') return named;
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin']) {
    for (const name of names) {
      const file = join(folder, name);
      if (folder !== '' && isProgram(file)) return file;
    }
  }
  const mac = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';
  return isProgram(mac) ? mac : null;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const paste = 'apt-get install -y chromium, or set CHROME_PATH to the program of a Chrome or Chromium';

async function installChromium(): Promise<string> {
  const missing = `The browser tests need Chromium: ${paste}`;
  if (process.getuid?.() !== 0 || !isProgram('/usr/bin/apt-get')) throw new Error(missing);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const giveUpAt = Date.now() + installSeconds * 1_000;
  for (;;) {
    try {
      await run('apt-get', ['-qq', 'update'], { env, timeout: installSeconds * 1_000 });
      const install = ['-qq', 'install', '-y', '--no-install-recommends', 'chromium'];
      await run('apt-get', install, { env, timeout: installSeconds * 1_000 });
      break;
    } catch (cause) {
      // Somebody else installs, perhaps this very program in the file beside: the lock is a matter of seconds.
      if (!String(cause).includes('lock') || Date.now() > giveUpAt) throw new Error(missing, { cause });
      await sleep(1_000);
    }
  }
  const installed = findChromium();
  if (installed === null) throw new Error(missing);
  return installed;
}
