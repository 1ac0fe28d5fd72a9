import { setTimeout as sleep } from 'node:timers/promises';
import type { JournalEvent } from '@holdfast/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectConservation } from '../support/conservation.ts';
import { emptyRedis } from '../support/damage.ts';
import { type EdgeProcess, startEdge } from '../support/edge-process.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, openTees, until } from '../support/sales.ts';

const stock = 24;
const waiting = 16;

/** A ticket as one reader saw it, in the order of seeing. */
interface Sight {
  version: number;
  status: string;
  /** What must not differ under one version, whoever reads. */
  terms: string;
}

interface Story {
  id: string;
  byStream: Sight[];
  byPolling: Sight[];
  /** How often the stream was opened. */
  opened: number;
}

/** A buyer's page has nothing more to wait for. */
const isOver = (status: string | undefined) =>
  !['lobby', 'queued', 'waitlisted', 'held', undefined].includes(status);

describe('a reader by stream and a reader by polling', () => {
  let house: House;
  let edges: EdgeProcess[];
  let open = true;

  beforeAll(async () => {
    house = await openHouse({ workers: 2, edges: 1 });
    edges = await Promise.all([0, 1].map(() => startEdge({ REDIS_URL: house.redis.url })));
  }, 60_000);
  afterAll(async () => {
    open = false;
    for (const edge of edges) await edge.kill();
    await house.close();
  });

  it('are told the same, in the same order and to the same end, through a rush, a killed edge, a rebuilt gate and an emptied Redis; no version ever goes back', async () => {
    const sale = await openTees(house, stock, { waitlist: true });
    const stories = await Promise.all(
      Array.from({ length: stock + waiting }, async (_, index) => {
        const answer = await ask(index, `/v1/sales/${sale}/reservations`, { buyerId: `b${index}` });
        const story: Story = { id: answer.id, byStream: [], byPolling: [], opened: 0 };
        return { story, reading: Promise.all([follow(story), poll(story)]) };
      }),
    );
    const held = await until('everybody to be decided', async () => {
      const rows = await statusesOf(sale);
      return rows.size === stock + waiting ? [...rows].filter(([, status]) => status === 'held') : null;
    });
    const holders = held.map(([id]) => id);
    expect(holders).toHaveLength(stock);
    // Who is promoted from now on does not come, and lapses.
    await house.desk.change(sale, { holdSeconds: 1 }, null);
    const confirm = (id: string, index: number) => ask(index, `/v1/tickets/${id}/confirm`, {});
    const cancel = (id: string, index: number) => ask(index, `/v1/tickets/${id}/cancel`, {});
    const extend = (id: string, index: number) => ask(index, `/v1/tickets/${id}/extend`, { seconds: 60 });

    await Promise.all([...holders.slice(0, 3).map(confirm), ...holders.slice(3, 6).map(extend)]);

    const port = new URL(edges[0]?.url ?? '').port;
    await edges[0]?.kill();
    await Promise.all([...holders.slice(6, 9).map(confirm), ...holders.slice(9, 12).map(cancel)]);
    edges[0] = await startEdge({ REDIS_URL: house.redis.url, EDGE_PORT: port });

    const acting = Promise.all([
      ...holders.slice(12, 15).map(confirm),
      ...holders.slice(15, 18).map(cancel),
      ...holders.slice(3, 6).map(confirm),
    ]);
    await until('the gate to be rebuilt', async () => {
      const at = await house.ledger.readSale(sale);
      const source = at && (await house.ledger.fenceRebuild(sale, at.cursor, at.cursor.epoch));
      return source !== null && (await house.gate.rebuild(source)) === 'rebuilt';
    });
    await acting;

    await atRest(house, sale);
    await emptyRedis(house);
    await Promise.all([...holders.slice(18, 21).map(confirm), ...holders.slice(21).map(cancel)]);

    await until(
      'the line to be at its end',
      async () => {
        const left = [...(await statusesOf(sale)).values()];
        return !left.includes('held') && !left.includes('waitlisted');
      },
      30_000,
    );
    await Promise.all(stories.map(({ reading }) => reading));

    const units = await expectConservation(house, sale);
    expect(Object.keys(units['tee'] ?? {}).sort()).toEqual(['cancelled', 'confirmed', 'expired']);
    const truths = truthsOf(await house.ledger.journal(sale, 0, 10_000));
    for (const { story } of stories) {
      const truth = truths.get(story.id) ?? [];
      const terms = new Map<number, string>();
      for (const [reader, sights] of Object.entries({
        stream: story.byStream,
        polling: story.byPolling,
      })) {
        const told = `${story.id} by ${reader}: ${sights.map((s) => `${s.version} ${s.status}`).join(', ')}`;
        let last = 0;
        for (const { version, status, terms: seen } of sights) {
          expect(version, `${told}: never back`).toBeGreaterThanOrEqual(last);
          expect(status, `${told}: as in the journal`).toBe(truth[version]);
          expect(terms.get(version) ?? seen, `${told}: the same as to the other`).toBe(seen);
          terms.set(version, seen);
          last = version;
        }
        expect(last, `${told}: to the end`).toBe(truth.length - 1);
      }
    }
    const reopened = stories.filter(({ story }) => story.opened > 1);
    expect(reopened.length, 'streams that were cut and came back').toBeGreaterThan(0);
  }, 120_000);

  /** A buyer who asks until somebody answers. */
  async function ask(index: number, path: string, body: object): Promise<any> {
    return until(
      `an answer of ${path}`,
      async () => {
        const edge = edges[Math.random() < 0.5 ? 0 : 1] as EdgeProcess;
        const answer = await fetch(`${edge.url}${path}`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', 'Idempotency-Key': `key ${index}` },
          body: JSON.stringify(body),
          signal: AbortSignal.timeout(10_000),
        }).catch(() => null);
        if (answer === null) return null;
        const said = await answer.json().catch(() => null);
        return answer.status < 300 ? said : null;
      },
      30_000,
    );
  }

  /** Always at the edge that is killed; comes back with what it has. */
  async function follow(story: Story): Promise<void> {
    while (open && !isOver(story.byStream.at(-1)?.status)) {
      const last = story.byStream.at(-1)?.version;
      const headers: Record<string, string> = last === undefined ? {} : { 'Last-Event-ID': String(last) };
      story.opened += 1;
      try {
        const answer = await fetch(`${edges[0]?.url}/v1/tickets/${story.id}/events`, { headers });
        expect([200, 503]).toContain(answer.status);
        if (answer.status === 503) await answer.body?.cancel();
        else await readFrames(answer, (ticket) => story.byStream.push(sightOf(ticket)));
      } catch (fault) {
        if (!isLost(fault)) throw fault;
      }
      await sleep(20);
    }
  }

  async function poll(story: Story): Promise<void> {
    let tag = '';
    for (let turn = 0; open && !isOver(story.byPolling.at(-1)?.status); turn += 1) {
      try {
        const answer = await fetch(`${edges[turn % 2]?.url}/v1/tickets/${story.id}`, {
          headers: { 'If-None-Match': tag },
        });
        expect([200, 304, 503]).toContain(answer.status);
        tag = answer.headers.get('etag') ?? tag;
        if (answer.status === 200) story.byPolling.push(sightOf(await answer.json()));
        else await answer.body?.cancel();
      } catch (fault) {
        if (!isLost(fault)) throw fault;
      }
      await sleep(100);
    }
  }

  async function statusesOf(sale: string): Promise<Map<string, string>> {
    const rows = await house.rows<{ ticket_id: string; status: string }>(
      'select ticket_id, status from reservations where sale_id = $1 order by epoch, seq',
      [sale],
    );
    return new Map(rows.map((row) => [row.ticket_id, row.status]));
  }
});

