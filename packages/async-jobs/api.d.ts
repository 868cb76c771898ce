import { EventEmitter } from 'eventemitter3';

/** Time as the package sees it; inject one to move it by hand in tests. */
interface Clock {
    /** Milliseconds since the epoch. */
    now(): number;
    /** Calls `callback` once after `delayMs`; the handle is given to `clearTimeout`. */
    setTimeout(callback: () => void, delayMs: number): unknown;
    clearTimeout(handle: unknown): void;
}

/**
 * The part of the Standard Schema interface that is called here: any schema of zod (3.24+),
 * valibot, arktype and others has this shape.
 *
 * @see https://standardschema.dev
 */
interface StandardSchema<Input = unknown, Output = Input> {
    readonly '~standard': {
        readonly version: 1;
        readonly vendor: string;
        readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
        readonly types?: {
            readonly input: Input;
            readonly output: Output;
        } | undefined;
    };
}
/** What a schema answers: a value, or issues. */
type SchemaResult<Output> = {
    readonly value: Output;
    readonly issues?: undefined;
} | {
    readonly issues: readonly SchemaIssue[];
};
/** One thing wrong with a payload, and where. */
interface SchemaIssue {
    readonly message: string;
    readonly path?: readonly (PropertyKey | {
        readonly key: PropertyKey;
    })[] | undefined;
}
/** The type a schema accepts. */
type SchemaInput<S extends StandardSchema> = NonNullable<S['~standard']['types']>['input'];
/** The type a schema yields. */
type SchemaOutput<S extends StandardSchema> = NonNullable<S['~standard']['types']>['output'];

/**
 * The W3C trace context of a job: in the handler, the context of the call that enqueued it.
 *
 * @see https://www.w3.org/TR/trace-context/
 */
interface TraceContext {
    /** `00-<trace id>-<span id>-<flags>` */
    readonly traceparent: string;
    readonly tracestate?: string;
}

/** How often and how fast a failed attempt is repeated. */
interface RetryOptions {
    /** Attempts in all, the first included. Default 5. */
    readonly attempts?: number;
    /** Upper bound of the first wait in milliseconds; it doubles with each attempt. Default 200. */
    readonly baseMs?: number;
    /** Upper bound of every wait in milliseconds. Default 10,000. */
    readonly maxMs?: number;
}
/** What `defineJob` takes. */
interface JobOptions<S extends StandardSchema> {
    /** Name of the job in its queue, for example `payment.charge`. */
    readonly name: string;
    /** Any Standard Schema: payloads are checked when they are enqueued and before they are handled. */
    readonly schema: S;
    /** Queue (topic `jobs.<queue>`) the job belongs to. Default `default`. */
    readonly queue?: string;
    /** Jobs of one key are handled one after another, in the order they were enqueued. Default: the job's id, so no order. */
    readonly key?: (payload: SchemaOutput<S>) => string;
    readonly retry?: RetryOptions;
    /** Milliseconds one attempt may take; then `ctx.signal` aborts. Default 30,000. */
    readonly timeoutMs?: number;
    /** The handler uses `ctx.tx`; a worker without PostgreSQL refuses such a job. Default `false`. */
    readonly inbox?: boolean;
}
/** A job as the enqueuing side and the worker share it; it knows nothing of the handler. */
interface JobDefinition<S extends StandardSchema = StandardSchema> {
    readonly name: string;
    readonly queue: string;
    readonly schema: S;
    key?(payload: SchemaOutput<S>): string;
    readonly retry: Readonly<Required<RetryOptions>>;
    readonly timeoutMs: number;
    readonly inbox: boolean;
}
/**
 * Defines a job: its name, payload and rules. The handler is given to the worker by `handle`, so
 * that the enqueuing side does not load it.
 *
 * @throws RangeError or TypeError naming field, rule and value
 */
