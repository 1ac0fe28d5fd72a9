import type { RunLedger, WorkerGate } from '@holdfast/core';
import { createCommitter } from '@holdfast/pipeline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buy, until } from '../support/sales.ts';
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
      ({ ledger, gate }) => ({ ledger: dying(ledger, 'draw', 'before'), gate }),
    ],
    ['when it is revealed', ({ ledger, gate }) => ({ ledger: dying(ledger, 'draw', 'after'), gate })],
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
