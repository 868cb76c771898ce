import type { AdmissionSettings } from './admission.ts';
import type { BulkheadSettings } from './bulkhead.ts';
import {
  boolean,
  checkedClock,
  duration,
  integer,
  LONGEST_MS,
  number,
  object,
  optionalFunction,
  outOfRange,
  wrongType,
} from './checks.ts';
import { type Clock, systemClock } from './clock.ts';
import type { HedgeSettings } from './hedge.ts';
import { toAdmission, toBulkhead, toHedge, toRetry } from './layer-settings.ts';
import type { CircuitBreakerOptions, CountWindowOptions, TimeWindowOptions } from './options.ts';
import type { RetrySettings } from './retry.ts';

const LARGEST_COUNT = 1_000_000;

/** The options, checked and completed; a rule that is off is `Infinity`, which nothing ever reaches. */
export interface Settings {
  /** `Infinity` for a window of calls. */
  readonly windowMs: number;
  /** Buckets of a window of time, calls of a window of calls. */
  readonly windowSize: number;
  /** Whether a call can end well and not be slow although the bucket it began in has left the window. */
  readonly goodCallsOutliveWindow: boolean;
  readonly minimumCalls: number;
  readonly failureRate: number;
  readonly slowAfterMs: number;
  readonly slowRate: number;
  readonly badRate: number;
  readonly consecutive: number;
  readonly timeoutMs: number;
  readonly openForMs: number;
  readonly openFactor: number;
  readonly openMaxMs: number;
  readonly openJitter: number;
  readonly probes: number;
  readonly probeMaxWaitMs: number;
  readonly admission: AdmissionSettings | undefined;
  readonly bulkhead: BulkheadSettings | undefined;
  readonly retry: RetrySettings | undefined;
  readonly hedge: HedgeSettings | undefined;
  readonly disabled: boolean;
  readonly classify: CircuitBreakerOptions['classify'];
  readonly clock: Clock;
  readonly random: () => number;
  readonly captureStack: boolean;
}

/**
 * @throws TypeError when an option has the wrong type or is unknown
 * @throws RangeError when an option is out of range
 */
export function toSettings(options: CircuitBreakerOptions): Settings {
  object('options', options, OPTIONS);
  const { name, slow = {}, open = {}, halfOpen = {}, clock = systemClock } = options;
  if (typeof name !== 'string' || name === '') throw wrongType('name', 'a non-empty string', name);
  if (slow !== false) object('slow', slow, ['afterMs', 'rate']);
  object('open', open, ['forMs', 'factor', 'maxMs', 'jitter']);
  object('halfOpen', halfOpen, ['probes', 'maxWaitMs']);
  const { windowMs, windowSize } = toWindow(options.window ?? {});
  const mostCalls = windowMs === Number.POSITIVE_INFINITY ? windowSize : LARGEST_COUNT;
  const openForMs = duration('open.forMs', open.forMs ?? 5_000);
  const slowAfterMs =
    slow === false ? Number.POSITIVE_INFINITY : duration('slow.afterMs', slow.afterMs ?? 5_000);
  return shared({
    windowMs,
    windowSize,
    goodCallsOutliveWindow:
      windowMs < Number.POSITIVE_INFINITY && slowAfterMs > windowMs - windowMs / windowSize,
    minimumCalls: integer(
      'minimumCalls',
      options.minimumCalls ?? Math.min(20, mostCalls),
      mostCalls,
    ),
    failureRate: rate('failureRate', options.failureRate ?? 0.5),
    slowAfterMs,
    slowRate: rate('slow.rate', slow === false ? false : (slow.rate ?? 0.5)),
    badRate: rate('badRate', options.badRate ?? 0.5),
    consecutive: off('consecutive', options.consecutive ?? 10, (field, value) =>
      integer(field, value, LARGEST_COUNT),
    ),
    timeoutMs: off('timeoutMs', options.timeoutMs ?? 10_000, duration),
    openForMs,
    openFactor: number('open.factor', open.factor ?? 2, 'in [1, 100]', (n) => n >= 1 && n <= 100),
    openMaxMs: number(
      'open.maxMs',
      open.maxMs ?? Math.max(60_000, openForMs),
      `in [\`open.forMs\`, ${LONGEST_MS}]`,
      (n) => n >= openForMs && n <= LONGEST_MS,
    ),
    openJitter: number('open.jitter', open.jitter ?? 0.2, 'in [0, 1)', (n) => n >= 0 && n < 1),
    probes: integer('halfOpen.probes', halfOpen.probes ?? 3, 1_000),
    probeMaxWaitMs: duration('halfOpen.maxWaitMs', halfOpen.maxWaitMs ?? 30_000),
    admission: toAdmission(options),
    bulkhead: toBulkhead(options.bulkhead),
    retry: toRetry(options.retry),
    hedge: toHedge(options.hedge),
    disabled: boolean('disabled', options.disabled ?? false),
    classify: optionalFunction('classify', options.classify),
    clock: checkedClock(clock),
    random: optionalFunction('random', options.random) ?? Math.random,
    captureStack: boolean('captureStack', options.captureStack ?? false),
  });
}

let latest: WeakRef<Settings> | undefined;

/** Breakers made one after the other with the same options share one object: a quarter of what a breaker holds. */
function shared(settings: Settings): Settings {
  const before = latest?.deref();
  const keys = Object.keys(settings) as (keyof Settings)[];
  if (before !== undefined && keys.every((key) => before[key] === settings[key])) return before;
  latest = new WeakRef(settings);
  return settings;
}

const OPTIONS: readonly (keyof CircuitBreakerOptions)[] = [
  'name',
  'window',
  'minimumCalls',
  'failureRate',
  'slow',
  'badRate',
  'consecutive',
  'timeoutMs',
  'open',
  'halfOpen',
  'recovery',
  'bulkhead',
  'retry',
  'hedge',
  'throttle',
  'enforce',
  'disabled',
  'initialState',
  'classify',
  'clock',
  'random',
  'captureStack',
];

function toWindow(window: TimeWindowOptions | CountWindowOptions): {
  windowMs: number;
  windowSize: number;
} {
  if (window?.type === 'count') {
    object('window', window, ['type', 'size']);
    const windowSize = integer('window.size', window.size ?? 100, LARGEST_COUNT);
    return { windowMs: Number.POSITIVE_INFINITY, windowSize };
  }
  object('window', window, ['type', 'durationMs', 'buckets']);
  if (window.type !== undefined && window.type !== 'time') {
    throw outOfRange('window.type', "'time' or 'count'", window.type);
  }
  return {
    windowMs: duration('window.durationMs', window.durationMs ?? 10_000),
    windowSize: integer('window.buckets', window.buckets ?? 10, 1_000),
  };
}

/** `false` switches a rule off. */
function off(
  field: string,
  value: number | false,
  check: (field: string, value: number) => number,
): number {
  return value === false ? Number.POSITIVE_INFINITY : check(field, value);
}

function rate(field: string, value: number | false): number {
  return off(field, value, () => number(field, value, 'in (0, 1]', (n) => n > 0 && n <= 1));
}
