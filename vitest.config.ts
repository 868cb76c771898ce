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
        },
      },
    ],
  },
});
