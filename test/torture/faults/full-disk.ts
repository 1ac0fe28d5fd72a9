import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage } from '../stage.ts';
import { type Deeds, type Outcome } from './deed.ts';

const roomy = '6g';

/**
 * A disk in memory, whose size can be changed while it is used. Only root may mount one, and only in a namespace of its
 * own, so that it is gone with the processes that see it. False where that is not so.
 */
export function mountDisk(folder: string, inNamespace: boolean): boolean {
  mkdirSync(folder, { recursive: true });
  if (!inNamespace) return false;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${roomy},mode=755`, 'holdfast-torture', folder], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

export function unmountDisk(folder: string): void {
  execFileSync('umount', [folder], { stdio: 'ignore' });
}

/** The stores' disk has no room for a while; what dies of it comes back when there is. */
export function fullDiskDeeds(stage: Stage, disks: { redis: string; postgres: string } | null): Deeds {
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
