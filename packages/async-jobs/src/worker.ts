import type { Channel } from 'node:diagnostics_channel';
import { EventEmitter } from 'eventemitter3';
import type { JobQueue } from './async-jobs.ts';
import { CancelledIds } from './cancelled-ids.ts';
import { sleep } from './clock.ts';
import type { ConsumerEvents, ConsumerOptions } from './consumer-options.ts';
import type { JobHandler, Priority } from './define-job.ts';
import { DelayLine } from './delay-line.ts';
import { channels } from './diagnostics.ts';
import { JobsUnhealthyError, QueueClosedError } from './errors.ts';
import type { Flow } from './flow.ts';
import { knownOptions } from './known-options.ts';
import { callable, integer, name, show } from './options.ts';
import { Places } from './places.ts';
import { QueueConsumer } from './queue-consumer.ts';
import { enqueuedAtOf, JOB_ID, JOB_NAME } from './record.ts';
import { topicsOf } from './topics.ts';
import type { IncomingRecord, SubscriptionHealth } from './transport.ts';
import { within } from './within.ts';
import type { DrainResult, WorkerEvents, WorkerSnapshot } from './worker-events.ts';
import type { WorkerOptions } from './worker-options.ts';

// Of the drain's time, handlers have this share undisturbed; then they are asked to stop
const UNDISTURBED = 0.9;
const CANCELLATIONS_MS = 2_000;
const STATUS_FLUSH_MS = 2_000;
// A broker that does not answer is left to find out by the session timeout
const LEAVE_WITHIN_MS = 5_000;
const SILENT_LIMIT_MS = 60_000;
const REBUILD_LIMIT = 3;

/**
 * Handles the jobs of one or more queues. Jobs of one key run one after another, different keys
 * side by side, `concurrency` of them, however few partitions there are.
 *
 * Its life: `idle` - run() -> `running` - drain() -> `draining` -> `closed`. Every worker of a queue
 * must handle all of the queue's jobs: a job without handler goes to the dead letters.
 *
 * Emits `completed`, `failed`, `dead`, `cancelled`, `brake` and `error`.
 */
export class Worker extends EventEmitter<WorkerEvents> {
  readonly #queue: JobQueue;
  readonly #consumers: readonly QueueConsumer[];
  readonly #delayLines: readonly DelayLine[];
  readonly #cancelled: CancelledIds;
  #stopHearing: () => void = () => {};
  #state: WorkerSnapshot['state'] = 'idle';
  #completed = 0;
  #failed = 0;
  #dead = 0;
  #retried = 0;
  #duplicates = 0;
  #draining: Promise<DrainResult> | null = null;

  /** @throws RangeError or TypeError naming field, rule and value */
  constructor(queue: JobQueue, options: WorkerOptions) {
    super();
    this.#queue = queue;
    this.#cancelled = new CancelledIds(queue.clock);
    const cancelled = (id: string) => this.#cancelled.has(id);
    knownOptions(options, {
      ...{ handlers: true, flows: true, concurrency: true, brake: true, group: true },
      ...{ sessionTimeoutMs: true, heartbeatMs: true, rebalanceTimeoutMs: true },
      ...{
        maxBufferedJobs: true,
        maxBufferedBytes: true,
        commitIntervalMs: true,
        commitEvery: true,
      },
    });
    const concurrency = integer('concurrency', options.concurrency ?? 50, 1, 10_000);
    const sessionTimeoutMs = integer('sessionTimeoutMs', options.sessionTimeoutMs ?? 30_000, 1_000);
    const heartbeatMs = integer(
      'heartbeatMs',
      options.heartbeatMs ?? Math.round(sessionTimeoutMs / 10),
      100,
      Math.floor(sessionTimeoutMs / 2),
    );
    const rebalanceTimeoutMs = integer(
      'rebalanceTimeoutMs',
      options.rebalanceTimeoutMs ?? 60_000,
      1_000,
    );
    const group = name('group', options.group ?? queue.topicPrefix);
    const given = options.brake || {};
    knownOptions(given, { failures: true, probeMs: true }, 'brake.');
    const { failures = 25, probeMs = 5_000 } = given;
    const brake = {
      failures: options.brake === false ? Infinity : integer('brake.failures', failures, 1),
      probeMs: integer('brake.probeMs', probeMs, 1),
    };
    const places = new Places(concurrency);
    const shared = {
      subscribe: { sessionTimeoutMs, heartbeatMs, rebalanceTimeoutMs },
      maxBufferedJobs: integer('maxBufferedJobs', options.maxBufferedJobs ?? 1_000, 1),
      maxBufferedBytes: integer('maxBufferedBytes', options.maxBufferedBytes ?? 2 ** 24, 1_024),
      commitIntervalMs: integer('commitIntervalMs', options.commitIntervalMs ?? 100, 10),
      commitEvery: integer('commitEvery', options.commitEvery ?? 50, 1),
      slot: <T>(priority: Priority, work: () => Promise<T>) => places.run(priority, work),
      concurrency,
      brake,
      error: (error: unknown) => this.#tell('error', error),
    };
    const flows = flowsByName(queue, options.flows ?? []);
    const consumers: QueueConsumer[] = [];
    const delayLines: DelayLine[] = [];
    for (const [queueName, handlers] of this.#byQueue(options.handlers)) {
      const jobs = [...handlers.values()].map(({ job }) => job);
      const topics = topicsOf(queue.topicPrefix, queueName, jobs);
      const ofQueue = `${group}.${queueName}`;
      const told = this.#tellOf(queueName);
      const settled: ConsumerOptions['settled'] = (facts, end) =>
        queue.settleFlow(flows, facts, end);
      const own = { ...shared, ...told, handlers, settled, group: ofQueue };
      consumers.push(new QueueConsumer(queue, topics, { ...own, cancelled }));
      delayLines.push(new DelayLine(queue, topics, { ...shared, group: `${ofQueue}.retry` }));
    }
    this.#consumers = consumers;
    this.#delayLines = delayLines;
  }

