import { describe, expect, test } from 'vitest';
import {
  HoldPool,
  type HoldPoolOptions,
  MemoryStore,
  migrationSql,
  PostgresStore,
} from '../src/index.ts';
import { registerMetrics } from '../src/prometheus.ts';
import { WaitingRoom } from '../src/waiting-room/index.ts';

const redis = {
  defineCommand(this: Record<string, unknown>, name: string) {
    this[name] = async () => '';
  },
  duplicate: () => {
    throw new Error('not used');
  },
};
const store = new PostgresStore({ connect: () => Promise.reject(new Error('not used')) });
const make = (options: Record<string, unknown>) =>
  new HoldPool({ redis, store, pool: 'p', ...options } as HoldPoolOptions);

describe('options', () => {
  test('nothing is connected to by a constructor', () => {
    expect(make({}).pool).toBe('p');
  });

  test.each([
    ['ttlMs', 0],
    ['ttlMs', -1],
    ['ttlMs', 365 * 86_400_000],
    ['ttlMs', Number.NaN],
    ['ttlMs', '1000'],
    ['graceMs', -1],
    ['maxHoldMs', 119_999],
    ['limitPerHolder', 0],
    ['limitPerHolder', 1.5],
    ['commitMs', 0],
    ['replayMs', -5],
    ['commandTimeoutMs', Infinity],
    ['maintainEveryMs', 0],
    ['offerMs', 0],
    ['offerMs', '1000'],
    ['waitingPlaces', -1],
    ['waitingPlaces', 1_000_001],
  ])('%s of %s is a RangeError that names it', (field, value) => {
    expect(() => make({ [field]: value })).toThrow(RangeError);
    expect(() => make({ [field]: value })).toThrow(`\`${field}\``);
    expect(() => make({ [field]: value })).toThrow(`got ${value}`);
  });

  test.each([
    ['fallback.afterMs', { afterMs: 0 }, '0'],
    ['fallback.afterMs', { afterMs: '5' }, '5'],
    ['fallback.backAfterMs', { backAfterMs: 365 * 86_400_000 }, '31536000000'],
    ['fallback.backAfterMs', { backAfterMs: Number.NaN }, 'NaN'],
  ])('%s of %j is a RangeError that names it', (field, fallback, shown) => {
    expect(() => make({ fallback })).toThrow(RangeError);
    expect(() => make({ fallback })).toThrow(`\`${field}\``);
    expect(() => make({ fallback })).toThrow(`got ${shown}`);
  });

  test.each([['yes'], [1], [null]])(
    'fallback %j is no boolean and no object of times',
    (fallback) => {
      expect(() => make({ fallback })).toThrow(TypeError);
      expect(() => make({ fallback })).toThrow('Expected `fallback`');
    },
  );

  test('a fallback needs a Redis to fall back from', () => {
    expect(() => make({ fallback: true, redis: undefined })).toThrow('Expected `redis`');
  });

  test.each([
    ['redis', {}],
    ['store', {}],
    ['clock', 5],
  ])('%s of the wrong kind is a TypeError that names it', (field, value) => {
    expect(() => make({ [field]: value })).toThrow(TypeError);
    expect(() => make({ [field]: value })).toThrow(`\`${field}\``);
  });

  test.each(['a{b}', 'a b', '', 'x'.repeat(65), 'a:b', 7, undefined])(
    'pool %j is refused',
    (pool) => {
      expect(() => make({ pool })).toThrow('Expected `pool`');
    },
  );

  test.each([
    [{ ttl: 5_000 }, /^Unknown option `ttl`, expected one of .*\bttlMs\b/],
    [{ limit: 4 }, 'Unknown option `limit`'],
    [
      { fallback: { after: 5 } },
      'Unknown option `fallback.after`, expected one of afterMs, backAfterMs',
    ],
  ])('%j has an option that nobody reads', (options, message) => {
    expect(() => make(options)).toThrow(TypeError);
    expect(() => make(options)).toThrow(message);
  });

  test('so has a store, a waiting room, a registry', () => {
    const pg = { connect: async () => ({}) as never };
    expect(() => new PostgresStore(pg, { timeout: 5 } as never)).toThrow(
      'Unknown option `timeout`',
    );
    expect(() => new MemoryStore({ now: Date.now } as never)).toThrow(
      'Unknown option `now`, expected one of clock, query',
    );
    const room = { redis, room: 'r', secrets: ['s'.repeat(32)], seed: 's'.repeat(32), opensAt: 0 };
    expect(() => new WaitingRoom({ ...room, perSeconds: 5 } as never)).toThrow(
      'Unknown option `perSeconds`, expected one of',
    );
    const registry = { registerMetric() {}, removeSingleMetric() {} };
    expect(() => registerMetrics(registry, [], { timeout: 5 } as never)).toThrow(
      'Unknown option `timeout`',
    );
  });

  test('the callers options are not written to', () => {
    const options = Object.freeze({ redis, store, pool: 'p' });
    expect(new HoldPool(options).pool).toBe('p');
  });
});

describe('the PostgreSQL store', () => {
  test.each(['', 'A', 'a-b', 'a; DROP TABLE x', 'x'.repeat(64), '1a'])(
    'schema %j is refused',
    (schema) => {
      expect(() => migrationSql(schema)).toThrow(TypeError);
      expect(() => new PostgresStore({ connect: async () => ({}) as never }, { schema })).toThrow(
        'Expected `schema`',
      );
    },
  );

  test('its deadline must be a positive integer', () => {
    const pg = { connect: async () => ({}) as never };
    expect(() => new PostgresStore(pg, { timeoutMs: 0 })).toThrow('Expected `timeoutMs`');
  });
});
