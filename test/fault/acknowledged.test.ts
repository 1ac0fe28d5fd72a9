/**
 * A disk, a replica or an old master may lose what Redis acknowledged. Then the ticket stands in no log, and the edge that
 * gave it brings it back: with units while they last, and told without them. Each ends with the law.
 */
import { readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { Ticket } from '@holdfast/core';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { ask, read, statuses } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { emptyRedis, rememberGate, withRedis } from '../support/damage.ts';
import { openFaultyLine } from '../support/faulty-line.ts';
import { type House, type HouseOptions, openHouse } from '../support/house.ts';
import { atRest, buy, buyMany, openTees, until } from '../support/sales.ts';
import { freshRedis } from '../support/stores.ts';

let house: House;

afterEach(() => house.close());

async function open(options: HouseOptions = {}): Promise<void> {
  house = await openHouse(options);
}

/** Tickets that were acknowledged, and are in the gate's memory and on its disk alone. */
async function undecided(saleId: string, name: string, count: number): Promise<Ticket[]> {
  house.freeze(saleId);
  const tickets: Ticket[] = [];
  for (let index = 0; index < count; index++) {
    const ticket = await buy(house.edge, saleId, `${name}${index}`);
    if (ticket === null) throw new Error('Units are left');
    tickets.push(ticket);
  }
  return tickets;
}

async function allDecided(tickets: readonly Ticket[]): Promise<void> {
  await until(
    'every acknowledged ticket to be in the ledger',
    async () => {
      const [first] = tickets;
      const ids = tickets.map(({ id }) => id);
      return (await house.ledger.readReservations(first?.saleId ?? '', ids)).length === tickets.length;
    },
    30_000,
  );
}

/** Of these tickets, in which order the ledger has them. */
async function orderOf(tickets: readonly Ticket[]): Promise<string[]> {
  const rows = await house.rows<{ id: string }>(
    'select ticket_id as id from reservations where ticket_id = any($1) order by epoch, seq',
    [tickets.map(({ id }) => id)],
  );
  return rows.map(({ id }) => id);
}

describe('tickets that were acknowledged and are in no log any more', () => {
  /** Eight tickets are lost, with what else Redis knew by then; all of them come back, in their order, under their ids. */
  async function comeBack(lose: (before: { size: number; putBack(): Promise<void> }) => Promise<void>) {
    await open();
    const sale = await openTees(house, 20);
    await buyMany(house.edge, sale, 'before', 5);
    await atRest(house, sale);
    const before = { size: statSync(aofFile()).size, putBack: await rememberGate(house) };
    const lost = await undecided(sale, 'lost', 8);
    await lose(before);
    house.thaw(sale);
    await allDecided(lost);
    expect(await orderOf(lost)).toEqual(lost.map(({ id }) => id));
    await atRest(house, sale);
    expect(await statuses(house.edge, ...lost)).toEqual(lost.map(() => 'held'));
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 13 } });
  }

  it(
    'F10: killed, with the tail of its file not on the disk, the edge queues them again, in their order',
    () =>
      comeBack(async ({ size }) => {
        await house.redis.kill();
        truncateSync(aofFile(), size);
        await house.redis.restart();
      }),
    60_000,
  );

  it(
    'F11: with its file cut anywhere in what was not decided, the edge queues again what is missing',
    () =>
      comeBack(async ({ size }) => {
        await house.redis.kill();
        truncateSync(aofFile(), size + Math.floor(Math.random() * (statSync(aofFile()).size - size)));
        await house.redis.restart();
      }),
    60_000,
  );

  it(
    'F12: emptied, the edge queues them again, in their order',
    () => comeBack(() => emptyRedis(house)),
    60_000,
  );

  it(
    'F12: started on an empty disk, the edge queues them again, in their order',
    () =>
      comeBack(async () => {
        await house.redis.kill();
        rmSync(join(house.redis.dir, 'appendonlydir'), { recursive: true });
        await house.redis.restart();
      }),
    60_000,
  );

  it(
    'F12: with an older file put back, the edge queues them again, in their order',
    () => comeBack(({ putBack }) => putBack()),
    60_000,
  );

  it('F12: what no units are left for is told, and who came first has them', async () => {
    await open({ edges: 2 });
    const sale = await openTees(house, 6);
    const lost = await undecided(sale, 'lost', 4);
    const other = house.edges[1];
    if (other === undefined) throw new Error('There are two edges');
    // The other edge sells to others before the first one has heard of the new gate.
    await emptyRedis(house);
    house.thaw(sale);
    const newcomers = await until('the gate to be open', async () => {
      const tickets = await buyMany(other, sale, `new${Math.random()}`, 4);
      return tickets.some((ticket) => ticket !== null) && tickets;
    });
    await allDecided(lost);
    await atRest(house, sale);
    const won = newcomers.flatMap((ticket) => ticket ?? []);
    const units = await expectConservation(house, sale);
    expect(units['tee']?.['held']).toBe(6);
    for (const ticket of lost) {
      const now = await read(house.edge, ticket);
      expect(['held', 'rejected']).toContain(now.status);
      if (now.status === 'rejected') expect(now.reason).toBe('sold_out');
    }
    expect(await statuses(house.edge, ...won)).toEqual(won.map(() => 'held'));
  }, 60_000);

  it('F12: on a sale with a waitlist they wait behind those who wait, and the limit of each buyer holds', async () => {
    await open();
    const sale = await openTees(house, 1, { waitlist: true, perBuyerLimit: 1 });
    const ann = await buy(house.edge, sale, 'ann');
    const bob = await buy(house.edge, sale, 'bob');
    await atRest(house, sale);
    const [cem] = await undecided(sale, 'cem', 1);
    if (ann === null || bob === null || cem === undefined) throw new Error('All three are in line');
    await emptyRedis(house);
    house.thaw(sale);
    await allDecided([cem]);
    await atRest(house, sale);
    expect(await statuses(house.edge, ann, bob, cem)).toEqual(['held', 'waitlisted', 'waitlisted']);
    expect(await ask(house.edge, sale, 'cem0')).toMatchObject({ code: 'limit_reached' });
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1, waitlisted: 2 } });
  }, 60_000);

  it('F12: a buyer who asks again with the same key meanwhile has one ticket, not two', async () => {
    await open({ edges: 2 });
    const sale = await openTees(house, 10);
    house.freeze(sale);
    const first = await ask(house.edge, sale, 'ann', 1, 'her key');
    if (first.kind === 'refused') throw new Error(first.code);
    await emptyRedis(house);
    house.thaw(sale);
    const again = await until('the other edge to answer', async () => {
      const answer = await ask(house.edges[1] ?? house.edge, sale, 'ann', 1, 'her key');
      return answer.kind === 'admitted' && answer;
    });
    await atRest(house, sale);
    await until('the first edge to have looked', async () => {
      const seen = await house.edge.readTicket(first.ticket.id);
      return seen.kind === 'ticket' || seen.code === 'unknown_ticket';
    });
    await atRest(house, sale);
    expect(await read(house.edge, again.ticket)).toMatchObject({ status: 'held' });
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  }, 60_000);
});

