import { knownOptions } from './known-options.ts';
import type { RedisLike } from './redis.ts';
import type { HoldStore } from './store.ts';

const DAY_MS = 86_400_000;

/** Options of a `HoldPool`. Every process of a sale must use the same times and limit. */
export type HoldPoolOptions = {
  /**
   * The caller's client; never configured, never closed. Without it the store keeps the holds too.
   * All processes of a sale must have it or none.
   */
  redis?: RedisLike;
  /** Where it is decided who bought: `new PostgresStore(pgPool)`, in tests `new MemoryStore()`. */
  store: HoldStore;
  /** Name of the sale; its keys all lie under `{hold:<pool>}:`. */
  pool: string;
  /** How long a hold lives, in ms, 1..86,400,000. Default 120,000. */
  ttlMs?: number;
  /** How long after `expiresAt` a commit is still taken, in ms. Default 5,000. */
  graceMs?: number;
  /** How long a hold lives at most, extensions included, in ms. Default 900,000. */
  maxHoldMs?: number;
  /** Most units one holder has held and bought together. Default: no limit. */
  limitPerHolder?: number;
  /** How long a waiter's offer lives, in ms. Default `ttlMs`. */
  offerMs?: number;
  /** Most holds on the waiting list; whoever comes then is told `sold_out`. Default 10,000. */
  waitingPlaces?: number;
  /**
   * Sell from the store while Redis is away. Off by default; `true` takes the defaults. All processes
   * of a sale must have the same.
   */
  fallback?: boolean | { afterMs?: number; backAfterMs?: number };
  /** How long a commit may take until its hold is voided, in ms. Default 30,000. */
  commitMs?: number;
  /** How long the id of an ended hold is remembered, in ms. Default 3,600,000. */
  replayMs?: number;
  /** Deadline of each call to Redis, rebuild included, in ms. Default 2,000. */
  commandTimeoutMs?: number;
  /**
   * How often each process looks for expired and stuck holds, in ms; sooner when one is known to be
   * due. Default 1,000. `Infinity` leaves it to calls of `maintain()`.
   */
  maintainEveryMs?: number;
  /**
   * Time in ms instead of the Redis server's, for tests; it never goes back. Default: the server's.
   */
  clock?: () => number;
};

/** The options with their defaults, checked. */
export type Settings = {
  ttlMs: number;
  graceMs: number;
  maxHoldMs: number;
  limitPerHolder: number | null;
  commitMs: number;
  replayMs: number;
  commandTimeoutMs: number;
  maintainEveryMs: number;
  clock: (() => number) | null;
  offerMs: number;
  waitingPlaces: number;
  fallback: FallbackSettings | null;
};

/**
 * When to leave Redis and when to return, in ms: after every call has failed for `afterMs` (default
 * 3,000), and after Redis has answered for `backAfterMs` (default 5,000).
 */
export type FallbackSettings = { afterMs: number; backAfterMs: number };

function readFallback({ fallback, redis }: HoldPoolOptions): FallbackSettings | null {
  if (fallback === undefined || fallback === false) return null;
  if (redis === undefined) throw new TypeError('Expected `redis` beside `fallback`');
  if (fallback !== true && (typeof fallback !== 'object' || fallback === null))
    throw new TypeError(
      `Expected \`fallback\` to be a boolean or an object of times, got ${String(fallback)}`,
    );
  const times = fallback === true ? {} : fallback;
  knownOptions(times, { afterMs: true, backAfterMs: true }, 'fallback.');
  const { afterMs = 3_000, backAfterMs = 5_000 } = times;
  return {
    afterMs: integer('fallback.afterMs', afterMs, 1, DAY_MS),
    backAfterMs: integer('fallback.backAfterMs', backAfterMs, 1, DAY_MS),
  };
}

function integer(field: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(
    `Expected \`${field}\` to be an integer from ${least} to ${most}, got ${String(value)}`,
  );
}

const OPTIONS: Readonly<Record<keyof HoldPoolOptions, true>> = {
  redis: true,
  store: true,
  pool: true,
  ttlMs: true,
  graceMs: true,
  maxHoldMs: true,
  limitPerHolder: true,
  offerMs: true,
  waitingPlaces: true,
  fallback: true,
  commitMs: true,
  replayMs: true,
  commandTimeoutMs: true,
  maintainEveryMs: true,
  clock: true,
};

/** @throws RangeError or TypeError naming the option, the rule and the value. */
export function readSettings(options: HoldPoolOptions): Settings {
  knownOptions(options, OPTIONS);
  if (options.redis !== undefined && typeof options.redis?.defineCommand !== 'function')
    throw new TypeError('Expected `redis` to be an ioredis client');
  if (typeof options.store?.decide !== 'function')
    throw new TypeError('Expected `store` to be a hold store, such as a PostgresStore');
  if (options.clock !== undefined && typeof options.clock !== 'function')
    throw new TypeError('Expected `clock` to be a function returning milliseconds');
  const ttlMs = integer('ttlMs', options.ttlMs ?? 120_000, 1, DAY_MS);
  const every = options.maintainEveryMs ?? 1_000;
  return {
    ttlMs,
    graceMs: integer('graceMs', options.graceMs ?? 5_000, 0, DAY_MS),
    maxHoldMs: integer('maxHoldMs', options.maxHoldMs ?? Math.max(900_000, ttlMs), ttlMs, DAY_MS),
    limitPerHolder:
      options.limitPerHolder === undefined
        ? null
        : integer('limitPerHolder', options.limitPerHolder, 1, 2_000_000_000),
    commitMs: integer('commitMs', options.commitMs ?? 30_000, 1, DAY_MS),
    replayMs: integer('replayMs', options.replayMs ?? 3_600_000, 1, 30 * DAY_MS),
    commandTimeoutMs: integer('commandTimeoutMs', options.commandTimeoutMs ?? 2_000, 1, DAY_MS),
    maintainEveryMs: every === Infinity ? every : integer('maintainEveryMs', every, 1, DAY_MS),
    clock: options.clock ?? null,
    offerMs: integer('offerMs', options.offerMs ?? ttlMs, 1, DAY_MS),
    waitingPlaces: integer('waitingPlaces', options.waitingPlaces ?? 10_000, 0, 1_000_000),
    fallback: readFallback(options),
  };
}

/** The settings as the boards take them. */
export function packSettings(settings: Settings, sweep: number): string {
  const { ttlMs, graceMs, maxHoldMs, commitMs, replayMs, limitPerHolder } = settings;
  const { offerMs, waitingPlaces } = settings;
  return JSON.stringify([
    ...[ttlMs, graceMs, maxHoldMs, commitMs, replayMs],
    ...[limitPerHolder ?? 0, sweep, offerMs, waitingPlaces],
  ]);
}
