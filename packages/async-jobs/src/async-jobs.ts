import { abortable, type Clock, systemClock, within } from './clock.ts';
import { type JobDefinition, type SqlExecutor, validate } from './define-job.ts';
import {
  IdempotencyConflictError,
  JobNotAcceptedError,
  JobPayloadError,
  JobPayloadTooLargeError,
  JobsUnhealthyError,
  QueueClosedError,
  TransportTimeoutError,
} from './errors.ts';
import { fingerprint, uuidv5, uuidv7 } from './ids.ts';
import { callable, integer, key as keyOf, name, show } from './options.ts';
import type { Outbox } from './outbox.ts';
import { OutboxRelay, type RelayOptions } from './outbox-relay.ts';
import { deadLetterTopic, jobsTopic, type QueuedJob, toRecord } from './record.ts';
import type { SchemaInput, StandardSchema } from './standard-schema.ts';
import type { JobStatus, StatusStore } from './status.ts';
import { StatusReporter } from './status-reporter.ts';
import { type TraceContext, traceContextOf } from './trace-context.ts';
import type { TopicSpec, Transport } from './transport.ts';

/** What `new JobQueue` takes. */
export interface JobQueueOptions {
  /** What jobs travel on: `kafkajsTransport(kafka)` or, in tests, `memoryTransport()`. */
  readonly transport: Transport;
  /** `postgresOutbox(pool)`: jobs leave with the caller's transaction, idempotency keys, `ctx.tx`. Without it jobs are sent directly. */
  readonly outbox?: Outbox;
  /** `redisStatus(redis)`: live status. Without it `status` gives null and `watch` ends at once. */
  readonly status?: StatusStore;
  /** First part of every topic name. Default `jobs`. */
  readonly topicPrefix?: string;
  /** Milliseconds a direct send may take. Default 1,000. */
  readonly sendBudgetMs?: number;
  /** Milliseconds an idempotency key is remembered. Default 24 h. */
  readonly idempotencyWindowMs?: number;
  /** Largest payload in bytes of JSON. Default 900 KiB, below Kafka's default of 1 MiB a batch. */
  readonly maxPayloadBytes?: number;
  /** Asked at every `enqueue` for the trace it belongs to; the handler finds it as `ctx.trace`. */
  readonly traceContext?: () => TraceContext | undefined;
  readonly clock?: Clock;
  /** Source of jitter in [0, 1). Default `Math.random`. */
  readonly random?: () => number;
}

/** What `enqueue` takes beside the payload. */
export interface EnqueueOptions {
  /** The same key (per queue) is the same job: a second call changes nothing. Needs an outbox. */
  readonly idempotencyKey?: string;
  /** The caller's transaction: the job exists if and when it commits. Needs an outbox. */
  readonly tx?: SqlExecutor;
  /** Overrides the key the job's definition computes. */
  readonly key?: string;
}

/** The answer to `enqueue`: keep the `id` to follow the job. */
export interface JobTicket {
  readonly id: string;
  readonly state: 'accepted';
  /** True when an earlier call with this idempotency key had enqueued the job. */
  readonly deduplicated: boolean;
  /** Where the job is safe now: in the database (once the transaction commits), or on Kafka. */
  readonly durability: 'outbox' | 'kafka';
}

/** How topics are created; an existing topic is left as it is. */
export interface TopicOptions {
  /** Partitions of a jobs topic. Default 6. */
  readonly partitions?: number;
  /** Copies of every partition. Default: the broker's. */
  readonly replicationFactor?: number;
}

const DLQ_RETENTION_MS = 14 * 24 * 3600_000;
const DLQ_PARTITIONS = 1;
const STATUS_PING_MS = 500;

