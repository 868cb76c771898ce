import { describe, expect, test } from 'vitest';
import {
  diskCheck,
  eventLoopCheck,
  GracefulShutdown,
  Health,
  heapCheck,
  httpCheck,
  httpHandler,
  kafkaCheck,
  pgCheck,
  pgPoolCheck,
  redisCheck,
  redisQuorum,
  replicaLagCheck,
  syntheticCheck,
} from '../src/index.ts';
import { planProbes } from '../src/plan.ts';
import { ReadWriteRouter } from '../src/postgres.ts';
import { registerMetrics } from '../src/prometheus.ts';

const anything = {} as never;
const ok = async () => undefined;
const redis = { eval: ok, set: ok, get: ok, del: ok } as never;
const pool = {
  options: {},
  Client: class {},
  connect: ok,
  totalCount: 0,
  idleCount: 0,
  waitingCount: 0,
} as never;
const health = new Health({ service: 'orders' });

/** Each takes options of any shape. */
const places: Record<string, (options: never) => unknown> = {
  Health: (options) => new Health(options),
  'health.check': (options) => health.check('db', ok, options),
  GracefulShutdown: (options) => new GracefulShutdown(options),
  ReadWriteRouter: (options) => new ReadWriteRouter(options),
  redisQuorum: (options) => redisQuorum(redis, options),
  httpHandler: (options) => httpHandler(health, options),
  registerMetrics: (options) => registerMetrics(anything, [], options),
  diskCheck: (options) => diskCheck('/', options),
  eventLoopCheck: (options) => eventLoopCheck(options),
  heapCheck: (options) => heapCheck(options),
  httpCheck: (options) => httpCheck('http://127.0.0.1', options),
  kafkaCheck: (options) => kafkaCheck({ admin: ok } as never, options),
  pgCheck: (options) => pgCheck(pool, options),
  pgPoolCheck: (options) => pgPoolCheck(pool, options),
  redisCheck: (options) => redisCheck(redis, options),
  replicaLagCheck: (options) => replicaLagCheck(pool, pool, options),
  syntheticCheck: (options) => syntheticCheck(options),
};

describe('an option that nobody reads', () => {
  test.each(Object.entries(places))('of %s is refused', (_, make) => {
    expect(() => make({ nonsense: true } as never)).toThrow(TypeError);
    expect(() => make({ nonsense: true } as never)).toThrow('Unknown option `nonsense`, expected');
    expect(() => make(null as never)).toThrow('Expected `options` to be an object, got null');
  });

  test('is told with those that exist', () => {
    expect(() => health.check('db', ok, { timeout: 5 } as never)).toThrow(
      /^Unknown option `timeout`, expected one of .*\btimeoutMs\b/,
    );
    expect(() => new GracefulShutdown({ capsMs: { https: 5 } as never })).toThrow(
      'Unknown option `capsMs.https`, expected one of jobs, consumers, http,',
    );
    expect(() => new GracefulShutdown({ phases: { database: [] } as never })).toThrow(
      'Unknown option `phases.database`, expected one of jobs,',
    );
    expect(() => planProbes({ graceSecond: 5 } as never)).toThrow('Unknown option `graceSecond`');
  });

  test('of a read or a write is refused before a connection is taken', async () => {
    const router = new ReadWriteRouter({ primary: pool });
    const run = () => Promise.reject(new Error('not to be run'));
    await expect(router.read(run, { token: '1-1' } as never)).rejects.toThrow('option `token`');
    await expect(router.write(run, { isolations: true } as never)).rejects.toThrow('`isolations`');
    await expect(router.session().write(run, { level: 1 } as never)).rejects.toThrow('`level`');
  });
});
