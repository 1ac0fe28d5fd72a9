/** What the nemesis can do. A kind's name is what `--faults` takes, and what the report counts. */
export interface Kind {
  readonly name: string;
  /** How often it is drawn, against the others. */
  readonly weight: number;
  readonly targets: readonly string[];
  /** How long it lasts, at least and at most, milliseconds; what happens in an instant lasts 0. */
  readonly lastsMs: readonly [number, number];
  /** It may lose what Redis acknowledged: tickets may be gone, if their buyers are told so. */
  readonly losesAcknowledged?: true;
}

const workers = ['worker 1', 'worker 2'];
const edges = ['edge 1', 'edge 2'];
const apps = [...workers, ...edges, 'console'];
const toRedis = apps.map((app) => `${app} > redis`);
const toPostgres = [...workers, 'console'].map((app) => `${app} > postgres`);
const lines = [...toRedis, ...toPostgres];

export const kinds: readonly Kind[] = [
  { name: 'kill-worker', weight: 10, targets: workers, lastsMs: [0, 0] },
  { name: 'kill-edge', weight: 8, targets: edges, lastsMs: [0, 0] },
  { name: 'kill-console', weight: 3, targets: ['console'], lastsMs: [0, 0] },
  { name: 'kill-redis', weight: 5, targets: ['redis'], lastsMs: [0, 2_000] },
  { name: 'kill-postgres', weight: 5, targets: ['postgres'], lastsMs: [0, 2_000] },
  { name: 'freeze-app', weight: 9, targets: apps, lastsMs: [200, 6_000] },
  { name: 'freeze-store', weight: 6, targets: ['redis', 'postgres'], lastsMs: [200, 6_000] },
  { name: 'cut', weight: 8, targets: lines, lastsMs: [200, 5_000] },
  { name: 'swallow', weight: 6, targets: lines, lastsMs: [200, 6_000] },
  { name: 'slow', weight: 6, targets: lines, lastsMs: [1_000, 6_000] },
  { name: 'lose-reply', weight: 10, targets: lines, lastsMs: [0, 0] },
  { name: 'crash-points', weight: 10, targets: apps, lastsMs: [3_000, 10_000] },
  { name: 'drain', weight: 5, targets: apps, lastsMs: [0, 0] },
  { name: 'stores-apart', weight: 3, targets: ['redis and postgres'], lastsMs: [200, 3_000] },
  { name: 'redis-tail', weight: 5, targets: ['redis'], lastsMs: [0, 0], losesAcknowledged: true },
  { name: 'redis-old-file', weight: 3, targets: ['redis'], lastsMs: [1_000, 8_000], losesAcknowledged: true },
  { name: 'redis-flush', weight: 3, targets: ['redis'], lastsMs: [0, 0], losesAcknowledged: true },
  { name: 'redis-empty', weight: 3, targets: ['redis'], lastsMs: [0, 0], losesAcknowledged: true },
  { name: 'promote-replica', weight: 4, targets: ['redis'], lastsMs: [200, 3_000], losesAcknowledged: true },
  { name: 'end-sessions', weight: 5, targets: ['postgres'], lastsMs: [0, 0] },
  { name: 'conflicts', weight: 4, targets: ['postgres'], lastsMs: [1_000, 6_000] },
  { name: 'restart-postgres', weight: 3, targets: ['postgres'], lastsMs: [0, 0] },
  { name: 'clock', weight: 3, targets: workers, lastsMs: [5_000, 15_000] },
  { name: 'redis-disk-full', weight: 3, targets: ['redis'], lastsMs: [500, 5_000] },
  { name: 'postgres-disk-full', weight: 3, targets: ['postgres'], lastsMs: [500, 5_000] },
];

/** Which of the wanted kinds there are not. */
export function unknownKinds(wanted: readonly string[]): string[] {
  return wanted.filter((name) => kinds.every((kind) => kind.name !== name));
}
