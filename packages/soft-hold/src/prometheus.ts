import type { PoolSnapshot } from './counters.ts';
import { knownOptions } from './known-options.ts';

/** What is called of a prom-client registry. */
export interface MetricRegistryLike {
  registerMetric(metric: never): void;
  removeSingleMetric(name: string): void;
}

/** What is asked of a pool; a `HoldPool` is one. */
export interface MeteredPool {
  readonly pool: string;
  snapshot(): PoolSnapshot;
  available(options: { signal: AbortSignal }): Promise<{
    skus: Record<string, { free: number; held: number; sold: number; waiting: number }>;
  }>;
}

type Labels = Record<string, string>;
type Value = { value: number; labels: Labels; metricName?: string };
type Pull = () => Value[] | Promise<Value[]>;

/** Options of `registerMetrics`. */
export type MetricsOptions = {
  /** How long the units of a pool are waited for at a scrape, in ms. Default 1,000. */
  timeoutMs?: number;
};

const PREFIX = 'evenkeel_soft_hold_';

/**
 * Registers the pools with a prom-client registry: nothing is counted until somebody scrapes. Units
 * are read from the board at each scrape; a pool that does not answer in time is left out of it.
 *
 * @param registry a prom-client 15 `Registry`
 * @returns takes them out again
 * @throws TypeError when an option is unknown
 */
export function registerMetrics(
  registry: MetricRegistryLike,
  pools: readonly MeteredPool[],
  options: MetricsOptions = {},
): () => void {
  knownOptions(options, { timeoutMs: true });
  const { timeoutMs = 1_000 } = options;
  const names: string[] = [];
  const add = (name: string, help: string, type: 'counter' | 'gauge', pull: Pull) => {
    const full = PREFIX + name;
    const get = async () => ({ name: full, help, type, aggregator: 'sum', values: await pull() });
    registry.registerMetric({ name: full, help, type, aggregator: 'sum', get } as never);
    names.push(full);
  };
  const snapshots = () => pools.map((pool) => pool.snapshot());
  const byStatus = (pick: 'holds' | 'commits' | 'returns') => () =>
    snapshots().flatMap(({ pool, [pick]: counts }) =>
      Object.entries(counts).map(([status, value]) => ({ value, labels: { pool, status } })),
    );
  add('holds_total', 'Answers to hold(), by status', 'counter', byStatus('holds'));
  add('commits_total', 'Answers to commit(), by status', 'counter', byStatus('commits'));
  add('returns_total', 'Answers to return(), by status', 'counter', byStatus('returns'));
  add('rebuilds_total', 'How often this process filled a board anew', 'counter', () =>
    snapshots().map(({ pool, rebuilds }) => ({ value: rebuilds, labels: { pool } })),
  );
  add('faults_total', 'Failures in the background', 'counter', () =>
    snapshots().map(({ pool, faults }) => ({ value: faults, labels: { pool } })),
  );
  add('fallback_active', '1 while the pool is kept in the store instead of Redis', 'gauge', () =>
    snapshots().map(({ pool, board }) => ({ value: board === 'store' ? 1 : 0, labels: { pool } })),
  );
  add('stock_units', 'Units by SKU and state, and how many holds wait for it', 'gauge', async () =>
    (await Promise.all(pools.map((pool) => unitsOf(pool, timeoutMs)))).flat(),
  );
  return () => {
    for (const name of names) registry.removeSingleMetric(name);
  };
}

async function unitsOf(pool: MeteredPool, timeoutMs: number): Promise<Value[]> {
  const signal = AbortSignal.timeout(timeoutMs);
  const found = await pool.available({ signal }).catch(() => null);
  return Object.entries(found?.skus ?? {}).flatMap(([sku, { free, held, sold, waiting }]) =>
    Object.entries({ free, held, sold, waiting }).map(([state, value]) => ({
      value,
      labels: { pool: pool.pool, sku, state },
    })),
  );
}