declare function defineJob<S extends StandardSchema>(options: JobOptions<S>): JobDefinition<S>;
/** Runs SQL inside a transaction. `pg`'s clients have this shape. */
interface SqlExecutor {
    query(sql: string, values?: any[]): Promise<{
        rows: any[];
        rowCount: number | null;
    }>;
}
/** What a handler is given beside the payload. */
interface JobContext {
    /** The job's id: the same in every attempt and delivery. Give it to other services as their idempotency key. */
    readonly id: string;
    readonly name: string;
    readonly queue: string;
    readonly key: string;
    /** 1 in the first attempt. A delivery after a crash starts at 1 again. */
    readonly attempt: number;
    /** When the job was enqueued, in milliseconds since the epoch. */
    readonly enqueuedAtMs: number;
    /** The trace that enqueued the job, when the queue was given `traceContext`. */
    readonly trace: TraceContext | undefined;
    /** Aborts when the attempt's time is up or the worker shuts down. Hand it to everything that waits. */
    readonly signal: AbortSignal;
    /** Tells the watchers how far the job is: `percent` in [0, 100], and a word about it. At most ten a second are sent. */
    progress(percent: number, note?: string): void;
    /**
     * Runs `work` in a PostgreSQL transaction exactly once for this job: the inbox row is its first
     * statement, and the effect and the result are in the same commit. When an earlier delivery
     * has committed, `work` is not called and its stored result (as JSON gives it back) returned.
     * A job with several transactions names each by `step`.
     *
     * @throws JobAbortedError when the attempt had been given up
     */
    tx<T>(work: (tx: SqlExecutor) => Promise<T>, options?: {
        readonly step?: string;
    }): Promise<T>;
}
/** A job with the function that does it. */
interface JobHandler<S extends StandardSchema = StandardSchema> {
    readonly job: JobDefinition<S>;
    run(payload: SchemaOutput<S>, ctx: JobContext): unknown;
    readonly guard?: () => boolean;
}
/** What `handle` takes beside the function. */
interface HandleOptions {
    /**
     * Asked before every attempt: false parks the queue, so that no attempt is spent on something
     * that is known to be down. A circuit breaker says so: `() => breaker.state !== 'open'`.
     */
    readonly guard?: () => boolean;
}
/** Joins a job and the function that does it, for `new Worker(queue, { handlers: [...] })`. What the function returns (JSON) is the job's result. */
declare function handle<S extends StandardSchema>(job: JobDefinition<S>, run: (payload: SchemaOutput<S>, ctx: JobContext) => unknown, options?: HandleOptions): JobHandler<S>;

/** A record to be sent. Its partition is the murmur2 hash of `key`. */
interface OutgoingRecord {
    readonly topic: string;
    readonly key: string;
    readonly value: string | Uint8Array;
    readonly headers: Readonly<Record<string, string>>;
}
/** A record as it was read. */
interface IncomingRecord {
    readonly offset: number;
    readonly timestampMs: number;
    readonly key: string | null;
    readonly value: Uint8Array | null;
    readonly headers: Readonly<Record<string, string>>;
}
/** A partition given to this member, with what its group committed last (null: nothing yet). */
interface AssignedPartition {
    readonly partition: number;
    readonly committed: {
        readonly offset: number;
        readonly metadata: string | null;
    } | null;
}
/** An offset to commit: everything below `offset` is finished. */
interface OffsetCommit {
    readonly partition: number;
    readonly offset: number;
    /** At most 3,072 bytes of text kept with the offset. */
    readonly metadata: string;
}
/** What a consumer tells its owner. None of these may throw. */
interface SubscriptionListener {
    /** The group is being rebalanced: start no new work until `assigned`. */
    rebalancing(): void;
    /** The complete new assignment, after every join; before the first record of it. */
    assigned(partitions: readonly AssignedPartition[]): void;
    /**
     * Takes records of an assigned partition in order, as many as fit, and returns how many. The
     * rest is offered again after `space()`. Records seen before may be offered again.
     */
    admit(partition: number, records: readonly IncomingRecord[]): number;
    /** Resolves when `admit` may take more. */
    space(): Promise<void>;
    /** Something went wrong that the transport deals with by itself. */
    error(error: unknown): void;
}
/** What a consumer needs to know. */
interface SubscribeOptions {
    readonly topic: string;
    readonly group: string;
    /** Milliseconds without a heartbeat after which the group gives this member's partitions away. */
    readonly sessionTimeoutMs: number;
    readonly heartbeatMs: number;
    readonly rebalanceTimeoutMs: number;
}
/** The state of a consumer, for health checks. */
interface SubscriptionHealth {
    readonly state: 'joining' | 'running' | 'rebuilding' | 'closed';
    readonly partitions: readonly number[];
    /** Milliseconds since the last sign of life from the broker. */
    readonly silentMs: number;
    /** Clients rebuilt in the last five minutes. */
    readonly rebuilds: number;
}
/** One member of one consumer group on one topic. */
interface Subscription {
    /** Joins the group; resolves after the first assignment. */
    start(): Promise<void>;
    /** Resolves when the broker has stored the offsets. @throws CommitError */
    commit(offsets: readonly OffsetCommit[]): Promise<void>;
    health(): SubscriptionHealth;
    /** Leaves the group. Commit before: nothing can be committed while leaving. */
    close(): Promise<void>;
}
/** A topic that should exist. */
interface TopicSpec {
    readonly topic: string;
    readonly partitions: number;
    /** The broker's default when absent. */
    readonly replicationFactor?: number;
    readonly retentionMs?: number;
}
/**
 * What jobs travel on: topics with partitions, consumer groups, offsets with metadata. Drivers:
 * `kafkajsTransport` and, for tests without servers, `memoryTransport`.
 */
