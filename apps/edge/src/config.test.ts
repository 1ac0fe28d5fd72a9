import { describe, expect, test } from 'vitest';
import { providerChoice, readEdgeConfig } from './config.ts';

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

  test('of money are needed only where Stripe takes it, and all that are missing are named', () => {
    const stores = { REDIS_URL: 'redis://127.0.0.1:6379' };
    expect(providerChoice(readEdgeConfig(stores))).toEqual({ kind: 'none' });
    expect(providerChoice(readEdgeConfig({ ...stores, PAYMENTS: 'fake' }))).toEqual({ kind: 'fake' });
    const read = () => readEdgeConfig({ PAYMENTS: 'stripe', STRIPE_WEBHOOK_SECRET: '' });
    for (const name of ['REDIS_URL', 'STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET'])
      expect(read).toThrow(`${name} is missing`);
    const keys = { PAYMENTS: 'stripe', STRIPE_SECRET_KEY: 'sk_test_1', STRIPE_WEBHOOK_SECRET: 'whsec_1' };
    expect(providerChoice(readEdgeConfig({ ...stores, ...keys }))).toEqual({
      kind: 'stripe',
      secretKey: 'sk_test_1',
      webhookSecret: 'whsec_1',
      apiUrl: 'https://api.stripe.com',
    });
    expect(() => readEdgeConfig({ ...stores, ...keys, PAYMENTS: 'paypal' })).toThrow('PAYMENTS');
  });

  test('that are wrong are named all at once, without their values', () => {
    const read = () =>
      readEdgeConfig({ REDIS_URL: 'http://user:secret@host', EDGE_PORT: '70000', BUYER_AUTH: 'jwt' });
    expect(read).toThrow(/BUYER_AUTH: jwt is not built yet/);
    for (const name of ['REDIS_URL', 'EDGE_PORT', 'BUYER_AUTH']) expect(read).toThrow(name);
    expect(read).not.toThrow('secret');
  });
});
