/** A house with a console and an edge as processes of their own, and a browser that looks at them. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { freePort } from '@holdfast/runtime/local-stores';
import { adminKey } from '../../support/console-app.ts';
import { type ConsoleProcess, startConsole } from '../../support/console-process.ts';
import { type EdgeProcess, startEdge } from '../../support/edge-process.ts';
import { type House, type HouseOptions, openHouse } from '../../support/house.ts';
import { launchChromium } from '../chromium.ts';

export interface ConsoleHouse {
  house: House;
  browser: Browser;
  edge: EdgeProcess;
  url: string;
  /** Kills the console's process and starts another at the same address. */
  restartConsole(): Promise<void>;
  killConsole(): Promise<void>;
  /** A page of its own, with nobody signed in. What it complains about stands in `complaints`. */
  visit(options?: BrowserContextOptions): Promise<Page>;
  signIn(page: Page, key?: string, place?: string): Promise<void>;
  /** A call with the admin key. */
  ask(method: string, path: string, body?: object): Promise<any>;
  makeKey(name: string, scopes: string[]): Promise<{ id: string; key: string }>;
  /** One tee for a buyer, over HTTP; the ticket once it is held. */
  buy(saleId: string, buyerId: string, change?: object): Promise<{ status: number; ticket: any }>;
  confirm(ticketId: string): Promise<void>;
  /** Errors of scripts and what the content policy stopped, on any page. */
  complaints: string[];
  close(): Promise<void>;
}

export async function openConsoleHouse(options: HouseOptions = {}): Promise<ConsoleHouse> {
  const house = await openHouse(options);
  const port = await freePort();
  const env = {
    CONSOLE_PORT: String(port),
    DATABASE_URL: house.databaseUrl,
    REDIS_URL: house.redis.url,
    ADMIN_KEY: adminKey,
  };
  let console: ConsoleProcess = await startConsole(env);
  const edge = await startEdge({ REDIS_URL: house.redis.url });
  const browser = await launchChromium();
  const complaints: string[] = [];

  async function ask(method: string, path: string, body?: object) {
    const answer = await fetch(new URL(path, console.url), {
      method,
      headers: { Authorization: `Bearer ${adminKey}`, 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as unknown;
  }

  return {
    house,
    browser,
    edge,
    url: console.url,
    complaints,
    async restartConsole() {
      await console.kill();
      console = await startConsole(env);
    },
    killConsole: () => console.kill(),
    async visit(options = {}) {
      const page = await (await browser.newContext(options)).newPage();
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('console', (said) => {
        if (/Content Security Policy|Refused to/.test(said.text())) complaints.push(said.text());
      });
      page.on('request', (request) => {
        if (!request.url().startsWith(console.url) && !request.url().startsWith('data:'))
          complaints.push(`asked another host: ${request.url()}`);
      });
      return page;
    },
    async signIn(page, key = adminKey, place = '') {
      await page.goto(`${console.url}/${place}`);
      await page.getByLabel('Key').fill(key);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('button', { name: 'Sign out' }).waitFor();
    },
    ask,
    makeKey: (name, scopes) =>
      ask('POST', '/v1/keys', { name, scopes }) as Promise<{ id: string; key: string }>,
    async buy(saleId, buyerId, change = {}) {
      const answer = await fetch(`${edge.url}/v1/sales/${saleId}/reservations`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Prefer: 'wait=20' },
        body: JSON.stringify({ buyerId, ...change }),
      });
      return { status: answer.status, ticket: await answer.json() };
    },
    async confirm(ticketId) {
      const answer = await fetch(`${edge.url}/v1/tickets/${ticketId}/confirm`, { method: 'POST' });
      if (!answer.ok) throw new Error(`confirm: ${answer.status} ${await answer.text()}`);
      await answer.body?.cancel();
    },
    async close() {
      await browser.close();
      await console.kill();
      await edge.kill();
      await house.close();
    },
  };
}