describe('tickets that no edge remembers either', () => {
  it('F10: are told to be lost to whoever brings a receipt, and the same key gets a new place', async () => {
    await open();
    const sale = await openTees(house, 5);
    const dying = await house.addEdge();
    house.freeze(sale);
    const first = await ask(dying, sale, 'ann', 1, 'her key');
    if (first.kind === 'refused') throw new Error(first.code);
    await dying.close();
    await emptyRedis(house);
    house.thaw(sale);
    await until('the gate to be open', async () => (await buy(house.edge, sale, 'bob')) !== null);
    const { id, receipt } = first.ticket;
    expect(await house.edge.readTicket(id), 'without a receipt nobody can tell').toMatchObject({
      code: 'unknown_ticket',
    });
    expect(await house.edge.readTicket(id, receipt), 'an edge might still bring it').toMatchObject({
      code: 'gate_unavailable',
    });
    const told = await until(
      'the edges to have had their time',
      async () => {
        const seen = await house.edge.readTicket(id, receipt);
        return seen.kind === 'refused' && seen.code !== 'gate_unavailable' && seen;
      },
      20_000,
    );
    expect(told.code).toBe('ticket_lost');
    const made = id.replace(/.{22}$/, '0'.repeat(22));
    expect(await house.edge.readTicket(made, `9.1.${'a'.repeat(40)}`)).toMatchObject({
      code: 'unknown_ticket',
    });
    const again = await ask(house.edge, sale, 'ann', 1, 'her key');
    expect(again).toMatchObject({ kind: 'admitted', replayed: false });
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 2 } });
  }, 60_000);
});

