import { describe, expect, it } from 'vitest';
import { readWorkerConfig } from './config.ts';

const stores = { DATABASE_URL: 'postgres://here', REDIS_URL: 'redis://here' };

describe('the settings of a worker', () => {
  it('let webhooks call nobody but the internet, unless ranges are named', () => {
    expect(readWorkerConfig(stores).WEBHOOK_PRIVATE_RANGES).toEqual([]);
    const named = readWorkerConfig({ ...stores, WEBHOOK_PRIVATE_RANGES: '10.0.0.0/8, ::1' });
    expect(named.WEBHOOK_PRIVATE_RANGES.map(([range, bits]) => `${range}/${bits}`)).toEqual([
      '10.0.0.0/8',
      '::1/128',
    ]);
  });

  it('are refused, every one that is wrong, before anything is opened', () => {
    const wrong = { WEBHOOK_PRIVATE_RANGES: '10.0.0.0/8,home', COMMIT_RETRIES: '-1' };
    expect(() => readWorkerConfig(wrong)).toThrow(
      /DATABASE_URL is missing[\s\S]*COMMIT_RETRIES[\s\S]*WEBHOOK_PRIVATE_RANGES: must be addresses or ranges/,
    );
  });
});
