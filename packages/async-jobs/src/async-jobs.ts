import { type Clock, sleep, systemClock } from './clock.ts';
import { DeadLetters } from './dead-letters.ts';
import type { JobDefinition, SqlExecutor } from './define-job.ts';
import { remember } from './definitions.ts';
import { delayed } from './delay-line.ts';
import { channels } from './diagnostics.ts';
import { IdempotencyConflictError, JobNotAcceptedError, QueueClosedError } from './errors.ts';
import { type Flow, FlowStarter, type FlowStatus } from './flow.ts';
import { fingerprint, uuidv7 } from './ids.ts';
import { knownOptions } from './known-options.ts';
import { integer, key as keyOf, name, show } from './options.ts';
import type { Outbox } from './outbox.ts';
import { OutboxRelay, type RelayOptions } from './outbox-relay.ts';
import { Preparation } from './prepare.ts';
import { checkQueue } from './queue-health.ts';
import type {
  Durability,
  EnqueueOptions,
  JobQueueOptions,
  JobTicket,
  TopicOptions,
} from './queue-options.ts';
import { type QueuedJob, toRecord } from './record.ts';
import { type Schedule, Scheduler } from './scheduler.ts';
import { Spooler } from './spool.ts';
import type { SchemaInput, StandardSchema } from './standard-schema.ts';
import type { JobStatus, StatusStore } from './status.ts';
import { StatusReporter } from './status-reporter.ts';
import { Tokens } from './token.ts';
import { topicSpecs, topicsOf } from './topics.ts';
import type { OutgoingRecord, Transport } from './transport.ts';

const YEAR_MS = 366 * 24 * 3600_000;
const ENQUEUE_OPTIONS = { idempotencyKey: true, tx: true, key: true, delayMs: true } as const;

/**
 * The place jobs are put into and followed from.
 *
 *     enqueue -> check payload -> outbox row in the caller's transaction -> relay -> Kafka -> Worker
 *                              or, without outbox, straight to Kafka, or to the spool while it is away
 *
 * @throws RangeError or TypeError naming field, rule and value
 */
export class JobQueue {
  readonly transport: Transport;
  readonly outbox: Outbox | null;
  readonly topicPrefix: string;
  readonly idempotencyWindowMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** @internal */
  readonly store: StatusStore | null;
  readonly #preparation: Preparation;
  readonly #reporter: StatusReporter | null;
  readonly #tokens: Tokens | null;
  readonly #spooler: Spooler | null;
  readonly #flows: FlowStarter;
  readonly #sendBudgetMs: number;
  /** Definitions that were compared with others of their name before. */
  readonly #defined = new WeakSet<JobDefinition>();
  readonly #closers = new Set<() => Promise<void>>();
  #closed = false;

  constructor(options: JobQueueOptions) {
    knownOptions(options, {
      ...{ transport: true, outbox: true, spool: true, status: true, tokens: true },
      ...{ topicPrefix: true, sendBudgetMs: true, idempotencyWindowMs: true, random: true },
      ...{ maxPayloadBytes: true, traceContext: true, clock: true },
    });
    if (typeof options.transport?.subscribe !== 'function') {
      throw new TypeError(
        `Expected \`transport\` to be a transport such as kafkajsTransport(kafka), got ${show(options.transport)}`,
      );
    }
    this.transport = options.transport;
    this.outbox = options.outbox ?? null;
    this.topicPrefix = name('topicPrefix', options.topicPrefix ?? 'jobs');
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? Math.random;
    this.idempotencyWindowMs = integer(
      'idempotencyWindowMs',
      options.idempotencyWindowMs ?? 24 * 3600_000,
      1_000,
    );
    this.#sendBudgetMs = integer('sendBudgetMs', options.sendBudgetMs ?? 1_000, 1);
    this.#preparation = new Preparation(this.clock, options.maxPayloadBytes, options.traceContext);
    this.#tokens = options.tokens ? new Tokens(options.tokens) : null;
    this.#spooler = options.spool && !this.outbox ? new Spooler(options.spool, this) : null;
    this.#flows = new FlowStarter(this, this.#preparation);
    this.store = options.status ?? null;
    this.#reporter = this.store && new StatusReporter(this.store, this.clock);
  }

