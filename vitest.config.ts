import { defineConfig } from 'vitest/config';

// Workspace packages are tested from their sources: no build needs to run first.
const conditions = ['@evenkeel/source', 'node'];
const source = { resolve: { conditions }, ssr: { resolve: { conditions } } };
const integration = '**/*.integration.test.ts';
const timed = '**/*.timed.test.ts';
const everywhere = (pattern: string) => [
  `{packages,examples}/*/test/${pattern}`,
  `{test,scripts}/${pattern}`,
];
const onServers = {
  globalSetup: './test/backends.ts',
  testTimeout: 60_000,
  hookTimeout: 120_000,
  // a second look in CI, which the report shows: these tests share two cores with their servers
  retry: process.env.CI ? 1 : 0,
  expect: { poll: { timeout: 20_000 } }, // the default of 1 s is too short for a job on a busy machine
};

export default defineConfig({
  test: {
    projects: [
      {
        ...source,
        test: {
          name: 'unit',
          include: everywhere('**/*.test.ts'),
          exclude: [integration, timed, '**/node_modules/**'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        ...source,
        test: {
          ...onServers,
          name: 'integration',
          include: everywhere(integration),
          exclude: ['**/node_modules/**'],
          sequence: { groupOrder: 1 },
          maxWorkers: 2, // they wait for servers more than they compute
        },
      },
      {
        ...source,
        test: {
          ...onServers,
          name: 'timed',
          include: everywhere(timed),
          exclude: ['**/node_modules/**'],
          // what measures, or freezes a server for long, has the machine to itself
          sequence: { groupOrder: 2 },
          fileParallelism: false,
        },
      },
    ],
  },
});
