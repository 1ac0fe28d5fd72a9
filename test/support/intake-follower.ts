import { Redis } from 'ioredis';

/** A command as it stands in the intake, with its place in line and the gate's time; epoch milliseconds. */
export interface Arrival {
  seq: number;
  kind: string;
  ticketId: string;
  at: number;
}

export interface IntakeFollower {
  close(): Promise<void>;
}

/**
 * Reads the intake of a sale along as it is written: what reached the gate, in which order and when, is known from here
 * and not from what the house says of it. An entry that is decided and trimmed within milliseconds may be missed.
 */
export function followIntake(
  redisUrl: string,
  saleId: string,
  seen: (arrival: Arrival) => void,
): IntakeFollower {
  const redis = new Redis(redisUrl, { connectionName: 'holdfast-test-follower' });
  redis.on('error', () => undefined);
  const key = `{s0}:intake:${saleId}`;
  let last = 0;
  let open = true;
  const done = follow();

  async function follow(): Promise<void> {
    while (open) {
      const read = await redis.xread('COUNT', 1_000, 'BLOCK', 200, 'STREAMS', key, `${last}-0`);
      for (const [id, [, packed = '']] of read?.[0]?.[1] ?? []) {
        last = Number(id.split('-')[0]);
        const [, , , , kind = '', ticketId = '', , , , at] = packed.split('\n');
        seen({ seq: last, kind, ticketId, at: Number(at) });
      }
    }
  }

  return {
    async close() {
      open = false;
      await done;
      redis.disconnect();
    },
  };
}
