import { describe, expect, it } from 'vitest';
import {
  CircuitBreaker,
  type CircuitBreakerOptions,
  queueForLater,
  staleCache,
  TestClock,
  value,
} from '../src/index.ts';

const make = (options: unknown) => () =>
  new CircuitBreaker({ name: 'psp', ...(options as Partial<CircuitBreakerOptions>) });

const number = 'to be a number';
const duration = 'in (0, 2147483647]';
const rate = 'in (0, 1]';

// option, bad value, error class, rule named in the message
const table: [field: string, options: object, type: ErrorConstructor, rule: string][] = [
  ['name', { name: undefined }, TypeError, 'a non-empty string'],
  ['name', { name: '' }, TypeError, 'a non-empty string'],
  ['name', { name: 7 }, TypeError, 'a non-empty string'],
  ['window', { window: 10 }, TypeError, 'an object'],
  ['window', { window: [] }, TypeError, 'an object'],
  ['window.type', { window: { type: 'sliding' } }, RangeError, "'time' or 'count'"],
  ['window.durationMs', { window: { durationMs: 0 } }, RangeError, duration],
  ['window.durationMs', { window: { durationMs: '10s' } }, TypeError, number],
  ['window.buckets', { window: { buckets: 0 } }, RangeError, 'an integer in [1, 1000]'],
  ['window.buckets', { window: { buckets: 2.5 } }, RangeError, 'an integer in [1, 1000]'],
  ['window.size', { window: { type: 'count', size: 0 } }, RangeError, 'an integer in [1, 1000000]'],
  ['window.size', { window: { type: 'count', size: '9' } }, TypeError, number],
  ['minimumCalls', { minimumCalls: 0 }, RangeError, 'an integer in [1, 1000000]'],
  ['minimumCalls', { minimumCalls: '20' }, TypeError, number],
  [
    'minimumCalls',
    { minimumCalls: 11, window: { type: 'count', size: 10 } },
    RangeError,
    '[1, 10]',
  ],
  ['failureRate', { failureRate: 50 }, RangeError, rate],
  ['failureRate', { failureRate: 0 }, RangeError, rate],
  ['failureRate', { failureRate: Number.NaN }, RangeError, rate],
  ['failureRate', { failureRate: true }, TypeError, number],
  ['slow', { slow: true }, TypeError, 'an object'],
  ['slow', { slow: 5_000 }, TypeError, 'an object'],
  ['slow.afterMs', { slow: { afterMs: -1 } }, RangeError, duration],
  ['slow.afterMs', { slow: { afterMs: Number.POSITIVE_INFINITY } }, RangeError, duration],
  ['slow.rate', { slow: { rate: 1.1 } }, RangeError, rate],
  ['slow.rate', { slow: { rate: '0.5' } }, TypeError, number],
  ['badRate', { badRate: -0.1 }, RangeError, rate],
  ['badRate', { badRate: {} }, TypeError, number],
  ['consecutive', { consecutive: 0 }, RangeError, 'an integer in [1, 1000000]'],
  ['consecutive', { consecutive: true }, TypeError, number],
  ['timeoutMs', { timeoutMs: 0 }, RangeError, duration],
  ['timeoutMs', { timeoutMs: 2 ** 31 }, RangeError, duration],
  ['timeoutMs', { timeoutMs: '10s' }, TypeError, number],
  ['recovery', { recovery: 10_000 }, TypeError, 'an object'],
  ['recovery.rampMs', { recovery: {} }, TypeError, number],
  ['recovery.rampMs', { recovery: { rampMs: 0 } }, RangeError, duration],
  ['recovery.from', { recovery: { rampMs: 1, from: 1 } }, RangeError, 'in (0, 1)'],
  ['bulkhead', { bulkhead: 10 }, TypeError, 'an object'],
  ['bulkhead.concurrency', { bulkhead: {} }, TypeError, number],
  ['bulkhead.concurrency', { bulkhead: { concurrency: 0 } }, RangeError, 'an integer in [1, '],
  ['bulkhead.queue', { bulkhead: { concurrency: 1, queue: -1 } }, RangeError, 'an integer in [0, '],
  [
    'bulkhead.queue',
    { bulkhead: { concurrency: 1, queue: 1.5 } },
    RangeError,
    'an integer in [0, ',
  ],
  ['bulkhead.maxWaitMs', { bulkhead: { concurrency: 1, maxWaitMs: 0 } }, RangeError, duration],
  ['retry', { retry: 3 }, TypeError, 'an object'],
  ['retry.attempts', { retry: { attempts: 0 } }, RangeError, 'an integer in [1, 100]'],
  ['retry.baseMs', { retry: { baseMs: -1 } }, RangeError, duration],
  ['retry.maxMs', { retry: { maxMs: '5s' } }, TypeError, number],
  ['retry.budget', { retry: { budget: 20 } }, RangeError, rate],
  ['retry.budgetMinimum', { retry: { budgetMinimum: 0 } }, RangeError, 'an integer in [1, '],
  ['hedge', { hedge: true }, TypeError, 'an object'],
  ['hedge.afterMs', { hedge: {} }, TypeError, number],
  ['hedge.budget', { hedge: { afterMs: 5, budget: 0 } }, RangeError, rate],
  ['throttle', { throttle: true }, TypeError, 'an object'],
  ['throttle.k', { throttle: { k: 0.5 } }, RangeError, 'in [1, 100]'],
  ['throttle.cap', { throttle: { cap: 1 } }, RangeError, 'in (0, 1)'],
  ['enforce', { enforce: 2 }, RangeError, 'in [0, 1]'],
  ['enforce', { enforce: 'no' }, TypeError, number],
  ['disabled', { disabled: 1 }, TypeError, 'a boolean'],
  ['initialState', { initialState: 'open' }, TypeError, 'an object'],
  ['open', { open: 5_000 }, TypeError, 'an object'],
  ['open.forMs', { open: { forMs: 0 } }, RangeError, duration],
  ['open.factor', { open: { factor: 0.5 } }, RangeError, 'in [1, 100]'],
  ['open.factor', { open: { factor: '2' } }, TypeError, number],
  ['open.maxMs', { open: { forMs: 5_000, maxMs: 1_000 } }, RangeError, '`open.forMs`'],
  ['open.maxMs', { open: { maxMs: 2 ** 31 } }, RangeError, '`open.forMs`'],
  ['open.jitter', { open: { jitter: 1 } }, RangeError, 'in [0, 1)'],
  ['open.jitter', { open: { jitter: 'full' } }, TypeError, number],
  ['halfOpen', { halfOpen: 3 }, TypeError, 'an object'],
  ['halfOpen.probes', { halfOpen: { probes: 0 } }, RangeError, 'an integer in [1, 1000]'],
  ['halfOpen.probes', { halfOpen: { probes: '3' } }, TypeError, number],
  ['halfOpen.maxWaitMs', { halfOpen: { maxWaitMs: 0 } }, RangeError, duration],
  ['classify', { classify: 'all' }, TypeError, 'a function'],
  ['clock', { clock: 5 }, TypeError, 'a Clock'],
  ['clock.now', { clock: { setTimeout, clearTimeout } }, TypeError, 'a function'],
  ['clock.setTimeout', { clock: { now: Date.now, clearTimeout } }, TypeError, 'a function'],
  ['clock.clearTimeout', { clock: { now: Date.now, setTimeout } }, TypeError, 'a function'],
  ['random', { random: 4 }, TypeError, 'a function'],
  ['captureStack', { captureStack: 'yes' }, TypeError, 'a boolean'],
];

