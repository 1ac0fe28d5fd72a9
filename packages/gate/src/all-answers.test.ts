import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { freshRedis } from '../../../test/support/stores.ts';
import { allAnswers } from './all-answers.ts';

it('a pipeline of which one command was refused is a fault, not an answer', async () => {
  const redis = new Redis((await freshRedis()).url);
  expect(await allAnswers(redis.pipeline().set('text', 'x').incr('count'))).toEqual(['OK', 1]);
  await expect(allAnswers(redis.pipeline().hincrby('text', 'b', 1).incr('count'))).rejects.toThrow(
    /WRONGTYPE/,
  );
  redis.disconnect();
});
