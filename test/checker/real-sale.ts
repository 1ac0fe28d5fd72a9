/** A real sale, bought from over HTTP, as evidence: what its buyers and its merchant saw, and what was there at the end. */
import { Redis } from 'ioredis';
import { openEdgeHouse } from '../flow/edge-house.ts';
import { adminKey, openConsoleApp } from '../support/console-app.ts';
import { plainSale } from '../support/house.ts';
import { atRest, until } from '../support/sales.ts';
import type { Evidence, GateAtRest, Operation, OperationKind, Row, SaleFacts, Wish } from './evidence.ts';
import { readGate } from './read-gate.ts';

export interface RealEvidence extends Evidence {
  history: Operation[];
  journals: Record<string, string[]>;
  rows: Record<string, Row[]>;
  gates: Record<string, GateAtRest>;
}

const now = () => performance.timeOrigin + performance.now();
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const nobody = { ticketId: null, buyerId: null, key: null, lines: null, paymentRef: null };

/** Two sales at once: one with a limit, holds that lapse and late payers; one with a waitlist, a restock and a withdrawal. */
export async function recordRealSales(): Promise<RealEvidence> {
  const house = await openEdgeHouse();
  const consoleApp = await openConsoleApp({ ...house, log: quiet });
  const redis = new Redis(house.redis.url);
  const history: Operation[] = [];

  async function ask(
    op: OperationKind,
    saleId: string,
    path: string,
    asked: Partial<Operation> = {},
    body?: object,
  ): Promise<Operation> {
    const isMerchant = op === 'merchant';
    const headers: Record<string, string> = body === undefined ? {} : { 'Content-Type': 'application/json' };
    if (asked.key != null) headers['Idempotency-Key'] = asked.key;
    if (isMerchant) headers['Authorization'] = `Bearer ${adminKey}`;
    const init = {
      method: body === undefined ? 'GET' : 'POST',
      headers,
      ...(body && { body: JSON.stringify(body) }),
    };
    const sentAt = now();
    const response = isMerchant
      ? await consoleApp.app.fetch(new Request(`http://127.0.0.1${path}`, init))
      : await fetch(`${house.url}${path}`, init);
    const text = await response.text();
    const answer = text === '' ? null : (JSON.parse(text) as object);
    const operation = {
      ...nobody,
      op,
      saleId,
      ...asked,
      sentAt,
      answeredAt: now(),
      status: response.status,
      body: answer,
    };
    history.push(operation);
    return operation;
  }

  const reserve = (saleId: string, buyerId: string, lines: Wish, key: string | null = null) =>
    ask(
      'reserve',
      saleId,
      `/v1/sales/${saleId}/reservations`,
      { buyerId, lines, key },
      {
        buyerId,
        lines: lines.map(([sku, quantity]) => ({ sku, quantity })),
      },
    );
  const tell = (
    op: 'confirm' | 'cancel' | 'extend',
    saleId: string,
    ticketId: string,
    paymentRef: string | null = null,
  ) =>
    ask(
      op,
      saleId,
      `/v1/tickets/${ticketId}/${op}`,
      { ticketId, paymentRef, ...(op === 'extend' && { seconds: null }) },
      paymentRef === null ? {} : { paymentRef },
    );
  const becomes = (saleId: string, ticketId: string, ...states: string[]) =>
    until(`${ticketId} to become ${states.join(' or ')}`, async () => {
      const { body } = await ask('read', saleId, `/v1/tickets/${ticketId}`, { ticketId });
      return states.includes((body as { status: string }).status);
    });

  const item = (sku: string, stock: number) =>
    ({ ...plainSale('x').items[0], sku, name: sku, stock }) as never;
  const limited = await house.open({
    holdSeconds: 2,
    perBuyerLimit: 2,
    items: [item('tee', 6), item('cap', 6)],
  });
  const waited = await house.open({ holdSeconds: 2, waitlist: true, items: [item('ring', 3)] });

  const tickets = async (answers: Promise<Operation>[]) =>
    (await Promise.all(answers)).flatMap(({ status, body }) =>
      status !== null && status < 300 ? [(body as { id: string }).id] : [],
    );
  const crowd = await tickets(
    Array.from({ length: 10 }, (_, n) =>
      reserve(
        limited,
        `buyer-${n % 7}`,
        n % 3 === 0
          ? [
              ['tee', 1],
              ['cap', 1],
            ]
          : [[n % 2 ? 'tee' : 'cap', 1]],
        n % 2 ? `key-${n}` : null,
      ),
    ),
  );
  await reserve(limited, 'buyer-1', [['tee', 1]], 'key-1');
  for (const id of crowd) await becomes(limited, id, 'held', 'rejected', 'expired');
  const [first = '', second = '', third = '', ...others] = crowd;
  await tell('confirm', limited, first);
  await tell('cancel', limited, second);
  await tell('extend', limited, third);
  await tell('confirm', limited, third, 'pay-3');
  await tell('confirm', limited, third, 'pay-3');
  await reserve(limited, 'greedy', [['tee', 3]]);

  const line = await tickets(
    Array.from({ length: 7 }, (_, n) => reserve(waited, `waiter-${n}`, [['ring', 1]])),
  );
  await ask(
    'merchant',
    waited,
    `/v1/sales/${waited}/items/ring/stock`,
    { call: 'restock', key: 'more' },
    { delta: 1 },
  );
  await ask(
    'merchant',
    waited,
    `/v1/sales/${waited}/items/ring/stock`,
    { call: 'withdraw', key: 'less' },
    { delta: -1 },
  );
  // More than there will ever be: no place to wait for it.
  await reserve(waited, 'party', [['ring', 9]]);
  for (const id of line) await becomes(waited, id, 'held', 'waitlisted', 'expired');
  for (const id of line) {
    await becomes(waited, id, 'held', 'expired');
    await tell(id === line[0] ? 'confirm' : 'cancel', waited, id);
  }

  const [late = '', ...left] = others;
  for (const id of others) await becomes(limited, id, 'expired', 'rejected');
  await tell('confirm', limited, late, 'pay-late');
  await becomes(limited, late, 'confirmed', 'refund_due');
  for (const id of left) await tell('confirm', limited, id);

  const evidence: RealEvidence = { sales: [], history, journals: {}, rows: {}, gates: {} };
  const sales: SaleFacts[] = [];
  for (const saleId of [limited, waited]) {
    await atRest(house, saleId);
    const facts =
      saleId === limited
        ? {
            perBuyerLimit: 2,
            waitlist: false,
            items: [
              { sku: 'tee', stock: 6 },
              { sku: 'cap', stock: 6 },
            ],
          }
        : { perBuyerLimit: null, waitlist: true, items: [{ sku: 'ring', stock: 3 }] };
    sales.push({
      saleId,
      holdSeconds: 2,
      lobby: false,
      demandWasEnough: false,
      closedAtRest: false,
      ...facts,
    });
    const read = async (path: string) => {
      const headers = { Authorization: `Bearer ${adminKey}`, Accept: 'application/x-ndjson' };
      const answer = await consoleApp.app.fetch(
        new Request(`http://127.0.0.1/v1/sales/${saleId}/${path}`, { headers }),
      );
      return (await answer.text()).split('\n');
    };
    evidence.journals[saleId] = await read('journal');
    evidence.rows[saleId] = (await read('reservations'))
      .filter((text) => text !== '')
      .map((text) => JSON.parse(text) as Row);
    evidence.gates[saleId] = (await readGate(redis, '{s0}', saleId)) as GateAtRest;
  }
  redis.disconnect();
  await consoleApp.close();
  await house.close();
  return { ...evidence, sales };
}