  /**
   * Puts a job into its queue. With an outbox that is one INSERT, in the caller's transaction when
   * `tx` is given; without, it is sent to Kafka and acknowledged, or spooled.
   *
   * @throws JobPayloadError when the payload does not satisfy the schema
   * @throws JobPayloadTooLargeError
   * @throws IdempotencyConflictError when the key belongs to a job with another payload
   * @throws JobNotAcceptedError when a direct send was not acknowledged within `sendBudgetMs`
   * @throws SpoolFullError
   * @throws RangeError when a key is empty or over 1,024 bytes, or a delay negative or over a year
   */
  async enqueue<S extends StandardSchema>(
    job: JobDefinition<S>,
    payload: SchemaInput<S>,
    options: EnqueueOptions = {},
  ): Promise<JobTicket> {
    const { idempotencyKey, tx, key } = options;
    this.#assertUsable(job, options);
    const runAtMs = this.#runAt(options.delayMs);
    if (idempotencyKey !== undefined) keyOf('idempotencyKey', idempotencyKey);
    const id = uuidv7(this.clock.now());
    const prepared = await this.#preparation.prepare(job, payload, { id, key, runAtMs });
    if (idempotencyKey === undefined) return this.#ticket(id, await this.#accept([prepared], tx));
    const hash = fingerprint(job.name, JSON.parse(prepared.payload));
    const claim = { key: idempotencyKey, fingerprint: hash, windowMs: this.idempotencyWindowMs };
    const outcome = await (this.outbox as Outbox).insertOnce(prepared, claim, tx);
    if (outcome.state === 'claimed') {
      this.#told([prepared]);
      return this.#ticket(id, 'outbox');
    }
    const { jobId } = outcome;
    if (outcome.fingerprint === hash) return this.#ticket(jobId, 'outbox', true);
    throw new IdempotencyConflictError(job.queue, idempotencyKey, jobId);
  }