/** A connection that broke, or an answer that was cut short. */
function isLost(fault: unknown): boolean {
  return fault instanceof TypeError && ['fetch failed', 'terminated'].includes(fault.message);
}

function sightOf(ticket: any): Sight {
  const { version, status, expiresAt, reason, lines, buyerId, totalMinor } = ticket;
  return { version, status, terms: JSON.stringify({ expiresAt, reason, lines, buyerId, totalMinor }) };
}

/** The tickets of a stream, until it ends. */
async function readFrames(answer: Response, seen: (ticket: any) => void): Promise<void> {
  let waiting = '';
  for await (const text of (answer.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream())) {
    const frames = `${waiting}${text}`.split('\n\n');
    waiting = frames.pop() ?? '';
    for (const frame of frames) {
      const [, id, data] = /^event: ticket\nid: (\d+)\ndata: (.*)$/.exec(frame) ?? [];
      if (data === undefined) continue;
      const ticket = JSON.parse(data);
      expect(ticket.version, 'the id of a frame is its version').toBe(Number(id));
      seen(ticket);
    }
  }
}

const shown: Partial<Record<JournalEvent['type'], string>> = {
  held: 'held',
  extended: 'held',
  waitlisted: 'waitlisted',
  confirmed: 'confirmed',
  cancelled: 'cancelled',
  expired: 'expired',
};

/** What each ticket was under each version, as the journal tells it. */
function truthsOf(journal: readonly JournalEvent[]): Map<string, (string | undefined)[]> {
  const truths = new Map<string, (string | undefined)[]>();
  for (const { ticketId, type } of journal) {
    const status = shown[type];
    if (ticketId === null || status === undefined) continue;
    const truth = truths.get(ticketId) ?? [undefined, 'queued'];
    truth.push(status);
    truths.set(ticketId, truth);
  }
  return truths;
}
