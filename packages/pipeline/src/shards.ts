/** The shard names of a deployment, as the gate has them. */
export function allShards(shards: number): string[] {
  return Array.from({ length: Math.max(1, shards) }, (_, index) => index.toString(36));
}