interface Transport {
    readonly name: string;
    /** Resolves after all in-sync replicas have every record. Order per key is the order of calls. Sending nothing connects, so that the first job need not wait for it. */
    send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void>;
    /** Creates the topics that are missing. Safe from several processes at once. */
    ensureTopics(topics: readonly TopicSpec[]): Promise<void>;
    subscribe(options: SubscribeOptions, listener: SubscriptionListener): Subscription;
    /** Resolves when the broker answers. */
    ping(signal: AbortSignal): Promise<void>;
    /** Ends what belongs to the transport; the injected client stays the caller's. */
    close(): Promise<void>;
}

/** A job on its way to the transport. */
interface QueuedJob {
    readonly id: string;
    readonly name: string;
    readonly queue: string;
    readonly key: string;
    readonly payload: string;
    readonly enqueuedAtMs: number;
    readonly trace?: TraceContext;
}

/** An idempotency key as it is claimed together with the job. */
interface IdempotencyClaim {
    readonly key: string;
    /** Hash of job name and payload: the same key with another one is a conflict. */
    readonly fingerprint: string;
    /** Milliseconds after which the key may be used anew. */
    readonly windowMs: number;
}
/** What became of an idempotency key: claimed now, or held by an earlier job. */
type ClaimOutcome = {
    readonly state: 'claimed';
} | {
    readonly state: 'held';
    readonly jobId: string;
    readonly fingerprint: string;
};
/** Which effect of which job, for which consumer. */
interface InboxKey {
    readonly consumer: string;
    readonly jobId: string;
    readonly step: string;
}
/**
 * The database side of jobs: the outbox they leave from, the idempotency keys, and the inbox that
 * makes effects happen once. Driver: `postgresOutbox`.
 */
interface Outbox {
    readonly shards: number;
    /** Creates and upgrades the tables. Idempotent, and safe from several processes at once. */
    migrate(): Promise<void>;
    /** Adds jobs, in the caller's transaction when one is given. */
    insert(jobs: readonly QueuedJob[], tx?: SqlExecutor): Promise<void>;
    /** Claims the key and adds the job, or does neither. */
    insertOnce(job: QueuedJob, claim: IdempotencyClaim, tx?: SqlExecutor): Promise<ClaimOutcome>;
    /** The shards that have jobs waiting. */
    waiting(): Promise<number[]>;
    /**
     * Takes up to `limit` jobs of a shard in order, gives them to `deliver` and deletes them in the
     * same transaction once that has resolved. Returns how many, or `busy` when another relay works
     * on this shard.
     */
    take(shard: number, limit: number, deliver: (jobs: readonly QueuedJob[]) => Promise<void>): Promise<number | 'busy'>;
    /** Calls `wake` after jobs have been committed. Resolves when it listens; `lost` says that it no longer does. */
    listen(wake: () => void, lost: (error: unknown) => void): Promise<() => Promise<void>>;
    /** Runs `work` in a transaction whose first statement is the inbox row, or returns the earlier result. */
    once<T>(key: InboxKey, work: (tx: SqlExecutor) => Promise<T>): Promise<OnceOutcome<T>>;
    /** Deletes inbox rows and idempotency keys that are older than their window, and returns how many. */
    prune(inboxWindowMs: number, idempotencyWindowMs: number): Promise<number>;
    /** Age of the oldest waiting job in milliseconds; 0 when none waits. */
    oldestMs(): Promise<number>;
}
/** Result of an inbox transaction; `replayed` when an earlier delivery had committed it. */
interface OnceOutcome<T> {
    readonly value: T;
    readonly replayed: boolean;
}

/** What `queue.relay` takes. */
interface RelayOptions {
    /** Jobs moved per transaction. Default 500. */
    readonly batchSize?: number;
    /** Milliseconds between looks at an idle outbox when no notification comes. Default 500. */
    readonly pollMs?: number;
    /** Milliseconds Kafka has to acknowledge a batch. Default 10,000. */
    readonly sendTimeoutMs?: number;
    /** Shards moved at the same time, each with one connection. Default 2. */
    readonly concurrency?: number;
    /** Milliseconds an inbox row is kept. Default 7 days. */
    readonly inboxWindowMs?: number;
}
/** Figures of a relay since it was made. */
interface RelaySnapshot {
    readonly running: boolean;
    readonly sent: number;
    readonly batches: number;
    readonly failuresInARow: number;
}
interface RelayEvents {
    /** A batch is on Kafka and gone from the outbox. */
    sent: (count: number) => void;
    /** A round failed; it is repeated. */
    error: (error: unknown) => void;
}
/**
 * Moves jobs from the outbox to Kafka: a batch per transaction, deleted only after Kafka has
 * acknowledged all of it. Any number of relays may run; an advisory lock per shard keeps the
 * order. A crash between acknowledgement and commit sends a batch twice, with the same job ids.
 *
 *     wake (NOTIFY, or a look every 5, 10, 20 ... pollMs) -> waiting shards -> take, send, commit
 *
 * Emits `sent` and `error`.
 */
