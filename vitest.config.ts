import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Workspace packages are tested from their sources: no build needs to run first.
const conditions = ['@evenkeel/source', 'node'];
const source = { resolve: { conditions }, ssr: { resolve: { conditions } } };
const integration = '**/*.integration.test.ts';
const timed = '**/*.timed.test.ts';
const everywhere = (pattern: string) => [
  `{packages,examples}/*/test/${pattern}`,
  `{test,scripts}/${pattern}`,
];
/** The files that take longest, longest first: one that is begun last leaves the other workers idle. */
const long = [
  'ticketing/test/pages.integration',
  'async-jobs/test/faults.integration',
  'ticketing/test/start.integration',
  'async-jobs/test/kafkajs.integration',
  'ticketing/test/browser.integration',
  'tiered-cache/test/soak.integration',
  'ticketing/test/control-room.integration',
  'test/backends.integration',
  'ticketing/test/proof-endings.integration',
  'ticketing/test/browser-expiry.integration',
  'async-jobs/test/storm.integration',
  'soft-hold/test/fallback.integration',
  'ticketing/test/rush-killed.integration',
  'health/test/kafka-check.integration',
  'async-jobs/test/kill.integration',
  'async-jobs/test/memory',
].map((file) => `/${file}.test.ts`);
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const index = long.findIndex((file) => moduleId.endsWith(file));
      return index === -1 ? long.length : index;
    };
    return (await super.sort(files)).sort((one, other) => place(one) - place(other));
  }
}
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
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        ...source,
        test: {
          name: 'unit',
          include: everywhere('**/*.test.ts'),
          exclude: [integration, timed, '**/node_modules/**'],
          sequence: { groupOrder: 0 },
          maxWorkers: 2, // of two cores vitest would use one
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
          maxWorkers: 2, // they share two cores with their servers
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
