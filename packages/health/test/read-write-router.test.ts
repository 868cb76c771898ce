import { describe, expect, test } from 'vitest';
import { LagMeter } from '../src/postgres/lag-meter.ts';
import { poolerHazards } from '../src/postgres/pooler-hazards.ts';
import { covers, fromPgLsn, fromToken, toToken } from '../src/postgres/position.ts';
import { observeReplica, type ReplicaState } from '../src/postgres/replica-state.ts';
import {
  FallbackFullError,
  ReadWriteRouter,
  RolledBackError,
  StalePrimaryError,
} from '../src/postgres.ts';

describe('a token', () => {
  test('carries timeline and LSN there and back, up to their ends', () => {
    for (const lsn of [0n, 1n, fromPgLsn('16/B374D848'), 0xffff_ffff_ffff_ffffn]) {
      for (const timeline of [0, 1, 10, 0xffff_ffff]) {
        const token = toToken({ timeline, lsn });
        expect(token).toMatch(/^[0-9a-f-]{3,25}$/); // a cookie, a header and a query string take it as it is
        expect(fromToken('token', token)).toEqual({ timeline, lsn });
      }
    }
    expect(toToken({ timeline: 1, lsn: fromPgLsn('16/B374D848') })).toBe('1-16b374d848');
  });

  test.each([
    '',
    '1',
    '1-',
    '-1',
    '1-0/16B3748',
    '1-16B3748',
    '01-1',
    '1-1-1',
    ' 1-1',
    '1-1\n',
    '100000000-1',
    '1-10000000000000000',
  ])('%j is refused', (token) => {
    expect(() => fromToken('after', token)).toThrow('Expected `after` to be a timeline and an LSN');
  });

  test('what is no text is refused', () => {
    expect(() => fromToken('token', 7)).toThrow('Expected `token` to be a string, got 7');
  });

  test('a position covers what is before it on its own timeline, and nothing of another', () => {
    const at = (timeline: number, lsn: number) => ({ timeline, lsn: BigInt(lsn) });
    expect(covers(at(1, 10), at(1, 10))).toBe(true);
    expect(covers(at(1, 9), at(1, 10))).toBe(false);
    expect(covers(at(1, 99), at(2, 10))).toBe(false);
    expect(covers(at(2, 99), at(1, 10))).toBe(false);
    expect(covers(at(1, 99), at(0, 0))).toBe(false);
  });
});

describe('the lag', () => {
  const at = (lsn: number, timeline = 1) => ({ timeline, lsn: BigInt(lsn) });

  test('is the age of the first position of the primary that the replica lacks', () => {
    const meter = new LagMeter();
    expect(meter.lagMs(at(0), 0)).toBe(0);
    meter.mark(at(100), 0);
    meter.mark(at(200), 1_000);
    meter.mark(at(300), 2_000);
    expect(meter.lagMs(at(300), 3_000)).toBe(0);
    expect(meter.lagMs(at(250), 3_000)).toBe(1_000);
    expect(meter.lagMs(at(150), 3_000)).toBe(2_000);
    expect(meter.lagMs(at(50), 3_000)).toBe(3_000);
  });

  test('is 0 on an idle database and grows while replication is cut, from the first write on', () => {
    const meter = new LagMeter();
    for (let now = 0; now < 60_000; now += 1_000) meter.mark(at(100), now);
    expect(meter.lagMs(at(100), 60_000)).toBe(0);
    meter.mark(at(101), 60_000);
    expect(meter.lagMs(at(100), 61_000)).toBe(1_000);
    for (let now = 61_000; now < 5_000_000; now += 1_000) meter.mark(at(now), now);
    // Ten minutes are kept: a lag beyond that is at least so long.
    expect(meter.lagMs(at(100), 5_000_000)).toBeGreaterThanOrEqual(600_000);
  });

  test('of a replica that did not follow a promotion grows, whatever its number', () => {
    const meter = new LagMeter();
    meter.mark(at(100), 0);
    meter.mark(at(50, 2), 1_000);
    expect(meter.lagMs(at(999, 1), 4_000)).toBe(3_000);
    expect(meter.lagMs(at(50, 2), 4_000)).toBe(0);
  });
});

