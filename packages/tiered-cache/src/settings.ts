import { type Clock, systemClock } from './clock.ts';
import type { TieredCacheOptions } from './options.ts';
import type { RedisLike } from './redis-like.ts';

/** Tag stamps must outlive every entry they speak of, so no entry may live for longer. */
export const LONGEST_LIFE_MS = 30 * 24 * 3_600_000;
const LONGEST_TIMER_MS = 2_147_483_647;

/** The options, checked and completed. */
export interface Settings {
  readonly namespace: string;
  readonly redis: { near: RedisLike; global: RedisLike | undefined; master: RedisLike };
  readonly ttlMs: number;
  readonly graceMs: number;
  readonly backoffMs: number;
  readonly jitter: number;
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
  readonly logLength: number;
  readonly longestLifeMs: number;
  readonly unconfirmedAfterMs: number;
  readonly serveUnconfirmedMs: number;
  readonly onPartition: 'stale' | 'bypass';
  readonly clock: Clock;
  readonly random: () => number;
}

/**
 * @throws TypeError when an option has the wrong type
 * @throws RangeError when an option is out of range
 */
export function toSettings(options: TieredCacheOptions): Settings {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`Expected \`options\` to be an object, got ${shown(options)}`);
  }
  const { local = {}, clock = systemClock, random = Math.random, onPartition = 'stale' } = options;
  if (typeof clock?.now !== 'function') throw wrong('clock', 'to have `now()`', clock);
  if (typeof random !== 'function') throw wrong('random', 'to be a function', random);
  if (onPartition !== 'stale' && onPartition !== 'bypass') {
    throw new RangeError(
      `Expected \`onPartition\` to be stale or bypass, got ${shown(onPartition)}`,
    );
  }
  const timer = (field: keyof TieredCacheOptions, fallback: number, least = 1) =>
    integer(field, options[field] ?? fallback, least, LONGEST_TIMER_MS);
  const graceMs = integer('graceMs', options.graceMs ?? 600_000, 0, LONGEST_LIFE_MS - 1);
  return {
    namespace: toNamespace(options.namespace),
    redis: toClients(options.redis),
    ttlMs: toTtl('ttlMs', options.ttlMs ?? 300_000, graceMs),
    graceMs,
    backoffMs: integer('backoffMs', options.backoffMs ?? 5_000, 0, LONGEST_LIFE_MS),
    jitter: toShare('jitter', options.jitter ?? 0.1),
    maxEntries: integer('local.maxEntries', local.maxEntries ?? 10_000, 1, 10_000_000),
    maxBytes: integer('local.maxBytes', local.maxBytes ?? 67_108_864, 1, Number.MAX_SAFE_INTEGER),
    localTtlMs: integer('local.ttlMs', local.ttlMs ?? 60_000, 1, LONGEST_LIFE_MS),
    softTimeoutMs: timer('softTimeoutMs', 500, 0),
    hardTimeoutMs: timer('hardTimeoutMs', 10_000),
    nearTimeoutMs: timer('nearTimeoutMs', 100),
    masterTimeoutMs: timer('masterTimeoutMs', 1_000),
    leaseMs: timer('leaseMs', 10_000, 30),
    leaseWaitMs: timer('leaseWaitMs', 5_000, 0),
    maxValueLength: integer('maxValueLength', options.maxValueLength ?? 1_048_576, 1, 536_870_888),
    logLength: integer('logLength', options.logLength ?? 100_000, 100, 100_000_000),
    longestLifeMs: LONGEST_LIFE_MS,
    unconfirmedAfterMs: timer('unconfirmedAfterMs', 3_000, 1_500),
    serveUnconfirmedMs: timer('serveUnconfirmedMs', 5_000, 0),
    onPartition,
    clock,
    random,
  };
}

/** A time to live that with the grace stays within the life of the tag stamps. */
export function toTtl(field: string, value: unknown, graceMs: number): number {
  return integer(field, value, 1, LONGEST_LIFE_MS - graceMs);
}

function toNamespace(value: unknown): string {
  if (typeof value !== 'string') throw wrong('namespace', 'to be a string', value);
  if (/^[^\s{}]{1,128}$/.test(value)) return value;
  throw new RangeError(
    `Expected \`namespace\` to have 1 to 128 characters without white space and braces, got ${shown(value)}`,
  );
}

function toClients(redis: TieredCacheOptions['redis']): Settings['redis'] {
  if (typeof redis !== 'object' || redis === null) {
    throw wrong('redis', 'to be a client or an object of clients', redis);
  }
  if (!('master' in redis)) {
    const client = toClient('redis', redis);
    return { near: client, global: undefined, master: client };
  }
  const master = toClient('redis.master', redis.master);
  if ('near' in redis) {
    return { near: toClient('redis.near', redis.near), global: undefined, master };
  }
  const { regions, region } = redis;
  if (!Object.hasOwn(regions ?? {}, region)) {
    const known = Object.keys(regions ?? {}).join(', ');
    throw new RangeError(`Expected \`redis.region\` to be one of ${known}, got ${shown(region)}`);
  }
  const near = toClient(`redis.regions.${region}`, regions[region]);
  return { near, global: toClient('redis.global', redis.global), master };
}

function toClient(field: string, value: unknown): RedisLike {
  const client = value as Partial<RedisLike> | null | undefined;
  if (typeof client?.evalsha === 'function' && typeof client.duplicate === 'function') {
    return client as RedisLike;
  }
  throw wrong(field, 'to be a Redis client such as that of ioredis', value);
}

function integer(field: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number') throw wrong(field, 'to be a number', value);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(
    `Expected \`${field}\` to be an integer in [${least}, ${most}], got ${value}`,
  );
}

function toShare(field: string, value: unknown): number {
  if (typeof value !== 'number') throw wrong(field, 'to be a number', value);
  if (value >= 0 && value <= 1) return value;
  throw new RangeError(`Expected \`${field}\` in [0, 1], got ${value}`);
}

function wrong(field: string, rule: string, value: unknown): TypeError {
  return new TypeError(`Expected \`${field}\` ${rule}, got ${shown(value)}`);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  return value === null || typeof value !== 'object' ? String(value) : 'an object';
}
