// async-jobs.d.ts
import { EventEmitter } from 'eventemitter3';
import { Cron } from 'croner';

/** Time as the package sees it; inject one to move it by hand in tests. */
interface Clock {
    /** Milliseconds since the epoch. */
    now(): number;
    /** Calls `callback` once after `delayMs`; the handle is given to `clearTimeout`. */
    setTimeout(callback: () => void, delayMs: number): unknown;
    clearTimeout(handle: unknown): void;
}

/** At most `max` within any `perMs` milliseconds. */
interface RateLimitOptions {
    readonly max: number;
    readonly perMs: number;
}
/** Something that says whether one more may begin. */
interface RateLimit {
    /** Asked at the moment of beginning: 0 lets it begin and counts it; else milliseconds after which to ask again. */
    take(nowMs: number): number | Promise<number>;
}
/**
 * A limit with the line of those who wait for it. A limit is asked by a job that could begin at
 * once: a moment given out before would be over when the brake is released or a place is free,
 * and all whose moments are over would begin together.
 */
declare class LimitedLine implements RateLimit {
    #private;
    constructor(limit: RateLimit);
    take(nowMs: number): number | Promise<number>;
    /** Runs `work` when it is its turn; the next one's turn is when `work` calls `begun`, or ends. */
    turn<T>(work: (begun: () => void) => Promise<T>): Promise<T>;
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

/** Which of a queue's waiting jobs get the next free place: 8 high to 3 normal to 1 low. */
type Priority = 'high' | 'normal' | 'low';
/** How often and how fast a failed attempt is repeated. */
interface RetryOptions {
    /** Attempts in all, the first included. Default 5. */
    readonly attempts?: number;
    /**
     * What later jobs of the same key do while this one waits for its next attempt: `hold` waits
     * behind it, in its order; `overtake` goes ahead, and the failed job waits on a retry topic.
     * Default: `hold` for jobs with a key, `overtake` for those without.
     */
    readonly onRetry?: 'hold' | 'overtake';
    /** Attempts that follow each other quickly, after a random wait, before the tiers. Default 2. */
    readonly inline?: number;
    /** Upper bound of the first wait between quick attempts in milliseconds; it doubles with each. Default 200. */
    readonly baseMs?: number;
    /** Upper bound of every wait between quick attempts in milliseconds. Default 10,000. */
    readonly maxMs?: number;
    /** Waits after the quick attempts in milliseconds, rising, each +-20 %; the last repeats. Default 5 s, 30 s, 5 min, 30 min, 1 h. */
    readonly tiersMs?: readonly number[];
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
    /** Jobs of different priorities have no order between them, not even with the same key. Default `normal`. */
    readonly priority?: Priority | ((payload: SchemaOutput<S>) => Priority);
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
    priority(payload: SchemaOutput<S>): Priority;
    /** The priorities its jobs can have. */
    readonly priorities: readonly Priority[];
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
    query(sql: string | PreparedStatement, values?: any[]): Promise<{
        rows: any[];
        rowCount: number | null;
    }>;
}
/** A statement that PostgreSQL parses once a connection. */
interface PreparedStatement {
    readonly name: string;
    readonly text: string;
}
/** What a handler is given beside the payload. */
interface JobContext {
    /** The job's id: the same in every attempt and delivery. Give it to other services as their idempotency key. */
    readonly id: string;
    readonly name: string;
    readonly queue: string;
    readonly key: string;
    /** 1 in the first attempt. After a crash, the attempts since the last wait on a retry topic are counted anew. */
    readonly attempt: number;
    /** When the job was enqueued, in milliseconds since the epoch. */
    readonly enqueuedAtMs: number;
    /** The trace that enqueued the job, when the queue was given `traceContext`. */
    readonly trace: TraceContext | undefined;
    /** Aborts when the attempt's time is up, the worker shuts down or the job is another worker's. Hand it to everything that waits. */
    readonly signal: AbortSignal;
    /** Tells the watchers how far the job is: `percent` in [0, 100], and a word about it (1,000 characters). At most ten a second are sent. */
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
    readonly rateLimit?: LimitedLine;
    onDead?(payload: SchemaOutput<S>, death: Death): unknown;
}
/** Why a job is given up. */
interface Death {
    readonly id: string;
    readonly key: string;
    readonly attempts: number;
    readonly error: unknown;
}
/** What `handle` takes beside the function. */
interface HandleOptions<S extends StandardSchema = StandardSchema> {
    /**
     * Asked before every attempt: false parks the queue, so that no attempt is spent on something
     * that is known to be down. A circuit breaker says so: `() => breaker.state !== 'open'`.
     */
    readonly guard?: () => boolean;
    /** At most `max` attempts begin within any `perMs` milliseconds on this worker; or a limit shared by all workers, `redisRateLimit(redis, ...)`. */
    readonly rateLimit?: RateLimitOptions | RateLimit;
    /**
     * Compensates a job that is given up: called before its dead letter is sent, at least once, and
     * tried five times. Not called for payloads that do not satisfy the schema.
     */
    onDead?(payload: SchemaOutput<S>, death: Death): unknown;
}
/** Joins a job and the function that does it, for `new Worker(queue, { handlers: [...] })`. What the function returns (JSON) is the job's result. */
declare function handle<S extends StandardSchema>(job: JobDefinition<S>, run: (payload: SchemaOutput<S>, ctx: JobContext) => unknown, options?: HandleOptions<S>): JobHandler<S>;

/** A record to be sent. Its partition is the murmur2 hash of `key`; without one, any. */
interface OutgoingRecord {
    readonly topic: string;
    readonly key: string | null;
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
    readonly topic: string;
    readonly partition: number;
    readonly committed: {
        readonly offset: number;
        readonly metadata: string | null;
    } | null;
}
/** An offset to commit: everything below `offset` is finished. */
interface OffsetCommit {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
    /** At most 3,072 bytes of text kept with the offset. */
    readonly metadata: string;
}
/** What a consumer tells its owner. None of these may throw. */
interface SubscriptionListener {
    /**
     * The group is being rebalanced: start no new work until `assigned`. Resolves when what was
     * running has ended and is committed; a transport that can waits a while for that before it lets
     * go of the partitions. Never rejects.
     */
    rebalancing(): Promise<void>;
    /** The complete new assignment, after every join; before the first record of it. */
    assigned(partitions: readonly AssignedPartition[]): void;
    /**
     * Takes records of an assigned partition in order, as many as fit, and returns how many. The
     * rest is offered again after `space()`, and other partitions go on meanwhile. Records seen
     * before may be offered again. `end` is the offset after the last record the broker has.
     */
    admit(topic: string, partition: number, records: readonly IncomingRecord[], end: number): number;
    /** Resolves when `admit` may take more of this partition. */
    space(topic: string, partition: number): Promise<void>;
    /** Something went wrong that the transport deals with by itself. */
    error(error: unknown): void;
}
/** What a consumer needs to know. */
interface SubscribeOptions {
    readonly topics: readonly string[];
    readonly group: string;
    /** Milliseconds without a heartbeat after which the group gives this member's partitions away. */
    readonly sessionTimeoutMs: number;
    readonly heartbeatMs: number;
    readonly rebalanceTimeoutMs: number;
}
/** The state of a consumer, for health checks. */
interface SubscriptionHealth {
    readonly state: 'joining' | 'running' | 'rebuilding' | 'closed';
    /** Partitions held now, over all topics. */
    readonly partitions: number;
    /** Milliseconds since the last sign of life from the broker. */
    readonly silentMs: number;
    /** Clients rebuilt in the last five minutes. */
    readonly rebuilds: number;
}
/** One member of one consumer group. */
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
/** The part of a partition's log that exists: [first, next). */
interface PartitionOffsets {
    readonly partition: number;
    readonly first: number;
    readonly next: number;
}
/**
 * What jobs travel on: topics with partitions, consumer groups, offsets with metadata. Drivers:
 * `kafkajsTransport`, `platformaticTransport` and, for tests without servers, `memoryTransport`.
 */
interface Transport {
    readonly name: string;
    /** Resolves after all in-sync replicas have every record. Order per key is the order of calls. Sending nothing connects, so that the first job need not wait for it. */
    send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void>;
    /** Creates the topics that are missing. Safe from several processes at once. */
    ensureTopics(topics: readonly TopicSpec[]): Promise<void>;
    subscribe(options: SubscribeOptions, listener: SubscriptionListener): Subscription;
    /** First and next offset of every partition. */
    offsets(topic: string): Promise<readonly PartitionOffsets[]>;
    /** What a group has committed on a topic; partitions it never committed on have null. */
    committed(group: string, topic: string): Promise<readonly AssignedPartition[]>;
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
    readonly priority: Priority;
    readonly key: string;
    readonly payload: string;
    readonly enqueuedAtMs: number;
    readonly trace?: TraceContext | undefined;
    /** Not to be handled before, in milliseconds since the epoch. */
    readonly runAtMs?: number | undefined;
    readonly flow?: string | undefined;
}
/** Why a job ended among the dead letters. */
type DeadReason = 'attempts' | 'non-retryable' | 'payload' | 'unknown-job' | 'not-a-job';

/** A job that was given up, and why. */
interface DeadLetter {
    readonly id: string;
    readonly name: string;
    readonly key: string;
    readonly reason: DeadReason;
    readonly error: {
        readonly name: string;
        readonly message: string;
        readonly stack: string;
    };
    readonly attempts: number;
    /** Topic, partition and offset it was read from, and the group that gave it up. */
    readonly origin: string;
    readonly group: string;
    /** When it was given up. */
    readonly at: Date;
    /** The payload as it was sent, JSON unless it is what was wrong. */
    readonly payload: string;
    readonly headers: Readonly<Record<string, string>>;
    /** Offset in the dead-letter topic. */
    readonly offset: number;
}
/** Which letters: all that satisfy every given field. */
interface DeadLetterFilter {
    readonly id?: string;
    /** Name of the job. */
    readonly job?: string;
    readonly key?: string;
    readonly reason?: DeadReason;
    /** Part of the error's name or message. */
    readonly error?: string;
    /** Given up at or after, before. */
    readonly since?: Date;
    readonly until?: Date;
}

/** How letters are worked through. */
interface DeadLetterWork {
    /** Stops in between; what was done stays done. */
    readonly signal?: AbortSignal;
    /** Stops after so many letters. */
    readonly limit?: number;
}
/** How letters are replayed. */
interface ReplayOptions extends DeadLetterWork {
    /** Letters a second at most. Default 500: what died once may have died of the load. */
    readonly ratePerSecond?: number;
    /** Told after every batch; `total` counts the letters of the queue, matching or not. */
    readonly onProgress?: (progress: {
        readonly seen: number;
        readonly total: number;
    }) => void;
}
/**
 * The dead letters of one queue. A letter stays in its topic until Kafka's retention (14 days); one
 * that was replayed or purged is remembered as such in the offsets of the group `<topic>`, so it is
 * not shown and not replayed again: some 1,100 such letters, or rows of them, between letters that
 * stay. One process at a time works; a second waits for it.
 */
declare class DeadLetters {
    #private;
    constructor(queue: JobQueue, name: string);
    /** The letters that were neither replayed nor purged, oldest first per partition. @throws the transport's error; RangeError naming the filter's field */
    list(filter?: DeadLetterFilter, work?: DeadLetterWork): AsyncGenerator<DeadLetter>;
    /**
     * Puts matching letters back where they came from, with their job ids and no attempts behind them,
     * and returns how many.
     *
     * @throws LettersScatteredError when a filter leaves so many pieces between that no more can be remembered
     */
    replay(filter?: DeadLetterFilter, options?: ReplayOptions): Promise<number>;
    /** Puts matching letters away for good, and returns how many. @throws LettersScatteredError as `replay` */
    purge(filter?: DeadLetterFilter, work?: DeadLetterWork): Promise<number>;
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
/** A schedule: of which queue's job, and its name. */
interface ScheduleKey {
    readonly queue: string;
    readonly name: string;
}
/** How long rows are kept, in milliseconds: of effects and schedules, of idempotency keys, of flows that have ended. */
interface PruneWindows {
    readonly inboxMs: number;
    readonly idempotencyMs: number;
    readonly flowsMs: number;
}
/** Which effect of which job, for which consumer. */
interface InboxKey {
    readonly consumer: string;
    readonly jobId: string;
    readonly step: string;
}
/** A flow's row. */
interface FlowRow {
    readonly id: string;
    readonly name: string;
    readonly payload: unknown;
    readonly state: FlowState;
    /** The step whose end is waited for; steps below it are done. */
    readonly step: number;
    /** What the steps returned. */
    readonly results: readonly unknown[];
    readonly error: string | null;
    /** Hash of name and payload, for idempotency keys. */
    readonly fingerprint: string;
}
/** `running`: steps forward. `compensating`: backward, after a step was given up. The others are final; `stuck` when a compensation was given up. */
type FlowState = 'running' | 'compensating' | 'succeeded' | 'compensated' | 'stuck';
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
    /** Deletes a job that still waits; its name, or null when it is not (or no longer) there, is being sent, or is a step of a flow, which has to hear of its end. */
    remove(jobId: string): Promise<string | null>;
    /** Lets delayed jobs that are due join the waiting ones: how many, and milliseconds to the next (null: none). */
    promote(limit: number): Promise<{
        readonly promoted: number;
        readonly nextInMs: number | null;
    }>;
    /** Adds a flow's row unless its id is there, and runs `then` in the same transaction when it was added. */
    startFlow(row: FlowRow, then: (tx: SqlExecutor) => Promise<void>, tx?: SqlExecutor): Promise<FlowRow>;
    /** Locks a flow's row, and stores what `change` makes of it in the same transaction; null leaves it as it is. */
    changeFlow(id: string, change: (row: FlowRow, tx: SqlExecutor) => Promise<FlowRow | null>): Promise<void>;
    readFlow(id: string): Promise<FlowRow | null>;
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
    /** Notes a time of a schedule, and runs `then` in the same transaction unless it was noted before. True when it ran. */
    onTime(schedule: ScheduleKey, at: Date, then: (tx: SqlExecutor) => Promise<void>): Promise<boolean>;
    /** Deletes what is older than its window, but the last time of each schedule, until all is or `signal` aborts; returns how many rows. */
    prune(windows: PruneWindows, signal: AbortSignal): Promise<number>;
    /** Gives back the room of jobs that have been taken, so that the table stays small at any rate. */
    tidy(): Promise<void>;
    /** Age of the oldest waiting job in milliseconds; 0 when none waits. */
    oldestMs(): Promise<number>;
}
/** Result of an inbox transaction; `replayed` when an earlier delivery had committed it. */
interface OnceOutcome<T> {
    readonly value: T;
    readonly replayed: boolean;
}

/** What is known of a job before it is handled. */
interface JobFacts {
    readonly id: string;
    readonly name: string;
    readonly queue: string;
    readonly key: string;
    readonly enqueuedAtMs: number;
    readonly trace: TraceContext | undefined;
    /** Attempts that failed in earlier deliveries. */
    readonly attempts: number;
    readonly flow: string | undefined;
}

/** What may be said of one job. */
interface Particulars {
    readonly id: string;
    readonly key?: string | undefined;
    readonly runAtMs?: number | undefined;
    readonly flow?: string | undefined;
    readonly trace?: TraceContext | undefined;
}
/** Makes jobs ready to be sent: checked, serialised, measured, with their key and trace. */
declare class Preparation {
    #private;
    constructor(clock: Clock, maxPayloadBytes: number | undefined, traceContext: (() => TraceContext | undefined) | undefined);
    /** @throws JobPayloadError, JobPayloadTooLargeError, TypeError, RangeError */
    prepare(job: JobDefinition, payload: unknown, more: Particulars): QueuedJob | Promise<QueuedJob>;
    /** Of many jobs; those whose schema answers at once cost no promise each. */
    prepareAll(job: JobDefinition, payloads: readonly unknown[], more: () => Particulars): Promise<readonly QueuedJob[]>;
}

/** What a step's payload is made of: the flow's payload, and what the steps before have returned. */
interface FlowInput<P> {
    readonly payload: P;
    /** By step, as JSON gives it back. */
    readonly results: readonly any[];
}
/** A job and how its payload is made from the flow. */
interface FlowJob<P> {
    readonly job: JobDefinition;
    input(flow: FlowInput<P>): unknown;
}
/** One step: a job, and the job that takes it back when a later step is given up. */
interface FlowStep<P> extends FlowJob<P> {
    readonly undo?: FlowJob<P>;
}
/** A chain of jobs of which all happen, or those that happened are taken back. */
interface Flow<S extends StandardSchema = StandardSchema> {
    readonly name: string;
    readonly schema: S;
    readonly steps: readonly FlowStep<SchemaOutput<S>>[];
}
/** How far a flow is. */
interface FlowStatus {
    readonly id: string;
    readonly name: string;
    readonly state: FlowState;
    /** The step whose end is waited for. */
    readonly step: number;
    readonly results: readonly unknown[];
    /** Why a step was given up. */
    readonly error: string | null;
}
/** Types one step of a flow: `input` must make what the job's schema takes. */
declare function step<P, S extends StandardSchema>(job: JobDefinition<S>, input: (flow: FlowInput<P>) => SchemaInput<S>, undo?: FlowJob<P>): FlowStep<P>;
/**
 * Defines a flow (a saga): steps run one after another, each an ordinary job with its retries. When
 * one is given up, the `undo` jobs of the steps before it run in reverse. The flow's row in
 * PostgreSQL moves in the same transaction that enqueues the next job.
 *
 *     running 0 -> 1 -> 2 -> succeeded
 *                  | given up
 *     compensating 0 -> compensated        an undo given up -> stuck
 *
 * @throws RangeError or TypeError naming field, rule and value
 * @see https://www.cs.cornell.edu/andru/cs711/2002fa/reading/sagas.pdf Garcia-Molina, Salem: Sagas
 */
declare function flow<S extends StandardSchema>(flowName: string, schema: S, steps: readonly FlowStep<SchemaOutput<S>>[]): Flow<S>;
/** @internal Starts flows and moves them on. */
declare class FlowStarter {
    #private;
    constructor(queue: JobQueue, preparation: Preparation);
    start<S extends StandardSchema>(definition: Flow<S>, payload: unknown, options: {
        readonly idempotencyKey?: string;
        readonly tx?: SqlExecutor;
    }): Promise<{
        id: string;
        deduplicated: boolean;
    }>;
    status(id: string): Promise<FlowStatus | null>;
    /** Does what follows from the end of a job that is a step. Repeated, it changes nothing. */
    settle(flows: ReadonlyMap<string, Flow>, facts: JobFacts, end: {
        readonly result: unknown;
    } | {
        readonly error: unknown;
    }): Promise<void>;
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
    /** Age of the oldest waiting job in milliseconds, 0 when none waits: one query. */
    oldestMs(): Promise<number>;
    /** Unwell when not running, or when five rounds in a row have failed. */
    healthCheck(): {
        name: string;
        check(signal: AbortSignal): Promise<unknown>;
    };
    /** Finishes the batch and the housework at hand and stops. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

/** Where directly sent jobs wait while Kafka does not take them. Driver: `redisSpool`. */
interface Spool {
    /** Adds records at the end, all or none. @throws SpoolFullError */
    push(records: readonly OutgoingRecord[]): Promise<void>;
    /**
     * Gives up to `limit` of the oldest records to `deliver` and removes them once that has
     * resolved. Returns how many, or `busy` when another process is at it.
     */
    take(limit: number, deliver: (records: readonly OutgoingRecord[]) => Promise<void>): Promise<number | 'busy'>;
}

/** Where a job is. `succeeded`, `dead` and `cancelled` are final. */
type JobState = 'queued' | 'active' | 'retrying' | 'succeeded' | 'dead' | 'cancelled';
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
    /** What the handler returned, up to 64 KiB of JSON; left out when it is more, or not JSON. */
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
/** Where statuses are kept and followed. Drivers: `redisStatus` and, for tests without servers, `memoryStatus`. */
interface StatusStore {
    /** Stores those updates that are later than what is stored, and tells the watchers. */
    write(updates: readonly StatusUpdate[]): Promise<void>;
    read(id: string): Promise<JobStatus | null>;
    /** The current status and every later one up to the final one; fewer when the reader is slow. Ends without an error when `signal` aborts. */
    watch(id: string, signal?: AbortSignal): AsyncIterable<JobStatus>;
    /** Remembers for seven days that a job is not to run any more, and tells every worker. */
    cancel(id: string): Promise<void>;
    /** Calls `cancelled` with every job cancelled in the last seven days and from now on, some more than once. Resolves when it listens; goes on after a lost connection. */
    cancellations(cancelled: (id: string) => void): Promise<() => void>;
    ping(): Promise<void>;
    close(): Promise<void>;
}

/** How subscription tokens are signed. */
interface TokenOptions {
    /** At least 32 bytes, the same in every process. The first signs; the others, older ones, are still accepted. */
    readonly secrets: readonly (string | Uint8Array)[];
    /** Milliseconds a token is good for. Default 24 h. */
    readonly ttlMs?: number;
}

/** What `new JobQueue` takes. */
interface JobQueueOptions {
    /** What jobs travel on: `kafkajsTransport(kafka)`, `platformaticTransport(kafka, { connection })` or, in tests, `memoryTransport()`. */
    readonly transport: Transport;
    /** `postgresOutbox(pool)`: jobs leave with the caller's transaction, idempotency keys, `ctx.tx`, flows. Without it jobs are sent directly. */
    readonly outbox?: Outbox;
    /** `redisSpool(redis)`: takes directly sent jobs while Kafka does not. Not used with an outbox, which does that better. */
    readonly spool?: Spool;
    /** `redisStatus(redis)`: live status and cancellation. Without it `status` gives null and `watch` ends at once. */
    readonly status?: StatusStore;
    /** Signs subscription tokens into the tickets, for `jobs/websocket` and `jobs/sse`. Default: tickets without. */
    readonly tokens?: TokenOptions;
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
    /** The same key (per queue) is the same job for `idempotencyWindowMs`: a second call changes nothing. Needs an outbox. */
    readonly idempotencyKey?: string;
    /** The caller's transaction: the job exists if and when it commits. Needs an outbox. */
    readonly tx?: SqlExecutor;
    /** Overrides the key the job's definition computes. */
    readonly key?: string;
    /** Milliseconds before which the job is not to run, up to a year. Up to a second late with an outbox, up to 6 s without. */
    readonly delayMs?: number;
}
/** The answer to `enqueue`: keep the `id` to follow the job. */
interface JobTicket {
    readonly id: string;
    readonly state: 'accepted';
    /** True when an earlier call with this idempotency key had enqueued the job. */
    readonly deduplicated: boolean;
    /** Where the job is safe now: in the database (once the transaction commits), on Kafka, or in the spool. */
    readonly durability: Durability;
    /** Lets its holder follow the job; when the queue was given `tokens`. */
    readonly token?: string;
}
/** Where an accepted job is safe. */
type Durability = 'outbox' | 'kafka' | 'spool';
/** How topics are created; an existing topic is left as it is. */
interface TopicOptions {
    /** Partitions of a jobs topic. Default 6. */
    readonly partitions?: number;
    /** Copies of every partition. Default: the broker's. */
    readonly replicationFactor?: number;
}

/** What `schedule` takes beside the job. */
interface ScheduleOptions<S extends StandardSchema> {
    /** Five fields (minute hour day month weekday), or six with seconds first. */
    readonly cron: string;
    /** The payload, or what makes it of the time it is for. */
    readonly payload: SchemaInput<S> | ((scheduledAt: Date) => SchemaInput<S>);
    /** IANA time zone, for example `Europe/Berlin`. Default `UTC`. */
    readonly timezone?: string;
    /** Tells schedules of one job apart. Default: the job's name. */
    readonly name?: string;
    /** Enqueue the latest missed time when no scheduler ran. Needs an outbox, which keeps the last time of each. Default false. */
    readonly catchUp?: boolean;
}
/** A job with its times, made by `schedule`. */
interface Schedule {
    readonly name: string;
    readonly job: JobDefinition;
    readonly times: Cron;
    readonly catchUp: boolean;
    payload(scheduledAt: Date): unknown;
}
/**
 * Says when a job is to be enqueued.
 *
 * @throws RangeError or TypeError naming field, rule and value
 */
declare function schedule<S extends StandardSchema>(job: JobDefinition<S>, options: ScheduleOptions<S>): Schedule;
/**
 * Enqueues jobs at their times. There is no leader: every process that runs it tries, and the outbox,
 * which keeps the times of each schedule, lets one through. Without an outbox run one
 * process only. After a sleep or an outage of the process the latest time is enqueued, once.
 */
declare class Scheduler {
    #private;
    constructor(queue: JobQueue, schedules: readonly Schedule[]);
    /** Starts; comes back at once. */
    run(): void;
    /** Times enqueued by this process, and the last failure. */
    snapshot(): {
        readonly enqueued: number;
        readonly lastError: unknown;
    };
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

/**
 * The place jobs are put into and followed from.
 *
 *     enqueue -> check payload -> outbox row in the caller's transaction -> relay -> Kafka -> Worker
 *                              or, without outbox, straight to Kafka, or to the spool while it is away
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
    /** @internal */
    readonly store: StatusStore | null;
    constructor(options: JobQueueOptions);
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
    enqueue<S extends StandardSchema>(job: JobDefinition<S>, payload: SchemaInput<S>, options?: EnqueueOptions): Promise<JobTicket>;
    /**
     * Puts many jobs of one kind into their queue in one statement or one send: all or none with an
     * outbox, possibly some of them when a direct send fails. Throws as `enqueue` does.
     */
    enqueueMany<S extends StandardSchema>(job: JobDefinition<S>, payloads: readonly SchemaInput<S>[], options?: Pick<EnqueueOptions, 'tx' | 'delayMs'>): Promise<JobTicket[]>;
    /**
     * Starts a flow: its row and its first step's job, in the caller's transaction when `tx` is given.
     * Needs an outbox. Throws as `enqueue` does.
     */
    start<S extends StandardSchema>(flow: Flow<S>, payload: SchemaInput<S>, options?: Pick<EnqueueOptions, 'idempotencyKey' | 'tx'>): Promise<{
        readonly id: string;
        readonly deduplicated: boolean;
    }>;
    /** Where a flow is; null when there is none with this id. */
    flow(id: string): Promise<FlowStatus | null>;
    /**
     * Takes a job back: `removed` when it still waited in the outbox; else `requested`, and workers skip
     * it when they come to it, or abort it with reason `cancelled` when it runs; then its flow is taken
     * back. One that is done stays done. `too-late` without a status store to ask through.
     */
    cancel(id: string): Promise<'removed' | 'requested' | 'too-late'>;
    /** The latest known status of a job; null when there is none (yet, or any more), or no status store. */
    status(id: string): Promise<JobStatus | null>;
    /**
     * Follows a job: its status now (if known) and every later one, up to and including the final
     * one. A slow reader gets the latest only. Ends without an error when `signal` aborts.
     */
    watch(id: string, options?: {
        readonly signal?: AbortSignal;
    }): AsyncGenerator<JobStatus>;
    /** The job that a ticket's token lets its holder follow. @throws JobTokenError; TypeError when the queue was given no `tokens` */
    verifyToken(token: unknown): string;
    /** A relay that moves this queue's jobs from the outbox to Kafka; call `run()`. Closed with the queue. @throws TypeError without an outbox */
    relay(options?: RelayOptions): OutboxRelay;
    /** Enqueues jobs at their times; call `run()`. Closed with the queue. In several processes each time is enqueued once, given an outbox. */
    scheduler(schedules: readonly Schedule[]): Scheduler;
    /** The dead letters of a queue: to look at, put back, or put away. */
    deadLetters(queue: string): DeadLetters;
    /** Creates the topics of the jobs' queues, of their retries and dead letters where missing. Safe from several processes. */
    ensureTopics(jobs: readonly JobDefinition[], options?: TopicOptions): Promise<void>;
    /**
     * A check of the transport and the outbox; rejects when one of them is unwell. An unreachable
     * status store is told in the answer, but is no illness: jobs run without it.
     */
    healthCheck(): {
        name: string;
        check(signal: AbortSignal): Promise<unknown>;
    };
    /** Closes the relays and schedulers made here, writes pending statuses for at most 2 s and lets go of the transport. Drain workers before. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
    /** @internal Tells a status without waiting; for the relay and the worker. */
    report(status: JobStatus, sequence?: number): void;
    /** @internal Waits at most `timeoutMs` until pending statuses are written. */
    flushStatus(timeoutMs: number): Promise<void>;
    /** @internal Sends jobs and tells that they are queued. */
    send(jobs: readonly QueuedJob[], timeoutMs: number): Promise<void>;
    /** @internal Sends until it is acknowledged; false when given up before. */
    sendUntilAcked(records: readonly OutgoingRecord[], timeoutMs: number, onError: (error: unknown) => void, giveUp: () => boolean, signal: AbortSignal): Promise<boolean>;
    /** @internal Waits before another try of something that failed: 200 ms, doubling, up to 10 s. */
    pause(tries: number, signal: AbortSignal): Promise<void>;
    /** @internal Remembers a definition. @throws TypeError when another one has its name */
    define(job: JobDefinition): void;
    /** @internal Does what follows from the end of a job that is a step of a flow. */
    settleFlow(...end: Parameters<FlowStarter['settle']>): Promise<void>;
    /** @internal Lets jobs that another process spooled, and died, be sent by this one. */
    watchSpool(): void;
}

export { type ScheduleOptions as $, type AssignedPartition as A, type FlowState as B, type Clock as C, type DeadLetter as D, type EnqueueOptions as E, type Flow as F, type FlowStatus as G, type HandleOptions as H, type IncomingRecord as I, JobQueue as J, type FlowStep as K, type JobOptions as L, type JobQueueOptions as M, type JobState as N, OutboxRelay as O, type PartitionOffsets as P, type JobTicket as Q, type RateLimitOptions as R, type SubscriptionHealth as S, type Transport as T, type PreparedStatement as U, type Priority as V, type RelayOptions as W, type RelaySnapshot as X, type ReplayOptions as Y, type RetryOptions as Z, type Schedule as _, type JobStatus as a, Scheduler as a0, type SchemaInput as a1, type StatusUpdate as a2, type TokenOptions as a3, type TopicOptions as a4, type TraceContext as a5, defineJob as a6, flow as a7, handle as a8, schedule as a9, step as aa, type JobHandler as b, type SchemaIssue as c, type JobContext as d, type StandardSchema as e, type JobDefinition as f, type SchemaOutput as g, type StatusStore as h, type OutgoingRecord as i, type TopicSpec as j, type SubscribeOptions as k, type SubscriptionListener as l, type Subscription as m, type OffsetCommit as n, type SqlExecutor as o, type Outbox as p, type RateLimit as q, type Spool as r, type DeadLetterFilter as s, type DeadLetterWork as t, DeadLetters as u, type DeadReason as v, type Death as w, type Durability as x, type FlowInput as y, type FlowJob as z };

// cli.d.ts
#!/usr/bin/env node

// index.d.ts
import { c as SchemaIssue, d as JobContext, e as StandardSchema, H as HandleOptions, f as JobDefinition, g as SchemaOutput, b as JobHandler, C as Clock, T as Transport, h as StatusStore, i as OutgoingRecord, j as TopicSpec, k as SubscribeOptions, l as SubscriptionListener, m as Subscription, I as IncomingRecord, P as PartitionOffsets, A as AssignedPartition, n as OffsetCommit, S as SubscriptionHealth, o as SqlExecutor, p as Outbox, R as RateLimitOptions, q as RateLimit, r as Spool } from './async-jobs.js';
export { D as DeadLetter, s as DeadLetterFilter, t as DeadLetterWork, u as DeadLetters, v as DeadReason, w as Death, x as Durability, E as EnqueueOptions, F as Flow, y as FlowInput, z as FlowJob, B as FlowState, G as FlowStatus, K as FlowStep, L as JobOptions, J as JobQueue, M as JobQueueOptions, N as JobState, a as JobStatus, Q as JobTicket, O as OutboxRelay, U as PreparedStatement, V as Priority, W as RelayOptions, X as RelaySnapshot, Y as ReplayOptions, Z as RetryOptions, _ as Schedule, $ as ScheduleOptions, a0 as Scheduler, a1 as SchemaInput, a2 as StatusUpdate, a3 as TokenOptions, a4 as TopicOptions, a5 as TraceContext, a6 as defineJob, a7 as flow, a8 as handle, a9 as schedule, aa as step } from './async-jobs.js';
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
/** The topic does not exist: `ensureTopics` makes what a queue needs. */
declare class TopicMissingError extends JobsError {
    readonly topic: string;
    constructor(topic: string);
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
/**
 * JSON cannot hold what a handler returned. It is left out of the job's status and of its flow; the job
 * has succeeded all the same. Emitted as a worker's `error`.
 */
declare class JobResultError extends JobsError {
    readonly job: string;
    readonly jobId: string;
    constructor(job: string, jobId: string, cause: unknown);
}
/** The spool that takes jobs while Kafka is away is full. The job was not accepted. */
declare class SpoolFullError extends JobsError {
    readonly maxJobs: number;
    constructor(maxJobs: number);
}
/**
 * What a filter has replayed or purged lies in so many pieces between letters that stay that no more
 * of it can be remembered. `taken` letters were dealt with, and are remembered. The oldest letters
 * have to be dealt with first.
 */
declare class LettersScatteredError extends JobsError {
    readonly queue: string;
    readonly taken: number;
    constructor(queue: string, taken: number);
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
 * The attempt was ended from outside: by a `shutdown` (drain), by `queue.cancel` (`cancelled`), because its
 * partition went to another worker (`revoked`), or because its time was up and it had been given up
 * (`abandoned`). It is the reason of `ctx.signal`; `ctx.tx` of a revoked or an abandoned attempt rejects with it.
 */
declare class JobAbortedError extends JobsError {
    readonly reason: 'shutdown' | 'cancelled' | 'revoked' | 'abandoned';
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
    get topics(): readonly string[];
    start(): Promise<void>;
    commit(offsets: readonly OffsetCommit[]): Promise<void>;
    health(): SubscriptionHealth;
    close(): Promise<void>;
    die(): void;
    assign(partitions: readonly AssignedPartition[]): void;
    wake(): void;
}

/** Where the brokers are; `tls`, `sasl` and what else the clients of @platformatic/kafka take go along. */
interface PlatformaticConnection {
    readonly bootstrapBrokers: readonly string[];
    readonly clientId: string;
    readonly [option: string]: unknown;
}
/**
 * The part of the module `@platformatic/kafka` that is called here, so that neither its code nor
 * its types are needed to load this package.
 */
interface PlatformaticLike {
    readonly Base: new (options: any) => PlatformaticBaseLike;
    readonly Writer: {
        create(): PlatformaticWriterLike;
    };
    readonly produceV9: {
        readonly api: {
            readonly key: number;
            readonly version: number;
        };
        parseResponse(...args: any[]): unknown;
    };
    crc32c(data: any): number;
    readonly kGetApi: symbol;
    readonly kGetConnection: symbol;
    readonly kGetBootstrapConnection: symbol;
}
interface PlatformaticBaseLike {
    close(): Promise<unknown>;
    on(event: any, listener: (...args: any[]) => void): unknown;
}
interface PlatformaticWriterLike {
    append(bytes: Buffer): PlatformaticWriterLike;
}

/** What `platformaticTransport` takes beside the module. */
interface PlatformaticTransportOptions {
    /** What the clients of the module take: `bootstrapBrokers`, `clientId`, `tls`, `sasl` ... */
    readonly connection: PlatformaticConnection;
    /** Producer without duplicates of its own retries. Default true; false where the broker's ACLs forbid it. */
    readonly idempotent?: boolean;
    readonly clock?: Clock;
}
/**
 * Jobs on Apache Kafka by the module `@platformatic/kafka`, 1.35 or later: what kafkajs does, with
 * a sixth of the CPU time for a record that is sent. Connections are made from `connection`, and are ours to close.
 *
 *     import * as kafka from '@platformatic/kafka';
 *     platformaticTransport(kafka, { connection: { clientId: 'shop', bootstrapBrokers: ['kafka:9092'] } })
 *
 * @throws TypeError when `kafka` is not that module, or `connection` names no brokers
 */
declare function platformaticTransport(kafka: PlatformaticLike, options: PlatformaticTransportOptions): Transport;

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
    connect(callback: (error: any, client: PgClientLike | undefined) => void): void;
}

/** What `postgresOutbox` takes beside the pool. */
interface PostgresOutboxOptions {
    /** Schema of the tables. Default `public`. */
    readonly schema?: string;
    /** Lanes of the outbox; jobs of one key share a lane. Default 8. The same in every process. */
    readonly shards?: number;
    /**
     * Statements of every job are prepared by name, which saves a third of their cost. Default: on connections of `pg` that
     * lead to PostgreSQL itself. Behind a pooler they are not, since one in transaction mode loses them; `true` is for poolers
     * that keep them (PgBouncer from 1.21 with `max_prepared_statements`, or in session mode), `false` for where something else
     * takes them away (`DISCARD ALL`, `DEALLOCATE ALL`).
     */
    readonly prepare?: boolean;
}
/**
 * Outbox, idempotency keys and inbox in PostgreSQL 12 or later. The pool stays the caller's; a
 * running relay holds one of its connections to listen, two more while it moves jobs, and one while it tidies up.
 *
 * @throws RangeError or TypeError naming field, rule and value
 */
declare function postgresOutbox(pool: PgPoolLike, options?: PostgresOutboxOptions): Outbox;

/** The commands called; ioredis 5 and 6, its Cluster and iovalkey have this shape. */
interface RedisLike {
    /** True where the keys of one call must share a slot. */
    readonly isCluster?: boolean;
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
 * any `perMs` milliseconds. While Redis is away nothing is limited: a job is worth more. An answer that
 * takes longer than half a second is none, and Redis is not asked again before it has come.
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

export { AssignedPartition, type BatchItem, type BatchOptions, Clock, CommitError, HandleOptions, IdempotencyConflictError, IncomingRecord, JobAbortedError, JobContext, JobDefinition, JobHandler, JobNotAcceptedError, JobPayloadError, JobPayloadTooLargeError, JobResultError, JobTimeoutError, JobTokenError, JobsError, JobsUnhealthyError, type KafkaLike, type KafkajsTransportOptions, LettersScatteredError, MemoryTransport, NonRetryableError, OffsetCommit, Outbox, OutgoingRecord, PartitionOffsets, type PgClientLike, type PgPoolLike, type PlatformaticConnection, type PlatformaticLike, type PlatformaticTransportOptions, type PostgresOutboxOptions, QueueClosedError, RateLimit, RateLimitOptions, type RedisLike, type RedisSpoolOptions, type RedisStatusOptions, type RedisSubscriberLike, RetryLater, SchemaIssue, SchemaOutput, Spool, SpoolFullError, SqlExecutor, StandardSchema, StatusStore, SubscribeOptions, Subscription, SubscriptionHealth, SubscriptionListener, TopicMissingError, TopicSpec, Transport, TransportTimeoutError, handleBatch, kafkajsTransport, memoryStatus, memoryTransport, platformaticTransport, postgresOutbox, redisRateLimit, redisSpool, redisStatus };

// prometheus.d.ts
import { O as OutboxRelay } from './async-jobs.js';
import { W as Worker } from './worker.js';
import 'eventemitter3';
import 'croner';

/** What is called of a registry; prom-client 15's `Registry` has this shape. */
interface RegistryLike {
    registerMetric(metric: any): void;
    removeSingleMetric(name: string): void;
}
/** What is looked at. */
interface JobsThings {
    readonly workers?: readonly Worker[];
    readonly relays?: readonly OutboxRelay[];
}
/** What `registerMetrics` takes beside them. */
interface MetricsOptions {
    /** Upper bounds of the wait's histogram in seconds. Default 0.005 to 600. */
    readonly waitBucketsSeconds?: readonly number[];
    /** How long a scrape waits for the outbox in milliseconds. Default 1,000 */
    readonly timeoutMs?: number;
}
/**
 * Registers metrics named `evenkeel_async_jobs_...` that read the workers' and relays' figures when
 * they are scraped; an outbox whose database does not answer in time is left out of that scrape.
 * Returns a function that takes them back.
 *
 * @throws TypeError when an option is unknown; RangeError naming the field
 */
declare function registerMetrics(registry: RegistryLike, things: JobsThings, options?: MetricsOptions): () => void;

export { type JobsThings, type MetricsOptions, type RegistryLike, registerMetrics };

// sse.d.ts
import { IncomingMessage, ServerResponse } from 'node:http';
import { J as JobQueue } from './async-jobs.js';
import 'eventemitter3';
import 'croner';

/** What `serveJobEvents` takes beside queue, request and response. */
interface JobEventsOptions {
    /** The ticket's token. Default: `?token=` of the URL, or a bearer token in `authorization`. */
    readonly token?: string;
    /** Milliseconds between comments that keep proxies from closing a quiet connection. Default 15,000. */
    readonly heartbeatMs?: number;
}
/**
 * Follows one job as server-sent events: `event: status` with the status as JSON, for now and for
 * every change up to the final one, then the response ends. A browser's EventSource that connects
 * again after that is told 204, which stops it. Resolves when the response is over; answers 401
 * to a token that is not valid. A slow reader gets the latest only.
 *
 * @throws RangeError naming field, rule and value
 */
declare function serveJobEvents(queue: JobQueue, request: IncomingMessage, response: ServerResponse, options?: JobEventsOptions): Promise<void>;

export { type JobEventsOptions, serveJobEvents };

// websocket.d.ts
import { a as JobStatus, J as JobQueue } from './async-jobs.js';
import 'eventemitter3';
import 'croner';

/** What is called of a socket; `ws`'s `WebSocket` has this shape. */
interface WebSocketLike {
    send(text: string, sent: (error?: Error | null) => void): void;
    on(event: 'message' | 'close' | 'error', listener: (...args: any[]) => void): unknown;
}
/** What `serveJobSocket` takes beside queue and socket. */
interface JobSocketOptions {
    /** Jobs one socket may follow at a time. Default 100. */
    readonly maxSubscriptions?: number;
}
/** What the server sends. */
type JobSocketMessage = {
    readonly type: 'status';
    readonly status: JobStatus;
} | {
    readonly type: 'error';
    readonly code: string;
    readonly message: string;
};
/**
 * Lets a socket follow jobs: it sends `{"subscribe":"<token of the ticket>"}` and gets
 * `{"type":"status","status":{...}}` for now and for every change up to the final one;
 * `{"unsubscribe":"<job id>"}` ends that. A token that is not valid is answered by
 * `{"type":"error","code":"ERR_JOB_TOKEN",...}`.
 *
 * The next status of a job is read only when the last one has left the process: a slow socket
 * costs one status per job, and gets the latest when it is ready.
 *
 * @throws RangeError naming field, rule and value
 */
declare function serveJobSocket(queue: JobQueue, socket: WebSocketLike, options?: JobSocketOptions): void;

export { type JobSocketMessage, type JobSocketOptions, type WebSocketLike, serveJobSocket };

// worker.d.ts
import { EventEmitter } from 'eventemitter3';
import { S as SubscriptionHealth, b as JobHandler, F as Flow, J as JobQueue } from './async-jobs.js';

/** When a queue is parked. */
interface BrakeOptions {
    /** Different jobs that fail in a row, with no success between them, until the queue is parked. Default 25. */
    readonly failures?: number;
    /** Milliseconds between the probes of a parked queue. Default 5,000. */
    readonly probeMs?: number;
}
/** `released`: jobs run freely. `parked`: one probe at a time. `ramping`: few at a time, doubling. */
type BrakeState = 'released' | 'parked' | 'ramping';

/** A job as the worker's events name it. */
interface JobReference {
    readonly id: string;
    readonly name: string;
    readonly queue: string;
}
/** What a worker emits. */
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
    /** A job was found cancelled, or aborted for it. */
    cancelled: (event: JobReference) => void;
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
    /** Jobs put on a retry topic. */
    readonly retried: number;
    /** Effects of `ctx.tx` that an earlier delivery had committed. */
    readonly duplicates: number;
    readonly queues: readonly {
        readonly queue: string;
        readonly buffered: number;
        readonly bufferedBytes: number;
        /** Of the buffered: held ones that wait for long, and those behind them. */
        readonly parked: number;
        readonly running: number;
        readonly lanes: number;
        /** Records on Kafka that are not finished, as known from reading. */
        readonly lag: number;
        /** Milliseconds since offsets were last committed. */
        readonly commitAgeMs: number;
        readonly brake: BrakeState;
        readonly consumer: SubscriptionHealth;
        /** What carries jobs back that wait on the retry topics: records there when it last read (it does when the first is due), and its client. */
        readonly retries: {
            readonly lag: number;
            readonly commitAgeMs: number;
            readonly consumer: SubscriptionHealth;
        };
    }[];
}
/** How a drain ended. */
interface DrainResult {
    /** Handlers that were still running at the end and were given up; their jobs run elsewhere. */
    readonly abandoned: number;
    readonly tookMs: number;
}

/** What `new Worker` takes beside the queue. */
interface WorkerOptions {
    readonly handlers: readonly JobHandler[];
    /** Flows that these handlers' jobs are steps of. */
    readonly flows?: readonly Flow[];
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
    /** Completed jobs that lead to a commit before its time. Default 50. */
    readonly commitEvery?: number;
}

/**
 * Handles the jobs of one or more queues. Jobs of one key run one after another, different keys
 * side by side, `concurrency` of them, however few partitions there are.
 *
 * Its life: `idle` - run() -> `running` - drain() -> `draining` -> `closed`. Every worker of a queue
 * must handle all of the queue's jobs: a job without handler goes to the dead letters.
 *
 * Emits `completed`, `failed`, `dead`, `cancelled`, `brake` and `error`.
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
     * are written (for at most 2 s), the group is left: all this for 5 s at most, whatever the broker
     * does. Unfinished jobs run on another worker.
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

export { type BrakeOptions as B, type DrainResult as D, type JobReference as J, Worker as W, type BrakeState as a, type WorkerOptions as b, type WorkerSnapshot as c };
