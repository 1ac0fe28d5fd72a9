/** Every Redis key of the gate. All keys of a shard share one hash tag, so that one script may touch them and a cluster may place them. */
import { createHash } from 'node:crypto';

export interface SaleKeys {
  boot: string;
  sales: string;
  sale: string;
  intake: string;
  buyers: string;
  refusals: string;
  runs: string;
  /** What was settled while tickets are on their way back, by the journal's position. */
  moved: string;
  news: string;
  ticket(ticketId: string): string;
  /** Who solved this challenge of the sale; there as long as its solution would be taken. */
  solved(challengeId: string): string;
  staged(epoch: number): { sale: string; intake: string; buyers: string };
}

export function keysOf(shard: string, saleId: string): SaleKeys {
  const tag = `{s${shard}}`;
  return {
    boot: bootKey(shard),
    sales: salesKey(shard),
    sale: `${tag}:sale:${saleId}`,
    intake: `${tag}:intake:${saleId}`,
    buyers: `${tag}:buyers:${saleId}`,
    refusals: `${tag}:refusals:${saleId}`,
    runs: `${tag}:runs:${saleId}`,
    moved: `${tag}:stage:moved:${saleId}`,
    news: `${tag}:news:${saleId}`,
    ticket: (ticketId) => `${tag}:ticket:${ticketId}`,
    solved: (challengeId) => `${tag}:solved:${saleId}:${challengeId}`,
    staged: (epoch) => ({
      sale: `${tag}:stage:${epoch}:sale:${saleId}`,
      intake: `${tag}:stage:${epoch}:intake:${saleId}`,
      buyers: `${tag}:stage:${epoch}:buyers:${saleId}`,
    }),
  };
}

/** Written when every sale of the shard has its gate; while it is missing the shard is closed. */
export function bootKey(shard: string): string {
  return `{s${shard}}:boot`;
}

/** The ids of the shard's sales. */
export function salesKey(shard: string): string {
  return `{s${shard}}:sales`;
}

/** The shard a new sale is given; it is stored with the sale. */
export function shardOf(saleId: string, shards: number): string {
  if (shards <= 1) return '0';
  return (createHash('sha1').update(saleId).digest().readUInt32BE(0) % shards).toString(36);
}

export function allShards(shards: number): string[] {
  return Array.from({ length: Math.max(1, shards) }, (_, index) => index.toString(36));
}
