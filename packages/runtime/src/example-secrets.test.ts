import { describe, expect, it } from 'vitest';
import { ConfigProblems, readConfig, settings } from './config.ts';

const shape = {
  ADMIN_KEY: settings.adminKey,
  DATABASE_URL: settings.databaseUrl,
  REDIS_URL: settings.redisUrl,
};
const good = {
  ADMIN_KEY: '5f1c9ad0c1d54f7e8b22b6c7f0a3e911',
  DATABASE_URL: 'postgres://holdfast_console:9b1f4c7702d14a0c@db:5432/holdfast',
  REDIS_URL: 'redis://console:0c9e2a41bb7d4f60@redis:6379',
};

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(shape, env);
    return [];
  } catch (error) {
    if (error instanceof ConfigProblems) return error.problems;
    throw error;
  }
}

describe('a secret that stands in the documents', () => {
  const examples = {
    ADMIN_KEY: 'change-me-please-now',
    DATABASE_URL: 'postgres://holdfast:holdfast@db:5432/holdfast',
    REDIS_URL: 'redis://edge:EDGE_PASSWORD@redis:6379',
  };

  it.each([{ NODE_ENV: 'production' }, { HOST: '0.0.0.0' }, { HOST: '::' }, { HOST: '10.0.0.7' }])(
    'stops a process that is meant in earnest (%o), each of them named and none of them repeated',
    (earnest) => {
      const problems = problemsOf({ ...examples, ...earnest });
      expect(problems.map((line) => line.split(' ')[0])).toEqual(['ADMIN_KEY', 'DATABASE_URL', 'REDIS_URL']);
      for (const line of problems) expect(line).not.toMatch(/change-me|holdfast:holdfast|EDGE_PASSWORD/);
      expect(problemsOf({ ...good, ...earnest })).toEqual([]);
    },
  );

  it.each([{}, { HOST: '127.0.0.1' }, { HOST: 'localhost' }, { HOST: '::1' }])(
    'is enough for a try on one machine (%o)',
    (here) => expect(problemsOf({ ...examples, ...here })).toEqual([]),
  );

  it.each([
    ['aaaaaaaaaaaaaaaaaaaaaaaa', 1],
    ['0123456789abcdef0123456789', 1],
    ['your-admin-key-goes-here', 1],
    ['an-example-of-a-good-key', 1],
    ['kQ2v9rJt7nXc4bLm8sWz', 0],
    ['a-key-for-tests-only', 1],
  ])('is known by how it looks: %s', (ADMIN_KEY, count) => {
    expect(problemsOf({ ...good, ADMIN_KEY, NODE_ENV: 'production' })).toHaveLength(count);
  });

  it('is listed with everything else that is wrong', () => {
    const problems = problemsOf({ ADMIN_KEY: 'changeme', REDIS_URL: 'http://elsewhere', HOST: '0.0.0.0' });
    expect(problems.map((line) => line.split(/[: ]/)[0])).toEqual([
      'ADMIN_KEY',
      'DATABASE_URL',
      'REDIS_URL',
      'ADMIN_KEY',
    ]);
  });
});
