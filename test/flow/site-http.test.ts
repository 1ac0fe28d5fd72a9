import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { preferred } from '../../apps/edge/src/routes/site.ts';
import { rawRequest } from '../support/raw-request.ts';
import { builtSite } from '../support/site.ts';
import { type EdgeHouse, openEdgeHouse } from './edge-house.ts';

let house: EdgeHouse;

beforeAll(async () => {
  house = await openEdgeHouse({ site: await builtSite(), corsOrigins: ['https://shop.example'] });
});

afterAll(() => house.close());

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  rawRequest(house.port, method, path, headers);

describe('the pages that the edge hands out', () => {
  it.each([
    ['/', 'text/html; charset=utf-8'],
    ['/race', 'text/html; charset=utf-8'],
    ['/architecture', 'text/html; charset=utf-8'],
    ['/holdfast-buy.js', 'text/javascript; charset=utf-8'],
    ['/holdfast-buy.ar.json', 'application/json'],
    ['/pictures/lamp.svg', 'image/svg+xml'],
    ['/favicon.svg', 'image/svg+xml'],
  ])('%s is there, closed to everything from outside, and tells what it is', async (path, type) => {
    const { status, headers } = await get(path);
    expect([status, headers['content-type']]).toEqual([200, type]);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['referrer-policy']).toBe('strict-origin-when-cross-origin');
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; /);
    expect(headers['content-security-policy']).not.toMatch(/unsafe-eval|https?:/);
    expect(headers['x-request-id']).toBeDefined();
  });

  it('come in the language that the address asks for, or the browser, or English', async () => {
    const languageOf = async (path: string, wanted: string) =>
      (await get(path, { 'Accept-Language': wanted })).headers['content-language'];
    expect(await languageOf('/', 'fr-CA,fr;q=0.9,en;q=0.8')).toBe('fr');
    expect(await languageOf('/?lang=ko', 'fr')).toBe('ko');
    expect(await languageOf('/?lang=../../etc', 'fr')).toBe('fr');
    expect(await languageOf('/', 'tlh')).toBe('en');
    expect((await get('/')).headers['vary']).toBe('Accept-Language, Accept-Encoding, Origin');
  });

  it('are compressed for those who take it, with a tag of their own, and not sent again', async () => {
    const plain = await get('/');
    const packed = await get('/', { 'Accept-Encoding': 'br, gzip' });
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(packed.body).equals(plain.body)).toBe(true);
    expect(packed.headers['etag']).not.toBe(plain.headers['etag']);
    const again = await get('/', {
      'Accept-Encoding': 'gzip',
      'If-None-Match': String(packed.headers['etag']),
    });
    expect([again.status, again.body.length]).toEqual([304, 0]);
    expect((await get('/', { 'Accept-Encoding': 'gzip;q=0' })).headers['content-encoding']).toBeUndefined();
  });

  it('may be kept for ever where the name changes with the content, and for a moment where it does not', async () => {
    const [address] = /\/assets\/[^"]+\.js/.exec((await get('/')).body.toString()) ?? [];
    expect((await get(address as string)).headers['cache-control']).toContain('immutable');
    expect((await get('/holdfast-buy.js')).headers['cache-control']).toContain('max-age=10');
  });

  it('answer HEAD like GET without the body, and what is not there with a problem', async () => {
    const head = await get('/', {}, 'HEAD');
    expect([head.status, head.body.length]).toEqual([200, 0]);
    for (const path of ['/assets/none.js', '/assets/../site.json', '/site.json', '/drop.en.html'])
      expect([path, (await get(path)).status]).toEqual([path, 404]);
    expect((await get('/', {}, 'POST')).status).toBe(405);
  });
});

describe('the language of a browser', () => {
  const ours = ['en', 'ja', 'ar'];
  it.each([
    ['', 'en'],
    ['ja', 'ja'],
    ['AR-eg', 'ar'],
    ['de, ja;q=0.5, ar;q=0.7', 'ar'],
    ['ja;q=0, ar', 'ar'],
    ['ja;q=nonsense', 'ja'],
    [',;,;q=;', 'en'],
    [`${'x,'.repeat(5_000)}ja`, 'en'],
  ])('%j is %s', (header, language) => {
    expect(preferred(header, ours)).toBe(language);
  });
});
