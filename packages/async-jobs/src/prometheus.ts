import { abortable } from './clock.ts';
import type { OutboxRelay, Worker, WorkerSnapshot } from './index.ts';
import { knownOptions } from './known-options.ts';
import { integer } from './options.ts';

/** What is called of a registry; prom-client 15's `Registry` has this shape. */
export interface RegistryLike {
  // biome-ignore lint/suspicious/noExplicitAny: prom-client declares its own classes
  registerMetric(metric: any): void;
  removeSingleMetric(name: string): void;
}

/** What is looked at. */
export interface JobsThings {
  readonly workers?: readonly Worker[];
  readonly relays?: readonly OutboxRelay[];
}

/** What `registerMetrics` takes beside them. */
export interface MetricsOptions {
  /** Upper bounds of the wait's histogram in seconds. Default 0.005 to 600. */
  readonly waitBucketsSeconds?: readonly number[];
  /** How long a scrape waits for the outbox in milliseconds. Default 1,000 */
  readonly timeoutMs?: number;
}

interface Value {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
}

type Read = () => Value[] | Promise<Value[]>;
type QueueFigures = WorkerSnapshot['queues'][number];

const WAIT_BUCKETS = [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600];

/**
 * Registers metrics named `evenkeel_async_jobs_...` that read the workers' and relays' figures when
 * they are scraped; an outbox whose database does not answer in time is left out of that scrape.
 * Returns a function that takes them back.
 *
 * @throws TypeError when an option is unknown; RangeError naming the field
 */
export function registerMetrics(
  registry: RegistryLike,
  things: JobsThings,
  options: MetricsOptions = {},
): () => void {
  knownOptions(options, { waitBucketsSeconds: true, timeoutMs: true });
  const timeoutMs = integer('timeoutMs', options.timeoutMs ?? 1_000, 1);
  const workers = things.workers ?? [];
  const relays = things.relays ?? [];
  const names: string[] = [];
  const add = (type: string, what: string, help: string, get: Read): void => {
    const name = `evenkeel_async_jobs_${what}`;
    names.push(name);
    const aggregator = 'sum';
    registry.registerMetric({
      name,
      help,
      type,
      aggregator,
      get: async () => ({ name, help, type, aggregator, values: await get() }),
      reset() {}, // the figures are the workers' own
    });
  };
  const ofWorkers = (read: (figures: WorkerSnapshot) => number): Read => {
    return () => [{ value: sum(workers.map((worker) => read(worker.snapshot()))), labels: {} }];
  };
  const ofQueues = (read: (figures: QueueFigures) => number, merge = sum): Read => {
    return () => {
      const queues = byQueue(workers.flatMap((worker) => worker.snapshot().queues));
      return [...queues].map(([queue, figures]) => ({
        value: merge(figures.map(read)),
        labels: { queue },
      }));
    };
  };

  add(
    'counter',
    'completed_total',
    'Jobs whose handler has returned',
    ofWorkers((w) => w.completed),
  );
  add(
    'counter',
    'failed_total',
    'Attempts that failed',
    ofWorkers((w) => w.failed),
  );
  add(
    'counter',
    'retried_total',
    'Jobs put on a retry topic',
    ofWorkers((w) => w.retried),
  );
  add(
    'counter',
    'dead_total',
    'Jobs put among the dead letters',
    ofWorkers((w) => w.dead),
  );
  add(
    'counter',
    'duplicates_total',
    'Effects of ctx.tx that an earlier delivery had committed',
    ofWorkers((w) => w.duplicates),
  );
  add(
    'gauge',
    'running_jobs',
    'Handlers running',
    ofQueues((q) => q.running),
  );
  add(
    'gauge',
    'buffered_jobs',
    'Jobs read and not finished',
    ofQueues((q) => q.buffered),
  );
  add(
    'gauge',
    'buffered_bytes',
    'Their payloads',
    ofQueues((q) => q.bufferedBytes),
  );
  add(
    'gauge',
    'parked_jobs',
    'Held jobs, and those behind them',
    ofQueues((q) => q.parked),
  );
  add(
    'gauge',
    'lag_jobs',
    'Records on Kafka that are not finished',
    ofQueues((q) => q.lag),
  );
  add(
    'gauge',
    'retry_lag_jobs',
    'Records on the retry topics when they were last read',
    ofQueues((q) => q.retries.lag),
  );
  add(
    'gauge',
    'commit_age_seconds',
    'Time since offsets were last committed',
    ofQueues(
      (q) => q.commitAgeMs / 1_000,
      (ages) => Math.max(...ages),
    ),
  );
  add(
    'gauge',
    'braked',
    '1 while a queue is parked or ramping',
    ofQueues(
      (q) => (q.brake === 'released' ? 0 : 1),
      (states) => Math.max(...states),
    ),
  );
  add(
    'gauge',
    'consumer_rebuilds',
    'Clients replaced in the last five minutes',
    ofQueues((q) => q.consumer.rebuilds + q.retries.consumer.rebuilds),
  );
  const wait = new WaitHistogram(options.waitBucketsSeconds ?? WAIT_BUCKETS);
  for (const worker of workers) worker.on('completed', wait.observe);
  add('histogram', 'wait_seconds', 'From enqueue to done', () =>
    wait.values('evenkeel_async_jobs_wait_seconds'),
  );
  if (relays.length > 0) {
    add('counter', 'outbox_sent_total', 'Jobs moved from the outbox to Kafka', () => [
      { value: sum(relays.map((relay) => relay.snapshot().sent)), labels: {} },
    ]);
    add('gauge', 'outbox_failures', 'Rounds of the relay that failed in a row', () => [
      { value: sum(relays.map((relay) => relay.snapshot().failuresInARow)), labels: {} },
    ]);
    const oldest = new OldestJobs(timeoutMs);
    add('gauge', 'outbox_oldest_seconds', 'Age of the oldest job in the outbox', async () => {
      const ages = (await Promise.all(relays.map((relay) => oldest.of(relay)))).flat();
      return ages.length === 0 ? [] : [{ value: Math.max(...ages) / 1_000, labels: {} }];
    });
  }
  return () => {
    for (const name of names) registry.removeSingleMetric(name);
    for (const worker of workers) worker.off('completed', wait.observe);
  };
}

