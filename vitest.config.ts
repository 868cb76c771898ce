import { defineConfig } from 'vitest/config';

// Workspace packages are tested from their sources: no build needs to run first.
const conditions = ['@evenkeel/source', 'module', 'node'];
const source = { resolve: { conditions }, ssr: { resolve: { conditions } } };
const integration = '**/*.integration.test.ts';

export default defineConfig({
  test: {
    projects: [
      {
        ...source,
        test: {
          name: 'unit',
          include: ['{packages,examples}/*/test/**/*.test.ts', '{test,scripts}/**/*.test.ts'],
          exclude: [integration, '**/node_modules/**'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        ...source,
        test: {
          name: 'integration',
          include: [`{packages,examples}/*/test/${integration}`, `{test,scripts}/${integration}`],
          exclude: ['**/node_modules/**'],
          globalSetup: './test/backends.ts',
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // one file after another, after the unit tests: some of them measure
          sequence: { groupOrder: 1 },
          fileParallelism: false,
        },
      },
    ],
  },
});
