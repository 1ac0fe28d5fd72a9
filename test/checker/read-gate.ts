/** One sale's gate as it stands in Redis, read by the names that ARCHITECTURE.md gives ("Redis, as built"), into the form of README.md. */
import type { Redis } from 'ioredis';
import type { GateAtRest } from './evidence.ts';

/** `prefix` is the hash tag of the sale's shard, like `{s0}`. Null when this Redis does not have the sale. */
export async function readGate(redis: Redis, prefix: string, saleId: string): Promise<GateAtRest | null> {
  const sale = await redis.hgetall(`${prefix}:sale:${saleId}`);
  if (sale['epoch'] === undefined) return null;
  const items: GateAtRest['items'] = {};
  for (const [field, value] of Object.entries(sale)) {
    if (!field.startsWith('ceiling:')) continue;
    const sku = field.slice('ceiling:'.length);
    items[sku] = {
      ceiling: Number(value),
      admitted: Number(sale[`admitted:${sku}`] ?? 0),
      stock: Number(sale[`stock:${sku}`] ?? 0),
    };
  }
  const cursor = Number(sale['cursor']);
  return {
    epoch: Number(sale['epoch']),
    seq: Number(sale['seq']),
    cursor,
    journal: Number(sale['journal']),
    items,
    intake: await readIntake(redis, `${prefix}:intake:${saleId}`, cursor),
    tickets: await readTickets(redis, `${prefix}:ticket:`, saleId),
    buyers: await redis.hgetall(`${prefix}:buyers:${saleId}`),
  };
}

/** An entry is `e` the packed entry and `h` the tip after it; the cursor's own entry stays as an anchor. */
async function readIntake(redis: Redis, key: string, cursor: number): Promise<[string, string, string][]> {
  const entries = await redis.xrange(key, `(${cursor}-0`, '+');
  return entries.map(([id, fields]) => {
    const values = new Map<string, string>();
    for (let index = 0; index < fields.length; index += 2)
      values.set(fields[index] ?? '', fields[index + 1] ?? '');
    return [id, values.get('e') ?? '', values.get('h') ?? ''];
  });
}

/** A ticket's id is `<shard>-<sale>-<secret>`. */
async function readTickets(redis: Redis, prefix: string, saleId: string): Promise<Record<string, string>> {
  const tickets: Record<string, string> = {};
  const pattern = `${escaped(prefix)}*-${escaped(saleId)}-*`;
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000);
    cursor = next;
    const records = keys.length === 0 ? [] : await redis.mget(keys);
    for (const [index, key] of keys.entries()) {
      const record = records[index];
      const id = key.slice(prefix.length);
      const belongs = id.slice(id.indexOf('-') + 1, id.lastIndexOf('-')) === saleId;
      if (record != null && belongs) tickets[id] = record;
    }
  } while (cursor !== '0');
  return tickets;
}

function escaped(text: string): string {
  return text.replace(/[*?[\]\\]/g, '\\$&');
}
