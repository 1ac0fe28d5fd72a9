import { makeTicketId, parseTicketId } from '@holdfast/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allShards, bootKey, keysOf, salesKey, shardOf } from './keys.ts';

const saleIds = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);

function everyKey(shard: string, saleId: string): string[] {
  const { boot, sales, sale, intake, buyers, refusals, news, ticket, solved, staged } = keysOf(shard, saleId);
  return [
    boot,
    sales,
    sale,
    intake,
    buyers,
    refusals,
    news,
    ticket('t'),
    solved('c'),
    ...Object.values(staged(2)),
    ...Object.values(staged(3)),
  ];
}

describe('the keys of a sale', () => {
  it('all share one hash tag, so that one script may touch them on a cluster', () => {
    fc.assert(
      fc.property(saleIds, fc.integer({ min: 1, max: 50 }), (saleId, shards) => {
        const shard = shardOf(saleId, shards);
        for (const key of everyKey(shard, saleId)) expect(key.match(/\{[^}]*\}/)?.[0]).toBe(`{s${shard}}`);
      }),
    );
  });

  it('are its own: no two of them are the same, and no other sale has one of them', () => {
    fc.assert(
      fc.property(saleIds, saleIds, (one, other) => {
        expect(new Set(everyKey('0', one)).size).toBe(everyKey('0', one).length);
        if (one === other) return;
        const shared = new Set([bootKey('0'), salesKey('0'), keysOf('0', one).ticket('t')]);
        const others = new Set(everyKey('0', other));
        expect(everyKey('0', one).filter((key) => others.has(key) && !shared.has(key))).toEqual([]);
      }),
    );
  });

  it('are called as operators know them', () => {
    const keys = keysOf('0', 'tees');
    expect(keys.sale).toBe('{s0}:sale:tees');
    expect(keys.intake).toBe('{s0}:intake:tees');
    expect(keys.ticket('0-tees-x')).toBe('{s0}:ticket:0-tees-x');
    expect(keys.staged(4).sale).toBe('{s0}:stage:4:sale:tees');
    expect([bootKey('1'), salesKey('1')]).toEqual(['{s1}:boot', '{s1}:sales']);
  });
});

describe('the shard of a sale', () => {
  it('is always the same, is one of those there are, and can be read from a ticket', () => {
    fc.assert(
      fc.property(saleIds, fc.integer({ min: 1, max: 2_000 }), (saleId, shards) => {
        const shard = shardOf(saleId, shards);
        expect(shardOf(saleId, shards)).toBe(shard);
        expect(allShards(shards)).toContain(shard);
        expect(parseTicketId(makeTicketId(shard, saleId, 'a'.repeat(22)))).toEqual({ shard, saleId });
      }),
      { numRuns: 50 },
    );
  });

  it('is the only one where there is one', () => {
    expect([shardOf('a', 1), shardOf('b', 0), ...allShards(1), ...allShards(0)]).toEqual([
      '0',
      '0',
      '0',
      '0',
    ]);
  });

  it('is spread over all there are', () => {
    const seen = new Set(Array.from({ length: 400 }, (_, index) => shardOf(`sale-${index}`, 8)));
    expect([...seen].sort()).toEqual(allShards(8));
  });
});