  /**
   * Joins the groups; resolves when every queue has its partitions. After a worker was killed, the
   * broker keeps its partitions for up to `sessionTimeoutMs`, and joining takes that long.
   *
   * @throws the transport's error when a broker cannot be reached or a topic does not exist
   * @throws QueueClosedError after `drain`
   */
  async run(): Promise<void> {
    if (this.#state === 'running') return;
    if (this.#state !== 'idle') throw new QueueClosedError('The worker');
    this.#state = 'running';
    try {
      this.#queue.watchSpool();
      await this.#hearCancellations();
      await Promise.all(
        [...this.#consumers, ...this.#delayLines].map((consumer) => consumer.start()),
      );
    } catch (error) {
      await this.drain({ timeoutMs: 0 });
      throw error;
    }
  }

  /**
   * Stops: no job starts any more, running ones have `timeoutMs` (20,000) to end, of which the last
   * tenth with `ctx.signal` aborted; then they are given up. What is done is committed, statuses
   * are written (for at most 2 s), the group is left: all this for 5 s at most, whatever the broker
   * does. Unfinished jobs run on another worker.
   */
  async drain(options: { readonly timeoutMs?: number } = {}): Promise<DrainResult> {
    const timeoutMs = integer('timeoutMs', options.timeoutMs ?? 20_000, 0);
    this.#draining ??= this.#drain(timeoutMs);
    return this.#draining;
  }

  /** `drain()` with its defaults. */
  async close(): Promise<void> {
    await this.drain();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  /** Figures at this moment. */
  snapshot(): WorkerSnapshot {
    return {
      state: this.#state,
      completed: this.#completed,
      failed: this.#failed,
      dead: this.#dead,
      retried: this.#retried,
      duplicates: this.#duplicates,
      queues: this.#consumers.map((consumer, i) => ({
        queue: consumer.queue,
        ...consumer.figures,
        consumer: consumer.health(),
        retries: (this.#delayLines[i] as DelayLine).figures,
      })),
    };
  }

  /** Unwell when not running, when the broker was silent for a minute, or when the client had to be replaced three times in five minutes. */
  healthCheck(): { name: string; check(signal: AbortSignal): Promise<unknown> } {
    return {
      name: 'worker',
      check: async () => {
        const { state, completed, failed, dead, queues } = this.snapshot();
        const details = { state, completed, failed, dead, queues };
        const reasons = state === 'running' ? [] : [`it is ${state}`];
        for (const { queue, consumer, retries } of queues) {
          reasons.push(...illness(queue, consumer));
          reasons.push(...illness(`retries of ${queue}`, retries.consumer));
        }
        if (reasons.length === 0) return details;
        throw new JobsUnhealthyError(`Worker is unwell: ${reasons.join('; ')}`, details);
      },
    };
  }

  async #drain(timeoutMs: number): Promise<DrainResult> {
    const { clock } = this.#queue;
    const begun = clock.now();
    this.#state = 'draining';
    for (const line of this.#delayLines) line.stop();
    const stopped = Promise.all(this.#consumers.map((consumer) => consumer.stop()));
    const waits = new AbortController();
    const undisturbed = Math.floor(timeoutMs * UNDISTURBED);
    const idle = stopped.then(() => waits.abort());
    await Promise.race([idle, sleep(clock, undisturbed, waits.signal)]);
    if (!waits.signal.aborted) {
      for (const consumer of this.#consumers) consumer.abort();
      await Promise.race([idle, sleep(clock, timeoutMs - undisturbed, waits.signal)]);
    }
    const abandoned = this.#consumers.reduce((sum, { figures }) => sum + figures.running, 0);
    const leaving = Promise.all([
      ...[...this.#consumers, ...this.#delayLines].map((consumer) => consumer.close()),
      this.#queue.flushStatus(STATUS_FLUSH_MS),
    ]);
    await within(clock, LEAVE_WITHIN_MS, leaving, 'Committing and leaving').catch((error) =>
      this.#tell('error', error),
    );
    this.#stopHearing();
    this.#state = 'closed';
    return { abandoned, tookMs: clock.now() - begun };
  }

  #byQueue(handlers: readonly JobHandler[]): Map<string, Map<string, JobHandler>> {
    if (!Array.isArray(handlers) || handlers.length === 0) {
      throw new TypeError(
        `Expected \`handlers\` to be a list of handle(...), got ${show(handlers)}`,
      );
    }
    const queues = new Map<string, Map<string, JobHandler>>();
    for (const handler of handlers) {
      const { job } = handler;
      this.#queue.define(job);
      callable('handlers[].run', handler.run);
      if (job.inbox && !this.#queue.outbox) {
        throw new TypeError(
          `Expected \`outbox\` in the queue: job ${job.name} is defined with \`inbox: true\``,
        );
      }
      const ofQueue = queues.get(job.queue) ?? new Map<string, JobHandler>();
      if (ofQueue.has(job.name)) {
        throw new TypeError(`Expected one handler for job ${job.name}, got two`);
      }
      queues.set(job.queue, ofQueue.set(job.name, handler));
    }
    return queues;
  }

  /** Cancellations are heard where there is a status store; while that is down, jobs run. */
  async #hearCancellations(): Promise<void> {
    const { store, clock } = this.#queue;
    if (!store) return;
    const hearing = store.cancellations((id) => {
      this.#cancelled.add(id);
      for (const consumer of this.#consumers) consumer.cancel(id);
    });
    hearing.then(
      (stop) => {
        this.#stopHearing = stop;
        if (this.#state === 'closed') stop();
      },
      (error) => this.#tell('error', error),
    );
    await within(clock, CANCELLATIONS_MS, hearing, 'Reading cancellations').catch(() => {}); // they come later
  }

  /** What a queue's consumer tells, as events of the worker and on the diagnostics channels. */
  #tellOf(queue: string): ConsumerEvents {
    return {
      braked: (state) => this.#tell('brake', { queue, state }, channels.brake),
      started: ({ id, name: job, key, trace }, attempt) => {
        if (!channels.started.hasSubscribers) return;
        channels.started.publish({ id, name: job, queue, key, attempt, trace });
      },
      completed: (record) => this.#onCompleted(queue, record),
      failed: ({ id, name: job }, attempt, error) => {
        this.#failed++;
        this.#tell('failed', { id, name: job, queue, attempt, error }, channels.failed);
      },
      replayed: () => {
        this.#duplicates++;
      },
      left: ({ id, name: job }, why) => {
        if (why === 'later') this.#retried++;
        else this.#tell('cancelled', { id, name: job, queue });
      },
      dead: ({ facts, reason, attempts, error }) => {
        this.#dead++;
        const { id = '', name: job = '' } = facts ?? {};
        const told = { id, name: job, queue, reason, attempts, error };
        this.#tell('dead', told, channels.dead);
      },
    };
  }

  #onCompleted(queue: string, record: IncomingRecord): void {
    this.#completed++;
    if (this.listenerCount('completed') === 0 && !channels.completed.hasSubscribers) return;
    const { headers } = record;
    const told = {
      id: headers[JOB_ID] ?? '',
      name: headers[JOB_NAME] ?? '',
      queue,
      latencyMs: this.#queue.clock.now() - enqueuedAtOf(record),
    };
    this.#tell('completed', told, channels.completed);
  }

  #tell<E extends keyof WorkerEvents>(
    event: E,
    value: Parameters<WorkerEvents[E]>[0],
    channel?: Channel,
  ): void {
    try {
      if (channel?.hasSubscribers) channel.publish(value);
      (this.emit as (event: string, value: unknown) => boolean).call(this, event, value);
    } catch {
      // a listener's failure is not the worker's
    }
  }
}

function illness(of: string, { silentMs, rebuilds }: SubscriptionHealth): string[] {
  const reasons: string[] = [];
  if (silentMs > SILENT_LIMIT_MS) reasons.push(`${of}: no sign of the broker`);
  if (rebuilds >= REBUILD_LIMIT) reasons.push(`${of}: its client keeps breaking`);
  return reasons;
}

function flowsByName(queue: JobQueue, flows: readonly Flow[]): ReadonlyMap<string, Flow> {
  if (flows.length > 0 && !queue.outbox) {
    throw new TypeError('Expected `outbox` in the queue: the worker was given `flows`');
  }
  return new Map(flows.map((flow) => [flow.name, flow]));
}
