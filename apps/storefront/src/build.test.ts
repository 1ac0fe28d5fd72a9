import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { buildStorefront } from './build.ts';

const note = fileURLToPath(new URL('../dist/site.json', import.meta.url));

it('is built when what is there was made of other sources, and not otherwise', async () => {
  await buildStorefront();
  expect(await buildStorefront()).toBe('fresh');
  const site = JSON.parse(readFileSync(note, 'utf8')) as { stamp: string };
  writeFileSync(note, JSON.stringify({ ...site, stamp: 'of older sources' }));
  expect(await buildStorefront()).toBe('built');
  expect((JSON.parse(readFileSync(note, 'utf8')) as typeof site).stamp).toBe(site.stamp);
});
