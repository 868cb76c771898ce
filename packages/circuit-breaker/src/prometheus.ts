import type { CircuitBreaker, CircuitBreakerSnapshot } from './index.ts';

/** What is called of a registry of metrics; prom-client 15's `Registry` has this shape. */
export interface MetricRegistry {
  // biome-ignore lint/suspicious/noExplicitAny: prom-client declares its own classes
  registerMetric(metric: any): void;
  removeSingleMetric(name: string): void;
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Metric {
  readonly what: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  read(snapshot: CircuitBreakerSnapshot): readonly (readonly [value: number, labels?: object])[];
}

const METRICS: readonly Metric[] = [
  {
    what: 'state',
    help: '1 for the state the circuit is in',
    type: 'gauge',
    read: ({ state }) => [[1, { state }]],
  },
  {
    what: 'calls_total',
    help: 'Calls by how they ended; rejected ones were not made',
    type: 'counter',
    read: ({ totals }) => [
      [totals.succeeded, { outcome: 'succeeded' }],
      [totals.failed - totals.timedOut, { outcome: 'failed' }],
      [totals.timedOut, { outcome: 'timed_out' }],
      [totals.ignored, { outcome: 'ignored' }],
      [totals.rejected, { outcome: 'rejected' }],
    ],
  },
  {
    what: 'slow_calls_total',
    help: 'Calls that became slow, however they ended',
    type: 'counter',
    read: ({ totals }) => [[totals.slow]],
  },
  {
    what: 'fallbacks_total',
    help: 'Calls answered by a fallback step',
    type: 'counter',
    read: ({ totals }) => [[totals.fallbacks]],
  },
  {
    what: 'in_flight_calls',
    help: 'Calls under way',
    type: 'gauge',
    read: ({ inFlight }) => [[inFlight]],
  },
  {
    what: 'bad_ratio',
    help: 'Share of the calls in the window that failed or were slow',
    type: 'gauge',
    read: ({ window }) => [[window.badRate]],
  },
];

/**
 * Registers metrics named `evenkeel_circuit_breaker_...` that read the breakers when they are scraped: ten series a
 * breaker, labelled `breaker`. The breakers may be a {@link CircuitBreakerRegistry}: those it keeps at that moment are read.
 *
 * @returns a function that takes the metrics back
 */
export function registerMetrics(
  registry: MetricRegistry,
  breakers: CircuitBreaker | Iterable<CircuitBreaker>,
): () => void {
  const all = Symbol.iterator in breakers ? breakers : [breakers];
  const names = METRICS.map(({ what, help, type, read }) => {
    const name = `evenkeel_circuit_breaker_${what}`;
    const aggregator = 'sum';
    const get = async () => {
      const values: Sample[] = [];
      for (const breaker of all) {
        for (const [value, labels] of read(breaker.snapshot())) {
          values.push({ value, labels: { breaker: breaker.name, ...labels } });
        }
      }
      return { name, help, type, aggregator, values };
    };
    // the figures are the breakers' own: there is nothing to reset
    registry.registerMetric({ name, help, type, aggregator, get, reset() {} });
    return name;
  });
  return () => {
    for (const name of names) registry.removeSingleMetric(name);
  };
}
