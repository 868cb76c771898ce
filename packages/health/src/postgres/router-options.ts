import { knownOptions } from '../known-options.ts';
import {
  requireFunction,
  requireInteger,
  requireMethods,
  requireNumber,
  requireOneOf,
} from '../options.ts';
import type { PgPoolLike } from './pg-like.ts';
import type { EjectionRules } from './replica-state.ts';

/** Options of a ReadWriteRouter. */
export interface ReadWriteRouterOptions {
  /** The `pg` pool of the primary. Never configured or ended by the router. */
  readonly primary: PgPoolLike;
  /** The pools of the replicas; default none: then every read goes to the primary. */
  readonly replicas?: readonly PgPoolLike[];
  /** How long, in ms, a read waits for its replica to have the session's last write before it goes to the primary; default 50. */
  readonly waitMs?: number;
  /** A replica further behind than this, in ms, is not asked; default 5,000. It returns at half of it, seen three times. */
  readonly maxLagMs?: number;
  /** How often, in ms, the replicas are looked at; default 1,000. */
  readonly watchMs?: number;
  /** Within how many ms a replica must give a connection and its position; default 500. */
  readonly openMs?: number;
  /** How many reads at once may use the primary because no replica can serve them; default half of the pool's `max`. */
  readonly maxFallbacks?: number;
  /** Monotonic time in ms, for tests; default `performance.now()`. */
  readonly clock?: () => number;
}

/** Options of a read. */
export interface ReadOptions {
  /** The token of a session: the read is no older than the session's last write. Default: however old the replica is. */
  readonly after?: string;
}

/** Options of a write. */
export interface WriteOptions {
  /** Default PostgreSQL's own, `read committed`. */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
}

/** The options of a router, checked and completed. */
export interface RouterSettings {
  readonly primary: PgPoolLike;
  readonly replicas: readonly PgPoolLike[];
  readonly waitMs: number;
  readonly ejection: EjectionRules;
  readonly watchMs: number;
  readonly openMs: number;
  readonly maxFallbacks: number;
  readonly clock: () => number;
}

const OPTIONS: Readonly<Record<keyof ReadWriteRouterOptions, true>> = {
  primary: true,
  replicas: true,
  waitMs: true,
  maxLagMs: true,
  watchMs: true,
  openMs: true,
  maxFallbacks: true,
  clock: true,
};
const RETURN_AFTER = 3;

/** @throws TypeError or RangeError naming field, rule and value when an option is wrong. */
export function toRouterSettings(options: ReadWriteRouterOptions): RouterSettings {
  knownOptions(options, OPTIONS);
  const primary = requireMethods('primary', options.primary, ['connect']);
  const replicas = (options.replicas ?? []).map((pool, index) =>
    requireMethods(`replicas[${index}]`, pool, ['connect']),
  );
  const maxLagMs = requireNumber('maxLagMs', options.maxLagMs ?? 5_000, 1);
  const { max } = (primary.options ?? {}) as { max?: unknown };
  const half = Math.max(1, Math.floor((typeof max === 'number' ? max : 10) / 2));
  return {
    primary,
    replicas,
    waitMs: requireNumber('waitMs', options.waitMs ?? 50, 0, 60_000),
    ejection: { maxLagMs, returnLagMs: maxLagMs / 2, returnAfter: RETURN_AFTER },
    watchMs: requireNumber('watchMs', options.watchMs ?? 1_000, 10, 3_600_000),
    openMs: requireNumber('openMs', options.openMs ?? 500, 1, 3_600_000),
    maxFallbacks: requireInteger('maxFallbacks', options.maxFallbacks ?? half, 0),
    clock: requireFunction('clock', options.clock ?? (() => performance.now())),
  };
}

/** The statement that begins a write. @throws TypeError or RangeError when an option is wrong. */
export function toBegin(options: WriteOptions): string {
  const { isolation } = knownOptions(options, { isolation: true });
  if (isolation === undefined) return 'begin';
  return `begin isolation level ${requireOneOf('isolation', isolation, ISOLATION)}`;
}

const ISOLATION = ['read committed', 'repeatable read', 'serializable'] as const;