test('a replica leaves at one look, and returns by a lower bar, seen three times in a row', () => {
  const rules = { maxLagMs: 1_000, returnLagMs: 500, returnAfter: 3 };
  let state: ReplicaState = { kind: 'serving', lagMs: undefined };
  const look = (lag: number | string) => {
    const seen = typeof lag === 'string' ? { trouble: lag } : { lagMs: lag };
    state = observeReplica(state, seen, rules);
    return state.kind;
  };
  expect([1_000, 999, 1_001].map(look)).toEqual(['serving', 'serving', 'ejected']);
  // Between the two bars it stays out, however long, and begins again.
  expect([999, 501, 400, 400, 600, 500, 500].map(look)).toEqual(new Array(7).fill('ejected'));
  expect(state).toMatchObject({ reason: '1001 ms behind, allowed 1000', lagMs: 500 });
  expect(look(500)).toBe('serving');
  // In use, the same lags do not eject it.
  expect([999, 501, 600].map(look)).toEqual(new Array(3).fill('serving'));
  expect(look('gone')).toBe('ejected');
  expect(state).toMatchObject({ reason: 'gone', lagMs: undefined });
  expect([0, 0, 'gone again', 0, 0].map(look)).toEqual(new Array(5).fill('ejected'));
  expect(look(0)).toBe('serving');
});

test.each([
  ['select pg_advisory_lock(1)', ['POOLER_SESSION_LOCK']],
  ['SELECT pg_try_advisory_lock_shared(1)', ['POOLER_SESSION_LOCK']],
  ['select pg_advisory_xact_lock(1)', []],
  ['LISTEN jobs', ['POOLER_LISTEN']],
  ["notify jobs, 'x'", []],
  ["set statement_timeout = '1s'", ['POOLER_SESSION_SETTING']],
  ["set local statement_timeout = '1s'", []],
  ['set transaction read only', []],
  ['create temp table t (n int)', ['POOLER_SESSION_SETTING']],
  [{ text: 'select 1', name: 'one' }, ['POOLER_NAMED_STATEMENT']],
  [{ text: 'select 1' }, []],
  [undefined, []],
])('behind a pooler %j has the hazards %j', (query, codes) => {
  expect(poolerHazards(query).map(({ code }) => code)).toEqual(codes);
});

test('options that make no sense are refused', () => {
  const pool = { connect: () => Promise.reject(new Error('never')), options: {}, Client: class {} };
  const router = (options: object) => () => new ReadWriteRouter({ primary: pool, ...options });
  expect(router({ primary: {} })).toThrow('`primary.connect` to be a function');
  expect(router({ replicas: [undefined] })).toThrow('`replicas[0]` to be an object');
  expect(router({ waitMs: -1 })).toThrow('`waitMs` in [0, 60000], got -1');
  expect(router({ maxLagMs: Number.NaN })).toThrow('`maxLagMs` of at least 1, got NaN');
  expect(router({ watchMs: 1 })).toThrow('`watchMs` in [10, 3600000], got 1');
  expect(router({ openMs: '1' })).toThrow('`openMs` to be a number, got "1"');
  expect(router({ maxFallbacks: 1.5 })).toThrow('`maxFallbacks` to be a whole number, got 1.5');
  expect(() => router({})().session('x')).toThrow('`token` to be a timeline and an LSN');
});

test('the errors of two copies of the package recognise each other', () => {
  for (const [error, code] of [
    [new StalePrimaryError('old'), 'ERR_STALE_PRIMARY'],
    [new FallbackFullError(3), 'ERR_FALLBACK_FULL'],
    [new RolledBackError(), 'ERR_ROLLED_BACK'],
  ] as const) {
    expect(error.code).toBe(code);
    expect(error).toBeInstanceOf(error.constructor as never);
    expect(new Error('another')).not.toBeInstanceOf(error.constructor as never);
  }
});
