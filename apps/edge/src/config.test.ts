import { describe, expect, test } from 'vitest';
import { providerChoice, readEdgeConfig, tokenSettings } from './config.ts';

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

  test('of buyer tokens are a secret or public keys, one of them and not both', () => {
    const jwt = { REDIS_URL: 'redis://127.0.0.1:6379', BUYER_AUTH: 'jwt' };
    const secret = 's'.repeat(32);
    expect(() => readEdgeConfig(jwt)).toThrow('BUYER_TOKEN_SECRET is missing');
    expect(() => readEdgeConfig({ ...jwt, BUYER_TOKEN_SECRET: 'short' })).toThrow('at least 32 characters');
    expect(() =>
      readEdgeConfig({ ...jwt, BUYER_TOKEN_SECRET: secret, BUYER_TOKEN_JWKS: 'keys.json' }),
    ).toThrow('not both');
    const none = { secret: null, jwks: null, issuer: null, audience: null };
    expect(tokenSettings(readEdgeConfig({ ...jwt, BUYER_TOKEN_SECRET: secret }))).toEqual({
      ...none,
      secret,
    });
    expect(
      tokenSettings(readEdgeConfig({ ...jwt, BUYER_TOKEN_JWKS: 'keys.json', BUYER_TOKEN_ISSUER: 'shop' })),
    ).toEqual({ ...none, jwks: 'keys.json', issuer: 'shop' });
    expect(tokenSettings(readEdgeConfig({ ...jwt, BUYER_AUTH: 'open' }))).toBeNull();
  });

  test('that are wrong are named all at once, without their values', () => {
    const read = () =>
      readEdgeConfig({ REDIS_URL: 'http://user:secret@host', EDGE_PORT: '70000', BUYER_AUTH: 'none' });
    for (const name of ['REDIS_URL', 'EDGE_PORT', 'BUYER_AUTH']) expect(read).toThrow(name);
    expect(read).not.toThrow('secret');
  });
});
