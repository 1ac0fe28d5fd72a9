/** A person is erased: nothing names them any more, nothing confirms a guess, and the sale is as whole as before. */
import { createHash, createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { statisticsSchema } from '@holdfast/contracts';
import type { Settlement, Ticket } from '@holdfast/core';
import { createCommitter, createEraser, type EraserParts } from '@holdfast/pipeline';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { erase as eraseCommand } from '../../apps/cli/src/erase.ts';
import { checkExport } from '../../apps/cli/src/verify/check-export.ts';
import { verify } from '../../apps/cli/src/verify.ts';
import { auditSale } from '../../apps/console/src/audit.ts';
import { ask, read, reserve, statuses, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { adminKey, openConsoleApp } from '../support/console-app.ts';
import { dying, emptyRedis, Killed, withRedis } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { join, lobbyOf } from '../support/lobby.ts';
import { atRest, openTees, untilDue } from '../support/sales.ts';

let house: House;
let console: Awaited<ReturnType<typeof openConsoleApp>>;

beforeAll(async () => {
  house = await openHouse({ workers: 0, listsTickets: true });
  console = await openConsoleApp(house);
});
afterAll(async () => {
  await console.close();
  await house.close();
});

const eraser = (change: Partial<EraserParts> = {}) => {
  const { ledger, gate } = house;
  return createEraser({ ledger, gate, committer: createCommitter({ ledger, gate }), ...change });
};

let persons = 0;
/** Names that stand nowhere else. */
const person = () => {
  persons += 1;
  return {
    buyer: `ada.${persons}@example.com`,
    key: `key-of-ada-${persons}`,
    payment: `paid-by-ada-${persons}`,
  };
};
type Person = ReturnType<typeof person>;

/** A sale in which the person bought, gave back and gave up beside others; the last entry of the intake is theirs. */
async function busySale({
  buyer,
  key,
  payment,
}: Person): Promise<{ saleId: string; bought: Ticket; bob: Ticket }> {
  const saleId = await openTees(house, 30, { perBuyerLimit: 6 });
  const bob = await reserve(house.edge, saleId, 'bob');
  const answer = await ask(house.edge, saleId, buyer, 2, key);
  const back = await reserve(house.edge, saleId, buyer);
  const returned = await reserve(house.edge, saleId, buyer);
  await reserve(house.edge, saleId, 'cem');
  if (answer.kind === 'refused') throw new Error(answer.code);
  await house.commit(saleId);
  await tell(house.edge, bob, 'confirm', { paymentRef: 'paid by bob' });
  await tell(house.edge, answer.ticket, 'confirm', { paymentRef: payment, idempotencyKey: `${key} again` });
  await tell(house.edge, answer.ticket, 'confirm', { paymentRef: `${payment} twice` });
  await tell(house.edge, returned, 'confirm', { paymentRef: `${payment} too` });
  await house.commit(saleId);
  await console.app.request(`/v1/tickets/${returned.id}/return`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${adminKey}`, 'Idempotency-Key': 'pressed' },
  });
  await tell(house.edge, back, 'cancel', { idempotencyKey: key });
  await house.commit(saleId);
  await atRest(house, saleId);
  return { saleId, bought: answer.ticket, bob };
}

/** Where any of these texts stands, in either store. */
async function tracesOf({ buyer, key, payment }: Person): Promise<string[]> {
  const found: string[] = [];
  const tables = await house.rows<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public'`,
  );
  for (const text of [buyer, key, payment]) {
    for (const { name } of tables) {
      const rows = await house.rows(`select t::text from "${name}" t where strpos(t::text, $1) > 0`, [text]);
      found.push(...rows.map((row) => `${name}: ${JSON.stringify(row)}`));
    }
    await withRedis(house, async (redis) => {
      for (const name of await redis.keys('*')) {
        const type = await redis.type(name);
        const value =
          type === 'hash'
            ? await redis.hgetall(name)
            : type === 'stream'
              ? await redis.xrange(name, '-', '+')
              : type === 'string'
                ? await redis.get(name)
                : type === 'set'
                  ? await redis.smembers(name)
                  : type === 'zset'
                    ? await redis.zrange(name, '0', '-1')
                    : await redis.lrange(name, 0, -1);
        if (`${name} ${JSON.stringify(value)}`.includes(text))
          found.push(`${name}: ${JSON.stringify(value)}`);
      }
    });
  }
  return found;
}

/** As the console answers it, line by line. */
async function exported(saleId: string): Promise<string[]> {
  const response = await console.app.request(`/v1/sales/${saleId}/journal`, {
    headers: { Authorization: `Bearer ${adminKey}` },
  });
  return (await response.text()).split('\n');
}

async function stats(saleId: string) {
  const response = await console.app.request(`/v1/sales/${saleId}/stats`, {
    headers: { Authorization: `Bearer ${adminKey}` },
  });
  const { queryTimeMs: _, ...rest } = statisticsSchema.parse(await response.json());
  return rest;
}

interface Line {
  saleId: string;
  position: number;
  type: string;
  ticketId: string;
  commandId: string | null;
  at: string;
  data: { lines?: unknown; seq?: number; tip?: string; buyer?: string; payment?: string };
}

const eventsIn = (lines: readonly string[]): Line[] =>
  lines.slice(0, -2).map((line) => JSON.parse(line) as Line);
const sha = (name: string, text: string): Buffer => createHash(name).update(text).digest();

describe('an exported journal', () => {
  it('confirms nobody who guesses a buyer, a key or a payment', async () => {
    const ada = person();
    const { saleId } = await busySale(ada);
    const lines = await exported(saleId);
    const text = lines.join('\n');
    for (const guess of Object.values(ada)) expect(text).not.toContain(guess);

    const events = eventsIn(lines);
    const arrivals = events.filter(({ data }) => data.buyer !== undefined);
    expect(arrivals.length).toBe(5);
    expect(new Set(arrivals.map(({ data }) => data.buyer)).size, 'no two seals of one buyer are alike').toBe(
      5,
    );
    // Everything in the export could be the key of a digest; none of it is.
    const public_ = new Set(['', saleId]);
    for (const { ticketId, data, at } of events)
      for (const value of [ticketId, data.tip, at, String(Date.parse(at)), String(data.seq)])
        if (value !== undefined && value !== null) public_.add(value);
    const seals = events.flatMap(({ data, commandId }) => [
      data.buyer,
      data.payment,
      commandId?.split('.')[1],
    ]);
    for (const guess of guessesOf(ada))
      for (const value of public_)
        for (const digest of [
          sha('sha256', `${value}${guess}`),
          sha('sha256', `${value}\n${guess}`),
          sha('sha256', `${guess}${value}`),
          createHmac('sha256', value).update(guess).digest(),
        ])
          expect(seals).not.toContain(digest.toString('base64url').slice(0, 22));
  });

  it('has tips that follow from what is public alone, so that no name can be tried on them', async () => {
    const ada = person();
    const saleId = await openTees(house, 10);
    for (const buyer of ['bob', ada.buyer, 'cem']) await reserve(house.edge, saleId, buyer);
    const at = await withRedis(house, async (redis) =>
      (await redis.xrange(`{s0}:intake:${saleId}`, '-', '+')).map(([, fields]) =>
        Number((fields[1] ?? '').split('\n').at(-2)),
      ),
    );
    await house.commit(saleId);
    let tip = '0'.repeat(40);
    const places = eventsIn(await exported(saleId)).filter(({ type }) => type === 'held');
    expect(places.length).toBe(3);
    for (const [index, { ticketId, data }] of places.entries()) {
      const entry = ['reserve', ticketId, JSON.stringify(data.lines), '', '1', at[index], index + 1].join(
        '\n',
      );
      tip = sha('sha1', `${tip}\n${entry}`).toString('hex');
      expect(data.tip).toBe(tip);
    }
  });

  it('proves, with the key that only the ledger has, whose place it was and that it was nobody else’s', async () => {
    const ada = person();
    const { saleId } = await busySale(ada);
    const events = eventsIn(await exported(saleId));
    const openings = await house.ledger.openingsOfBuyer(saleId, ada.buyer);
    expect(openings.size).toBe(3);
    for (const [position, key] of openings) {
      const seal = events[position - 1]?.data.buyer;
      const sealed = (buyer: string) => sha('sha256', `${key}${buyer}`).toString('base64url').slice(0, 22);
      expect(sealed(ada.buyer)).toBe(seal);
      expect(sealed('bob')).not.toBe(seal);
    }
  });

  it('is asked for a buyer with the ledger at hand: how many places are theirs, or that it was rewritten', async () => {
    const ada = person();
    const { saleId } = await busySale(ada);
    const lines = await exported(saleId);
    const asked = (of: readonly string[], id: string) =>
      checkExport(of, { buyer: { id, keysOf: (sale) => house.ledger.openingsOfBuyer(sale, id) } });
    expect(await asked(lines, ada.buyer)).toMatchObject({
      kind: 'true',
      why: expect.stringMatching(/Places of that buyer: 3\.$/),
    });
    expect((await asked(lines, 'nobody')).why).toMatch(/Places of that buyer: 0\.$/);
    // What an operator could write who gives a place to somebody else: the seal does not open to the name.
    await house.rows('update reservations set buyer_id = $2 where sale_id = $1 and buyer_id = $3', [
      saleId,
      'mallory',
      ada.buyer,
    ]);
    expect(await asked(lines, 'mallory')).toMatchObject({
      kind: 'false',
      why: expect.stringContaining('the place is sealed for another buyer'),
    });

    const said = vi.spyOn(globalThis.console, 'log').mockReturnValue();
    vi.stubEnv('DATABASE_URL', house.databaseUrl);
    const folder = mkdtempSync(joinPath(tmpdir(), 'holdfast-erase-'));
    try {
      writeFileSync(joinPath(folder, 'journal.ndjson'), lines.join('\n'));
      expect(await verify([joinPath(folder, 'journal.ndjson'), '--buyer', 'bob'])).toBe(0);
      expect(said).toHaveBeenCalledWith(expect.stringMatching(/Places of that buyer: 1\.$/));
    } finally {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    }
  });
});

const guessesOf = ({ buyer, key, payment }: Person) => [
  buyer,
  key,
  payment,
  `${key} again`,
  JSON.stringify(['key', key]),
  JSON.stringify(['key', `${key} again`]),
  JSON.stringify(['content', payment, null]),
  JSON.stringify(['content', `${payment} twice`, null]),
];

describe('erasing a buyer', () => {
  it('leaves no trace of them in either store, and the sale, its numbers and its proof as they were', async () => {
    const ada = person();
    const { saleId, bought, bob } = await busySale(ada);
    expect((await tracesOf(ada)).length).toBeGreaterThan(8);
    const before = await exported(saleId);
    expect(await checkExport(before)).toMatchObject({ kind: 'true' });
    const counted = await stats(saleId);

    expect(await eraser().erase(saleId, ada.buyer, false)).toEqual({ kind: 'erased', reservations: 3 });

    expect(await tracesOf(ada)).toEqual([]);
    expect(await stats(saleId)).toEqual(counted);
    expect((await expectConservation(house, saleId))['tee']).toMatchObject({ confirmed: 3, held: 1 });
    expect(await auditSale(house.ledger, house.gate, saleId)).toMatchObject({ ok: true });
    const after = await exported(saleId);
    expect(after.slice(0, before.length - 2), 'what was written is not rewritten').toEqual(
      before.slice(0, -2),
    );
    const head = (JSON.parse(before.at(-2) ?? '') as { head: string }).head;
    expect(await checkExport(after, { head, receipts: [bought.receipt, bob.receipt] })).toMatchObject({
      kind: 'true',
    });
    expect(
      eventsIn(after)
        .slice(-3)
        .map(({ type }) => type),
    ).toEqual(['erased', 'erased', 'erased']);
    expect((await read(house.edge, bought)).buyerId).toMatch(/^erased\.[\w-]{16}$/);
    expect((await read(house.edge, bob)).buyerId).toBe('bob');
  });

  it('is done for good: a gate that is rebuilt from the ledger does not know them either', async () => {
    const ada = person();
    const { saleId, bought } = await busySale(ada);
    await eraser().erase(saleId, ada.buyer, false);
    await emptyRedis(house);
    await house.commit(saleId);
    await atRest(house, saleId);
    expect(await tracesOf(ada)).toEqual([]);
    expect(await read(house.edge, bought)).toMatchObject({ status: 'confirmed' });
    await expectConservation(house, saleId);
    expect(await checkExport(await exported(saleId))).toMatchObject({ kind: 'true' });
  });

  it('makes their seals unreadable for ever, and leaves those of others readable', async () => {
    const ada = person();
    const { saleId } = await busySale(ada);
    const positions = [...(await house.ledger.openingsOfBuyer(saleId, ada.buyer)).keys()];
    const bobs = await house.ledger.openingsOfBuyer(saleId, 'bob');
    await eraser().erase(saleId, ada.buyer, false);
    expect(await house.ledger.openingsOfBuyer(saleId, 'bob')).toEqual(bobs);
    const [name] = await house.rows<{ buyer_id: string }>(
      `select distinct buyer_id from reservations where sale_id = $1 and buyer_id like 'erased.%'`,
      [saleId],
    );
    expect(await house.ledger.openingsOfBuyer(saleId, name?.buyer_id ?? '')).toEqual(new Map());
    const kept = await house.rows(
      `select position from events e where sale_id = $1 and position = any($2::bigint[]) and
         (opening is not null or exists (select from seals s where s.sale_id = e.sale_id
            and e.position >= s.position and e.position < s.position + s.events))`,
      [saleId, positions],
    );
    expect(kept).toEqual([]);
    await eraser().erase(saleId, 'bob', false);
    expect(await house.ledger.openingsOfBuyer(saleId, 'cem')).toHaveProperty('size', 1);
  });

  it('twice is once, and of somebody unknown nothing', async () => {
    const ada = person();
    const { saleId } = await busySale(ada);
    await eraser().erase(saleId, ada.buyer, false);
    const once = await exported(saleId);
    expect(await eraser().erase(saleId, ada.buyer, false)).toEqual({ kind: 'erased', reservations: 0 });
    expect(await eraser().erase(saleId, 'nobody', true)).toEqual({ kind: 'erased', reservations: 0 });
    expect(await exported(saleId)).toEqual(once);
    expect(await eraser().erase('none', ada.buyer, false)).toEqual({ kind: 'unknown_sale' });
  });

  it('waits for nobody who still holds something, unless told to give it up; the units go back on sale', async () => {
    const { buyer } = person();
    const saleId = await openTees(house, 3, { waitlist: true });
    const held = await reserve(house.edge, saleId, buyer, 2);
    const other = await reserve(house.edge, saleId, 'bob');
    const waiting = await reserve(house.edge, saleId, buyer);
    await house.commit(saleId);
    expect(await eraser().erase(saleId, buyer, false)).toEqual({ kind: 'open', reservations: 2 });
    expect(await statuses(house.edge, held, other, waiting)).toEqual(['held', 'held', 'waitlisted']);
    expect(await eraser().erase(saleId, buyer, true)).toEqual({ kind: 'erased', reservations: 2 });
    expect(await statuses(house.edge, held, other, waiting)).toEqual(['cancelled', 'held', 'cancelled']);
    expect(await tracesOf({ buyer, key: buyer, payment: buyer })).toEqual([]);
    expect(await reserve(house.edge, saleId, 'cem', 2)).toMatchObject({ status: 'queued' });
    await house.commit(saleId);
    expect((await expectConservation(house, saleId))['tee']).toEqual({ cancelled: 3, held: 3 });
  });

  it('gives up a place in the lobby, and the draw is the others’', async () => {
    const { buyer } = person();
    const saleId = await lobbyOf(house, 2);
    const tickets = [await join(house.edge, saleId, 'bob'), await join(house.edge, saleId, buyer)];
    await house.commit(saleId);
    expect(await eraser().erase(saleId, buyer, false)).toMatchObject({ kind: 'open' });
    expect(await eraser().erase(saleId, buyer, true)).toMatchObject({ kind: 'erased' });
    expect(await tracesOf({ buyer, key: buyer, payment: buyer })).toEqual([]);
    await house.desk.move(saleId, 'open', null);
    await house.commit(saleId);
    expect(await statuses(house.edge, ...tickets)).toEqual(['held', 'cancelled']);
    expect(await checkExport(await exported(saleId))).toMatchObject({ kind: 'true' });
  });

  it('never loses whom money is owed to', async () => {
    const { buyer, payment } = person();
    const saleId = await openTees(house, 1);
    const ticket = await reserve(house.edge, saleId, buyer);
    await house.commit(saleId);
    await tell(house.edge, ticket, 'cancel');
    await tell(house.edge, ticket, 'confirm', { paymentRef: payment });
    await house.commit(saleId);
    for (const giveUp of [false, true])
      expect(await eraser().erase(saleId, buyer, giveUp)).toEqual({ kind: 'owed', reservations: 1 });
    expect((await house.ledger.ticketStory(ticket.id))?.reservation).toMatchObject({
      buyerId: buyer,
      paymentRef: payment,
    });
    await house.desk.command(ticket.id, 'refunded');
    expect(await eraser().erase(saleId, buyer, false)).toMatchObject({ kind: 'erased' });
    expect(await tracesOf({ buyer, key: payment, payment })).toEqual([]);
  });

  it('makes a stranger of who comes again: a new limit, and an old key is a new ticket', async () => {
    const ada = person();
    const saleId = await openTees(house, 10, { perBuyerLimit: 2 });
    const first = await ask(house.edge, saleId, ada.buyer, 2, ada.key);
    if (first.kind === 'refused') throw new Error(first.code);
    await house.commit(saleId);
    await tell(house.edge, first.ticket, 'confirm');
    await house.commit(saleId);
    expect(await ask(house.edge, saleId, ada.buyer)).toMatchObject({ code: 'limit_reached' });
    await eraser().erase(saleId, ada.buyer, false);
    const second = await ask(house.edge, saleId, ada.buyer, 2, ada.key);
    expect(second).toMatchObject({ kind: 'admitted', replayed: false });
    await house.commit(saleId);
    expect(await auditSale(house.ledger, house.gate, saleId)).toMatchObject({ ok: true });
    expect(
      await house.desk.command(first.ticket.id, 'return'),
      'what they had can still be returned',
    ).toMatchObject({
      kind: 'done',
    });
    await expectConservation(house, saleId);
  });

  it('leaves no name in the last entry of the intake, and the line goes on behind it', async () => {
    const ada = person();
    const saleId = await openTees(house, 2, { holdSeconds: 1 });
    await reserve(house.edge, saleId, 'bob');
    await ask(house.edge, saleId, ada.buyer, 1, ada.key);
    await house.commit(saleId);
    await untilDue(house, saleId);
    await house.commit(saleId);
    await atRest(house, saleId);
    expect((await tracesOf(ada)).join('\n')).toContain('{s0}:intake:');
    expect(await eraser().erase(saleId, ada.buyer, false)).toMatchObject({ kind: 'erased' });
    expect(await tracesOf(ada)).toEqual([]);
    const next = await reserve(house.edge, saleId, 'cem', 2);
    await house.commit(saleId);
    expect(await statuses(house.edge, next)).toEqual(['held']);
    expect(await auditSale(house.ledger, house.gate, saleId)).toMatchObject({ ok: true });
    expect((await house.ledger.readSale(saleId))?.cursor.epoch, 'nothing was rebuilt for it').toBe(1);
  });

  const deaths: [room: 'ledger' | 'gate', verb: string, when: 'before' | 'after'][] = [
    ['ledger', 'eraseReservations', 'before'],
    ['ledger', 'eraseReservations', 'after'],
    ['ledger', 'forgetOpenings', 'before'],
    ['ledger', 'forgetOpenings', 'after'],
    ['gate', 'forget', 'before'],
    ['gate', 'forget', 'after'],
    ['ledger', 'finishErasure', 'before'],
  ];

  it.each(deaths)('is finished by running it again when it died: %s, %s, %s', async (room, verb, when) => {
    const ada = person();
    const { saleId } = await busySale(ada);
    const mortal = { [room]: dying(house[room], verb as never, when) };
    await expect(eraser(mortal).erase(saleId, ada.buyer, false)).rejects.toBeInstanceOf(Killed);
    expect(await auditSale(house.ledger, house.gate, saleId)).toMatchObject({ ok: true });
    expect(await house.ledger.salesOfBuyer(ada.buyer)).toEqual([saleId]);
    expect(await eraser().erase(saleId, ada.buyer, false)).toMatchObject({ kind: 'erased' });
    expect(await tracesOf(ada)).toEqual([]);
    expect(await house.ledger.salesOfBuyer(ada.buyer)).toEqual([]);
    expect(await checkExport(await exported(saleId))).toMatchObject({ kind: 'true' });
    await expectConservation(house, saleId);
  });

  it('is not undone by a worker that wakes and settles what it had read before', async () => {
    const ada = person();
    const { saleId } = await busySale(ada);
    const late = (await house.ledger.settlement(saleId, 0, 200)) as Settlement;
    expect([...late.released.keys()]).toContain(ada.buyer);
    await eraser().erase(saleId, ada.buyer, false);
    await house.gate.settle(late);
    expect(await tracesOf(ada)).toEqual([]);
    await expectConservation(house, saleId);
  });

  it('waits its turn among the runs of a sale that sells, and nobody’s place is lost', async () => {
    const ada = person();
    const { saleId } = await busySale(ada);
    const worker = await house.addWorker();
    const crowd = Promise.all(
      Array.from({ length: 60 }, async (_, index) => ask(house.edge, saleId, `buyer ${index}`)),
    );
    expect(await eraser().erase(saleId, ada.buyer, false)).toMatchObject({ kind: 'erased' });
    await crowd;
    await atRest(house, saleId);
    await worker.close();
    expect(await tracesOf(ada)).toEqual([]);
    expect(await auditSale(house.ledger, house.gate, saleId)).toMatchObject({ ok: true });
  });

  it('is a command that answers with 0 when it is done, 1 when something is in the way, 2 for nonsense', async () => {
    const { buyer } = person();
    const said = vi.spyOn(globalThis.console, 'log').mockReturnValue();
    const complained = vi.spyOn(globalThis.console, 'error').mockReturnValue();
    vi.stubEnv('DATABASE_URL', house.databaseUrl);
    vi.stubEnv('REDIS_URL', house.redis.url);
    try {
      const sales = [await openTees(house, 3), await openTees(house, 3)];
      for (const saleId of sales) {
        await reserve(house.edge, saleId, buyer);
        await house.commit(saleId);
      }
      for (const args of [[], ['--buyer', ''], ['--buyer', buyer, '--nonsense'], [buyer]])
        expect(await eraseCommand(args)).toBe(2);
      expect(await eraseCommand(['--buyer', buyer])).toBe(1);
      expect(await eraseCommand(['--buyer', buyer, '--sale', sales[0] as string, '--force'])).toBe(0);
      expect(await house.ledger.salesOfBuyer(buyer)).toEqual([sales[1]]);
      expect(await eraseCommand(['--buyer', buyer, '--force'])).toBe(0);
      expect(await eraseCommand(['--buyer', buyer])).toBe(0);
      expect(await tracesOf({ buyer, key: buyer, payment: buyer })).toEqual([]);
      for (const [line] of [...said.mock.calls, ...complained.mock.calls]) expect(line).not.toContain(buyer);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
