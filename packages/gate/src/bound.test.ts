import { expect, it } from 'vitest';
import { createBound } from './bound.ts';
import { LaneFull } from './lane.ts';

it('refuses at once what is too much, and has room again when something is done, well or not', async () => {
  const bound = createBound(2);
  const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const answers = [bound(() => first.promise), bound(() => second.promise)];
  await expect(bound(async () => 'never')).rejects.toBeInstanceOf(LaneFull);
  first.reject(new Error('away'));
  await expect(answers[0]).rejects.toThrow('away');
  expect(await bound(async () => 'third')).toBe('third');
  second.resolve('second');
  expect(await answers[1]).toBe('second');
});
