import { c as SchemaIssue, d as JobContext, e as StandardSchema, H as HandleOptions, f as JobDefinition, g as SchemaOutput, b as JobHandler, C as Clock, T as Transport, h as StatusStore, i as OutgoingRecord, j as TopicSpec, k as SubscribeOptions, l as SubscriptionListener, m as Subscription, I as IncomingRecord, P as PartitionOffsets, A as AssignedPartition, n as OffsetCommit, S as SubscriptionHealth, o as SqlExecutor, p as Outbox, R as RateLimitOptions, q as RateLimit, r as Spool } from './async-jobs.js';
export { D as DeadLetter, s as DeadLetterFilter, t as DeadLetterWork, u as DeadLetters, v as DeadReason, w as Death, x as Durability, E as EnqueueOptions, F as Flow, y as FlowInput, z as FlowJob, B as FlowState, G as FlowStatus, K as FlowStep, L as JobOptions, J as JobQueue, M as JobQueueOptions, N as JobState, a as JobStatus, Q as JobTicket, O as OutboxRelay, U as Priority, V as RelayOptions, W as RelaySnapshot, X as ReplayOptions, Y as RetryOptions, Z as Schedule, _ as ScheduleOptions, $ as Scheduler, a0 as SchemaInput, a1 as StatusUpdate, a2 as TokenOptions, a3 as TopicOptions, a4 as TraceContext, a5 as defineJob, a6 as flow, a7 as handle, a8 as schedule, a9 as step } from './async-jobs.js';
export { B as BrakeOptions, a as BrakeState, D as DrainResult, J as JobReference, W as Worker, b as WorkerOptions, c as WorkerSnapshot } from './worker.js';
import 'eventemitter3';
import 'croner';

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
/**
 * Throw it from a handler to have the next attempt after `delayMs`, whatever the job's retry
 * options say of waits: a provider's `Retry-After`. It counts as an attempt.
 */
declare class RetryLater extends JobsError {
    readonly delayMs: number;
    constructor(delayMs: number, options?: {
        cause?: unknown;
    });
}
/** The spool that takes jobs while Kafka is away is full. The job was not accepted. */
declare class SpoolFullError extends JobsError {
    readonly maxJobs: number;
    constructor(maxJobs: number);
}
/** A subscription token is malformed, signed with another secret, or too old. */
declare class JobTokenError extends JobsError {
    readonly reason: 'malformed' | 'signature' | 'expired';
    constructor(reason: 'malformed' | 'signature' | 'expired');
}
/** One attempt of a handler took longer than the job's `timeoutMs`. It is the reason of `ctx.signal`. */
declare class JobTimeoutError extends JobsError {
    readonly job: string;
    readonly timeoutMs: number;
    constructor(job: string, timeoutMs: number);
}
/**
 * The attempt was ended from outside: by a `shutdown` (drain), by `queue.cancel` (`cancelled`), or because
 * its time was up and it had been given up (`abandoned`). It is the reason of `ctx.signal`, and `ctx.tx` and
 * `ctx.progress` of such an attempt reject with it.
 */