/** Asks an outbox one thing at a time: each scrape of a frozen database would take one more connection. */
class OldestJobs {
  readonly #timeoutMs: number;
  readonly #asked = new Map<OutboxRelay, Promise<number>>();

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** The age in milliseconds; nothing from an outbox that fails or does not answer in time. */
  of(relay: OutboxRelay): Promise<number[]> {
    let age = this.#asked.get(relay);
    if (!age) {
      age = relay.oldestMs().finally(() => this.#asked.delete(relay));
      this.#asked.set(relay, age);
    }
    return abortable(age, AbortSignal.timeout(this.#timeoutMs)).then(
      (ageMs) => [ageMs],
      () => [],
    );
  }
}

class WaitHistogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  readonly observe = ({ latencyMs }: { readonly latencyMs: number }): void => {
    const seconds = latencyMs / 1_000;
    this.#sum += seconds;
    this.#count++;
    for (const [i, bound] of this.#bounds.entries()) {
      if (seconds <= bound) this.#counts[i] = (this.#counts[i] ?? 0) + 1;
    }
  };

  values(name: string): Value[] {
    const buckets = this.#bounds.map((le, i) => ({
      metricName: `${name}_bucket`,
      value: this.#counts[i] as number,
      labels: { le },
    }));
    return [
      ...buckets,
      { metricName: `${name}_bucket`, value: this.#count, labels: { le: '+Inf' } },
      { metricName: `${name}_sum`, value: this.#sum, labels: {} },
      { metricName: `${name}_count`, value: this.#count, labels: {} },
    ];
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function byQueue(figures: readonly QueueFigures[]): Map<string, QueueFigures[]> {
  const queues = new Map<string, QueueFigures[]>();
  for (const one of figures) queues.set(one.queue, [...(queues.get(one.queue) ?? []), one]);
  return queues;
}
