import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mopUpProcess } from '@holdfast/runtime/local-stores';
import { afterAll, describe, expect, it } from 'vitest';
import type { Report } from './report.ts';

describe('a minute of torture', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-tortured-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('breaks no law, whatever it kills, freezes, cuts and empties', async () => {
    const args = ['test/torture/main.ts', '--seed', '1', '--minutes', '1', '--keep', folder];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const forget = child.pid === undefined ? () => undefined : mopUpProcess(child.pid);
    const said: string[] = [];
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (piece) => void said.push(String(piece)));
    const [code] = (await once(child, 'exit')) as [number | null];
    forget();
    expect(code, said.join('')).toBe(0);
    const report = JSON.parse(readFileSync(join(folder, 'last-report.json'), 'utf8')) as Report;
    expect(report.faults).toBeGreaterThan(5);
    expect(report.invariants.reduce((sum, { looked }) => sum + looked, 0)).toBeGreaterThan(10_000);
  });
});
