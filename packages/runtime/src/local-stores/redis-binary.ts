import { spawnSync } from 'node:child_process';
import { onPath, programOf } from './program.ts';

export interface RedisBinary {
  readonly file: string;
  /** Debian's redis-check-rdb is redis-server under another name; the name it is called by decides. */
  readonly argv0?: string;
}

/**
 * Finds a Redis or Valkey server, installing one when that is possible without asking.
 * Throws one line that can be pasted when it is not.
 */
export function redisBinary(say: (line: string) => void = () => {}): Promise<RedisBinary> {
  return programOf(
    {
      name: 'Redis',
      find: findRedis,
      // Debian and Ubuntu ship the server's program in `redis-tools`; `redis-server` only adds a system service, which
      // would start on its own and occupy 6379. So the tools are installed, and nothing else starts.
      apt: 'redis-tools',
      brew: 'redis',
      paste: {
        dnf: 'sudo dnf install -y redis || sudo dnf install -y valkey',
        apk: 'sudo apk add redis',
        pacman: 'sudo pacman -S --noconfirm valkey',
        other: 'brew install redis',
      },
      installSeconds: 180,
    },
    say,
  );
}

export function findRedis(): RedisBinary | null {
  for (const name of ['redis-server', 'valkey-server']) {
    const file = onPath(name);
    if (file !== null) return { file };
  }
  const twin = onPath('redis-check-rdb');
  if (twin !== null && isServer(twin, 'redis-server')) return { file: twin, argv0: 'redis-server' };
  return null;
}

function isServer(file: string, argv0: string): boolean {
  const asked = spawnSync(file, ['--version'], { argv0, encoding: 'utf8', timeout: 5000 });
  return asked.status === 0 && asked.stdout.includes('server v=');
}