describe('options', () => {
  it.each(table)('refuses a wrong `%s`: %j', (field, options, type, rule) => {
    expect(make(options)).toThrow(type);
    expect(make(options)).toThrow(`\`${field}\``);
    expect(make(options)).toThrow(rule);
  });

  it.each([
    ['failurRate', { failurRate: 0.5 }],
    ['slow.after', { slow: { after: 5_000 } }],
    ['open.resetMs', { open: { resetMs: 1 } }],
    ['halfOpen.calls', { halfOpen: { calls: 3 } }],
    ['window.size', { window: { type: 'time', size: 10 } }],
    ['window.durationMs', { window: { type: 'count', durationMs: 10 } }],
  ])('refuses `%s`, which it does not know', (field, options) => {
    expect(make(options)).toThrow(TypeError);
    expect(make(options)).toThrow(`Unknown option \`${field}\``);
  });

  it('names the options that exist beside an unknown one', () => {
    expect(make({ timeout: 5_000 })).toThrow(/^Unknown option `timeout`, .*\btimeoutMs\b/);
    expect(make({ open: { resetting: 1 } })).toThrow(
      'Unknown option `open.resetting`, expected one of forMs, factor, maxMs, jitter',
    );
  });

  it.each([[undefined], [null], ['psp'], [[]]])('refuses %j in place of the options', (options) => {
    expect(() => new CircuitBreaker(options as never)).toThrow(TypeError);
  });

  it('names field, rule and value', () => {
    expect(make({ failureRate: 50 })).toThrow('Expected `failureRate` in (0, 1], got 50');
    expect(make({ timeoutMs: '10s' })).toThrow(
      "Expected `timeoutMs` to be a number in (0, 2147483647], got '10s'",
    );
  });

  it('never writes to the options it is given, not even to their parts', () => {
    const options = Object.freeze({
      name: 'psp',
      window: Object.freeze({ type: 'count' as const, size: 5 }),
      slow: Object.freeze({ afterMs: 100 }),
      open: Object.freeze({}),
      halfOpen: Object.freeze({}),
    });
    expect(new CircuitBreaker(options).state).toBe('closed');
  });

  it('takes every rule switched off', () => {
    const off = {
      failureRate: false,
      slow: false,
      badRate: false,
      consecutive: false,
      timeoutMs: false,
    };
    expect(make(off)).not.toThrow();
  });

  it('asks for no more calls than a small count window can hold', async () => {
    const breaker = new CircuitBreaker({
      name: 'psp',
      window: { type: 'count', size: 4 },
      consecutive: false,
    });
    for (let i = 0; i < 4; i += 1) await breaker.execute(() => Promise.reject(1)).catch(() => {});
    expect(breaker.state).toBe('open');
  });

  it('checks the parts that come with it too', () => {
    expect(() => staleCache({ maxStaleMs: 0 })).toThrow(RangeError);
    expect(() => staleCache({} as never)).toThrow('`maxStaleMs`');
    expect(() => staleCache(undefined as never)).toThrow('`maxStaleMs`');
    expect(() => staleCache({ maxStaleMs: 1, maxEntries: 0 })).toThrow('`maxEntries`');
    expect(() => staleCache({ maxStaleMs: 1, on: ['late'] as never })).toThrow('`on`');
    expect(() => value(1, { on: 'open' as never })).toThrow('`on`');
    expect(() => value(1, { in: ['open'] } as never)).toThrow('Unknown option `in`');
    expect(() => staleCache({ maxStaleMs: 1, size: 9 } as never)).toThrow('Unknown option `size`');
    const sink = { add: () => undefined };
    expect(() => queueForLater(sink, { key: String, lanes: String } as never)).toThrow(
      'Unknown option `lanes`, expected one of',
    );
    expect(() => new TestClock(Number.NaN)).toThrow(RangeError);
    expect(() => new TestClock().advance(-1)).toThrow('`ms`');
  });
});