declare class OutboxRelay extends EventEmitter<RelayEvents> {
    #private;
    constructor(queue: JobQueue, options?: RelayOptions);
    /** Starts; resolves once it listens and is connected. Works until `close()`, whatever the database or Kafka do. */
    run(): Promise<void>;
    /** Figures since it was made. */
    snapshot(): RelaySnapshot;
    /** Unwell when not running, or when five rounds in a row have failed. */
    healthCheck(): {
        name: string;
        check(signal: AbortSignal): Promise<unknown>;
    };
    /** Finishes the batch at hand and stops. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

/** Where a job is. `succeeded` and `dead` are final. */
type JobState = 'queued' | 'active' | 'retrying' | 'succeeded' | 'dead';
/** The status of a job, and the event that tells a change of it. */
interface JobStatus {
    readonly id: string;
    readonly name: string;
    readonly state: JobState;
    /** 0 while queued. */
    readonly attempt: number;
    /** 0 to 100. */
    readonly progress: number;
    readonly note?: string;
    /** What the handler returned, up to 64 KiB of JSON. */
    readonly result?: unknown;
    /** Why the last attempt failed. */
    readonly error?: {
        readonly name: string;
        readonly message: string;
    };
    /** When it was so, in milliseconds since the epoch by the worker's clock. */
    readonly atMs: number;
}
/** A status with its place in the job's life. */
interface StatusUpdate {
    readonly status: JobStatus;
    /** Fixed-width text: a later status of a job compares greater. */
    readonly order: string;
}
/** Where statuses are kept and followed. Driver: `redisStatus`. */
interface StatusStore {
    /** Stores those updates that are later than what is stored, and tells the watchers. */
    write(updates: readonly StatusUpdate[]): Promise<void>;
    read(id: string): Promise<JobStatus | null>;
    /** The current status and every later one up to the final one; fewer when the reader is slow. Ends without an error when `signal` aborts. */
    watch(id: string, signal?: AbortSignal): AsyncIterable<JobStatus>;
    ping(): Promise<void>;
    close(): Promise<void>;
}

/** What `new JobQueue` takes. */
interface JobQueueOptions {
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
interface EnqueueOptions {
    /** The same key (per queue) is the same job: a second call changes nothing. Needs an outbox. */
    readonly idempotencyKey?: string;
    /** The caller's transaction: the job exists if and when it commits. Needs an outbox. */
    readonly tx?: SqlExecutor;
    /** Overrides the key the job's definition computes. */
    readonly key?: string;
}
/** The answer to `enqueue`: keep the `id` to follow the job. */
interface JobTicket {
    readonly id: string;
    readonly state: 'accepted';
    /** True when an earlier call with this idempotency key had enqueued the job. */
    readonly deduplicated: boolean;
    /** Where the job is safe now: in the database (once the transaction commits), or on Kafka. */
    readonly durability: 'outbox' | 'kafka';
}
/** How topics are created; an existing topic is left as it is. */
interface TopicOptions {
    /** Partitions of a jobs topic. Default 6. */
    readonly partitions?: number;
    /** Copies of every partition. Default: the broker's. */
    readonly replicationFactor?: number;
}
/**
 * The place jobs are put into and followed from.
 *
 *     enqueue -> check payload -> outbox row in the caller's transaction -> relay -> Kafka -> Worker
 *                              or, without outbox, straight to Kafka
 *
 * @throws RangeError or TypeError naming field, rule and value
 */
declare class JobQueue {
    #private;
    readonly transport: Transport;
    readonly outbox: Outbox | null;
    readonly topicPrefix: string;
    readonly idempotencyWindowMs: number;
    readonly clock: Clock;
    readonly random: () => number;
    constructor(options: JobQueueOptions);
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
    enqueue<S extends StandardSchema>(job: JobDefinition<S>, payload: SchemaInput<S>, options?: EnqueueOptions): Promise<JobTicket>;
    /**
     * Puts many jobs of one kind into their queue in one statement or one send: all or none with an
     * outbox, possibly some of them when a direct send fails. Throws as `enqueue` does.
     */
    enqueueMany<S extends StandardSchema>(job: JobDefinition<S>, payloads: readonly SchemaInput<S>[], options?: Pick<EnqueueOptions, 'tx'>): Promise<JobTicket[]>;
    /** The latest known status of a job; null when there is none (yet, or any more), or no status store. */
    status(id: string): Promise<JobStatus | null>;
    /**
     * Follows a job: its status now (if known) and every later one, up to and including the final
     * one. A slow reader gets the latest only. Ends without an error when `signal` aborts.
     */
    watch(id: string, options?: {
        readonly signal?: AbortSignal;
    }): AsyncGenerator<JobStatus>;
    /** A relay that moves this queue's jobs from the outbox to Kafka; call `run()`. Closed with the queue. @throws TypeError without an outbox */
    relay(options?: RelayOptions): OutboxRelay;
    /** Creates the topics of the jobs' queues and of their dead letters where missing. Safe from several processes. */
    ensureTopics(jobs: readonly JobDefinition[], options?: TopicOptions): Promise<void>;
    /**
     * A check of the transport and the outbox; rejects when one of them is unwell. An unreachable
     * status store is told in the answer, but is no illness: jobs run without it.
     */
    healthCheck(): {
        name: string;
        check(signal: AbortSignal): Promise<unknown>;
    };
    /** Closes the relays made here, writes pending statuses for at most 2 s and lets go of the transport. Drain workers before. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
    /** @internal Tells a status without waiting; for the relay and the worker. */
    report(status: JobStatus, sequence?: number): void;
    /** @internal Waits at most `timeoutMs` until pending statuses are written. */
    flushStatus(timeoutMs: number): Promise<void>;
    /** @internal Sends jobs and tells that they are queued. */
    send(jobs: readonly QueuedJob[], timeoutMs: number): Promise<void>;
}

/** When a queue is parked. */
interface BrakeOptions {
    /** Different jobs that fail in a row, with no success between them, until the queue is parked. Default 25. */
    readonly failures?: number;
    /** Milliseconds between the probes of a parked queue. Default 5,000. */
    readonly probeMs?: number;
}
/** `released`: jobs run freely. `parked`: one probe at a time. `ramping`: few at a time, doubling. */
type BrakeState = 'released' | 'parked' | 'ramping';

/**
 * Base of every error of this package: `code` names the case, `cause` keeps what led to it.
 * `instanceof` is decided by a brand in the global symbol registry, so that two copies of the
 * package (ESM and CommonJS, or two versions) recognise each other's errors.
 */
declare class JobsError extends Error {
    readonly code: string;
    constructor(code: string, message: string, options?: {
        cause?: unknown;
    });
    /** `true` for errors made by any copy of this package. */
    static is(error: unknown): error is JobsError;
}
/** The payload does not satisfy the job's schema. `issues` are the schema's own. Nothing was enqueued. */
declare class JobPayloadError extends JobsError {
    readonly job: string;
    readonly issues: readonly SchemaIssue[];
    constructor(job: string, issues: readonly SchemaIssue[]);
}
/** The serialised payload is larger than `maxPayloadBytes`. Nothing was enqueued. */
declare class JobPayloadTooLargeError extends JobsError {
    readonly job: string;
    readonly sizeBytes: number;
    readonly maxBytes: number;
    constructor(job: string, sizeBytes: number, maxBytes: number);
}
/** The idempotency key was used before with another payload or job. `jobId` is the earlier job. */
declare class IdempotencyConflictError extends JobsError {
    readonly queue: string;
    readonly idempotencyKey: string;
    readonly jobId: string;
    constructor(queue: string, idempotencyKey: string, jobId: string);
}
/**
 * Kafka did not acknowledge a directly sent job in time. Whether it got there is not known:
 * send again with the same job, or use an outbox, which has no such state.
 */
declare class JobNotAcceptedError extends JobsError {
    constructor(topic: string, cause: unknown);
}
/** The transport did not answer within its budget. */
declare class TransportTimeoutError extends JobsError {
    readonly timeoutMs: number;
    constructor(what: string, timeoutMs: number);
}
/** The offsets could not be committed, because the consumer is leaving, joining or broken. */
declare class CommitError extends JobsError {
    constructor(topic: string, cause?: unknown);
}
/** Throw it from a handler when trying again cannot help: the job goes to the dead letters at once. */
declare class NonRetryableError extends JobsError {
    constructor(message: string, options?: {
        cause?: unknown;
    });
}
/** One attempt of a handler took longer than the job's `timeoutMs`. It is the reason of `ctx.signal`. */
declare class JobTimeoutError extends JobsError {
    readonly job: string;
    readonly timeoutMs: number;
    constructor(job: string, timeoutMs: number);
}
/**
 * The attempt was ended from outside: by a `shutdown` (drain), or because its time was up and
 * it had been given up (`abandoned`). It is the reason of `ctx.signal`, and `ctx.tx` and
 * `ctx.progress` of such an attempt reject with it.
 */
declare class JobAbortedError extends JobsError {
    readonly reason: 'shutdown' | 'abandoned';
    constructor(job: string, reason: 'shutdown' | 'abandoned');
}
/** The queue, worker or relay was closed. */
declare class QueueClosedError extends JobsError {
    constructor(what: string);
}
/** A health check found the worker, the relay or a backend unwell; `details` say which and why. */
declare class JobsUnhealthyError extends JobsError {
    readonly details: Readonly<Record<string, unknown>>;
    constructor(message: string, details: Readonly<Record<string, unknown>>, cause?: unknown);
}

/**
 * The part of kafkajs that is called here, so that neither its code nor its types are needed to
 * load this package. `new Kafka(...)` of kafkajs 2 has this shape.
 */
interface KafkaLike {
    producer(config?: any): KafkaProducerLike;
    consumer(config: any): KafkaConsumerLike;
    admin(config?: any): KafkaAdminLike;
}
interface KafkaProducerLike {
    connect(): Promise<void>;
    disconnect(): Promise<void>;
    send(records: any): Promise<unknown>;
}
interface KafkaConsumerLike {
    readonly events: {
        readonly GROUP_JOIN: string;
        readonly REBALANCING: string;
        readonly CRASH: string;
        readonly HEARTBEAT: string;
        readonly FETCH: string;
        readonly COMMIT_OFFSETS: string;
    };
    connect(): Promise<void>;
    disconnect(): Promise<void>;
    subscribe(subscription: {
        topics: string[];
        fromBeginning: boolean;
    }): Promise<void>;
    run(config: any): Promise<void>;
    commitOffsets(offsets: {
        topic: string;
        partition: number;
        offset: string;
        metadata: string | null;
    }[]): Promise<void>;
    on(event: any, listener: (event: any) => void): unknown;
}
interface KafkaAdminLike {
    connect(): Promise<void>;
    disconnect(): Promise<void>;
    createTopics(options: any): Promise<boolean>;
    listTopics(): Promise<string[]>;
    describeCluster(): Promise<unknown>;
    fetchTopicMetadata(options: {
        topics: string[];
    }): Promise<{
        topics: {
            name: string;
            partitions: {
                partitionId: number;
                leader: number;
            }[];
        }[];
    }>;
    fetchOffsets(options: {
        groupId: string;
        topics: string[];
    }): Promise<{
        topic: string;
        partitions: {
            partition: number;
            offset: string;
            metadata: string | null;
        }[];
    }[]>;
}

/** What `kafkajsTransport` takes beside the client. */
interface KafkajsTransportOptions {
    /** Producer without duplicates of its own retries. Default true; false where the broker's ACLs forbid it. */
    readonly idempotent?: boolean;
    readonly clock?: Clock;
}
/**
 * Jobs on Apache Kafka by kafkajs 2. Producers, consumers and one admin client are made from the
 * given `Kafka`, and are ours to close.
 *
 * @throws TypeError when `kafka` is not a kafkajs client
 */
declare function kafkajsTransport(kafka: KafkaLike, options?: KafkajsTransportOptions): Transport;

/** Makes a transport within this process, for tests without servers. It forgets everything at its end. */
declare function memoryTransport(): MemoryTransport;
/**
 * Topics, partitions, consumer groups and commits with metadata, as Kafka has them, in memory: it
 * passes the conformance suite that the Kafka driver passes. Never a store for production.
 */
declare class MemoryTransport implements Transport {
    #private;
    readonly name = "memory";
    send(records: readonly OutgoingRecord[]): Promise<void>;
    ensureTopics(topics: readonly TopicSpec[]): Promise<void>;
    subscribe(options: SubscribeOptions, listener: SubscriptionListener): Subscription;
    ping(signal: AbortSignal): Promise<void>;
    close(): Promise<void>;
    /** All records of a topic, partition by partition: for looking at in tests. */
    records(topic: string): IncomingRecord[];
    /** Makes the members of a group join again, as a new member would. */
    rebalance(topic: string, group: string): void;
    /** Takes a group's first member away without goodbye: nothing of it is committed from now on. */
    crash(topic: string, group: string): void;
    /** @internal */
    join(member: MemoryConsumer, { topic, group }: SubscribeOptions): void;
    /** @internal */
    leave(member: MemoryConsumer, { topic, group }: SubscribeOptions): void;
    /** @internal */
    store({ topic, group }: SubscribeOptions, offsets: readonly OffsetCommit[]): void;
    /** @internal */
    read(topic: string, partition: number, from: number): IncomingRecord[];
}
declare class MemoryConsumer implements Subscription {
    #private;
    constructor(transport: MemoryTransport, options: SubscribeOptions, listener: SubscriptionListener);
    start(): Promise<void>;
    commit(offsets: readonly OffsetCommit[]): Promise<void>;
    health(): SubscriptionHealth;
    close(): Promise<void>;
    die(): void;
    assign(partitions: readonly AssignedPartition[]): void;
    wake(): void;
}

/** A connection of a pool; `pg`'s `PoolClient` has this shape. */
interface PgClientLike extends SqlExecutor {
    release(destroy?: boolean): void;
    on(event: PgClientEvent, listener: PgClientListener): unknown;
    removeListener(event: PgClientEvent, listener: PgClientListener): unknown;
}
type PgClientEvent = 'error' | 'notification' | 'end';
type PgClientListener = (payload: any) => void;
/** A pool of connections; `pg`'s `Pool` has this shape. */
interface PgPoolLike extends SqlExecutor {
    connect(): Promise<PgClientLike>;
}
/** What `postgresOutbox` takes beside the pool. */
interface PostgresOutboxOptions {
    /** Schema of the tables. Default `public`. */
    readonly schema?: string;
    /** Lanes of the outbox; jobs of one key share a lane. Default 8. The same in every process. */
    readonly shards?: number;
}
/**
 * Outbox, idempotency keys and inbox in PostgreSQL 12 or later. The pool stays the caller's; a
 * running relay holds one of its connections to listen, and two more while it moves jobs.
 *
 * @throws RangeError or TypeError naming field, rule and value
 */
declare function postgresOutbox(pool: PgPoolLike, options?: PostgresOutboxOptions): Outbox;

/** The commands called; ioredis 5 and 6, its Cluster and iovalkey have this shape. */
interface RedisLike {
    get(key: string): Promise<string | null>;
    evalsha(sha: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
    eval(script: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
    ping(): Promise<unknown>;
    duplicate(): RedisSubscriberLike;
}
/** The second connection, used to subscribe; ours to close. */
interface RedisSubscriberLike {
    subscribe(channel: string): Promise<unknown>;
    unsubscribe(channel: string): Promise<unknown>;
    on(event: string, listener: (...args: any[]) => void): unknown;
    disconnect(): void;
}
/** What `redisStatus` takes beside the client. */
interface RedisStatusOptions {
    /** First part of every key and channel. Default `jobs`. */
    readonly prefix?: string;
    /** Milliseconds a status is kept after success. Default 24 h. */
    readonly successTtlMs?: number;
    /** Milliseconds a status is kept otherwise. Default 7 days. */
    readonly ttlMs?: number;
}
/**
 * Job status in Redis: a compare-and-set by a Lua script, so that a status never steps back, and
 * PUBLISH for the watchers, who share one subscriber connection (`client.duplicate()`).
 *
 * @throws RangeError or TypeError naming field, rule and value
 */
declare function redisStatus(redis: RedisLike, options?: RedisStatusOptions): StatusStore;

/** What `new Worker` takes beside the queue. */
interface WorkerOptions {
    readonly handlers: readonly JobHandler[];
    /** Handlers running at the same time, over all queues of this worker. Default 50. */
    readonly concurrency?: number;
    /** Parks a queue whose jobs all fail, until one succeeds again; false never does. Default: after 25 jobs, a probe every 5 s. */
    readonly brake?: BrakeOptions | false;
    /** First part of the consumer group; the group of a queue is `<group>.<queue>`. Default: the queue's topic prefix. */
    readonly group?: string;
    /** Milliseconds after which a silent worker's partitions go to the others: how long its keys wait after kill -9. The broker's minimum is usually 6,000. Default 30,000. */
    readonly sessionTimeoutMs?: number;
    /** Milliseconds between heartbeats. Default a tenth of the session timeout. */
    readonly heartbeatMs?: number;
    /** Milliseconds the members of a group have to join again. Default 60,000. */
    readonly rebalanceTimeoutMs?: number;
    /** Jobs read ahead per queue. Default 1,000. */
    readonly maxBufferedJobs?: number;
    /** Bytes of payload read ahead per queue. Default 16 MiB. */
    readonly maxBufferedBytes?: number;
    /** Milliseconds between commits. Default 100. */
    readonly commitIntervalMs?: number;
    /** Completed jobs that lead to a commit before its time. Default 100. */
    readonly commitEvery?: number;
}
/** A job as the worker's events name it. */
interface JobReference {
    readonly id: string;
    readonly name: string;
    readonly queue: string;
}
interface WorkerEvents {
    /** A handler has returned and its job is done. `latencyMs` counts from enqueue. */
    completed: (event: JobReference & {
        readonly latencyMs: number;
    }) => void;
    /** An attempt has failed. */
    failed: (event: JobReference & {
        readonly attempt: number;
        readonly error: unknown;
    }) => void;
    /** A job is among the dead letters. */
    dead: (event: JobReference & {
        readonly reason: string;
        readonly attempts: number;
        readonly error: unknown;
    }) => void;
    /** A queue was parked because its jobs fail, or goes on. */
    brake: (event: {
        readonly queue: string;
        readonly state: BrakeState;
    }) => void;
    /** Kafka or a commit failed; the worker goes on by itself. */
    error: (error: unknown) => void;
}
/** Figures of a worker. */
interface WorkerSnapshot {
    readonly state: 'idle' | 'running' | 'draining' | 'closed';
    readonly completed: number;
    readonly failed: number;
    readonly dead: number;
    readonly queues: readonly {
        readonly queue: string;
        readonly buffered: number;
        readonly bufferedBytes: number;
        readonly running: number;
        readonly lanes: number;
        readonly brake: BrakeState;
        readonly consumer: SubscriptionHealth;
    }[];
}
/** How a drain ended. */
interface DrainResult {
    /** Handlers that were still running at the end and were given up; their jobs run elsewhere. */
    readonly abandoned: number;
    readonly tookMs: number;
}
/**
 * Handles the jobs of one or more queues. Jobs of one key run one after another, different keys
 * side by side, `concurrency` of them, however few partitions there are.
 *
 * Its life: `idle` - run() -> `running` - drain() -> `draining` -> `closed`. Every worker of a queue
 * must handle all of the queue's jobs: a job without handler goes to the dead letters.
 *
 * Emits `completed`, `failed`, `dead`, `brake` and `error`.
 */
declare class Worker extends EventEmitter<WorkerEvents> {
    #private;
    /** @throws RangeError or TypeError naming field, rule and value */
    constructor(queue: JobQueue, options: WorkerOptions);
    /**
     * Joins the groups; resolves when every queue has its partitions. After a worker was killed, the
     * broker keeps its partitions for up to `sessionTimeoutMs`, and joining takes that long.
     *
     * @throws the transport's error when a broker cannot be reached or a topic does not exist
     * @throws QueueClosedError after `drain`
     */
    run(): Promise<void>;
    /**
     * Stops: no job starts any more, running ones have `timeoutMs` (20,000) to end, of which the last
     * tenth with `ctx.signal` aborted; then they are given up. What is done is committed, statuses
     * are written (for at most 2 s), the group is left. Unfinished jobs run on another worker.
     */
    drain(options?: {
        readonly timeoutMs?: number;
    }): Promise<DrainResult>;
    /** `drain()` with its defaults. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
    /** Figures at this moment. */
    snapshot(): WorkerSnapshot;
    /** Unwell when not running, when the broker was silent for a minute, or when the client had to be replaced three times in five minutes. */
    healthCheck(): {
        name: string;
        check(signal: AbortSignal): Promise<unknown>;
    };
}

export { type AssignedPartition, type BrakeOptions, type BrakeState, type Clock, CommitError, type DrainResult, type EnqueueOptions, type HandleOptions, IdempotencyConflictError, type IncomingRecord, JobAbortedError, type JobContext, type JobDefinition, type JobHandler, JobNotAcceptedError, type JobOptions, JobPayloadError, JobPayloadTooLargeError, JobQueue, type JobQueueOptions, type JobReference, type JobState, type JobStatus, type JobTicket, JobTimeoutError, JobsError, JobsUnhealthyError, type KafkaLike, type KafkajsTransportOptions, MemoryTransport, NonRetryableError, type OffsetCommit, type Outbox, OutboxRelay, type OutgoingRecord, type PgClientLike, type PgPoolLike, type PostgresOutboxOptions, QueueClosedError, type RedisLike, type RedisStatusOptions, type RedisSubscriberLike, type RelayOptions, type RelaySnapshot, type RetryOptions, type SchemaInput, type SchemaIssue, type SchemaOutput, type SqlExecutor, type StandardSchema, type StatusStore, type StatusUpdate, type SubscribeOptions, type Subscription, type SubscriptionHealth, type SubscriptionListener, type TopicOptions, type TopicSpec, type TraceContext, type Transport, TransportTimeoutError, Worker, type WorkerOptions, type WorkerSnapshot, defineJob, handle, kafkajsTransport, memoryTransport, postgresOutbox, redisStatus };
