import type { Health } from './health.ts';
import { knownOptions } from './known-options.ts';
import type { HealthStatus } from './report.ts';

/** What is called of a prom-client 15 `Registry`. */
export interface MetricRegistry {
  registerMetric(metric: never): void;
  removeSingleMetric(name: string): void;
}

/** Options of `registerMetrics`. */
export interface MetricsOptions {
  /** What the names begin with; default `evenkeel_health_`. */
  readonly prefix?: string;
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The shape that prom-client's `Registry` asks of what it renders; `collect` is called when it is scraped. */
interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter';
  readonly aggregator: 'sum' | 'average' | 'first';
  get(): Promise<Omit<Metric, 'get'> & { readonly values: readonly Sample[] }>;
}

const VALUE: Readonly<Record<HealthStatus, number>> = { pass: 1, warn: 0.5, fail: 0 };
const seconds = (ms: number) => ms / 1_000;

/** The eight series of every check, and one for each group and instance. */
const METRICS: readonly (readonly [
  name: string,
  type: Metric['type'],
  help: string,
  samples: (health: Health) => readonly Sample[],
])[] = [
  [
    'check_status',
    'gauge',
    'Status of a check: 1 pass, 0.5 warn, 0 fail.',
    (health) => perCheck(health, ({ status }) => VALUE[status]),
  ],
  [
    'check_stale',
    'gauge',
    '1 when the answer that a status rests on is too old.',
    (health) => perCheck(health, ({ isStale }) => Number(isStale)),
  ],
  [
    'check_alone',
    'gauge',
    '1 when this instance fails a shared check that most others pass.',
    (health) => perCheck(health, ({ isAlone }) => Number(isAlone)),
  ],
  [
    'check_age_seconds',
    'gauge',
    'Age of the last result of a check; -1 before the first.',
    (health) => perCheck(health, ({ ageMs }) => (ageMs === undefined ? -1 : seconds(ageMs))),
  ],
  [
    'check_duration_seconds',
    'gauge',
    'Percentiles of the last 256 runs of a check.',
    (health) =>
      perHistory(health, ({ p50Ms, p99Ms }) => [
        [{ quantile: '0.5' }, seconds(p50Ms)],
        [{ quantile: '0.99' }, seconds(p99Ms)],
      ]),
  ],
  [
    'check_runs_total',
    'counter',
    'Runs of a check.',
    (health) =>
      perHistory(health, ({ runs, failures }) => [
        [{ outcome: 'pass' }, runs - failures],
        [{ outcome: 'fail' }, failures],
      ]),
  ],
  [
    'group_status',
    'gauge',
    'Status of a group: 1 pass, 0.5 warn, 0 fail.',
    (health) =>
      Object.entries(health.snapshot().groups).map(([group, status]) => ({
        labels: { service: health.service, group },
        value: VALUE[status],
      })),
  ],
  [
    'draining',
    'gauge',
    '1 while the instance takes itself out of service.',
    (health) => [{ labels: { service: health.service }, value: Number(health.isDraining) }],
  ],
];

/**
 * Registers what is known of these instances' health on a prom-client 15 registry, read when it is scraped: eight
 * series a check, one a group, one a Health. Nothing is asked of a dependency. Returns what takes the metrics off.
 *
 * - `evenkeel_health_check_status`, `_check_stale`, `_check_alone`, `_check_age_seconds` by `service`, `check`, `scope`
 * - `evenkeel_health_check_duration_seconds` by `quantile` too (0.5 and 0.99 of the last 256 runs)
 * - `evenkeel_health_check_runs_total` by `outcome` too (`pass`, `fail`)
 * - `evenkeel_health_group_status` by `service`, `group`; `evenkeel_health_draining` by `service`
 * @throws TypeError when an option is unknown, Error of prom-client when a name is taken.
 */
export function registerMetrics(
  registry: MetricRegistry,
  healths: Health | readonly Health[],
  options: MetricsOptions = {},
): () => void {
  knownOptions(options, { prefix: true });
  const prefix = options.prefix ?? 'evenkeel_health_';
  const watched = [healths].flat() as readonly Health[];
  const names: string[] = [];
  const unregister = () => {
    for (const name of names) registry.removeSingleMetric(name);
  };
  for (const [suffix, type, help, samples] of METRICS) {
    const name = `${prefix}${suffix}`;
    const metric: Metric = {
      name,
      type,
      help,
      aggregator: type === 'counter' ? 'sum' : 'first',
      // An OpenMetrics registry shortens the name of a counter on the object itself.
      get: async () => ({ ...metric, values: watched.flatMap(samples) }),
    };
    try {
      registry.registerMetric(metric as never);
    } catch (error) {
      unregister();
      throw error;
    }
    names.push(name);
  }
  return unregister;
}

type Snapshot = ReturnType<Health['snapshot']>['checks'][number];
type History = ReturnType<Health['history']>;

function perCheck(health: Health, read: (check: Snapshot) => number): readonly Sample[] {
  return health
    .snapshot()
    .checks.map((check) => ({ labels: labelsOf(health, check), value: read(check) }));
}

function perHistory(
  health: Health,
  valuesOf: (history: History) => readonly (readonly [Record<string, string>, number])[],
): readonly Sample[] {
  return health.snapshot().checks.flatMap((check) =>
    valuesOf(health.history(check.name)).map(([labels, value]) => ({
      labels: { ...labelsOf(health, check), ...labels },
      value,
    })),
  );
}

function labelsOf(health: Health, check: Snapshot): Record<string, string> {
  return { service: health.service, check: check.name, scope: check.scope };
}