declare class JobAbortedError extends JobsError {
    readonly reason: 'shutdown' | 'cancelled' | 'abandoned';
    constructor(job: string, reason: JobAbortedError['reason']);
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

/** One job of a batch. */
interface BatchItem<P> {
    readonly payload: P;
    readonly ctx: JobContext;
    /** Lets this job alone fail with `error`; the others are not touched. */
    fail(error: unknown): void;
}
/** What `handleBatch` takes beside `handle`'s options. */
interface BatchOptions<S extends StandardSchema> extends HandleOptions<S> {
    /** Jobs in a batch at most. Each takes one of the worker's `concurrency` places. Default 50. */
    readonly maxSize?: number;
    /** Milliseconds a batch waits for more jobs. Default 20. */
    readonly maxWaitMs?: number;
}
/**
 * Joins a job and a function that does many of them at once: one INSERT, one call of a bulk API.
 * Jobs of one key are never in the same batch. What the function returns, a list in the order of
 * the items, is the jobs' results; when it throws, every job of the batch has failed an attempt.
 */
declare function handleBatch<S extends StandardSchema>(job: JobDefinition<S>, run: (items: readonly BatchItem<SchemaOutput<S>>[]) => unknown, options?: BatchOptions<S>): JobHandler<S>;

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
    fetchTopicOffsets(topic: string): Promise<{
        partition: number;
        high: string;
        low: string;
    }[]>;
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

/** Makes a status store within this process, for tests without servers. It forgets everything at its end. */
declare function memoryStatus(): StatusStore;

/** Makes a transport within this process, for tests without servers. It forgets everything at its end. */
declare function memoryTransport(): MemoryTransport;
/**
 * Topics, partitions, consumer groups and commits with metadata, as Kafka has them, in memory: it
 * passes the conformance suite that the Kafka driver passes. Never a store for production.
 */
declare class MemoryTransport implements Transport {
    #private;
    readonly name = "memory";
    send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void>;
    ensureTopics(topics: readonly TopicSpec[]): Promise<void>;
    subscribe(options: SubscribeOptions, listener: SubscriptionListener): Subscription;
    ping(signal: AbortSignal): Promise<void>;
    close(): Promise<void>;
    /** All records of a topic, partition by partition: for looking at in tests. */
    records(topic: string): IncomingRecord[];
    offsets(topic: string): Promise<PartitionOffsets[]>;
    committed(group: string, topic: string): Promise<AssignedPartition[]>;
    /** Makes the members of a group join again, as a new member would. */
    rebalance(group: string): void;
    /** Takes a group's first member away without goodbye: nothing of it is committed from now on. */
    crash(group: string): void;
    /** Lets nothing be sent and nothing delivered until the returned function is called, as a frozen broker does. */
    stall(): () => void;
    /** @internal */
    get stalled(): Promise<void> | null;
    /** @internal */
    join(member: MemoryConsumer, { topics, group }: SubscribeOptions): void;
    /** @internal */
    leave(member: MemoryConsumer, { group }: SubscribeOptions): void;
    /** @internal */
    store({ group }: SubscribeOptions, offsets: readonly OffsetCommit[]): void;
    /** @internal */
    read(topic: string, partition: number, from: number): {
        records: IncomingRecord[];
        end: number;
    };
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

/**
 * A limit shared by all workers that name it, kept in Redis: at most `max` attempts begin within
 * any `perMs` milliseconds. While Redis is away nothing is limited: a job is worth more.
 *
 * @throws RangeError or TypeError naming field, rule and value
 */
declare function redisRateLimit(redis: RedisLike, options: RateLimitOptions & {
    readonly name: string;
    readonly prefix?: string;
}): RateLimit;

/** What `redisSpool` takes beside the client. */
interface RedisSpoolOptions {
    /** First part of its two keys. Default `jobs`. */
    readonly prefix?: string;
    /** Jobs it holds at most; then `enqueue` rejects. Default 100,000. */
    readonly maxJobs?: number;
}
/**
 * A bounded spool in a Redis list. As durable as that Redis is: with `appendfsync everysec` a crash
 * of its machine can cost the last second.
 *
 * @throws RangeError or TypeError naming field, rule and value
 */
declare function redisSpool(redis: RedisLike, options?: RedisSpoolOptions): Spool;

export { AssignedPartition, type BatchItem, type BatchOptions, Clock, CommitError, HandleOptions, IdempotencyConflictError, IncomingRecord, JobAbortedError, JobContext, JobDefinition, JobHandler, JobNotAcceptedError, JobPayloadError, JobPayloadTooLargeError, JobTimeoutError, JobTokenError, JobsError, JobsUnhealthyError, type KafkaLike, type KafkajsTransportOptions, MemoryTransport, NonRetryableError, OffsetCommit, Outbox, OutgoingRecord, PartitionOffsets, type PgClientLike, type PgPoolLike, type PostgresOutboxOptions, QueueClosedError, RateLimit, RateLimitOptions, type RedisLike, type RedisSpoolOptions, type RedisStatusOptions, type RedisSubscriberLike, RetryLater, SchemaIssue, SchemaOutput, Spool, SpoolFullError, SqlExecutor, StandardSchema, StatusStore, SubscribeOptions, Subscription, SubscriptionHealth, SubscriptionListener, TopicSpec, Transport, TransportTimeoutError, handleBatch, kafkajsTransport, memoryStatus, memoryTransport, postgresOutbox, redisRateLimit, redisSpool, redisStatus };
