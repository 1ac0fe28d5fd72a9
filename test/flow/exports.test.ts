import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reserve } from '../support/commands.ts';
import { adminKey, openConsoleApp } from '../support/console-app.ts';
import { type House, openHouse } from '../support/house.ts';
import { openTees } from '../support/sales.ts';

let house: House;
let consoleApp: Awaited<ReturnType<typeof openConsoleApp>>;

beforeAll(async () => {
  house = await openHouse({ workers: 0 });
  consoleApp = await openConsoleApp(house);
});
afterAll(async () => {
  await consoleApp.close();
  await house.close();
});

describe('an export of reservations', () => {
  it('has in NDJSON what a page has in JSON, and as much as was asked for', async () => {
    const small = await openTees(house, 10);
    for (const buyer of ['ann', '=1+1', 'cem']) await reserve(house.edge, small, buyer);
    await house.commit(small);
    const read = (query: string, accept: string) =>
      consoleApp.app.request(`/v1/sales/${small}/reservations${query}`, {
        headers: { Authorization: `Bearer ${adminKey}`, Accept: accept },
      });
    const lines = async (query: string) => {
      const response = await read(query, 'application/x-ndjson');
      expect(response.headers.get('content-type')).toBe('application/x-ndjson');
      return (await response.text())
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line));
    };
    const { reservations } = (await (await read('', 'application/json')).json()) as {
      reservations: unknown[];
    };
    expect(reservations.length).toBe(3);
    expect(await lines('')).toEqual(reservations);
    expect(await lines('?limit=2')).toEqual(reservations.slice(0, 2));
    expect(await lines('?buyer=ann')).toEqual(reservations.slice(0, 1));
    expect(await lines('?status=confirmed')).toEqual([]);
    const csv = await (await read('', 'text/csv')).text();
    expect(csv).toContain(",'=1+1,");
  });
});