describe('a replica that is promoted', () => {
  it('F13: behind its master: what it has not heard of comes back from the edge, and nothing is sold twice', async () => {
    await open({ overLine: true });
    const sale = await openTees(house, 12);
    await buyMany(house.edge, sale, 'before', 4);
    await atRest(house, sale);
    const { replica, port } = await replicaOf(house);
    await replica.replicaof('NO', 'ONE');
    const lost = await undecided(sale, 'lost', 5);
    house.line?.leadTo(port);
    await house.redis.kill();
    house.thaw(sale);
    await allDecided(lost);
    await atRest(house, sale);
    expect(await statuses(house.edge, ...lost)).toEqual(lost.map(() => 'held'));
    replica.disconnect();
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 9 } });
  }, 60_000);

  it('F14: its old master still answers one edge: what that one gave is queued again, or told, and nothing is sold twice', async () => {
    await open({ overLine: true });
    const sale = await openTees(house, 12);
    await buyMany(house.edge, sale, 'before', 4);
    await atRest(house, sale);
    const cutOff = await openFaultyLine(Number(new URL(house.redis.url).port));
    const strayed = await house.addEdge(`redis://127.0.0.1:${cutOff.port}`);
    expect(await buy(strayed, sale, 'warm')).not.toBeNull();
    await atRest(house, sale);
    const { replica, port } = await replicaOf(house);
    await replica.replicaof('NO', 'ONE');
    house.line?.leadTo(port);
    // Both sell: the units of one are the units of the other.
    const astray = (await buyMany(strayed, sale, 'astray', 5)).flatMap((ticket) => ticket ?? []);
    const current = await until('the new master to sell', async () => {
      const ticket = await buy(house.edge, sale, 'current');
      return ticket !== null && ticket;
    });
    const more = (await buyMany(house.edge, sale, 'current', 4)).flatMap((ticket) => ticket ?? []);
    expect(astray).toHaveLength(5);
    await atRest(house, sale);
    // The strayed edge finds the new master.
    cutOff.leadTo(port);
    await house.redis.kill();
    await allDecided([...astray, current, ...more]);
    await atRest(house, sale);
    const units = await expectConservation(house, sale);
    expect(units).toEqual({ tee: { held: 12, rejected: 3 } });
    expect(await statuses(house.edge, current, ...more)).toEqual(['held', ...more.map(() => 'held')]);
    for (const ticket of astray) expect(['held', 'rejected']).toContain((await read(strayed, ticket)).status);
    replica.disconnect();
    await cutOff.close();
  }, 60_000);
});

describe('an edge that knows an older gate', () => {
  it('F48: gives nothing of it after a rebuild: its next call is made with the new epoch', async () => {
    await open({ edges: 2, workers: 0 });
    const sale = await openTees(house, 3);
    const [edge, old] = house.edges;
    if (edge === undefined || old === undefined) throw new Error('There are two edges');
    const ann = await buy(old, sale, 'ann');
    await house.commit(sale);
    await emptyRedis(house);
    await house.commit(sale);
    const epoch = (await house.ledger.readSale(sale))?.cursor.epoch;
    const raw = await withRedis(house, (redis) => redis.hget(`{s0}:sale:${sale}`, 'epoch'));
    expect(Number(raw)).toBe(epoch);
    const tickets = (await buyMany(old, sale, 'b', 6)).flatMap((ticket) => ticket ?? []);
    expect(tickets).toHaveLength(2);
    for (const ticket of tickets) expect(ticket.receipt.startsWith(`${epoch}.`)).toBe(true);
    await house.commit(sale);
    expect(ann).not.toBeNull();
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 3 } });
  }, 60_000);
});

/** A second Redis that follows the house's, and has caught up. */
async function replicaOf({ redis }: House): Promise<{ replica: Redis; port: number }> {
  const store = await freshRedis();
  const replica = new Redis(store.url);
  await replica.replicaof('127.0.0.1', Number(new URL(redis.url).port));
  await until('the replica to have caught up', async () => {
    const told = await replica.info('replication');
    return told.includes('master_link_status:up') && told.includes('master_sync_in_progress:0');
  });
  return { replica, port: Number(new URL(store.url).port) };
}

function aofFile(): string {
  const folder = join(house.redis.dir, 'appendonlydir');
  const name = readdirSync(folder)
    .filter((file) => file.endsWith('.incr.aof'))
    .sort()
    .at(-1);
  if (name === undefined) throw new Error('Redis has no append-only file');
  return join(folder, name);
}
