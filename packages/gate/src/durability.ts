import type { Redis } from 'ioredis';

/**
 * Where this Redis promises less than a ticket does, one sentence each; none where all is as in infra/redis.conf. What may
 * not be asked, for want of a permission, is not judged.
 */
export async function weakDurability(redis: Redis): Promise<string[]> {
  const [memory, persistence, fsync] = await Promise.all([
    redis.info('memory').catch(() => ''),
    redis.info('persistence').catch(() => ''),
    redis.config('GET', 'appendfsync').catch(() => []) as Promise<string[]>,
  ]);
  const weak: string[] = [];
  if (fieldOf(persistence, 'aof_enabled') === '0')
    weak.push(
      'Redis keeps no append-only file: a restart loses every ticket that the ledger has not decided',
    );
  else if (fsync[1] !== undefined && fsync[1] !== 'always')
    weak.push(`Redis has appendfsync ${fsync[1]}: a crash may lose the last acknowledged tickets`);
  const policy = fieldOf(memory, 'maxmemory_policy');
  if (policy !== '' && policy !== 'noeviction')
    weak.push(`Redis has maxmemory-policy ${policy}: when it is full, it forgets instead of refusing`);
  return weak;
}

function fieldOf(info: string, name: string): string {
  return new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1] ?? '';
}
