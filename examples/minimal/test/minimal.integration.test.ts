import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { backends } from '../../../test/backends.ts';

const folder = join(import.meta.dirname, '..');
const examples = readdirSync(folder).filter((file) => file.endsWith('.ts'));

test('there is one example for each package', () => {
  const packages = readdirSync(join(folder, '../../packages'));
  expect(examples.map((file) => file.replace('.ts', ''))).toEqual(packages);
});

test.each(examples)('%s runs by itself and says what it did', async (file) => {
  const { redisUrl, databaseUrl, kafkaBrokers } = backends();
  // kafkajs on Node 24 warns of its own timers
  const quiet = '--disable-warning=TimeoutNegativeWarning';
  const args = [quiet, '--conditions=@evenkeel/source', '--import', 'tsx', join(folder, file)];
  const { stdout, stderr } = await promisify(execFile)('node', args, {
    env: {
      ...process.env,
      REDIS_URL: redisUrl,
      DATABASE_URL: databaseUrl,
      KAFKA_BROKERS: kafkaBrokers,
    },
    timeout: 45_000,
  });
  expect(stdout.trim()).not.toBe('');
  expect(stderr).toBe('');
});
