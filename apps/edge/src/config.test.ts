import { describe, expect, test } from 'vitest';
import { readEdgeConfig } from './config.ts';

describe('the settings of an edge', () => {
  test('are complete with nothing but where Redis is, and set no limit on buyers', () => {
    expect(readEdgeConfig({ REDIS_URL: 'redis://127.0.0.1:6379', CORS_ORIGINS: '' })).toMatchObject({
      EDGE_PORT: 8080,
      HOST: '127.0.0.1',
      BUYER_AUTH: 'open',
      CORS_ORIGINS: [],
      MAX_CONNECTIONS: 0,
    });
  });

  test('that are wrong are named all at once, without their values', () => {
    const read = () =>
      readEdgeConfig({ REDIS_URL: 'http://user:secret@host', EDGE_PORT: '70000', BUYER_AUTH: 'jwt' });
    expect(read).toThrow(/BUYER_AUTH: jwt is not built yet/);
    for (const name of ['REDIS_URL', 'EDGE_PORT', 'BUYER_AUTH']) expect(read).toThrow(name);
    expect(read).not.toThrow('secret');
  });
});
