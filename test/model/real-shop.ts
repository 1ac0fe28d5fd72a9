/** Plays a story on the model and on the real gate, ledger and pipeline side by side, and compares ticket by ticket. */
import { deepStrictEqual } from 'node:assert';
import type { EdgeGate } from '@holdfast/core';
import { tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { withRedis } from '../support/damage.ts';
import type { House } from '../support/house.ts';
import { orderOf } from '../support/lobby.ts';
import { until } from '../support/sales.ts';
import { type BuyerCommand, createShop, type Shop, type ShopTicket, skus, type Wish } from './shop.ts';
import type { ShopCommand, ShopStory } from './shop-commands.ts';

interface Played {
  house: House;
  saleId: string;
  shop: Shop;
  ids: Map<ShopTicket, string>;
  last: Map<ShopTicket, BuyerCommand>;
  number: number;
}

/** Throws at the first command after which model and stack differ, and names it. */
export async function playOnRealStack(house: House, { terms, commands }: ShopStory): Promise<void> {
  const saleId = await house.openSale({
    status: terms.start === 'open' ? 'open' : 'draft',
    opensAt: terms.start === 'scheduled' ? Date.now() + 3_600_000 : null,
    items: skus.map((sku) => ({
      sku,
      name: sku,
      description: null,
      imageUrl: null,
      priceMinor: 100,
      stock: terms.stock[sku],
    })),
    perBuyerLimit: terms.limit,
    waitlist: terms.waitlist,
    extension: { times: terms.extensions, totalSeconds: 3_600 },
    holdSeconds: 3_600,
  });
  if (terms.start === 'scheduled') await house.desk.move(saleId, 'schedule', null);
  if (terms.start === 'lobby') await house.desk.openLobby(saleId, null);
  const played: Played = {
    house,
    saleId,
    shop: createShop(terms),
    ids: new Map(),
    last: new Map(),
    number: 0,
  };
  for (const [index, command] of [...commands, { do: 'commit' } as const].entries()) {
    played.number = index;
    try {
      await play(played, command);
    } catch (cause) {
      throw new Error(`at command ${index}, ${JSON.stringify(command)}`, { cause });
    }
  }
  await expectConservation(house, saleId);
}

async function play(played: Played, command: ShopCommand): Promise<void> {
  const { house, saleId, shop, number } = played;
  switch (command.do) {
    case 'reserve': {
      const buyer = `b${command.buyer}`;
      const expected = shop.reserve(`t${number}`, buyer, command.wish);
      const answer = await ask(edgeOf(house, command.edge), saleId, buyer, command.wish, `t${number}`);
      const got = answer.kind === 'refused' ? answer.code : 'admitted';
      deepStrictEqual(got, typeof expected === 'string' ? expected : 'admitted');
      if (answer.kind === 'admitted' && typeof expected !== 'string')
        played.ids.set(expected, answer.ticket.id);
      return;
    }
    case 'join': {
      const buyer = `b${command.buyer}`;
      const expected = shop.join(`t${number}`, buyer, command.wish);
      const edge = edgeOf(house, command.edge);
      const answer = await edge.join({
        saleId,
        buyerId: buyer,
        lines: linesOf(command.wish),
        idempotencyKey: null,
      });
      if (typeof expected === 'string' || answer.kind === 'refused')
        return deepStrictEqual(answer.kind === 'refused' ? answer.code : 'admitted', expected);
      const before = played.ids.get(expected);
      deepStrictEqual(answer.replayed, before !== undefined);
      deepStrictEqual(answer.ticket.id, before ?? answer.ticket.id);
      played.ids.set(expected, answer.ticket.id);
      return;
    }
    case 'reserve again': {
      const ticket = pick(shop, command.ticket);
      if (ticket === undefined || shop.hasJoined(ticket)) return;
      const again = await ask(edgeOf(house, command.edge), saleId, ticket.buyer, ticket.wish, ticket.name);
      deepStrictEqual(again.kind === 'admitted' && [again.ticket.id, again.replayed], [
        played.ids.get(ticket),
        true,
      ]);
      return;
    }
    case 'tell': {
      const ticket = pick(shop, command.ticket);
      if (ticket === undefined) return;
      const told = { kind: command.kind, key: `k${number}`, paid: command.paid };
      shop.tell(ticket, told);
      played.last.set(ticket, told);
      deepStrictEqual((await say(played, ticket, told, command.edge)).kind, 'appended');
      return;
    }
    case 'tell again': {
      const ticket = pick(shop, command.ticket);
      const before = ticket && played.last.get(ticket);
      if (ticket === undefined || before === undefined) return;
      const outcome = ticket.told.get(before.key);
      const answer = await say(played, ticket, before, command.edge);
      deepStrictEqual(answer.kind === 'decided' ? answer.outcome : answer.kind, outcome ?? 'appended');
      return;
    }
    case 'lapse': {
      const ticket = pick(shop, command.ticket);
      if (ticket === undefined || !shop.canLapse(ticket)) return;
      shop.lapse(ticket);
      await lapse(played, ticket);
      return;
    }
    case 'commit':
      shop.commit();
      await house.commit(saleId);
      return compare(played);
    case 'restock':
      if (shop.state() === 'cancelled') return;
      shop.restock(command.sku, command.units);
      deepStrictEqual((await house.desk.restock(saleId, command.sku, command.units, null)).kind, 'done');
      return compare(played);
    case 'more time':
      if (shop.state() === 'cancelled') return;
      // For those who hold something by now; what is undecided stays so.
      deepStrictEqual((await house.desk.extendHolds(saleId, 60, null)).kind, 'done');
      shop.moreTime();
      shop.commit();
      await house.commit(saleId);
      return compare(played);
    case 'pass the opening time':
      return passOpening(played);
    case 'pass the closing time': {
      if (shop.state() !== 'open' && shop.state() !== 'paused') return;
      await passTime(played, 'closesAt');
      shop.closeByTime();
      await house.commit(saleId);
      return compare(played);
    }
    case 'withdraw': {
      const expected = shop.withdraw(command.sku, command.units);
      const answer = await house.desk.withdraw(saleId, command.sku, command.units, null);
      deepStrictEqual(answer.kind === 'refused' ? answer.code : answer.kind, expected);
      return expected === 'done' ? compare(played) : undefined;
    }
    case 'move':
      return move(played, command.to);
    case 'merchant': {
      const ticket = pick(shop, command.ticket);
      if (ticket === undefined) return;
      const expected = shop.merchant(ticket, command.kind);
      const answer = await house.desk.command(played.ids.get(ticket) ?? '', command.kind);
      deepStrictEqual(answer.kind === 'refused' ? answer.code : answer.kind, expected);
      return expected === 'unknown_ticket' ? undefined : compare(played);
    }
    case 'forget the sale':
      // What is in no log is lost with it; the tests of faults look at that.
      if (!shop.isQuiet()) return;
      await forgetSale(house, saleId);
      shop.forgetTooLate();
      shop.commit();
      await house.commit(saleId);
      return compare(played);
  }
}

async function move(
  { house, saleId, shop, ...rest }: Played,
  to: 'open' | 'paused' | 'closed' | 'cancelled',
) {
  const from = shop.state();
  const verbs = {
    open: { paused: 'resume', closed: 'open', scheduled: 'open', lobby: 'open' },
    paused: { open: 'pause' },
    closed: { open: 'close', paused: 'close', scheduled: 'close', lobby: 'close' },
    cancelled: { open: 'cancel', paused: 'cancel', closed: 'cancel', scheduled: 'cancel', lobby: 'cancel' },
  } as const;
  const verb = (verbs[to] as Partial<Record<typeof from, 'open' | 'pause' | 'resume' | 'close' | 'cancel'>>)[
    from
  ];
  if (verb === undefined) return;
  const played = { house, saleId, shop, ...rest };
  const moved = await house.desk.move(saleId, verb, null);
  deepStrictEqual(moved.kind, 'done');
  if (from === 'lobby' && to === 'open') shop.draw(await drawn(played));
  else shop.move(to);
  await house.commit(saleId);
  await compare(played);
}

/** Who got which place is chance; what comes of the places is not. */
async function drawn({ house, saleId, ids }: Played): Promise<ShopTicket[]> {
  const tickets = new Map([...ids].map(([ticket, id]) => [id, ticket]));
  return (await orderOf(house, saleId)).map((id) => tickets.get(id) as ShopTicket);
}

/** Sets the time to now, as the merchant may, and lets it pass by the gate's clock. */
async function passTime({ house, saleId }: Played, which: 'opensAt' | 'closesAt'): Promise<void> {
  const gateNow = async () => (await house.gate.peek([saleId])).get(saleId)?.now ?? 0;
  const at = (await gateNow()) + 10;
  deepStrictEqual((await house.desk.change(saleId, { [which]: at }, null)).kind, 'done');
  await until('the time to pass', async () => (await gateNow()) > at);
}

async function passOpening(played: Played): Promise<void> {
  const { house, saleId, shop } = played;
  const from = shop.state();
  if (from !== 'scheduled' && from !== 'lobby') return;
  shop.commit();
  await passTime(played, 'opensAt');
  // A scheduled sale is open now with no process awake; a lobby must be drawn.
  if (from === 'scheduled') return shop.openByTime();
  await house.commit(saleId);
  shop.draw(await drawn(played));
  await compare(played);
}

function ask(edge: EdgeGate, saleId: string, buyerId: string, wish: Wish, idempotencyKey: string) {
  return edge.reserve({ saleId, buyerId, lines: linesOf(wish), idempotencyKey });
}

function linesOf(wish: Wish) {
  return skus.flatMap((sku) => (wish[sku] === undefined ? [] : [{ sku, quantity: wish[sku] }]));
}

async function say(
  { house, ids }: Played,
  ticket: ShopTicket,
  { kind, key, paid }: BuyerCommand,
  edge: number,
) {
  const at = edgeOf(house, edge);
  const read = await at.readTicket(ids.get(ticket) ?? '');
  if (read.kind === 'refused') throw new Error(`a ticket that was given is ${read.code}`);
  return tell(at, read.ticket, kind, {
    idempotencyKey: key,
    ...(kind === 'confirm' && paid && { paymentRef: `pay-${ticket.name}` }),
    ...(kind === 'extend' && { seconds: 60 }),
  });
}

/** Moves the deadline behind the gate's clock, as time would; everything that is said afterwards comes too late. */
async function lapse({ house, saleId, ids }: Played, ticket: ShopTicket): Promise<void> {
  const now = (await house.gate.peek([saleId])).get(saleId)?.now ?? 0;
  await house.rows(
    `update reservations set expires_at = to_timestamp($2::float8 / 1000.0) where ticket_id = $1`,
    [ids.get(ticket), now],
  );
  await until(
    'the deadline to pass',
    async () => ((await house.gate.peek([saleId])).get(saleId)?.now ?? 0) > now + 1,
  );
}

/** The gate loses this sale and its tickets; what it knows of the stories before need not be made again each time. */
function forgetSale(house: House, saleId: string): Promise<void> {
  return withRedis(house, async (redis) => {
    const tickets = await redis.keys(`*:ticket:*-${saleId}-*`);
    const rest = await redis.keys(`*:${saleId}`);
    await redis.del(...tickets, ...rest);
  });
}

/** Every ticket in the ledger and at the gate, what its commands were told, and what is left of each item. */
async function compare({ house, saleId, shop, ids }: Played): Promise<void> {
  // The desk answers as soon as the gate follows; the run that it began may still be on its way to the intake's end.
  await house.commit(saleId);
  const rows = await house.ledger.readReservations(saleId, [...ids.values()]);
  const rowOf = new Map(rows.map((row) => [row.ticketId, row]));
  const real = await Promise.all(
    shop.tickets.map(async (ticket) => {
      const id = ids.get(ticket) ?? '';
      const read = await house.edge.readTicket(id);
      const row = rowOf.get(id);
      const told = Object.entries(row?.outcomes ?? {}).filter(([command]) =>
        /^(confirm|cancel|extend)\./.test(command),
      );
      return {
        name: ticket.name,
        row: row?.status,
        gate: read.kind === 'ticket' ? read.ticket.status : read.code,
        extensions: read.kind === 'ticket' ? read.ticket.extensions : null,
        told: told.map(([, outcome]) => outcome).sort(),
      };
    }),
  );
  const expected = shop.tickets.map(({ name, status, told, extensions }) => ({
    name,
    row: status,
    gate: status === 'paid_late' ? 'expired' : status,
    extensions: status === 'held' ? shop.extensionsLeft(extensions) : null,
    told: [...told.values()].sort(),
  }));
  deepStrictEqual(real, expected);
  const view = await house.edge.readSale(saleId);
  if (view.kind === 'refused') throw new Error(view.code);
  deepStrictEqual(
    Object.fromEntries(view.sale.items.map(({ sku, available }) => [sku, available])),
    Object.fromEntries(skus.map((sku) => [sku, shop.left(sku)])),
  );
}

function pick(shop: Shop, back: number): ShopTicket | undefined {
  return shop.tickets[shop.tickets.length - 1 - (back % Math.max(1, shop.tickets.length))];
}

function edgeOf({ edges }: House, index: number): EdgeGate {
  return edges[index % edges.length] as EdgeGate;
}
