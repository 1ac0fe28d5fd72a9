import type { Ticket } from '@holdfast/core';
import { createCommitter } from '@holdfast/pipeline';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { read, reserve, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { dying, Killed } from '../support/damage.ts';
import { type EdgeProcess, startEdge } from '../support/edge-process.ts';
import { type FaultyLine, openFaultyLine } from '../support/faulty-line.ts';
import { type House, openHouse } from '../support/house.ts';
import { openTees } from '../support/sales.ts';

describe('when what settling tells is lost, doubled or late', () => {
  let house: House;
  let line: FaultyLine;
  let edge: EdgeProcess;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
    line = await openFaultyLine(house.redis.port);
    edge = await startEdge({ REDIS_URL: `redis://127.0.0.1:${line.port}` });
  }, 60_000);
  afterAll(async () => {
    await edge.kill();
    await line.close();
    await house.close();
  });

  /** Versions and states as a stream shows them, to its end or until `enough`. */
  async function follow(
    ticket: Ticket,
    enough: (seen: string[]) => boolean,
    headers: Record<string, string> = {},
  ): Promise<string[]> {
    const stop = new AbortController();
    const answer = await fetch(`${edge.url}/v1/tickets/${ticket.id}/events`, {
      headers,
      signal: stop.signal,
    });
    const seen: string[] = [];
    let text = '';
    for await (const chunk of answer.body ?? []) {
      text += new TextDecoder().decode(chunk);
      const frames = [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? '') as Ticket);
      seen.splice(0, seen.length, ...frames.map(({ version, status }) => `${version} ${status}`));
      if (enough(seen)) break;
    }
    stop.abort();
    return seen;
  }

  it('F31: old messages, doubled and out of order, show nobody an older state', async () => {
    const sale = await openTees(house, 5);
    const ticket = await reserve(house.edge, sale, 'ann');
    const following = follow(ticket, (seen) => seen.length === 3);
    await house.commit(sale);
    const redis = new Redis(house.redis.url);
    const noise = async () => {
      for (const position of [9, 1, 1, 0, 2]) {
        await redis.publish(`{s0}:news:${sale}`, `${position} 1 ${ticket.id}`);
        await redis.publish(`{s0}:news:${sale}`, 'nonsense');
      }
    };
    await noise();
    await tell(house.edge, ticket, 'confirm');
    await noise();
    await house.commit(sale);
    await noise();
    redis.disconnect();
    // A place in line counts down under one version; here nobody is before it.
    expect((await following).toSorted()).toEqual(await following);
    expect((await following).at(-1)).toBe('3 confirmed');
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 1 } });
  });

  it('F29: a settlement that was lost, in whole or after its first piece, is made again from the journal', async () => {
    const sale = await openTees(house, 500);
    const tickets = await Promise.all(
      Array.from({ length: 300 }, (_, index) => reserve(house.edge, sale, `b${index}`)),
    );
    for (const turn of [1, 2]) {
      const gate = dying(house.gate, 'settle', 'before', turn);
      const run = createCommitter({ ledger: house.ledger, gate }).commitSale(sale);
      await expect(run).rejects.toThrow(Killed);
      await house.commit(sale);
      const last = tickets.at(-1) as Ticket;
      expect((await read(house.edge, last)).status).toBe(turn === 1 ? 'held' : 'confirmed');
      if (turn === 1) for (const ticket of tickets) await tell(house.edge, ticket, 'confirm');
    }
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 300 } });
  });

  it('F30: an edge killed with a stream open, the reader comes back to another with what it has, and misses nothing', async () => {
    const sale = await openTees(house, 5);
    const ticket = await reserve(house.edge, sale, 'ann');
    const dying = await startEdge({ REDIS_URL: house.redis.url });
    const events = `/v1/tickets/${ticket.id}/events`;
    const broken = await fetch(dying.url + events);
    const reader = broken.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toContain('queued');
    await dying.kill();
    await expect(reader?.read()).rejects.toThrow();
    await house.commit(sale);
    await tell(house.edge, ticket, 'confirm');
    const [first] = await follow(ticket, (seen) => seen.length > 0, { 'Last-Event-ID': '1' });
    expect(first, 'what it missed comes at once, as it stands now').toBe('2 held');
    await house.commit(sale);
    const rest = await follow(ticket, (seen) => seen.length > 0, { 'Last-Event-ID': '2' });
    expect(rest).toEqual(['3 confirmed']);
    const over = await fetch(edge.url + events, { headers: { 'Last-Event-ID': '3' } });
    expect(over.status, 'nothing more is to come').toBe(204);
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 1 } });
  });

  it('F28: with every published message lost, a stream still shows what became of the ticket', async () => {
    const sale = await openTees(house, 5);
    const ticket = await reserve(house.edge, sale, 'ann');
    const dropped = line.dropFromStore('\r\nmessage\r\n');
    const opened = Promise.withResolvers<void>();
    const following = follow(ticket, (seen) => {
      opened.resolve();
      return seen.at(-1) === '2 held';
    });
    await opened.promise;
    await house.commit(sale);
    expect((await following).at(-1)).toBe('2 held');
    expect(dropped(), 'messages were lost').toBeGreaterThan(0);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });
});
