/**
 * Thousands of readers who open a stream and take nothing from it. What it does to those who buy is printed, in pairs of
 * rounds without and with the readers; what it does to memory, and that nobody loses a unit by it, is held.
 */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectConservation } from '../support/conservation.ts';
import { type EdgeProcess, startEdge } from '../support/edge-process.ts';
import { type House, openHouse } from '../support/house.ts';
import { openTees, until } from '../support/sales.ts';

const readers = Number(process.env['SLOW_READERS'] ?? 5_000);
const rounds = 4;
const roundSeconds = 10;
const buyersPerSecond = 200;
const openedAtOnce = 100;
/** What an open stream may cost an edge, with everything that waits for its reader. */
const bytesPerReader = 32 * 1024;

let house: House;
let edge: EdgeProcess;

beforeAll(async () => {
  house = await openHouse({ workers: 1, edges: 0 });
  edge = await startEdge({ REDIS_URL: house.redis.url, NODE_OPTIONS: '--max-old-space-size=512' });
}, 120_000);

afterAll(async () => {
  await edge.kill();
  await house.close();
}, 60_000);

test(`${readers} readers who take nothing: those who buy are answered as before, and memory has an end`, async () => {
  const sale = await openTees(house, 1_000_000);
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  let buyers = 0;
  let taken = 0;

  function buy(): Promise<number> {
    const body = JSON.stringify({ buyerId: `buyer-${++buyers}` });
    const startedAt = performance.now();
    return new Promise((resolve, reject) => {
      const asking = request(
        {
          ...{ agent, host: '127.0.0.1', port: edge.port, method: 'POST' },
          path: `/v1/sales/${sale}/reservations`,
          headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
        },
        (answer) => {
          answer.resume();
          answer.once('end', () => {
            if (answer.statusCode === 202) taken++;
            resolve(performance.now() - startedAt);
          });
        },
      );
      asking.once('error', reject);
      asking.end(body);
    });
  }

  async function round(): Promise<{ p50: number; p99: number }> {
    const answers: Promise<number>[] = [];
    const startedAt = performance.now();
    for (let asked = 0; asked < buyersPerSecond * roundSeconds; asked++) {
      answers.push(buy());
      const dueMs = ((asked + 1) * 1_000) / buyersPerSecond - (performance.now() - startedAt);
      if (dueMs > 1) await sleep(dueMs);
    }
    const times = (await Promise.all(answers)).sort((a, b) => a - b);
    const at = (share: number) => Math.round((times[Math.ceil(times.length * share) - 1] ?? 0) * 10) / 10;
    return { p50: at(0.5), p99: at(0.99) };
  }

  const open: Socket[] = [];
  async function comeAll(): Promise<void> {
    for (let from = 0; from < readers; from += openedAtOnce) {
      const part = Array.from({ length: Math.min(openedAtOnce, readers - from) }, async () => {
        const socket = connect(edge.port, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.pause();
        open.push(socket);
        await once(socket, 'connect');
        socket.write(`GET /v1/sales/${sale}/events HTTP/1.1\r\nHost: edge\r\n\r\n`);
      });
      await Promise.all(part);
    }
    await until('all of them to have their stream', async () => (await streams()) === readers, 60_000);
  }
  async function leaveAll(): Promise<void> {
    for (const socket of open.splice(0)) socket.destroy();
    await until('all of them to be gone', async () => (await streams()) === 0, 60_000);
  }
  async function streams(): Promise<number> {
    const text = await (await fetch(`${edge.url}/metrics`)).text();
    return Number(/open_streams\{kind="sale"\} (\d+)/.exec(text)?.[1]);
  }

  await round();
  const empty = edge.residentBytes();
  let most = 0;
  for (let turn = 1; turn <= rounds; turn++) {
    const without = await round();
    await comeAll();
    const with_ = await round();
    most = Math.max(most, edge.residentBytes());
    await leaveAll();
    console.log(
      `round ${turn}: without readers p50 ${without.p50} p99 ${without.p99} ms, with ${readers} p50 ${with_.p50} p99 ${with_.p99} ms: ${(with_.p99 / without.p99).toFixed(2)} times`,
    );
  }
  const megabytes = (bytes: number) => Math.round(bytes / 1024 / 1024);
  console.log(
    `memory of the edge: ${megabytes(empty)} MB without readers, at most ${megabytes(most)} MB with them`,
  );
  expect(most - empty).toBeLessThan(readers * bytesPerReader + 64 * 1024 * 1024);
  expect(taken).toBe(buyers);
  const { tee } = await expectConservation(house, sale);
  expect(tee).toEqual({ held: buyers });
  agent.destroy();
}, 600_000);
