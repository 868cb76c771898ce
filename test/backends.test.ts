import { afterEach, expect, it, vi } from 'vitest';
import { clusterId } from './backends/cluster-id.ts';
import { BackendError, backends, uniqueName } from './backends.ts';

afterEach(() => void vi.unstubAllEnvs());

it('gives a test the addresses of the environment', () => {
  vi.stubEnv('REDIS_URL', 'redis://there:6379');
  vi.stubEnv('DATABASE_URL', 'postgres://there/shop');
  vi.stubEnv('KAFKA_BROKERS', 'there:9092');
  expect(backends()).toEqual({
    redisUrl: 'redis://there:6379',
    databaseUrl: 'postgres://there/shop',
    kafkaBrokers: 'there:9092',
  });
});

it('says how to run a test whose set-up did not run', () => {
  vi.stubEnv('REDIS_URL', '');
  expect(backends).toThrow(BackendError);
  expect(backends).toThrow('REDIS_URL is not set. Run this by `npm run test:integration`');
});

it('makes names that are fit for keys, schemas and topics, and never the same twice', () => {
  const names = Array.from({ length: 1_000 }, () => uniqueName('Seat-Holds'));
  for (const name of names) expect(name).toMatch(/^seat_holds_[a-z0-9]{1,8}$/);
  expect(new Set(names).size).toBe(1_000);
});

it('makes cluster ids that no command line takes for an option', () => {
  for (let i = 0; i < 1_000; i++) expect(clusterId()).toMatch(/^[A-Za-f][\w-]{21}$/);
});