  /**
   * Puts many jobs of one kind into their queue in one statement or one send: all or none with an
   * outbox, possibly some of them when a direct send fails. Throws as `enqueue` does.
   */
  async enqueueMany<S extends StandardSchema>(
    job: JobDefinition<S>,
    payloads: readonly SchemaInput<S>[],
    options: Pick<EnqueueOptions, 'tx' | 'delayMs'> = {},
  ): Promise<JobTicket[]> {
    this.#assertUsable(job, options);
    const runAtMs = this.#runAt(options.delayMs);
    const now = this.clock.now();
    const prepared = await this.#preparation.prepareAll(job, payloads, () => ({
      id: uuidv7(now),
      runAtMs,
    }));
    if (prepared.length === 0) return [];
    const durability = await this.#accept(prepared, options.tx);
    return prepared.map(({ id }) => this.#ticket(id, durability));
  }

  /**
   * Starts a flow: its row and its first step's job, in the caller's transaction when `tx` is given.
   * Needs an outbox. Throws as `enqueue` does.
   */
  async start<S extends StandardSchema>(
    flow: Flow<S>,
    payload: SchemaInput<S>,
    options: Pick<EnqueueOptions, 'idempotencyKey' | 'tx'> = {},
  ): Promise<{ readonly id: string; readonly deduplicated: boolean }> {
    if (this.#closed) throw new QueueClosedError('The queue');
    return this.#flows.start(flow, payload, options);
  }

  /** Where a flow is; null when there is none with this id. */
  async flow(id: string): Promise<FlowStatus | null> {
    return this.#flows.status(id);
  }

  /**
   * Takes a job back: `removed` when it still waited in the outbox; else `requested`, and workers skip
   * it when they come to it, or abort it with reason `cancelled` when it runs; then its flow is taken
   * back. One that is done stays done. `too-late` without a status store to ask through.
   */
  async cancel(id: string): Promise<'removed' | 'requested' | 'too-late'> {
    keyOf('id', id);
    const removed = (await this.outbox?.remove(id)) ?? null;
    if (removed !== null) {
      const status = { id, name: removed, attempt: 0, progress: 0, atMs: this.clock.now() };
      this.report({ ...status, state: 'cancelled' });
      // A send of it that failed may have reached Kafka: workers skip that
      await this.#reporter?.cancel(id);
      return 'removed';
    }
    if (!this.store) return 'too-late';
    await this.store.cancel(id);
    return 'requested';
  }

  /** The latest known status of a job; null when there is none (yet, or any more), or no status store. */
  async status(id: string): Promise<JobStatus | null> {
    return this.store ? this.store.read(id) : null;
  }

  /**
   * Follows a job: its status now (if known) and every later one, up to and including the final
   * one. A slow reader gets the latest only. Ends without an error when `signal` aborts.
   */
  async *watch(
    id: string,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<JobStatus> {
    if (this.store) yield* this.store.watch(id, options.signal);
  }

  /** The job that a ticket's token lets its holder follow. @throws JobTokenError; TypeError when the queue was given no `tokens` */
  verifyToken(token: unknown): string {
    if (!this.#tokens) throw new TypeError('Expected `tokens` in the queue: it signs none');
    return this.#tokens.verify(token, this.clock.now());
  }

  /** A relay that moves this queue's jobs from the outbox to Kafka; call `run()`. Closed with the queue. @throws TypeError without an outbox */
  relay(options: RelayOptions = {}): OutboxRelay {
    const relay = new OutboxRelay(this, options);
    this.#closers.add(() => relay.close());
    return relay;
  }

  /** Enqueues jobs at their times; call `run()`. Closed with the queue. In several processes each time is enqueued once, given an outbox. */
  scheduler(schedules: readonly Schedule[]): Scheduler {
    const scheduler = new Scheduler(this, schedules);
    this.#closers.add(() => scheduler.close());
    return scheduler;
  }

  /** The dead letters of a queue: to look at, put back, or put away. */
  deadLetters(queue: string): DeadLetters {
    return new DeadLetters(this, name('queue', queue));
  }

  /** Creates the topics of the jobs' queues, of their retries and dead letters where missing. Safe from several processes. */
  async ensureTopics(jobs: readonly JobDefinition[], options: TopicOptions = {}): Promise<void> {
    await this.transport.ensureTopics(topicSpecs(this.topicPrefix, jobs, options));
  }

  /**
   * A check of the transport and the outbox; rejects when one of them is unwell. An unreachable
   * status store is told in the answer, but is no illness: jobs run without it.
   */
  healthCheck(): { name: string; check(signal: AbortSignal): Promise<unknown> } {
    return {
      name: 'async-jobs',
      check: async (signal) => {
        if (this.#closed) throw new QueueClosedError('The queue');
        return checkQueue(this, this.#spooler, this.#reporter, signal);
      },
    };
  }

  /** Closes the relays and schedulers made here, writes pending statuses for at most 2 s and lets go of the transport. Drain workers before. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#closers].map((close) => close()));
    await this.#spooler?.close();
    await this.#reporter?.close(2_000);
    await this.store?.close();
    await this.transport.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal Tells a status without waiting; for the relay and the worker. */
  report(status: JobStatus, sequence?: number): void {
    this.#reporter?.report(status, sequence);
  }

  /** @internal Waits at most `timeoutMs` until pending statuses are written. */
  async flushStatus(timeoutMs: number): Promise<void> {
    await this.#reporter?.flush(timeoutMs);
  }

  /** @internal Sends jobs and tells that they are queued. */
  async send(jobs: readonly QueuedJob[], timeoutMs: number): Promise<void> {
    await this.transport.send(
      jobs.map((job) => this.#toRecord(job)),
      timeoutMs,
    );
    this.#reportQueued(jobs);
  }

  /** @internal Sends until it is acknowledged; false when given up before. */
  async sendUntilAcked(
    records: readonly OutgoingRecord[],
    timeoutMs: number,
    onError: (error: unknown) => void,
    giveUp: () => boolean,
    signal: AbortSignal,
  ): Promise<boolean> {
    for (let tries = 1; ; tries++) {
      try {
        await this.transport.send(records, timeoutMs);
        return true;
      } catch (error) {
        onError(error);
        await this.pause(tries, signal);
        if (giveUp()) return false;
      }
    }
  }

  /** @internal Waits before another try of something that failed: 200 ms, doubling, up to 10 s. */
  pause(tries: number, signal: AbortSignal): Promise<void> {
    return sleep(this.clock, Math.min(10_000, 200 * 2 ** (tries - 1)), signal);
  }

  /** @internal Remembers a definition. @throws TypeError when another one has its name */
  define(job: JobDefinition): void {
    if (this.#defined.has(job)) return;
    remember(this.transport, this.topicPrefix, job);
    this.#defined.add(job);
  }

  /** @internal Does what follows from the end of a job that is a step of a flow. */
  settleFlow(...end: Parameters<FlowStarter['settle']>): Promise<void> {
    return this.#flows.settle(...end);
  }

  /** @internal Lets jobs that another process spooled, and died, be sent by this one. */
  watchSpool(): void {
    this.#spooler?.watch();
  }

  #assertUsable(job: JobDefinition, options: EnqueueOptions): void {
    if (this.#closed) throw new QueueClosedError('The queue');
    if (typeof job?.schema?.['~standard']?.validate !== 'function') {
      throw new TypeError(`Expected a job made by defineJob, got ${show(job)}`);
    }
    this.define(job);
    knownOptions(options, ENQUEUE_OPTIONS);
    if (this.outbox) return;
    for (const field of ['tx', 'idempotencyKey'] as const) {
      if (options[field] !== undefined) {
        throw new TypeError(`Expected no \`${field}\`: the queue was made without an \`outbox\``);
      }
    }
  }

  #runAt(delayMs: number | undefined): number | undefined {
    if (delayMs === undefined) return undefined;
    return this.clock.now() + integer('delayMs', delayMs, 0, YEAR_MS);
  }

  async #accept(jobs: readonly QueuedJob[], tx: SqlExecutor | undefined): Promise<Durability> {
    let durability: Durability = 'outbox';
    if (this.outbox) await this.outbox.insert(jobs, tx);
    else durability = await this.#sendDirectly(jobs);
    this.#told(jobs);
    return durability;
  }

  async #sendDirectly(jobs: readonly QueuedJob[]): Promise<Durability> {
    const records = jobs.map((job) => this.#toRecord(job, !this.#spooler));
    try {
      let durability: Durability = 'kafka';
      if (this.#spooler) durability = await this.#spooler.send(records, this.#sendBudgetMs);
      else await this.transport.send(records, this.#sendBudgetMs);
      this.#reportQueued(jobs);
      return durability;
    } catch (error) {
      if (error instanceof Error && 'maxJobs' in error) throw error;
      throw new JobNotAcceptedError((records[0] as OutgoingRecord).topic, error);
    }
  }

  #toRecord(job: QueuedJob, once = false): OutgoingRecord {
    const record = toRecord(this.topicPrefix, job, once);
    const now = this.clock.now();
    if (job.runAtMs === undefined || job.runAtMs <= now) return record;
    return delayed(topicsOf(this.topicPrefix, job.queue, []), record, job.runAtMs - now, now);
  }

  #reportQueued(jobs: readonly QueuedJob[]): void {
    if (!this.#reporter) return;
    for (const { id, name, enqueuedAtMs } of jobs) {
      this.report({ id, name, state: 'queued', attempt: 0, progress: 0, atMs: enqueuedAtMs });
    }
  }

  #told(jobs: readonly QueuedJob[]): void {
    if (!channels.enqueued.hasSubscribers) return;
    for (const { id, name, queue, key } of jobs)
      channels.enqueued.publish({ id, name, queue, key });
  }

  #ticket(id: string, durability: Durability, deduplicated = false): JobTicket {
    return {
      id,
      state: 'accepted',
      deduplicated,
      durability,
      ...(this.#tokens && { token: this.#tokens.sign(id, this.clock.now()) }),
    };
  }
}
