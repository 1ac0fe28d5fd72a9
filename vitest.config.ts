import { defineConfig } from 'vitest/config';

const longRuns = '**/*.long.test.ts';
const elsewhere = ['**/node_modules/**', '**/.holdfast/**'];

export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    // Real stores and real sockets: four files at a time, since most of their time is waiting, each in a process of its own.
    pool: 'forks',
    maxWorkers: 4,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    teardownTimeout: 15_000,
    clearMocks: true,
    projects: [
      {
        extends: true,
        test: {
          name: 'quick',
          include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [...elsewhere, longRuns],
        },
      },
      {
        extends: true,
        test: { name: 'long', include: [longRuns], exclude: elsewhere, testTimeout: 600_000 },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['packages/{core,gate,ledger,pipeline}/src/**/*.ts'],
      exclude: ['**/*.test.ts'],
      reporter: ['text', 'json-summary'],
      reportOnFailure: true,
      thresholds: {
        'packages/core/src/**': { branches: 90 },
        'packages/gate/src/**': { branches: 90 },
        'packages/ledger/src/**': { branches: 90 },
        'packages/pipeline/src/**': { branches: 90 },
      },
    },
  },
});