/**
 * The place jobs are put into and followed from.
 *
 *     enqueue -> check payload -> outbox row in the caller's transaction -> relay -> Kafka -> Worker
 *                              or, without outbox, straight to Kafka
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
  readonly #store: StatusStore | null;
  readonly #reporter: StatusReporter | null;
  readonly #traceContext: (() => TraceContext | undefined) | undefined;
  readonly #sendBudgetMs: number;
  readonly #maxPayloadBytes: number;
  readonly #relays = new Set<OutboxRelay>();
  #statusError: unknown = null;
  #closed = false;

  constructor(options: JobQueueOptions) {
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
    this.#maxPayloadBytes = integer('maxPayloadBytes', options.maxPayloadBytes ?? 900 * 1024, 1);
    this.#traceContext = options.traceContext && callable('traceContext', options.traceContext);
    this.#store = options.status ?? null;
    this.#reporter =
      this.#store &&
      new StatusReporter(this.#store, this.clock, (error) => {
        this.#statusError = error;
      });
  }

  /**
   * Puts a job into its queue. With an outbox that is one INSERT, in the caller's transaction when
   * `tx` is given; without, it is sent to Kafka and acknowledged.
   *
   * @throws JobPayloadError when the payload does not satisfy the schema
   * @throws JobPayloadTooLargeError
   * @throws IdempotencyConflictError when the key belongs to a job with another payload
   * @throws JobNotAcceptedError when a direct send was not acknowledged within `sendBudgetMs`
   * @throws RangeError when a key is empty or over 1,024 bytes
   */
  async enqueue<S extends StandardSchema>(
    job: JobDefinition<S>,
    payload: SchemaInput<S>,
    options: EnqueueOptions = {},
  ): Promise<JobTicket> {
    const { idempotencyKey, tx } = options;
    this.#assertUsable(job, options);
    if (idempotencyKey === undefined) {
      const prepared = await this.#prepare(job, payload, uuidv7(this.clock.now()), options.key);
      await this.#accept([prepared], tx);
      return this.#ticket(prepared.id);
    }
    const id = uuidv5(job.queue, keyOf('idempotencyKey', idempotencyKey));
    const prepared = await this.#prepare(job, payload, id, options.key);
    const hash = fingerprint(job.name, JSON.parse(prepared.payload));
    const outcome = await (this.outbox as Outbox).insertOnce(
      prepared,
      { key: idempotencyKey, fingerprint: hash, windowMs: this.idempotencyWindowMs },
      tx,
    );
    if (outcome.state === 'held' && outcome.fingerprint !== hash) {
      throw new IdempotencyConflictError(job.queue, idempotencyKey, outcome.jobId);
    }
    return this.#ticket(id, outcome.state === 'held');
  }

  /**
   * Puts many jobs of one kind into their queue in one statement or one send: all or none with an
   * outbox, possibly some of them when a direct send fails. Throws as `enqueue` does.
   */
  async enqueueMany<S extends StandardSchema>(
    job: JobDefinition<S>,
    payloads: readonly SchemaInput<S>[],
    options: Pick<EnqueueOptions, 'tx'> = {},
  ): Promise<JobTicket[]> {
    this.#assertUsable(job, options);
    const now = this.clock.now();
    const prepared: QueuedJob[] = [];
    for (const payload of payloads) {
      prepared.push(await this.#prepare(job, payload, uuidv7(now), undefined));
    }
    if (prepared.length > 0) await this.#accept(prepared, options.tx);
    return prepared.map(({ id }) => this.#ticket(id));
  }

  /** The latest known status of a job; null when there is none (yet, or any more), or no status store. */
  async status(id: string): Promise<JobStatus | null> {
    return this.#store ? this.#store.read(id) : null;
  }

  /**
   * Follows a job: its status now (if known) and every later one, up to and including the final
   * one. A slow reader gets the latest only. Ends without an error when `signal` aborts.
   */
  async *watch(
    id: string,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<JobStatus> {
    if (this.#store) yield* this.#store.watch(id, options.signal);
  }

  /** A relay that moves this queue's jobs from the outbox to Kafka; call `run()`. Closed with the queue. @throws TypeError without an outbox */
  relay(options: RelayOptions = {}): OutboxRelay {
    const relay = new OutboxRelay(this, options);
    this.#relays.add(relay);
    return relay;
  }

  /** Creates the topics of the jobs' queues and of their dead letters where missing. Safe from several processes. */
  async ensureTopics(jobs: readonly JobDefinition[], options: TopicOptions = {}): Promise<void> {
    const partitions = integer('partitions', options.partitions ?? 6, 1, 10_000);
    const copies =
      options.replicationFactor === undefined
        ? {}
        : { replicationFactor: integer('replicationFactor', options.replicationFactor, 1, 100) };
    const queues = [...new Set(jobs.map(({ queue }) => queue))];
    await this.transport.ensureTopics(
      queues.flatMap((queue): TopicSpec[] => [
        { topic: jobsTopic(this.topicPrefix, queue), partitions, ...copies },
        {
          topic: deadLetterTopic(this.topicPrefix, queue),
          partitions: DLQ_PARTITIONS,
          retentionMs: DLQ_RETENTION_MS,
          ...copies,
        },
      ]),
    );
  }

  /**
   * A check of the transport and the outbox; rejects when one of them is unwell. An unreachable
   * status store is told in the answer, but is no illness: jobs run without it.
   */
  healthCheck(): { name: string; check(signal: AbortSignal): Promise<unknown> } {
    return { name: 'async-jobs', check: (signal) => this.#check(signal) };
  }

  /** Closes the relays made here, writes pending statuses for at most 2 s and lets go of the transport. Drain workers before. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#relays].map((relay) => relay.close()));
    await this.#reporter?.close(2_000);
    await this.#store?.close();
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
      jobs.map((job) => toRecord(this.topicPrefix, job)),
      timeoutMs,
    );
    if (!this.#reporter) return;
    for (const { id, name, enqueuedAtMs } of jobs) {
      this.report({ id, name, state: 'queued', attempt: 0, progress: 0, atMs: enqueuedAtMs });
    }
  }

  #assertUsable(job: JobDefinition, options: EnqueueOptions): void {
    if (this.#closed) throw new QueueClosedError('The queue');
    if (typeof job?.schema?.['~standard']?.validate !== 'function') {
      throw new TypeError(`Expected a job made by defineJob, got ${show(job)}`);
    }
    if (this.outbox) return;
    for (const field of ['tx', 'idempotencyKey'] as const) {
      if (options[field] !== undefined) {
        throw new TypeError(`Expected no \`${field}\`: the queue was made without an \`outbox\``);
      }
    }
  }

  async #prepare(
    job: JobDefinition,
    payload: unknown,
    id: string,
    key: string | undefined,
  ): Promise<QueuedJob> {
    const checked = await validate(job.schema, payload);
    if (checked.issues) throw new JobPayloadError(job.name, checked.issues);
    // The input is sent, not the schema's output: the worker's check would transform it twice
    const json = JSON.stringify(payload);
    if (json === undefined) {
      throw new TypeError(`Expected a payload that JSON can hold, got ${show(payload)}`);
    }
    const sizeBytes = Buffer.byteLength(json);
    if (sizeBytes > this.#maxPayloadBytes) {
      throw new JobPayloadTooLargeError(job.name, sizeBytes, this.#maxPayloadBytes);
    }
    const trace = this.#trace();
    return {
      id,
      name: job.name,
      queue: job.queue,
      key: keyOf('key', key ?? job.key?.(checked.value) ?? id),
      payload: json,
      enqueuedAtMs: this.clock.now(),
      ...(trace && { trace }),
    };
  }

  #trace(): TraceContext | undefined {
    try {
      return traceContextOf(this.#traceContext?.());
    } catch {
      return undefined; // a job is worth more than its trace
    }
  }

  async #accept(jobs: readonly QueuedJob[], tx: SqlExecutor | undefined): Promise<void> {
    if (this.outbox) return this.outbox.insert(jobs, tx);
    try {
      await this.send(jobs, this.#sendBudgetMs);
    } catch (error) {
      const queue = (jobs[0] as QueuedJob).queue;
      throw new JobNotAcceptedError(jobsTopic(this.topicPrefix, queue), error);
    }
  }

  #ticket(id: string, deduplicated = false): JobTicket {
    return {
      id,
      state: 'accepted',
      deduplicated,
      durability: this.outbox ? 'outbox' : 'kafka',
    };
  }

  async #check(signal: AbortSignal): Promise<Record<string, unknown>> {
    if (this.#closed) throw new QueueClosedError('The queue');
    const details: Record<string, unknown> = { transport: this.transport.name };
    try {
      await this.transport.ping(signal);
      if (this.outbox) details.outboxOldestMs = await abortable(this.outbox.oldestMs(), signal);
    } catch (error) {
      throw new JobsUnhealthyError(`Job queue is unwell: ${show(error)}`, details, error);
    }
    if (this.#store) {
      const late = () => new TransportTimeoutError('The status store', STATUS_PING_MS);
      details.status = await within(this.clock, STATUS_PING_MS, this.#store.ping(), late).then(
        () => 'ok',
        (error: unknown) => `unreachable: ${show(this.#statusError ?? error)}`,
      );
    }
    return details;
  }
}
