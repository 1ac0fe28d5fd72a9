import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage } from '../stage.ts';
import { type Deeds, type Outcome } from './deed.ts';

const roomy = '6g';

/** Of these, one that is empty is mounted on: in a namespace of our own nobody else sees it, and nothing is left of it. */
const places = ['/mnt', '/srv', '/media', '/opt'];

export interface Disks {
  readonly redis: string;
  readonly postgres: string;
}

/**
 * A disk in memory for each store, whose size can be changed while it is used. Only root may mount one, and only in a
 * namespace of its own, so that it is gone with the processes that see it. Null where that is not so.
 */
export function mountDisks(inNamespace: boolean): Disks | null {
  const place = places.find((folder) => existsSync(folder) && readdirSync(folder).length === 0);
  if (!inNamespace || place === undefined) return null;
  const disks = { redis: join(place, 'redis'), postgres: join(place, 'postgres') };
  try {
    mount(place);
    for (const folder of Object.values(disks)) {
      mkdirSync(folder);
      mount(folder);
    }
    return disks;
  } catch {
    return null;
  }
}

function mount(folder: string): void {
  const options = `size=${roomy},mode=755`;
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'holdfast-torture', folder], { stdio: 'ignore' });
}

/** The stores' disk has no room for a while; what dies of it comes back when there is. */
export function fullDiskDeeds(stage: Stage, disks: Disks | null): Deeds {
  return {
    'redis-disk-full': ({ lastsMs }) => fill('redis', lastsMs),
    'postgres-disk-full': ({ lastsMs }) => fill('postgres', lastsMs),
  };

  async function fill(which: 'redis' | 'postgres', lastsMs: number): Promise<Outcome> {
    if (disks === null) return { kind: 'skipped', why: 'needs root, and a mount in a namespace of its own' };
    const disk = disks[which];
    const usedKb = Number(
      execFileSync('df', ['-k', '--output=used', disk], { encoding: 'utf8' }).split('\n')[1],
    );
    resize(disk, `${usedKb + 4}k`);
    await sleep(lastsMs);
    resize(disk, roomy);
    const died = await stage.untilStoresRun();
    return { kind: 'done', detail: died };
  }
}

function resize(folder: string, size: string): void {
  execFileSync('mount', ['-o', `remount,size=${size}`, folder], { stdio: 'ignore' });
}
