import { connect } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EdgeHouse, openEdgeHouse } from '../flow/edge-house.ts';
import { until } from '../support/sales.ts';

describe('who watches a ticket', () => {
  let house: EdgeHouse;
  let redis: Redis;

  beforeAll(async () => {
    house = await openEdgeHouse();
    redis = new Redis(house.redis.url);
  });
  afterAll(async () => {
    redis.disconnect();
    await house.close();
  });

  it('F13: is never shown an older state than before, though the gate has forgotten the newer one', async () => {
    const saleId = await house.open();
    house.freeze(saleId);
    const { id } = (await ask('POST', `/v1/sales/${saleId}/reservations`, { buyerId: 'anna' })) as {
      id: string;
    };
    const key = `{s0}:ticket:${id}`;
    const forgetful = await redis.get(key);
    const stream = await watch(`/v1/tickets/${id}/events`);
    house.thaw(saleId);
    await until('the hold to be seen', async () => stream.statuses.at(-1) === 'held');

    // As a replica has it that was promoted a moment too early, or an older file.
    await redis.set(key, forgetful ?? '');
    await untilRead(key);
    await untilRead(key);
    await ask('POST', `/v1/tickets/${id}/confirm`);
    await stream.ended;
    expect(stream.statuses).toEqual(['queued', 'held', 'confirmed']);
  });

  async function ask(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${house.url}${path}`, {
      method,
      headers: { 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return answer.json();
  }

  async function watch(path: string) {
    const answer = await fetch(`${house.url}${path}`);
    const statuses: string[] = [];
    const ended = (async () => {
      let text = '';
      for await (const piece of (answer.body as ReadableStream<Uint8Array>).pipeThrough(
        new TextDecoderStream(),
      )) {
        text += piece;
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) {
          const status = /"status":"(\w+)"/.exec(block)?.[1];
          if (status !== undefined) statuses.push(status);
        }
      }
    })();
    return { statuses, ended };
  }

  /** Resolves when somebody has read the key from now on. A client's own monitor may take what comes first for a reply. */
  async function untilRead(key: string): Promise<void> {
    const socket = connect(Number(new URL(house.redis.url).port), '127.0.0.1');
    socket.write('MONITOR\r\n');
    for await (const piece of socket) if (String(piece).includes(key)) break;
  }
});
