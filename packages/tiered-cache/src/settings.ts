import { integer, matching, shown, within, wrong } from './check.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Codec, codecs, Payloads } from './codec.ts';
import { knownOptions } from './known-options.ts';
import type { Guard, TieredCacheOptions } from './options.ts';
import { type Clients, toClients } from './topology.ts';

/** Tag stamps must outlive every entry they speak of, so no entry may live for longer. */
export const LONGEST_LIFE_MS = 30 * 24 * 3_600_000;
const LONGEST_TIMER_MS = 2_147_483_647;
const NAME = /^[^\s{}]{1,128}$/;

/** The options, checked and completed. */
export interface Settings {
  readonly namespace: string;
  /** `undefined`: memory only. */
  readonly clients: Clients | undefined;
  readonly partitions: number;
  readonly ttlMs: number;
  readonly negativeTtlMs: number;
  readonly graceMs: number;
  readonly backoffMs: number;
  readonly jitter: number;
  readonly earlyRefresh: number;
  readonly sourceLagMs: number;
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly localTtlMs: number;
  readonly softTimeoutMs: number;
  readonly hardTimeoutMs: number;
  readonly nearTimeoutMs: number;
  readonly masterTimeoutMs: number;
  readonly leaseMs: number;
  readonly leaseWaitMs: number;
  readonly maxValueLength: number;
  readonly payloads: Payloads;
  readonly logLength: number;
  readonly unconfirmedAfterMs: number;
  readonly serveUnconfirmedMs: number;
  readonly onPartition: 'stale' | 'bypass';
  readonly guard: Guard;
  readonly clock: Clock;
  readonly random: () => number;
}

/**
 * @throws TypeError when an option has the wrong type or is unknown
 * @throws RangeError when an option is out of range
 */
export function toSettings(options: TieredCacheOptions): Settings {
  const { random = Math.random, onPartition = 'stale', guard = unguarded } = options;
  knownOptions(options, OPTIONS);
  const local = knownOptions(options.local ?? {}, LOCAL_OPTIONS, 'local.');
  if (typeof random !== 'function') throw wrong('random', 'to be a function', random);
  if (typeof guard !== 'function') throw wrong('guard', 'to be a function', guard);
  if (onPartition !== 'stale' && onPartition !== 'bypass') {
    throw new RangeError(
      `Expected \`onPartition\` to be stale or bypass, got ${shown(onPartition)}`,
    );
  }
  const timer = (field: keyof TieredCacheOptions, fallback: number, least = 1) =>
    integer(field, options[field] ?? fallback, least, LONGEST_TIMER_MS);
  const graceMs = integer('graceMs', options.graceMs ?? 600_000, 0, LONGEST_LIFE_MS - 1);
  const partitions = integer('partitions', options.partitions ?? 1, 1, 64);
  const maxEntries = integer('local.maxEntries', local.maxEntries ?? 10_000, 1, 10_000_000);
  const maxBytes = integer(
    'local.maxBytes',
    local.maxBytes ?? 67_108_864,
    1,
    Number.MAX_SAFE_INTEGER,
  );
  return {
    namespace: matching(
      'namespace',
      options.namespace,
      NAME,
      '1 to 128 characters without white space and braces',
    ),
    clients: toClients(options.redis, options.residency),
    partitions,
    ttlMs: toTtl('ttlMs', options.ttlMs ?? 300_000, graceMs),
    negativeTtlMs: toNegativeTtl(options.negativeTtlMs ?? 0, graceMs),
    graceMs,
    backoffMs: integer('backoffMs', options.backoffMs ?? 5_000, 0, LONGEST_LIFE_MS),
    jitter: within('jitter', options.jitter ?? 0.1, 0, 1),
    earlyRefresh: within('earlyRefresh', options.earlyRefresh ?? 1, 0, 100),
    sourceLagMs: timer('sourceLagMs', 0, 0),
    // each partition has its share
    maxEntries: Math.ceil(maxEntries / partitions),
    maxBytes: Math.ceil(maxBytes / partitions),
    localTtlMs: integer('local.ttlMs', local.ttlMs ?? 60_000, 1, LONGEST_LIFE_MS),
    softTimeoutMs: timer('softTimeoutMs', 500, 0),
    hardTimeoutMs: timer('hardTimeoutMs', 10_000),
    nearTimeoutMs: timer('nearTimeoutMs', 100),
    masterTimeoutMs: timer('masterTimeoutMs', 1_000),
    leaseMs: timer('leaseMs', 10_000, 30),
    leaseWaitMs: timer('leaseWaitMs', 5_000, 0),
    maxValueLength: integer('maxValueLength', options.maxValueLength ?? 1_048_576, 1, 536_870_888),
    payloads: toPayloads(options),
    logLength: integer('logLength', options.logLength ?? 100_000, 100, 100_000_000),
    unconfirmedAfterMs: timer('unconfirmedAfterMs', 3_000, 1_500),
    serveUnconfirmedMs: timer('serveUnconfirmedMs', 5_000, 0),
    onPartition,
    guard,
    clock: toClock(options.clock ?? systemClock),
    random,
  };
}

