import type { RunLedger, Ticket, WorkerGate } from '@holdfast/core';
import { createCommitter } from '@holdfast/pipeline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buy, until } from '../support/sales.ts';
import { tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { dying, emptyRedis, Killed, rememberGate } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { joinMany, lobbyOf, orderOf, placesOf } from '../support/lobby.ts';

/** Two pieces for the gate, and more than the stock. */
const members = 230;

describe('whoever dies while a lobby is drawn', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
  });
  afterAll(() => house.close());

  /** The opening time is now, and nobody has drawn yet. */
  async function endLobby(saleId: string): Promise<void> {
    const at = await house.ledger.readSale(saleId);
    const now = (await house.gate.peek([saleId])).get(saleId)?.now ?? 0;
    if (at === null) throw new Error('no such sale');
    const answer = await house.ledger.changeSale(at.cursor, {
      sale: { ...at.sale, opensAt: now, termsVersion: at.sale.termsVersion + 1 },
      restocked: new Map(),
      event: {
        type: 'sale_changed',
        ticketId: null,
        commandId: null,
        data: { terms: { opensAt: now } },
        at: now,
      },
    });
    expect(answer).toBe('changed');
  }

  const deaths: [string, (house: House) => { ledger: RunLedger; gate: WorkerGate }][] = [
    [
      'before the seed is revealed',
      ({ ledger, gate }) => ({ ledger: dying(ledger, 'move', 'before'), gate }),
    ],
    ['when it is revealed', ({ ledger, gate }) => ({ ledger: dying(ledger, 'move', 'after'), gate })],
    ['before the first place', ({ ledger, gate }) => ({ ledger, gate: dying(gate, 'place', 'before') })],
    ['after the first places', ({ ledger, gate }) => ({ ledger, gate: dying(gate, 'place', 'before', 2) })],
    ['when all have theirs', ({ ledger, gate }) => ({ ledger, gate: dying(gate, 'place', 'after', 2) })],
    [
      'before they are decided',
      ({ ledger, gate }) => ({ ledger: dying(ledger, 'commitRun', 'before'), gate }),
    ],
    ['when they are decided', ({ ledger, gate }) => ({ ledger: dying(ledger, 'commitRun', 'after'), gate })],
  ];
  const losses: [string, (house: House, restore: () => Promise<void>) => Promise<void>][] = [
    ['Redis keeps all', async () => undefined],
    ['Redis is emptied', (lossy) => emptyRedis(lossy)],
    ['Redis is set back to the lobby', (_, restore) => restore()],
  ];

  for (const [loss, lose] of losses) {
    it.each(deaths)(
      `%s, and ${loss}: the order is the drawn one, nobody is twice or lost or late`,
      async (_, parts) => {
        const saleId = await lobbyOf(house, 40);
        const tickets = await joinMany(house.edge, saleId, members);
        await house.commit(saleId);
        const restore = await rememberGate(house);
        await endLobby(saleId);
        await expect(createCommitter(parts(house)).commitSale(saleId)).rejects.toThrow(Killed);
        await lose(house, restore);
        // Whoever comes now comes too early, or behind all of them.
        const early = await buy(house.edge, saleId, 'newcomer');
        await until('the sale to be open', async () => {
          await house.commit(saleId);
          const sale = await house.edge.readSale(saleId);
          return sale.kind === 'sale' && sale.sale.status === 'open';
        });
        await house.commit(saleId);
        const order = await orderOf(house, saleId);
        expect(new Set(order)).toEqual(new Set(tickets.map((ticket) => ticket.id)));
        expect(await placesOf(house, saleId)).toEqual(early === null ? order : [...order, early.id]);
        expect(await expectConservation(house, saleId)).toEqual({
          tee: { held: 40, rejected: members - 40 },
        });
      },
    );
  }

  it('a gate that is rebuilt behind a newcomer carries the places over in front of it', async () => {
    const saleId = await lobbyOf(house, 300);
    await joinMany(house.edge, saleId, members);
    await house.commit(saleId);
    await endLobby(saleId);
    const committer = createCommitter({
      ledger: dying(house.ledger, 'commitRun', 'before'),
      gate: house.gate,
    });
    await expect(committer.commitSale(saleId)).rejects.toThrow(Killed);
    const late = await buy(house.edge, saleId, 'late');
    expect(late, 'all places are given, so a newcomer is welcome').not.toBeNull();
    const at = await house.ledger.readSale(saleId);
    const source = at === null ? null : await house.ledger.fenceRebuild(saleId, at.cursor, at.cursor.epoch);
    if (source === null) throw new Error('no rebuild');
    expect(await house.gate.rebuild(source)).toBe('rebuilt');
    await house.commit(saleId);
    expect(await placesOf(house, saleId)).toEqual([...(await orderOf(house, saleId)), late?.id]);
    expect(await expectConservation(house, saleId)).toEqual({ tee: { held: members + 1 } });
  });

  it('a piece that comes twice, late, too early or from another epoch changes nothing at the gate', async () => {
    const saleId = await lobbyOf(house, 40);
    const tickets = (await joinMany(house.edge, saleId, 6)).map((ticket) => ticket.id);
    await house.commit(saleId);
    await endLobby(saleId);
    const committer = createCommitter({ ledger: house.ledger, gate: dying(house.gate, 'place', 'before') });
    await expect(committer.commitSale(saleId)).rejects.toThrow(Killed);
    const epoch = (await house.ledger.readSale(saleId))?.cursor.epoch ?? 0;
    const order = await orderOf(house, saleId);
    const place = (first: number, last: number, change: { epoch?: number; members?: number } = {}) =>
      house.gate.place(saleId, {
        ...{ epoch, members: tickets.length, first, ticketIds: order.slice(first - 1, last) },
        ...change,
      });
    const seqOf = async () => (await house.gate.peek([saleId])).get(saleId)?.seq ?? 0;
    const before = await seqOf();
    expect(await place(3, 4)).toEqual({ kind: 'gap', placed: 0 });
    expect(await place(1, 2, { epoch: epoch + 1 })).toEqual({ kind: 'refused', why: 'epoch' });
    expect(await place(1, 2, { members: 7 })).toEqual({ kind: 'refused', why: 'behind' });
    expect(await seqOf()).toBe(before);
    expect(await place(1, 2)).toEqual({ kind: 'placed', placed: 2 });
    expect(await place(1, 2)).toEqual({ kind: 'placed', placed: 2 });
    expect(await seqOf()).toBe(before + 2);
    expect(await place(2, 4)).toEqual({ kind: 'placed', placed: 4 });
    expect(await place(1, 3)).toEqual({ kind: 'placed', placed: 4 });
    expect(await seqOf()).toBe(before + 4);
    expect(await buy(house.edge, saleId, 'newcomer'), 'two are without a place').toBeNull();
    await house.commit(saleId);
    expect(await placesOf(house, saleId)).toEqual(order);
    await expectConservation(house, saleId);
  });

  it('one who gives up after the draw is passed over, and the units go on', async () => {
    const saleId = await lobbyOf(house, 3);
    const tickets = await joinMany(house.edge, saleId, 6);
    await house.commit(saleId);
    await endLobby(saleId);
    const committer = createCommitter({ ledger: dying(house.ledger, 'move', 'after'), gate: house.gate });
    await expect(committer.commitSale(saleId)).rejects.toThrow(Killed);
    const [first = ''] = await orderOf(house, saleId);
    const quitter = tickets.find((ticket) => ticket.id === first) as Ticket;
    await tell(house.edge, quitter, 'cancel');
    await until('everyone to be told', async () => {
      await house.commit(saleId);
      return (await house.ledger.readSale(saleId))?.placed === 6;
    });
    expect(await expectConservation(house, saleId)).toEqual({ tee: { held: 3, cancelled: 1, rejected: 2 } });
    expect(await placesOf(house, saleId)).toEqual((await orderOf(house, saleId)).slice(1));
  });

  it('two workers who draw at once give every place once', async () => {
    const saleId = await lobbyOf(house, 40);
    await joinMany(house.edge, saleId, members);
    await endLobby(saleId);
    const workers = [1, 2, 3].map(() => createCommitter({ ledger: house.ledger, gate: house.gate }));
    await Promise.all(workers.map((worker) => worker.commitSale(saleId)));
    await until('every place to be decided', async () => {
      await house.commit(saleId);
      return (await house.ledger.readSale(saleId))?.placed === members;
    });
    expect(await placesOf(house, saleId)).toEqual(await orderOf(house, saleId));
    await expectConservation(house, saleId);
  });
});
