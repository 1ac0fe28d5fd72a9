import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminKey, openConsoleApp } from '../support/console-app.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, buy, buyMany, openTees, until } from '../support/sales.ts';

describe('the console’s live view', () => {
  let house: House;
  let console: Awaited<ReturnType<typeof openConsoleApp>>;

  beforeAll(async () => {
    house = await openHouse();
    console = await openConsoleApp(house);
  });
  afterAll(async () => {
    await console.close();
    await house.close();
  });

  const get = async (path: string, headers: Record<string, string> = {}) =>
    console.app.request(path, { headers: { Authorization: `Bearer ${adminKey}`, ...headers } });

  /** Frames of a stream until `enough`; then it is left. */
  async function frames(
    path: string,
    enough: (frames: { event: string; data: any }[]) => boolean,
    headers?: Record<string, string>,
  ) {
    const response = await get(path, headers);
    expect(response.status).toBe(200);
    const seen: { event: string; data: any }[] = [];
    let text = '';
    for await (const piece of (response.body as ReadableStream<Uint8Array>).pipeThrough(
      new TextDecoderStream(),
    )) {
      text += piece;
      const parts = text.split('\n\n');
      text = parts.pop() as string;
      for (const part of parts) {
        const event = /^event: (.*)$/m.exec(part)?.[1];
        const data = /^data: (.*)$/m.exec(part)?.[1];
        if (event !== undefined && data !== undefined) seen.push({ event, data: JSON.parse(data) });
      }
      if (enough(seen)) break;
    }
    return seen;
  }

  it('brings the whole picture first, with the past, and then every second what is', async () => {
    const saleId = await openTees(house, 5);
    await console.pulses.lookOnce();
    await buyMany(house.edge, saleId, 'b', 7);
    await atRest(house, saleId);
    await console.pulses.lookOnce();
    const [first, second] = await frames(`/v1/sales/${saleId}/live`, (seen) => seen.length === 2);
    expect(first?.event).toBe('snapshot');
    expect(first?.data.sale).toMatchObject({ id: saleId, counts: { held: 5 }, money: { held: 5 * 4900 } });
    expect(first?.data.history.at).toHaveLength(1);
    expect(first?.data.history.admitted[0]).toBeGreaterThan(0);
    expect(second).toMatchObject({ event: 'now', data: { sale: { counts: { held: 5 } } } });
    expect(second?.data.history).toBeUndefined();
  });

  it('counts commits wherever they run: entries, transactions and time', async () => {
    const saleId = await openTees(house, 20);
    await buy(house.edge, saleId, 'first');
    await atRest(house, saleId);
    // Workers of a house count nothing by themselves; those of the product do.
    house.gate.countRun(saleId, { entries: 30, durationMs: 12.5 });
    house.gate.countRun(saleId, { entries: 10, durationMs: 7.5 });
    const seen = await until('the counts to reach the gate', async () => {
      const pulse = (await house.gate.pulse([{ saleId, afterSeq: 1 }])).get(saleId);
      return pulse !== undefined && pulse.runs.transactions > 0 && pulse;
    });
    expect(seen.runs).toEqual({ transactions: 2, entries: 40, milliseconds: 20 });
    expect(seen).toMatchObject({ lined: 1, available: 19, oldestAt: null, rebuilding: false });
  });

  it('tells how old the first entry is that the ledger does not have', async () => {
    const saleId = await openTees(house, 5);
    house.freeze(saleId);
    await buy(house.edge, saleId, 'ada');
    const { cursor } = (await house.ledger.readSale(saleId)) ?? {};
    const pulse = (await house.gate.pulse([{ saleId, afterSeq: cursor?.committedSeq ?? 0 }])).get(saleId);
    expect(pulse?.oldestAt).toBeGreaterThan(Date.now() - 60_000);
    expect(pulse?.oldestAt).toBeLessThanOrEqual(pulse?.now ?? 0);
    house.thaw(saleId);
  });

  it('audits while somebody watches, and says what does not hold', async () => {
    const saleId = await openTees(house, 5);
    await buy(house.edge, saleId, 'ada');
    await atRest(house, saleId);
    const good = await frames(`/v1/sales/${saleId}/live`, (seen) =>
      seen.some(({ data }) => data.audit !== null),
    );
    expect(good.at(-1)?.data.audit).toMatchObject({ ok: true, broken: [] });
    const other = await openTees(house, 5);
    await house.rows('update items set stock = stock + 1 where sale_id = $1', [other]);
    const bad = await frames(`/v1/sales/${other}/live`, (seen) =>
      seen.some(({ data }) => data.audit !== null),
    );
    expect(bad.at(-1)?.data.audit.ok).toBe(false);
    expect(bad.at(-1)?.data.audit.broken[0]).toMatchObject({ name: expect.any(String), ok: false });
  });

  it('knows no sale that there is not, and draws no history of a draft', async () => {
    expect((await get('/v1/sales/nothing/live')).status).toBe(404);
    const draft = await openTees(house, 5, { status: 'draft' });
    await console.pulses.lookOnce();
    await console.pulses.lookOnce();
    const [first] = await frames(`/v1/sales/${draft}/live`, (seen) => seen.length === 1);
    expect(first?.data).toMatchObject({ sample: null, history: { at: [] } });
  });

  it('ends its streams for a key that is revoked meanwhile', async () => {
    const saleId = await openTees(house, 5);
    const made = await console.app.request('/v1/keys', {
      method: 'POST',
      headers: { Authorization: `Bearer ${adminKey}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: 'leaver', scopes: ['read'] }),
    });
    const { id, key } = (await made.json()) as { id: string; key: string };
    const streams = await Promise.all(
      [`/v1/sales/${saleId}/live`, '/v1/queues/events'].map((path) =>
        get(path, { Authorization: `Bearer ${key}` }),
      ),
    );
    const readers = streams.map(({ body }) => (body as ReadableStream<Uint8Array>).getReader());
    for (const reader of readers) expect((await reader.read()).done).toBe(false);
    await house.ledger.revokeKey(id);
    // Without an end, this would wait for ever.
    for (const reader of readers) while (!(await reader.read()).done);
    expect((await get('/v1/sales', { Authorization: `Bearer ${key}` })).status).toBe(401);
  });

  it('sends the page to anybody, with nothing in it that runs from elsewhere', async () => {
    const page = await console.app.request('/', { headers: { 'Accept-Encoding': 'gzip' } });
    expect(page.status).toBe(200);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    const text = await (await console.app.request('/')).text();
    const assets = [...text.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(
      ([, path]) => path as string,
    );
    expect(assets.length).toBeGreaterThanOrEqual(3);
    for (const path of assets) {
      const asset = await console.app.request(`/${path}`, { headers: { 'Accept-Encoding': 'gzip' } });
      expect(asset.headers.get('cache-control')).toContain('immutable');
      const again = await console.app.request(`/${path}`, {
        headers: { 'If-None-Match': asset.headers.get('etag') ?? '' },
      });
      expect(again.status).toBe(304);
    }
    for (const path of ['/assets/nothing.js', '/assets/..%2fmade-of', '/assets/../made-of'])
      expect((await console.app.request(path)).status, path).toBe(404);
  });

  it('shows the board to who may read, without a font of another host', async () => {
    expect((await console.app.request('/board')).status).toBe(401);
    const away = await console.app.request('/board', { headers: { Accept: 'text/html' } });
    expect([away.status, away.headers.get('location')]).toEqual([303, '/']);
    const board = await get('/board');
    expect(board.status).toBe(200);
    expect(await board.text()).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
    const queues = await get('/board/api/queues');
    const shown = ((await queues.json()) as { queues: { name: string; readOnlyMode: boolean }[] }).queues;
    expect(shown.map(({ name, readOnlyMode }) => [name, readOnlyMode])).toContainEqual(['commit', true]);
    expect(shown.every(({ readOnlyMode }) => readOnlyMode)).toBe(true);
    const tried = await console.app.request('/board/api/queues/commit/pause', {
      method: 'PUT',
      headers: { Authorization: `Bearer ${adminKey}` },
    });
    expect([404, 405]).toContain(tried.status);
  });
});
