/** What is called of a registry; prom-client 15's `Registry` has this shape. */
export interface RegistryLike {
  // biome-ignore lint/suspicious/noExplicitAny: prom-client declares its own classes
  registerMetric(metric: any): void;
  removeSingleMetric(name: string): void;
}

/** What is asked of a `TieredCache`. */
export interface CacheLike {
  readonly namespace: string;
  stats(): CacheFigures;
}

/** Some of `TieredCacheStats`. */
export interface CacheFigures {
  readonly hits: number;
  readonly joined: number;
  readonly near: number;
  readonly global: number;
  readonly master: number;
  readonly loads: number;
  readonly stale: number;
  readonly failed: number;
  readonly loaderCalls: number;
  readonly local: { readonly entries: number; readonly bytes: number };
  readonly undelivered: number;
  readonly fenced: number;
  readonly confirmed: boolean;
}

interface Value {
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
}

type Figures = readonly (readonly [value: number, labels?: Readonly<Record<string, string>>])[];

/**
 * Registers metrics named `evenkeel_tiered_cache_...`, labelled by namespace, that read the caches'
 * statistics when they are scraped. Returns a function that takes them back.
 */
export function registerMetrics(registry: RegistryLike, caches: readonly CacheLike[]): () => void {
  const names: string[] = [];
  const add = (
    type: 'counter' | 'gauge',
    what: string,
    help: string,
    figures: (stats: CacheFigures) => Figures,
  ): void => {
    const name = `evenkeel_tiered_cache_${what}`;
    names.push(name);
    const valuesOf = (cache: CacheLike): Value[] =>
      figures(cache.stats()).map(([value, labels]) => ({
        value,
        labels: { namespace: cache.namespace, ...labels },
      }));
    const aggregator = 'sum';
    registry.registerMetric({
      name,
      help,
      type,
      aggregator,
      get: async () => ({ name, help, type, aggregator, values: caches.flatMap(valuesOf) }),
      reset() {}, // the figures are the caches' own
    });
  };
  add('counter', 'reads_total', 'Reads by what answered them', (stats) => [
    [stats.hits, { source: 'local' }],
    [stats.joined, { source: 'joined' }],
    [stats.near, { source: 'near' }],
    [stats.global, { source: 'global' }],
    [stats.master, { source: 'master' }],
    [stats.loads, { source: 'loader' }],
    [stats.stale, { source: 'stale' }],
    [stats.failed, { source: 'failed' }],
  ]);
  add('counter', 'loader_calls_total', 'Calls of loaders', (stats) => [[stats.loaderCalls]]);
  add('gauge', 'local_entries', 'Entries of the local tier', (stats) => [[stats.local.entries]]);
  add('gauge', 'local_bytes', 'Size of the local tier', (stats) => [[stats.local.bytes]]);
  add('gauge', 'undelivered_count', 'Invalidations that wait for the master', (stats) => [
    [stats.undelivered],
  ]);
  add('gauge', 'fenced_count', 'Keys whose own write has not come back on near', (stats) => [
    [stats.fenced],
  ]);
  add('gauge', 'confirmed_bool', '1 while changes are heard', (stats) => [
    [stats.confirmed ? 1 : 0],
  ]);
  return () => {
    for (const name of names) registry.removeSingleMetric(name);
  };
}
