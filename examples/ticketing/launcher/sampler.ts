/**
 * What a second of the shop was like: each process's `/ready`, asked as Kubernetes asks, its `/metrics`, read
 * as Prometheus reads them, and the difference to the second before.
 */
import type { BreakerSample, InstanceSample, Sample } from './control-messages.ts';
import type { ServiceProcess } from './service-process.ts';
import type { Shop } from './shop.ts';

const answerWithinMs = 900;

type Series = { name: string; labels: Record<string, string>; value: number };
/** One process: its series, or why there are none. */
type Reading = {
  name: string;
  pid: number | null;
  isReady?: boolean;
  series: Series[] | 'silent' | 'down';
};

export class Sampler {
  readonly #shop: Shop;
  #before = new Map<string, number>();
  #beforeAt = 0;

  constructor(shop: Shop) {
    this.#shop = shop;
  }

  async sample(): Promise<Sample> {
    const readings = await Promise.all(this.#shop.processes.map((process) => this.#read(process)));
    const at = Date.now();
    const seconds = this.#beforeAt === 0 ? 1 : Math.max(0.2, (at - this.#beforeAt) / 1_000);
    this.#beforeAt = at;
    const now = new Map<string, number>();
    const all = readings.flatMap(({ name, pid, series }) =>
      typeof series === 'string'
        ? []
        : series.map((one) => ({ ...one, process: `${name} ${pid}` })),
    );
    /** the growth of a counter since the last sample; a new process begins at nothing */
    const grown = (one: (typeof all)[0]): number => {
      const key = `${one.process} ${one.name} ${JSON.stringify(one.labels)}`;
      now.set(key, one.value);
      return Math.max(0, one.value - (this.#before.get(key) ?? one.value));
    };
    const of = (name: string) => all.filter((one) => one.name === name);
    const sum = (list: { value: number }[]) => list.reduce((total, { value }) => total + value, 0);
    const rate = (list: typeof all) => list.reduce((total, one) => total + grown(one), 0) / seconds;
    const source = (...sources: string[]) =>
      of('evenkeel_tiered_cache_reads_total').filter(({ labels }) =>
        sources.includes(labels.source ?? ''),
      );
    const requests = of('ticketing_http_request_duration_seconds_count').filter(isOfBuyers);
    const status = (first: string) =>
      requests.filter(({ labels }) => labels.status?.startsWith(first));
    const buckets = of('ticketing_http_request_duration_seconds_bucket').filter(isOfBuyers);
    const durations = new Map<number, number>();
    for (const bucket of buckets) {
      const bound =
        bucket.labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(bucket.labels.le);
      durations.set(bound, (durations.get(bound) ?? 0) + grown(bucket));
    }
    const waiting = of('evenkeel_async_jobs_lag_jobs');
    const sample: Sample = {
      at,
      breakers: breakersOf(of('evenkeel_circuit_breaker_state'), {
        inFlight: (name) =>
          sum(
            of('evenkeel_circuit_breaker_in_flight_calls').filter(
              ({ labels }) => labels.breaker === name,
            ),
          ),
        rejected: (name) =>
          rate(
            of('evenkeel_circuit_breaker_calls_total').filter(
              ({ labels }) => labels.breaker === name && labels.outcome === 'rejected',
            ),
          ),
      }),
      cache: {
        local: rate(source('local', 'joined')),
        redis: rate(source('near', 'global', 'master')),
        origin: rate(of('ticketing_catalog_loads_total')),
        savedInAll: sum(source('local', 'joined', 'near', 'global', 'master', 'stale')),
      },
      holds: stockOf(of('evenkeel_soft_hold_stock_units')),
      queue:
        waiting.length === 0
          ? null
          : {
              depth: sum(waiting),
              running: sum(of('evenkeel_async_jobs_running_jobs')),
              donePerSecond: rate(of('evenkeel_async_jobs_completed_total')),
              retriesInAll: sum(of('evenkeel_async_jobs_retried_total')),
              deadInAll: sum(of('evenkeel_async_jobs_dead_total')),
            },
      http: {
        perSecond: rate(requests),
        refusedPerSecond: rate(status('4')),
        failedPerSecond: rate(status('5')),
        p50Ms: quantile(durations, 0.5),
        p99Ms: quantile(durations, 0.99),
      },
      instances: readings.map(instanceOf),
    };
    this.#before = now;
    return sample;
  }

  async #read(process: ServiceProcess): Promise<Reading> {
    const { name, pid } = process;
    if (pid === undefined) return { name, pid: null, series: 'down' };
    try {
      const address = this.#shop.addressOf(process);
      const signal = AbortSignal.timeout(answerWithinMs);
      const [ready, metrics] = await Promise.all([
        fetch(`${address}/ready`, { signal }),
        fetch(`${address}/metrics`, { signal }),
      ]);
      await ready.arrayBuffer();
      return { name, pid, isReady: ready.ok, series: parseMetrics(await metrics.text()) };
    } catch {
      return { name, pid, series: 'silent' };
    }
  }
}

/** Prometheus' text format, as far as prom-client writes it. */
export function parseMetrics(text: string): Series[] {
  const series: Series[] = [];
  for (const line of text.split('\n')) {
    const [, name, inside = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (!name) continue;
    const labels: Record<string, string> = {};
    for (const [, label, text] of inside.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[label as string] = text as string;
    }
    series.push({ name, labels, value: Number(value) });
  }
  return series;
}

/** What a visitor waits for: not the probes, not the provider's webhooks, not log-ins, which are slow on purpose. */
function isOfBuyers({ labels }: Series): boolean {
  const route = labels.route ?? '';
  if (!route.startsWith('/api/')) return false;
  return !/\/(webhooks|session|users)/.test(route);
}

/** Between the bounds of a histogram it is a straight line, as Prometheus takes it. null: nothing happened. */
export function quantile(buckets: ReadonlyMap<number, number>, share: number): number | null {
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  const total = sorted.at(-1)?.[1] ?? 0;
  if (total === 0) return null;
  let [from, below] = [0, 0];
  for (const [bound, upTo] of sorted) {
    if (upTo >= share * total) {
      if (bound === Number.POSITIVE_INFINITY) return from * 1_000;
      const inside = upTo === below ? 1 : (share * total - below) / (upTo - below);
      return (from + (bound - from) * inside) * 1_000;
    }
    [from, below] = [bound, upTo];
  }
  return from * 1_000;
}

function breakersOf(
  states: Series[],
  of: { inFlight: (name: string) => number; rejected: (name: string) => number },
): BreakerSample[] {
  const names = [...new Set(states.map(({ labels }) => labels.breaker ?? ''))];
  return names.map((name) => {
    const now = states.find(({ labels, value }) => labels.breaker === name && value === 1);
    const state = (now?.labels.state ?? 'unknown') as BreakerSample['state'];
    return { name, state, inFlight: of.inFlight(name), rejectedPerSecond: of.rejected(name) };
  });
}

/** Every process tells of the same stock: one of them is believed for each pool. */
function stockOf(series: Series[]): Sample['holds'] {
  if (series.length === 0) return null;
  const holds = { free: 0, held: 0, sold: 0 };
  const seen = new Set<string>();
  for (const { labels, value } of series) {
    const key = `${labels.pool} ${labels.sku} ${labels.state}`;
    if (seen.has(key) || !(labels.state && labels.state in holds)) continue;
    seen.add(key);
    holds[labels.state as keyof typeof holds] += value;
  }
  return holds;
}

function instanceOf({ name, pid, isReady, series }: Reading): InstanceSample {
  if (typeof series === 'string') return { name, pid, state: series, loop: null };
  const value = (wanted: string) => series.find(({ name }) => name === wanted)?.value;
  const isDraining = value('evenkeel_health_draining') === 1;
  const state = isDraining ? 'draining' : isReady ? 'ready' : 'not ready';
  return { name, pid, state, loop: value('ticketing_event_loop_utilization_ratio') ?? null };
}