const unguarded: Guard = (call) => call();

const LOCAL_OPTIONS = { maxEntries: true, maxBytes: true, ttlMs: true } as const;

const OPTIONS: Readonly<Record<keyof TieredCacheOptions, true>> = {
  namespace: true,
  redis: true,
  residency: true,
  partitions: true,
  ttlMs: true,
  negativeTtlMs: true,
  graceMs: true,
  backoffMs: true,
  jitter: true,
  earlyRefresh: true,
  sourceLagMs: true,
  local: true,
  softTimeoutMs: true,
  hardTimeoutMs: true,
  nearTimeoutMs: true,
  masterTimeoutMs: true,
  leaseMs: true,
  leaseWaitMs: true,
  maxValueLength: true,
  codec: true,
  compression: true,
  version: true,
  logLength: true,
  unconfirmedAfterMs: true,
  serveUnconfirmedMs: true,
  onPartition: true,
  guard: true,
  clock: true,
  random: true,
};

/** A time to live that with the grace stays within the life of the tag stamps. */
export function toTtl(field: string, value: unknown, graceMs: number): number {
  return integer(field, value, 1, LONGEST_LIFE_MS - graceMs);
}

export function toNegativeTtl(value: unknown, graceMs: number): number {
  return integer('negativeTtlMs', value, 0, LONGEST_LIFE_MS - graceMs);
}

function toPayloads(options: TieredCacheOptions): Payloads {
  const { codec = 'json', version = '', compression, local } = options;
  const { minBytes = 2_048, level = 1 } = knownOptions(
    compression ?? {},
    { minBytes: true, level: true },
    'compression.',
  );
  const deflate = {
    minBytes:
      compression === undefined
        ? Number.POSITIVE_INFINITY
        : integer('compression.minBytes', minBytes, 0, Number.MAX_SAFE_INTEGER),
    level: integer('compression.level', level, 1, 9),
  };
  if (version !== '') {
    matching('version', version, /^[\w.-]{1,32}$/, '1 to 32 letters, digits, dots or dashes');
  }
  const inflated = Math.min(local?.maxBytes ?? 67_108_864, 536_870_888);
  return new Payloads(toCodec(codec), version, deflate, inflated);
}

function toCodec(codec: unknown): Codec {
  if (codec === 'json' || codec === 'v8') return codecs[codec];
  const custom = codec as Partial<Codec> | null;
  if (typeof custom?.encode !== 'function' || typeof custom.decode !== 'function') {
    throw wrong('codec', 'to be json, v8, or to have `name`, `encode()` and `decode()`', codec);
  }
  matching('codec.name', custom.name, /^[\w-]{1,32}$/, '1 to 32 letters, digits or dashes');
  if (custom.name === 'json' || custom.name === 'v8') {
    throw new RangeError(`Expected \`codec.name\` to be a name of its own, got "${custom.name}"`);
  }
  return custom as Codec;
}

function toClock(clock: Partial<Clock> | null): Clock {
  for (const method of ['now', 'setTimeout', 'clearTimeout'] as const) {
    if (typeof clock?.[method] !== 'function')
      throw wrong('clock', `to have \`${method}()\``, clock);
  }
  return clock as Clock;
}