describe('arguments of a call', () => {
  const breaker = new CircuitBreaker({ name: 'psp' });

  it.each([
    ['action', () => breaker.execute(undefined as never)],
    ['action', () => breaker.outcome('fetch' as never)],
    ['signal', () => breaker.execute(() => 1, { signal: {} as never })],
    ['key', () => breaker.outcome(() => 1, { key: 7 as never })],
    ['fallback', () => breaker.execute(() => 1, { fallback: 'none' as never })],
    ['fallback', () => breaker.execute(() => 1, { fallback: [null] as never })],
    ['key', () => breaker.execute(() => 1, { fallback: staleCache({ maxStaleMs: 1 }) })],
    ['options', () => breaker.execute(() => 1, null as never)],
    ['options', () => breaker.outcome(() => 1, 5 as never)],
  ])('a wrong `%s` rejects with a TypeError and is not thrown', async (field, call) => {
    const result = call();
    await expect(result).rejects.toThrow(TypeError);
    await expect(result).rejects.toThrow(`\`${field}\``);
  });

  it('a wrong function to wrap, reason or listener is thrown, since these are not calls', () => {
    expect(() => breaker.wrap(5 as never)).toThrow('`fn`');
    expect(() => breaker.wrap(() => 1, null as never)).toThrow('`options`');
    expect(() => breaker.wrap(() => 1, { key: 'k' as never })).toThrow('`key`');
    expect(() => breaker.wrap(() => 1, { fallbacks: [] } as never)).toThrow(
      'Unknown option `fallbacks`, expected one of',
    );
    expect(() => breaker.isolate(undefined as never)).toThrow('`reason`');
    expect(() => breaker.on('open', undefined as never)).toThrow('`listener`');
  });
});
