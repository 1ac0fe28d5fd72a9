/** A real Chromium for tests: found, or installed as Redis is, and started with nothing of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onPath, programOf } from '@holdfast/runtime/local-stores';
import { type BrowserContext, chromium, type Page, type Browser as PlainBrowser } from 'playwright-core';

export function chromiumFile(say: (line: string) => void = console.log): Promise<string> {
  return programOf(
    {
      name: 'Chromium',
      find: findChromium,
      apt: 'chromium',
      paste: {
        dnf: 'sudo dnf install -y chromium',
        apk: 'sudo apk add chromium',
        pacman: 'sudo pacman -S --noconfirm chromium',
        other: 'brew install --cask chromium, or set CHROME_PATH to a Chrome that is there',
      },
      installSeconds: 300,
    },
    say,
  );
}

function findChromium(): string | null {
  const named = process.env['CHROME_PATH'];
  if (named !== undefined && named !== '') return named;
  for (const name of ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']) {
    const file = onPath(name);
    if (file !== null) return file;
  }
  return null;
}

/** What a browser does on its own account: none of it here. */
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface Browser {
  /** A browser profile of its own: another person, or another device. */
  person(options?: Parameters<Awaited<ReturnType<typeof chromium.launch>>['newContext']>[0]): Promise<Person>;
  close(): Promise<void>;
}

export interface Person {
  context: BrowserContext;
  /** Requests that went elsewhere than to `127.0.0.1`; none may. */
  strays: string[];
  /** What pages complained of: faults of scripts, and breaches of the content policy. */
  complaints: string[];
  open(url: string): Promise<Page>;
  close(): Promise<void>;
}

/** The browser alone, with a home of its own that goes with it. */
export async function launchChromium(): Promise<PlainBrowser> {
  const home = mkdtempSync(join(tmpdir(), 'holdfast-browser-'));
  const browser = await chromium.launch({
    executablePath: await chromiumFile(),
    args: flags,
    env: { ...(process.env as Record<string, string>), HOME: home },
  });
  browser.on('disconnected', () => rmSync(home, { recursive: true, force: true }));
  return browser;
}

export async function openBrowser(): Promise<Browser> {
  const browser = await launchChromium();
  return {
    async person(options = {}) {
      const context = await browser.newContext({ viewport: { width: 1180, height: 860 }, ...options });
      context.setDefaultTimeout(10_000);
      const strays: string[] = [];
      const complaints: string[] = [];
      await context.route(
        (url) => url.hostname !== '127.0.0.1' && url.protocol.startsWith('http'),
        (route) => {
          strays.push(route.request().url());
          return route.abort();
        },
      );
      const listen = (page: Page) => {
        page.on('pageerror', (fault) => complaints.push(String(fault)));
        page.on('console', (message) => {
          if (/Content Security Policy|Refused to/.test(message.text())) complaints.push(message.text());
        });
      };
      context.on('page', listen);
      return {
        context,
        strays,
        complaints,
        async open(url) {
          const page = await context.newPage();
          await page.goto(url);
          return page;
        },
        close: () => context.close(),
      };
    },
    close: () => browser.close(),
  };
}
