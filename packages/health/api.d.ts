// health.d.ts
/**
 * Whom a failing dependency hurts: `local` this instance alone (its disk, its event loop, its own pool),
 * `shared` every instance at once (the database, the broker).
 */
type CheckScope = 'local' | 'shared';
/** Asks one question of one dependency: resolves when well (with small plain data), rejects when unwell. */
type CheckFunction = (signal: AbortSignal) => unknown;
/**
 * Something that can be checked: the shape that the ready checks, and other packages' `healthCheck()`, have.
 *
 * - `check(signal)`: resolves with small plain data when well, rejects when unwell; the signal is aborted
 *   when the budget is used up.
 * - `name`: used when the check is registered without one.
 * - `scope`: the default of the option of the same name.
 * - `close()`: gives back what the check opened for itself; called by `health.close()`.
 */
interface CheckSource {
    readonly name?: string;
    readonly scope?: CheckScope;
    check(signal: AbortSignal): unknown;
    close?(): Promise<void> | void;
}
/** How one check is run, and what its results do. */
interface CheckOptions {
    /** The groups that it decides on: `liveness`, `readiness`, `startup` or names of your own; default `['readiness']`. */
    readonly groups?: readonly string[];
    /** A `local` failure takes the instance out of a group; a `shared` one degrades it, still in service; default the source's, else `local`. */
    readonly scope?: CheckScope;
    /** Budget of one run in ms; default 500. */
    readonly timeoutMs?: number;
    /** A run at least this slow, in ms, is a warning; default 200, or the budget if that is less. */
    readonly warnMs?: number;
    /** How long, in ms, a result is given out before a probe runs the check again; default 1,000. Not with `intervalMs`. */
    readonly ttlMs?: number;
    /** Runs the check in the background every so many ms instead, at least `timeoutMs`; default: only when probed. */
    readonly intervalMs?: number;
    /** Failures in a row that make a healthy check unhealthy; default 3. The very first result counts at once. */
    readonly failAfter?: number;
    /** Passes in a row that make an unhealthy check healthy again; default 2. */
    readonly recoverAfter?: number;
    /** Each further fall within so many ms doubles `recoverAfter`, at most eightfold; default 60,000; 0 turns it off. */
    readonly flapWindowMs?: number;
    /** Without a good answer for so many ms the check fails; default `failAfter` (at least 3) intervals and a budget, without an interval at least 60,000. */
    readonly staleAfterMs?: number;
}

/** `pass` well, `warn` in service but degraded or slow, `fail` out of service; the words of `application/health+json`. */
type HealthStatus = 'pass' | 'warn' | 'fail';
/** What is known of one check at this moment. */
interface CheckReport {
    readonly name: string;
    readonly scope: CheckScope;
    readonly groups: readonly string[];
    readonly status: HealthStatus;
    /** Why the status is not `pass`, without secrets. */
    readonly reason?: string;
    /** What the last good run returned: plain, small, without secrets. */
    readonly data?: unknown;
    /** How long the last run took, in ms. */
    readonly durationMs?: number;
    /** When the last result arrived, ISO 8601. */
    readonly checkedAt?: string;
    /** How old the last result is, in ms. */
    readonly ageMs?: number;
    /** Whether the answer that the status rests on is older than `staleAfterMs`: then it is a `fail`. */
    readonly isStale: boolean;
    /** Whether a quorum says that most other instances are well: then a shared failure counts as a local one. */
    readonly isAlone: boolean;
}
/** What one group of checks amounts to. */
interface GroupReport {
    readonly group: string;
    readonly status: HealthStatus;
    readonly isDraining: boolean;
    readonly service: string;
    readonly version?: string;
    readonly checks: readonly CheckReport[];
}

/** One change of a check's status. */
interface HistoryChange {
    /** ISO 8601. */
    readonly at: string;
    readonly from: HealthStatus | 'unknown';
    readonly to: HealthStatus;
    readonly reason?: string;
}
/** How a check has done lately. Times in ms; 0 before the first run. */
interface CheckHistory {
    /** Runs ever, and those of them that failed. */
    readonly runs: number;
    readonly failures: number;
    /** Of the last 256 runs, failed ones with the time after which they were given up. */
    readonly p50Ms: number;
    readonly p95Ms: number;
    readonly p99Ms: number;
    readonly maxMs: number;
    /** The last 20, oldest first. */
    readonly changes: readonly HistoryChange[];
}

/** How one instance sees one shared dependency. */
interface QuorumVote {
    readonly service: string;
    readonly check: string;
    /** Whether its last run was good; not damped, so that nobody is believed to be well who no longer is. */
    readonly isWell: boolean;
}
/**
 * What the *other* instances saw, each counted once by its latest vote. A `well` vote counts only if it was cast after
 * this instance's trouble began: when the dependency dies, whoever notices first must not be outvoted by the past.
 */
interface QuorumCount {
    readonly well: number;
    readonly unwell: number;
}
/**
 * Where the instances of a service tell one another how their shared dependencies look from where they stand.
 * It may fail or hang: then nothing is known of the others, and readiness stays up. See `redisQuorum`.
 */
interface Quorum {
    vote(vote: QuorumVote): Promise<QuorumCount>;
}

/** Options of a Health. */
interface HealthOptions {
    /** The service's name, shown as `serviceId`. */
    readonly service: string;
    /** The running version, shown with the details; default none. */
    readonly version?: string;
    /** Who sends `Authorization: Bearer <detailsToken>` sees the details; at least 16 characters; default: nobody. */
    readonly detailsToken?: string;
    /** What the other instances see of the shared dependencies; default none: a shared failure always degrades. */
    readonly quorum?: Quorum;
    /** Monotonic time in ms, for tests; default `performance.now()`. */
    readonly clock?: () => number;
}
/** One check became better or worse: what `change` is emitted with. */
interface HealthChange {
    readonly name: string;
    readonly from: HealthStatus | 'unknown';
    readonly to: HealthStatus;
    /** Why, when the new status is not `pass`; without secrets. */
    readonly reason?: string;
}
/** One group became better or worse: what `group` is emitted with. */
interface GroupChange {
    readonly group: string;
    readonly from: HealthStatus | 'unknown';
    readonly to: HealthStatus;
}
/** The events of a Health, each also published on the diagnostics channel `evenkeel:health:<event>`. */
interface HealthEvents {
    /** A check's status changed. */
    change: HealthChange;
    /** A group's status changed, as seen by whoever asked for it. */
    group: GroupChange;
    /** The instance began to drain: readiness fails from here on. The payload is the reason. */
    drain: string;
}
/** Everything that is known now, without asking anybody. */
interface HealthSnapshot {
    readonly service: string;
    readonly version?: string;
    readonly isDraining: boolean;
    readonly groups: Readonly<Record<string, HealthStatus>>;
    readonly checks: readonly CheckReport[];
}
/**
 * Knows whether this instance is alive, ready and started, by asking its dependencies for real data within a budget.
 *
 * Checks belong to groups. `liveness` is for what only a restart mends, so no shared dependency may be in it;
 * `readiness` fails while a local check is unhealthy or the instance drains; `startup` passes once and for all.
 * A failing *shared* dependency degrades a group (`warn`, still HTTP 200) and does not fail it, unless a quorum says that
 * this instance is alone with the failure.
 * Nothing runs before the first probe, except checks with an `intervalMs`, which start with their first interval.
 */
declare class Health {
    #private;
    readonly service: string;
    readonly version: string | undefined;
    /** @throws TypeError or RangeError naming field, rule and value when an option is wrong. */
    constructor(options: HealthOptions);
    /**
     * Registers a check: `check(name, functionOrObject, options)`, or `check(object, options)` for an object with a name,
     * such as a breaker's `healthCheck()`.
     * @throws TypeError or RangeError naming field, rule and value; RangeError when the name is taken.
     */
    check(name: string, check: CheckFunction | CheckSource, options?: CheckOptions): this;
    check(check: CheckSource & {
        readonly name: string;
    }, options?: CheckOptions): this;
    /** Whether this process should be left running. Touches no shared dependency; 200 while draining. */
    liveness(): Promise<GroupReport>;
    /** Whether this instance should be sent requests. Fails from the first moment of a drain. */
    readiness(): Promise<GroupReport>;
    /** Whether this instance has come up: once it did not fail it passes for good. */
    startup(): Promise<GroupReport>;
    /**
     * The report of one group, after running those of its checks whose results are too old, each at most once at a time.
     * Answers within the largest `timeoutMs` of them.
     * @throws RangeError when there is no such group.
     */
    group(name: string): Promise<GroupReport>;
    /** The report over every check there is, whatever its group, after the same refresh. Draining does not fail it. */
    all(): Promise<GroupReport>;
    /** Whether a group of this name exists. */
    hasGroup(name: string): boolean;
    /**
     * The last 256 runs of a check as percentiles, and its last 20 changes. O(n log n) in the runs kept.
     * @throws RangeError when there is no such check.
     */
    history(name: string): CheckHistory;
    /** What is known at this moment. Runs nothing, waits for nothing. */
    snapshot(): HealthSnapshot;
    /** Whether `drain` was called. */
    get isDraining(): boolean;
    /** Fails readiness from now on, for good, and leaves liveness as it is. A second call changes nothing. */
    drain(reason?: string): void;
    /** Whether this Authorization header carries the details token; compared in constant time. */
    mayReadDetails(authorization: string | undefined): boolean;
    /** Calls `listener` at each event; the function that comes back takes it off. A throwing listener harms nobody. */
    on<Name extends keyof HealthEvents>(name: Name, listener: (payload: HealthEvents[Name]) => void): () => void;
    /** Stops polling, cancels what runs and closes what the checks opened for themselves. Never rejects. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

export { type CheckSource as C, type GroupChange as G, Health as H, type Quorum as Q, type CheckFunction as a, type CheckHistory as b, type CheckOptions as c, type CheckReport as d, type CheckScope as e, type GroupReport as f, type HealthChange as g, type HealthEvents as h, type HealthOptions as i, type HealthSnapshot as j, type HealthStatus as k, type HistoryChange as l, type QuorumCount as m, type QuorumVote as n };

// index.d.ts
import { C as CheckSource, H as Health, Q as Quorum } from './health.js';
export { a as CheckFunction, b as CheckHistory, c as CheckOptions, d as CheckReport, e as CheckScope, G as GroupChange, f as GroupReport, g as HealthChange, h as HealthEvents, i as HealthOptions, j as HealthSnapshot, k as HealthStatus, l as HistoryChange, m as QuorumCount, n as QuorumVote } from './health.js';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Server } from 'node:net';

/** How much room there must be. */
interface DiskCheckOptions {
    /** Free part that must be left, in [0, 1], of bytes and of inodes; default 0.05. */
    readonly minFreeRatio?: number;
    /** Free bytes that must be left besides; default 0. */
    readonly minFreeBytes?: number;
}
/**
 * Looks for free bytes and inodes where `folder` is, then writes a file of 4 KiB there and removes it again.
 * Scope `local`. Resolves with `{ freeBytes, totalBytes, freeRatio }`; free is what this user may still take.
 * @throws TypeError when `folder` is not a string, RangeError when an option is out of range.
 */
declare function diskCheck(folder: string, options?: DiskCheckOptions): CheckSource;

/** How long the event loop may stand still. */
interface EventLoopCheckOptions {
    /** The longest delay allowed between two runs of the check, in ms; default 250. */
    readonly maxDelayMs?: number;
}
/**
 * Fails when the event loop stood still for longer than allowed since the last run of the check: while it does, every
 * request of this process waits. Scope `local`. Resolves with `{ maxDelayMs, p99DelayMs }`.
 * Measures from the first run until `close()`, so the first run itself always passes.
 * @throws RangeError when `maxDelayMs` is not above the 10 ms that the measurement resolves.
 */
declare function eventLoopCheck(options?: EventLoopCheckOptions): CheckSource;

/** How full the heap may be. */
interface HeapCheckOptions {
    /** Used part of the heap limit, in (0, 1]; default 0.9. */
    readonly maxRatio?: number;
}
/**
 * Fails when the used heap comes close to V8's limit, at which the process would die in the middle of its requests.
 * Scope `local`. Resolves with `{ usedBytes, limitBytes, ratio }`.
 * @throws RangeError when `maxRatio` is outside.
 */
declare function heapCheck(options?: HeapCheckOptions): CheckSource;

/** What `httpCheck` expects. */
interface HttpCheckOptions {
    /** Headers of the request; default none. */
    readonly headers?: Readonly<Record<string, string>>;
    /** Whether this answer is a well service's; default: a status of 200 to 299. */
    readonly expect?: (response: Response) => boolean | Promise<boolean>;
}
/**
 * Asks another service whether it is alive, by GET. A bare origin (`http://payments:8080`) means its `/live`.
 * Never point it at another service's readiness: two services that wait for each other's readiness take one another,
 * and everybody behind them, out of service. Redirects are not followed. Scope `shared`. Resolves with `{ statusCode }`.
 * @throws TypeError when `url` is not an http(s) address or carries a user and password.
 */
declare function httpCheck(url: string | URL, options?: HttpCheckOptions): CheckSource;

/** What is called of a kafkajs `Kafka`. */
interface KafkaLike {
    admin(options: {
        retry: {
            retries: number;
            initialRetryTime: number;
        };
    }): KafkaAdminLike;
}
/** What is called of a kafkajs admin client. */
interface KafkaAdminLike {
    connect(): Promise<unknown>;
    disconnect(): Promise<unknown>;
    describeCluster(): Promise<{
        readonly brokers: readonly unknown[];
    }>;
    fetchTopicMetadata(options: {
        topics: string[];
    }): Promise<{
        readonly topics: readonly {
            readonly name: string;
            readonly partitions: readonly {
                readonly partitionId: number;
                readonly leader: number;
            }[];
        }[];
    }>;
    fetchTopicOffsets(topic: string): Promise<readonly {
        readonly partition: number;
        readonly offset: string;
    }[]>;
    fetchOffsets(options: {
        groupId: string;
        topics: string[];
    }): Promise<readonly {
        readonly topic: string;
        readonly partitions: readonly {
            readonly partition: number;
            readonly offset: string;
        }[];
    }[]>;
}
/** What `kafkaCheck` asks and expects. */
interface KafkaCheckOptions {
    /** Brokers that must be there; default 1. */
    readonly minBrokers?: number;
    /** Topics whose every partition must have a leader; default none. */
    readonly topics?: readonly string[];
    /** The consumer group whose lag on `topics` is measured; needs `topics`; default none. */
    readonly groupId?: string;
    /** Messages that the group may be behind, over all partitions; default no limit. Needs `groupId`. */
    readonly maxLag?: number;
}
/**
 * Asks the cluster for its brokers, for the leaders of the topics and for a consumer group's lag, through one admin
 * connection of its own, opened at the first run, kept, and replaced after a failure.
 * Partitions that the group never committed count from the beginning of the log's numbering, as the lag that they are.
 * Scope `shared`. Resolves with `{ brokers }`, with a group also `{ lag }`.
 * @throws TypeError or RangeError naming field, rule and value.
 */
declare function kafkaCheck(kafka: KafkaLike, options?: KafkaCheckOptions): CheckSource;

/** What is read of a `pg` pool: its options and its `Client` class, to open one more connection of the same kind. */
interface PgPoolSource {
    readonly options: object;
}

/** What `pgCheck` asks and expects. */
interface PgCheckOptions<Row> {
    /** A cheap query for data that must be there, such as `select id, name from events limit 1`. */
    readonly query: string;
    /** The values of `$1`, `$2`...; default none. */
    readonly values?: readonly unknown[];
    /** Whether these rows are what a working service sees; default: at least one row. */
    readonly expect?: (rows: readonly Row[]) => boolean;
}
/**
 * Asks PostgreSQL for real rows over one connection of its own, opened at the first run and kept.
 * Through a busy pool a check measures the queue for a connection, not the database: see `pgPoolCheck` for that.
 * A connection that broke since the last run is replaced within the run; one that exceeds its budget is cut.
 * Scope `shared`. Resolves with `{ rows }`, the number of rows; never with their content.
 * @throws TypeError when `pool` is not a `pg` pool or an option has the wrong type.
 */
declare function pgCheck<Row = Record<string, unknown>>(pool: PgPoolSource, options: PgCheckOptions<Row>): CheckSource;

/** What is read of a `pg` pool to see whether its callers get their connections. */
interface PgPoolCounts {
    readonly totalCount: number;
    readonly idleCount: number;
    readonly waitingCount: number;
}
/** When a queue for connections is a fault. */
interface PgPoolCheckOptions {
    /** Callers that may wait without harm; default 0. */
    readonly maxWaiting?: number;
    /** For how long, in ms, more than that must have been waiting without a break; default 2,000. */
    readonly windowMs?: number;
    /** Monotonic time in ms, for tests; default `performance.now()`. */
    readonly clock?: () => number;
}
/**
 * Fails when callers have been queueing for a connection during a whole window: the pool is too small for the
 * load, or connections are held too long. A burst that drains in between is what a pool is for, and passes.
 * Scope `local`. Resolves with `{ total, idle, waiting, waitingForMs }`.
 * Samples every 100 ms from the first run until `close()`.
 * @throws TypeError when `pool` has no counts, RangeError when an option is out of range.
 */
declare function pgPoolCheck(pool: PgPoolCounts, options?: PgPoolCheckOptions): CheckSource;

/** What is called of an ioredis client (or Cluster, or iovalkey). */
interface RedisLike {
    set(key: string, value: string, mode: 'PX', ttlMs: number): Promise<unknown>;
    get(key: string): Promise<string | null>;
    del(key: string): Promise<unknown>;
}
/** Where `redisCheck` writes. */
interface RedisCheckOptions {
    /** What its key begins with; default `evenkeel:health`. Every instance adds a random part of its own. */
    readonly keyPrefix?: string;
}
/**
 * Writes a value, reads it back and deletes it, through the caller's own client: this finds a replica that took over
 * read-only, a full memory and a proxy that answers PING for a dead master, none of which PING does.
 * Scope `shared`. Resolves with `{ roundTrips: 3 }`.
 * A command that the client queues while it is offline cannot be taken back; the check then stays unwell and is not
 * repeated until the client has answered.
 * @throws TypeError when `redis` lacks `set`, `get` or `del`.
 */
declare function redisCheck(redis: RedisLike, options?: RedisCheckOptions): CheckSource;

/** How far a replica may be behind, and where the heartbeat is written. */
interface ReplicaLagCheckOptions {
    /** The lag that fails the check, in ms; default 5,000. */
    readonly maxLagMs?: number;
    /** Table of the heartbeat, with its schema if need be; made if it is missing; default `evenkeel_heartbeat`. */
    readonly table?: string;
}
/**
 * Writes a heartbeat on the primary and looks for it on the replica, over one connection of its own to each.
 *
 * The usual formula, `now() - pg_last_xact_replay_timestamp()`, grows on a quiet database that lags nothing, and its
 * usual repair (0 when everything received is replayed) is 0 while replication is cut. A row that one has written
 * oneself is there or it is not: beats are numbered, and only how late a missing one is depends on a clock, the
 * primary's. Should that be set back meanwhile, the lag is still at least the time for which this process has been
 * waiting for its beat.
 *
 * One row for all instances, one update per run. Scope `shared`. Resolves with `{ lagMs }`: how long the beat took to
 * be seen, at most 50 ms late, or else the age of the newest beat on the replica, which is at most one interval of the
 * check more than the true lag.
 * @throws TypeError when a pool is not a `pg` pool, RangeError when an option is out of range.
 */
declare function replicaLagCheck(primary: PgPoolSource, replica: PgPoolSource, options?: ReplicaLagCheckOptions): CheckSource;

/** One step of a business request: gets what the step before gave, `undefined` at first. */
type SyntheticStep = (previous: unknown, signal: AbortSignal) => unknown;
/** A whole business request, as a customer would make it. */
interface SyntheticCheckOptions {
    /** What is done, in this order, by name: `{ hold, pay, release }`. At least one. */
    readonly steps: Readonly<Record<string, SyntheticStep>>;
    /** Whether what the last step gave is what a customer should get; default: everything is. */
    readonly expect?: (result: unknown) => boolean;
    /**
     * Takes back what was done, given what the last finished step gave. Runs after every run, also a failed or timed-out
     * one, so it gets no signal: bound it yourself.
     */
    readonly cleanup?: (last: unknown) => unknown;
}
/**
 * Does a whole business request in named steps, so that a failure says where: `hold: no seat is free`.
 * Do it with data of its own (an event that is never sold), and give it an `intervalMs`: a probe should not start it.
 * Scope `shared`. Resolves with `{ stepMs }`, the time of each step.
 * @throws TypeError when a step is not a function, RangeError when there is none.
 */
declare function syntheticCheck(options: SyntheticCheckOptions): CheckSource;

/** The order in which a process takes itself down: first what brings work in, last what reports on it. */
declare const PHASES: readonly ["jobs", "consumers", "http", "caches", "db", "telemetry"];
/** One phase of a shutdown. */
type ShutdownPhase = (typeof PHASES)[number];
/** One thing to do in a phase; the signal is aborted when the phase's time is up. */
type ShutdownStep = (signal: AbortSignal) => unknown;
/** The steps of every phase. */
type ShutdownPhases = Partial<Record<ShutdownPhase, readonly ShutdownStep[]>>;

/** Something that had not ended when its time was up. */
interface CutWork {
    readonly phase: ShutdownPhase;
    /** A request (`POST /orders`), the name of tracked work, or a step (`worker.drain`, `db[0]`). */
    readonly what: string;
}
/** Something that failed on the way down, without secrets. */
interface FailedStep {
    readonly phase: ShutdownPhase | 'process';
    readonly what: string;
    readonly error: string;
}
/** How a shutdown went. */
interface ShutdownReport {
    readonly reason: string;
    readonly durationMs: number;
    readonly cut: readonly CutWork[];
    readonly failed: readonly FailedStep[];
    /** 0 when nothing was cut and nothing failed, else 1. */
    readonly exitCode: 0 | 1;
}

/** What is done about an exception that nobody caught. */
type UncaughtPolicy = 'drain' | 'exit' | 'ignore';

/** What is called of a `ws` socket. */
interface WebSocketLike {
    close(code: number, reason: string): void;
    terminate(): void;
    once(event: 'close', listener: () => void): unknown;
}
/** What is called of a `ws` server. */
interface WebSocketServerLike {
    readonly clients: Iterable<WebSocketLike>;
    on(event: 'connection', listener: (socket: WebSocketLike) => void): unknown;
}

declare const timeoutBrand: unique symbol;
declare const dataBrand: unique symbol;
/**
 * A check did not answer within its budget: `check` is its name, `timeoutMs` the budget.
 * It is the reason of the signal that the check was given, so a driver can tell it from a cancel.
 */
declare class CheckTimeoutError extends Error {
    readonly code = "ERR_CHECK_TIMEOUT";
    readonly check: string;
    readonly timeoutMs: number;
    readonly [timeoutBrand] = true;
    constructor(check: string, timeoutMs: number);
    static [Symbol.hasInstance](value: unknown): boolean;
}
/**
 * A dependency answered, but not with what was expected of it: `source` says which one.
 * The answer itself is not in the message, because it may be a customer's data.
 */
declare class UnexpectedDataError extends Error {
    readonly code = "ERR_UNEXPECTED_DATA";
    readonly source: string;
    readonly [dataBrand] = true;
    constructor(source: string, message: string, options?: ErrorOptions);
    static [Symbol.hasInstance](value: unknown): boolean;
}

/**
 * Express middleware: `app.use(expressHealth(health))` serves `/live`, `/ready`, `/startup`, `/health` and
 * `/health/<group>`, `app.use('/internal', expressHealth(health))` serves them below a path. Put it before what logs,
 * parses or authenticates: a probe needs none of it. Anything else goes on to the next handler.
 */
declare function expressHealth(health: Health): (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/** What the plugin calls of a Fastify instance. */
interface FastifyLike {
    get(path: string, options: {
        readonly logLevel: 'warn';
    }, handler: (request: FastifyRequestLike, reply: FastifyReplyLike) => Promise<unknown>): unknown;
}
/** What the plugin reads of a Fastify request. */
interface FastifyRequestLike {
    readonly params: unknown;
    readonly headers: {
        readonly authorization?: string | undefined;
    };
}
/** What the plugin calls of a Fastify reply. */
interface FastifyReplyLike {
    code(statusCode: number): unknown;
    headers(headers: Record<string, string>): unknown;
    send(body: string): unknown;
}
/**
 * A Fastify plugin: `fastify.register(fastifyHealth(health))` serves GET `/live`, `/ready`, `/startup`, `/health` and
 * `/health/:group`. Fastify's own `prefix` option moves them; probes are logged from `warn` upwards only.
 */
declare function fastifyHealth(health: Health): (fastify: FastifyLike) => Promise<void>;

/** Options of a GracefulShutdown. */
interface GracefulShutdownOptions {
    /** Its readiness fails from the first moment; it is closed after the phase `http`. */
    readonly health?: Pick<Health, 'drain' | 'close'>;
    /** `http`, `https` and `http2` servers, Fastify's `app.server`; default none. Hand them over before they listen. */
    readonly servers?: readonly Server[];
    /** Servers of `ws`, whose clients are closed with 1001; default none. */
    readonly webSocketServers?: readonly WebSocketServerLike[];
    /** All the time there is, in ms; default 28,000: Kubernetes kills after 30 s. */
    readonly graceMs?: number;
    /** How long, in ms, the listener stays open after readiness began to fail; default 5,000 (at most a quarter of `graceMs`) in Kubernetes, else 0. */
    readonly drainDelayMs?: number;
    /** How long, in ms, idle kept-alive sockets stay open after the listener has closed; default the server's `keepAliveTimeout`; at most 4/5 of what `http` has left. */
    readonly lingerMs?: number;
    /** Within how many ms the WebSockets are closed, each at a random moment; default 1,000, at most a quarter of what `http` has. */
    readonly webSocketJitterMs?: number;
    /** What to do in each phase; the steps of one phase run side by side; default nothing. */
    readonly phases?: ShutdownPhases;
    /** The most time for each phase, in ms; default, of `graceMs`: jobs 9/14, consumers 2/14, http 11/14 (beside those two), the others 1/14 each. */
    readonly capsMs?: Partial<Record<ShutdownPhase, number>>;
    /** What `listen()` does about an uncaught exception or rejection: `drain` and exit 1, `exit` 1 at once, or leave it to Node by `ignore`; default `drain`. */
    readonly uncaughtException?: UncaughtPolicy;
    /** Gets a line for everything that was cut, failed or thrown; default standard error. */
    readonly log?: (line: string) => void;
    /** Ends the process, for tests; default `process.exit`. */
    readonly exit?: (code: number) => void;
    /** Monotonic time in ms, for tests; default `performance.now()`. */
    readonly clock?: () => number;
    /** In [0, 1), for the jitter; default `Math.random`. */
    readonly random?: () => number;
}
/** The events of a GracefulShutdown. */
interface GracefulShutdownEvents {
    /** It began; the payload is the reason. */
    start: string;
    /** A phase ended. */
    phase: {
        readonly phase: ShutdownPhase;
        readonly durationMs: number;
    };
    /** It ended. */
    finish: ShutdownReport;
}
/**
 * Takes a process out of service without losing a request that was sent to it.
 *
 *     0 ms      readiness fails, liveness stays; every response says Connection: close; jobs stop being taken
 *     + delay   listeners close; WebSockets get 1001; requests, jobs and consumers come to their end side by side
 *     then      tracked work -> health's own connections -> caches -> db -> telemetry, each within its cap
 *     end       exit code 0, or 1 and the list of what was cut or failed
 *
 * A second signal ends it now. `run()` alone neither listens to signals nor exits.
 */
declare class GracefulShutdown {
    #private;
    /** @throws TypeError or RangeError naming field, rule and value when an option is wrong. */
    constructor(options?: GracefulShutdownOptions);
    /** Aborted at the first moment of the shutdown: for loops that should begin nothing new. */
    get signal(): AbortSignal;
    /** How much tracked work is running now. */
    get inFlight(): number;
    /**
     * Makes the shutdown wait for a piece of work that is not a request, such as a payment after its 202.
     * Returns the same promise; `name` is how a report calls the work if it has to be cut.
     */
    track<T>(work: Promise<T> | (() => Promise<T> | T), name?: string): Promise<T>;
    /**
     * Shuts down on SIGTERM and SIGINT, then exits with the report's code; a second one exits now. Handles uncaught
     * exceptions by the policy. Calling it again changes nothing; `close()` takes the handlers off.
     */
    listen(): this;
    /** Shuts down once, whatever the number of calls; resolves with how it went. Never rejects, never exits. */
    run(reason?: string): Promise<ShutdownReport>;
    /** Calls `listener` at each event; the function that comes back takes it off. A throwing listener harms nobody. */
    on<Name extends keyof GracefulShutdownEvents>(name: Name, listener: (payload: GracefulShutdownEvents[Name]) => void): () => void;
    /** Takes the signal handlers off; a shutdown that has begun goes on. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

/** Options of the handler for `node:http`. */
interface HttpHandlerOptions {
    /** What stands before `/live`, `/ready`, `/startup` and `/health` in the path; default nothing. */
    readonly prefix?: string;
}
/**
 * Answers probes on a `node:http` server: `if (probes(request, response)) return;` at the top of its listener.
 * True when the request was a GET or HEAD of a probe's path and is being answered; false when it is not ours.
 * @throws TypeError when an option is unknown, RangeError when `prefix` does not begin with a slash or ends with one.
 */
declare function httpHandler(health: Health, options?: HttpHandlerOptions): (request: IncomingMessage, response: ServerResponse) => boolean;

/** What is called of an ioredis client (or Cluster, or iovalkey). */
interface QuorumRedisLike {
    eval(script: string, keyCount: number, ...keysAndArguments: (string | number)[]): Promise<unknown>;
}
/** How votes are kept. */
interface RedisQuorumOptions {
    /** How long, in ms, a vote is remembered: longer than the interval of the probes; default 15,000. */
    readonly voteTtlMs?: number;
    /**
     * How long after this instance's first failure, in ms, the others must have had a good run for it to count; default
     * 1,000. It covers answers that were under way when the dependency died: at least the `timeoutMs` of the checks.
     */
    readonly settleMs?: number;
    /** What the keys begin with; default `evenkeel:health`. */
    readonly keyPrefix?: string;
}
/**
 * Lets the instances of one service compare notes in Redis: an instance that is cut off from a shared dependency while
 * most others reach it leaves the service; when all of them fail, all of them stay (degraded).
 *
 * With Redis dead, slow, or itself the dependency that is cut off, nothing is known of the others and readiness stays
 * up. One short script per run of a shared check, two sorted sets per check; in a Cluster both in one slot.
 * @throws TypeError or RangeError naming field, rule and value.
 */
declare function redisQuorum(redis: QuorumRedisLike, options?: RedisQuorumOptions): Quorum;

export { CheckSource, CheckTimeoutError, type CutWork, type DiskCheckOptions, type EventLoopCheckOptions, type FailedStep, type FastifyLike, type FastifyReplyLike, type FastifyRequestLike, GracefulShutdown, type GracefulShutdownEvents, type GracefulShutdownOptions, Health, type HeapCheckOptions, type HttpCheckOptions, type HttpHandlerOptions, type KafkaAdminLike, type KafkaCheckOptions, type KafkaLike, type PgCheckOptions, type PgPoolCheckOptions, type PgPoolCounts, type PgPoolSource, Quorum, type QuorumRedisLike, type RedisCheckOptions, type RedisLike, type RedisQuorumOptions, type ReplicaLagCheckOptions, type ShutdownPhase, type ShutdownPhases, type ShutdownReport, type ShutdownStep, type SyntheticCheckOptions, type SyntheticStep, type UncaughtPolicy, UnexpectedDataError, type WebSocketLike, type WebSocketServerLike, diskCheck, eventLoopCheck, expressHealth, fastifyHealth, heapCheck, httpCheck, httpHandler, kafkaCheck, pgCheck, pgPoolCheck, redisCheck, redisQuorum, replicaLagCheck, syntheticCheck };

// plan.d.ts
/** A database server and how many connections it takes. */
interface DatabaseInput {
    readonly name: string;
    readonly engine: 'postgresql' | 'mysql';
    /** `max_connections`; default, with `memoryGb`, so many as the memory carries, else 100 (PostgreSQL) or 151 (MySQL). */
    readonly maxConnections?: number;
    /** Memory of the server in GB, at 75 connections a GB. */
    readonly memoryGb?: number;
    /** Kept for superusers, monitoring and migrations; default 5. */
    readonly reserved?: number;
    /** Cores of the server, for the ceiling of *active* connections (cores x 2 + 1). */
    readonly cores?: number;
    /** PgBouncer in front of it. */
    readonly pooler?: PoolerInput;
}
/** A PgBouncer between services and database. */
interface PoolerInput {
    readonly mode: 'transaction' | 'session';
    /** Server connections of each PgBouncer for each user and database. */
    readonly poolSize: number;
    /** PgBouncer processes; default 1. */
    readonly instances?: number;
    /** Pairs of user and database; default 1. */
    readonly users?: number;
    readonly maxClientConnections?: number;
    /** Such as 1.18; below 1.21 transaction mode breaks named statements. */
    readonly version?: number;
    /** The services use named (prepared) statements; default false. */
    readonly namedStatements?: boolean;
    /** The services use LISTEN, session locks or SET; default false. */
    readonly sessionFeatures?: boolean;
}
/** A service whose instances hold a pool each. */
interface ServiceInput {
    readonly name: string;
    /** Which database; default the first. */
    readonly database?: string;
    readonly instances: number;
    /** The autoscaler's maximum; default `instances`. */
    readonly maxInstances?: number;
    /** Processes of an instance with a pool each (cluster); default 1. */
    readonly processes?: number;
    /** Connections of all pools of one process together: application, jobs, listeners. */
    readonly pool: number;
    readonly rollout?: 'rolling' | 'blue-green';
    /** Extra instances of a rolling update, a number or "25%"; default "25%". */
    readonly maxSurge?: number | string;
    /** Old instances that still hold their connections while they drain, a number or "25%"; default "100%". */
    readonly terminating?: number | string;
    /** Zones that the instances are spread over; default 1. Of a lost zone the connections linger. */
    readonly zones?: number;
    /** Queries a second of one process, and what one takes, for the size of the pool. */
    readonly queriesPerSecond?: number;
    readonly queryMs?: number;
    /** The p99 wait for a connection aimed at, in ms; default 20. */
    readonly acquireTargetMs?: number;
    /** Requests at once in a process, and connections that one holds *at the same time*, for the deadlock formula. */
    readonly concurrency?: number;
    readonly connectionsPerRequest?: number;
    /** The chain of timeouts, in ms, from the inside out; each must be shorter than the next. */
    readonly timeoutsMs?: {
        readonly acquire?: number;
        readonly statement?: number;
        readonly request?: number;
        readonly client?: number;
    };
}
/** What `planConnections` counts. */
interface ConnectionInput {
    readonly databases: readonly DatabaseInput[];
    readonly services: readonly ServiceInput[];
}

/**
 * The probability that a call finds all `servers` busy and has to wait, at `load` erlangs (arrivals per second x
 * seconds of service). 1 when the load is not below the number of servers: then the queue grows for ever.
 * Computed by the recursion of Erlang B, which neither overflows nor loses precision. O(servers).
 * @see A. K. Erlang, 1917; R. B. Cooper, Introduction to Queueing Theory, 3.4
 */
declare function erlangC(servers: number, load: number): number;
/**
 * The wait, in ms, that all but `1 - percentile` of the calls stay below in an M/M/c queue; Infinity when overloaded.
 * Real queries vary less than exponentially, so this errs on the safe side.
 */
declare function waitMs(servers: number, load: number, serviceMs: number, percentile: number): number;
/** The fewest connections whose p99 wait stays below `targetMs`. */
declare function serversFor(load: number, serviceMs: number, targetMs: number): number;

/** What a plan says about itself: an `error` will break, a `warning` may. */
interface Finding {
    readonly severity: 'error' | 'warning';
    /** Stable, such as `OVER_BUDGET`. */
    readonly code: string;
    /** What it is about: a service, a database, a probe. */
    readonly subject: string;
    readonly message: string;
    /** What to do about it. */
    readonly remedy: string;
}

/** What one service costs and has. */
interface CapacityServiceInput {
    readonly name: string;
    /** Its requests for each one of a user; default 1. */
    readonly share?: number;
    /** CPU of one request in ms, measured. */
    readonly cpuMs: number;
    /** Cores of an instance that Node can use; default 1. */
    readonly cores?: number;
    /** What it runs with now, to be judged; default unknown. */
    readonly instances?: number;
}
/** What `planCapacity` reckons with. */
interface CapacityInput {
    readonly dailyUsers: number;
    /** Part of them that comes in the busiest hour, in (0, 1]; default 0.5: a sale that opens at noon. */
    readonly peakHourShare?: number;
    /** How long one stays; default 60. */
    readonly sessionMinutes?: number;
    /** Seconds between two requests of a user; default 10. */
    readonly secondsBetweenRequests?: number;
    /** CPU in use at the peak, in (0, 1); default 0.6: above it waiting grows faster than load. */
    readonly targetUtilisation?: number;
    /** Zones, of which one may be lost; default 3. */
    readonly zones?: number;
    readonly services: readonly CapacityServiceInput[];
}
/** How many instances a service needs. */
interface CapacityServicePlan {
    readonly name: string;
    readonly requestsPerSecond: number;
    /** Cores at work at the peak, by Little's law. */
    readonly busyCores: number;
    /** For the load alone. */
    readonly needed: number;
    /** So that what is left after the loss of a zone is enough, and every zone has the same. */
    readonly instances: number;
    readonly perZone: number;
    readonly running?: number;
}
/** The whole plan. */
interface CapacityPlan {
    readonly concurrentUsers: number;
    readonly requestsPerSecond: number;
    /** What the figures rest on, as sentences. */
    readonly assumptions: readonly string[];
    readonly services: readonly CapacityServicePlan[];
    readonly findings: readonly Finding[];
    readonly exitCode: 0 | 1 | 2;
}
/**
 * From daily users to instances: concurrent = arrivals a second x seconds of stay (Little), busy cores = requests a
 * second x CPU of one, instances = what carries them with headroom, and with one zone gone.
 * @throws TypeError or RangeError naming field, rule and value.
 */
declare function planCapacity(input: CapacityInput): CapacityPlan;

/** The connections that one situation takes. */
interface Scenario {
    readonly name: 'steady' | 'surge' | 'surge and terminating' | 'blue-green' | 'zone lost';
    /** Instances that hold connections, over all services of the database. */
    readonly instances: number;
    readonly connections: number;
    /** Memory of a server that carries them, at 75 a GB. */
    readonly memoryGb: number;
    /** Whether it happens with the rollout that the plan says. */
    readonly isExpected: boolean;
    readonly fits: boolean;
}
/** What a database has to carry. */
interface DatabasePlan {
    readonly name: string;
    /** `max_connections` less what is reserved. */
    readonly budget: number;
    /** The worst of the expected scenarios. */
    readonly peak: number;
    readonly scenarios: readonly Scenario[];
    /** HikariCP's ceiling of connections that work at the same time; without `cores` unknown. */
    readonly activeCeiling?: number;
    /** What PgBouncer should be given to stay inside the budget, when there is one. */
    readonly pooler?: {
        readonly defaultPoolSize: number;
        readonly maxClientConnections: number;
    };
}
/** What a service's pool should be. */
interface ServicePlan {
    readonly name: string;
    readonly pool: number;
    /** The largest pool with which the peak fits, when this service shares the budget by its weight. */
    readonly poolThatFits: number;
    /** The smallest pool whose p99 wait meets the target; only with a load. */
    readonly poolForLoad?: number;
    /** Connections at work on average: Little's law. */
    readonly busy?: number;
    /** The p99 wait for a connection with the pool as it is, in ms; Infinity when overloaded. */
    readonly acquireP99Ms?: number;
}
/** The whole plan. */
interface ConnectionPlan {
    readonly databases: readonly DatabasePlan[];
    readonly services: readonly ServicePlan[];
    readonly findings: readonly Finding[];
    readonly exitCode: 0 | 1 | 2;
}
/**
 * Counts every connection to every database at the worst moments of a deploy, against what the server takes.
 *
 *     peak = (N + ceil(N x maxSurge) + terminating) x processes x pool     N = the autoscaler's maximum
 *
 * @throws TypeError or RangeError naming field, rule and value; nothing is planned by halves.
 * @see J. D. C. Little, A Proof for the Queuing Formula L = λW, 1961
 * @see https://github.com/brettwooldridge/HikariCP/wiki/About-Pool-Sizing
 */
declare function planConnections(input: ConnectionInput): ConnectionPlan;

/** What a service says of itself, in seconds; every field has a default. */
interface ProbeInput {
    /** From start until it can serve, at its slowest; default 30. */
    readonly startupSeconds?: number;
    /** The slowest request in 1,000; default 5. */
    readonly requestSeconds?: number;
    /** How long a job at hand may still take; default 0. */
    readonly jobSeconds?: number;
    /** How long endpoints need to forget a pod: the drain delay; default 5. */
    readonly drainDelaySeconds?: number;
    /** A `preStop` sleep beside it; default 0: the drain delay does it. */
    readonly preStopSeconds?: number;
    /** The slowest check's `timeoutMs`; default 500. */
    readonly checkTimeoutMs?: number;
    /** The checks' `failAfter`; default 3. */
    readonly failAfter?: number;
}
/** One probe of a container, in Kubernetes' own words. */
interface Probe {
    readonly path: string;
    readonly periodSeconds: number;
    readonly timeoutSeconds: number;
    readonly failureThreshold: number;
}
/** What to write into the manifest, and into the options of `GracefulShutdown`. */
interface ProbePlan {
    readonly startupProbe: Probe;
    readonly readinessProbe: Probe;
    readonly livenessProbe: Probe;
    readonly terminationGracePeriodSeconds: number;
    readonly preStopSeconds: number;
    /** `graceMs` and `drainDelayMs` of `GracefulShutdown`: 2 s less than what is left after `preStop`. */
    readonly graceMs: number;
    readonly drainDelayMs: number;
    /** How long a failing dependency goes unnoticed at most, in seconds. */
    readonly detectionSeconds: number;
    readonly findings: readonly Finding[];
    readonly exitCode: 0 | 1 | 2;
}
/**
 * Derives the probes of a service: startup every 2 s for at least 60 s, readiness every 5 s (2 misses), liveness every
 * 10 s (6 misses), and a grace period of preStop + drain delay + slowest request + jobs + 5 s.
 * @throws TypeError or RangeError naming field, rule and value.
 */
declare function planProbes(input?: ProbeInput): ProbePlan;

export { type CapacityInput, type CapacityPlan, type CapacityServiceInput, type CapacityServicePlan, type ConnectionInput, type ConnectionPlan, type DatabaseInput, type DatabasePlan, type Finding, type PoolerInput, type Probe, type ProbeInput, type ProbePlan, type Scenario, type ServiceInput, type ServicePlan, erlangC, planCapacity, planConnections, planProbes, serversFor, waitMs };

// postgres.d.ts
declare const staleBrand: unique symbol;
declare const fullBrand: unique symbol;
declare const rolledBackBrand: unique symbol;
/**
 * What is connected as the primary is none, or one that has been replaced: it is a standby, or on an older `timeline`
 * than the token. Nothing was run. Connect to the new primary.
 */
declare class StalePrimaryError extends Error {
    readonly code = "ERR_STALE_PRIMARY";
    readonly [staleBrand] = true;
    constructor(message: string);
    static [Symbol.hasInstance](value: unknown): boolean;
}
/**
 * No replica could serve a read, and `limit` other reads are at the primary in their stead already. Nothing was run.
 * Answer from a cache, or refuse: the rest of the primary belongs to the writes.
 */
declare class FallbackFullError extends Error {
    readonly code = "ERR_FALLBACK_FULL";
    readonly limit: number;
    readonly [fullBrand] = true;
    constructor(limit: number);
    static [Symbol.hasInstance](value: unknown): boolean;
}
/** A statement failed, `run` went on as if it had not, and PostgreSQL answered the commit by a rollback. */
declare class RolledBackError extends Error {
    readonly code = "ERR_ROLLED_BACK";
    readonly [rolledBackBrand] = true;
    constructor();
    static [Symbol.hasInstance](value: unknown): boolean;
}

/** What a query gives. */
interface PgResult<Row> {
    readonly rows: Row[];
    readonly rowCount: number | null;
    readonly command: string;
}
/** The connection that `read` and `write` hand over, for as long as the call runs; never released or ended by it. */
interface PgQueries {
    query<Row = any>(query: string | {
        readonly text: string;
        readonly values?: unknown[];
        readonly name?: string;
    }, values?: unknown[]): Promise<PgResult<Row>>;
}
/** What is called of a connection of a `pg` pool. */
interface PgPoolClientLike {
    query(text: string, values?: unknown[]): Promise<any>;
    release(isBroken?: boolean): void;
    on(event: 'error', listener: (error: Error) => void): unknown;
    off(event: 'error', listener: (error: Error) => void): unknown;
}
/** What is called and read of a `pg` pool. */
interface PgPoolLike {
    connect(): Promise<PgPoolClientLike>;
    readonly options: object;
}

/** A place in the history of a database: log positions of two timelines must not be compared. */
interface Position {
    /** Counts the promotions; 0 is a place that nobody knows, and no server is there. */
    readonly timeline: number;
    /** Log sequence number: bytes written since the beginning. */
    readonly lsn: bigint;
}

/** Options of a ReadWriteRouter. */
interface ReadWriteRouterOptions {
    /** The `pg` pool of the primary. Never configured or ended by the router. */
    readonly primary: PgPoolLike;
    /** The pools of the replicas; default none: then every read goes to the primary. */
    readonly replicas?: readonly PgPoolLike[];
    /** How long, in ms, a read waits for its replica to have the session's last write before it goes to the primary; default 50. */
    readonly waitMs?: number;
    /** A replica further behind than this, in ms, is not asked; default 5,000. It returns at half of it, seen three times. */
    readonly maxLagMs?: number;
    /** How often, in ms, the replicas are looked at; default 1,000. */
    readonly watchMs?: number;
    /** Within how many ms a replica must give a connection and its position; default 500. */
    readonly openMs?: number;
    /** How many reads at once may use the primary because no replica can serve them; default half of the pool's `max`. */
    readonly maxFallbacks?: number;
    /** Monotonic time in ms, for tests; default `performance.now()`. */
    readonly clock?: () => number;
}
/** Options of a read. */
interface ReadOptions {
    /** The token of a session: the read is no older than the session's last write. Default: however old the replica is. */
    readonly after?: string;
}
/** Options of a write. */
interface WriteOptions {
    /** Default PostgreSQL's own, `read committed`. */
    readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
}

/** What a session needs of its router. */
interface SessionRoutes {
    read<T>(run: (db: PgQueries) => Promise<T>, after: Position | undefined): Promise<Routed<T>>;
    write<T>(run: (db: PgQueries) => Promise<T>, after: Position | undefined, options: WriteOptions, onCommit: () => void): Promise<Routed<T>>;
}
/** A result, and from where the session goes on; undefined: from where it was. */
interface Routed<T> {
    readonly value: T;
    readonly position: Position | undefined;
}
/**
 * One visitor's reads and writes: no read of a session is older than its last write. `token` carries that to the
 * visitor's next request, on whatever instance: put it in a cookie or a header.
 */
declare class PgSession {
    #private;
    /** Made by `ReadWriteRouter.session()`. */
    constructor(routes: SessionRoutes, position: Position | undefined);
    /** Where the last write ended: timeline and LSN, such as `1-16b3748`; undefined before the first. */
    get token(): string | undefined;
    /** As `router.read`, from a server that has this session's writes. */
    read<T>(run: (db: PgQueries) => Promise<T>): Promise<T>;
    /** As `router.write`; moves the token on. After a commit whose outcome is unknown, reads go to the primary. */
    write<T>(run: (db: PgQueries) => Promise<T>, options?: WriteOptions): Promise<T>;
}

/** A query that does not do what it says when a pooler gives every transaction another connection. */
interface PoolerWarning {
    readonly code: 'POOLER_NAMED_STATEMENT' | 'POOLER_SESSION_LOCK' | 'POOLER_LISTEN' | 'POOLER_SESSION_SETTING';
    readonly message: string;
    /** What to do about it. */
    readonly remedy: string;
}

/** A replica was taken out of use, or is in use again. */
interface ReplicaChange {
    readonly name: string;
    readonly to: 'serving' | 'ejected';
    /** Why it was ejected. */
    readonly reason?: string;
}
/** The events of a ReadWriteRouter; `replica` is also published on the channel `evenkeel:health:replica`. */
interface ReadWriteEvents {
    replica: ReplicaChange;
    /** A query that a pooler in transaction mode does not carry well; each code once. */
    warning: PoolerWarning;
}
/** What is known of one replica. */
interface ReplicaReport {
    readonly name: string;
    readonly isServing: boolean;
    /** How far behind at the last look; undefined before that, or when it cannot be asked. */
    readonly lagMs?: number;
    readonly reason?: string;
}
/** What is known now, without asking anybody. */
interface ReadWriteSnapshot {
    readonly replicas: readonly ReplicaReport[];
    /** Reads ever served by a replica and by the primary, replicas that were too far behind for a read, reads refused. */
    readonly reads: {
        readonly replica: number;
        readonly primary: number;
        readonly behind: number;
        readonly refused: number;
    };
    /** Reads that are at the primary now because no replica could serve them. */
    readonly fallbacks: number;
}
/**
 * Sends reads to replicas and writes to the primary, by what the caller says and not by what the SQL looks like, and
 * never lets a session read older than its own last write.
 *
 * A write gives a token: where the log of which timeline ended after its commit. A read with a token begins a read-only
 * transaction on a replica and asks *on that connection* how far it has replayed. If that covers the token, the read
 * follows in the same transaction, as later statements, whose snapshots are taken after the answer. If not, it asks
 * again for `waitMs`, then goes to the primary.
 *
 * With the same question in one statement, or in REPEATABLE READ, the snapshot would be older than the answer.
 * The replicas are looked at from the first call on, over one connection of its own to each server, until `close()`.
 */
declare class ReadWriteRouter {
    #private;
    /** @throws TypeError or RangeError naming field, rule and value when an option is wrong. */
    constructor(options: ReadWriteRouterOptions);
    /**
     * Runs queries that only read, in a read-only transaction on a replica, or on the primary when none can serve it. Each
     * statement sees its own moment (READ COMMITTED). When its replica goes away meanwhile, `run` is called again elsewhere.
     * @throws FallbackFullError when no replica can serve it and the primary is busy with such reads,
     * @throws StalePrimaryError when the primary it would go to is none, or older than the token;
     * @throws RangeError when `after` is no token; and whatever `run` throws.
     */
    read<T>(run: (db: PgQueries) => Promise<T>, options?: ReadOptions): Promise<T>;
    /**
     * Runs queries in a transaction on the primary and commits. `run` is called once; what it throws rolls back.
     * A failure of the commit itself leaves the outcome unknown, as always.
     * @throws RolledBackError when a statement had failed and `run` went on all the same; and whatever `run` throws.
     */
    write<T>(run: (db: PgQueries) => Promise<T>, options?: WriteOptions): Promise<T>;
    /**
     * Reads and writes of one visitor, whose reads are no older than its writes; `token` is what its last request had.
     * @throws RangeError when it is no token.
     */
    session(token?: string): PgSession;
    /** What is known at this moment. Asks nobody. */
    snapshot(): ReadWriteSnapshot;
    /** Calls `listener` at each event; the function that comes back takes it off. A throwing listener harms nobody. */
    on<Name extends keyof ReadWriteEvents>(name: Name, listener: (payload: ReadWriteEvents[Name]) => void): () => void;
    /** Stops looking and closes the connections for it; the pools stay as they are. Calls after it still work. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

export { FallbackFullError, type PgPoolClientLike, type PgPoolLike, type PgQueries, type PgResult, PgSession, type PoolerWarning, type ReadOptions, type ReadWriteEvents, ReadWriteRouter, type ReadWriteRouterOptions, type ReadWriteSnapshot, type ReplicaChange, type ReplicaReport, RolledBackError, StalePrimaryError, type WriteOptions };

// prometheus.d.ts
import { H as Health } from './health.js';

/** What is called of a prom-client 15 `Registry`. */
interface MetricRegistry {
    registerMetric(metric: never): void;
    removeSingleMetric(name: string): void;
}
/** Options of `registerMetrics`. */
interface MetricsOptions {
    /** What the names begin with; default `evenkeel_health_`. */
    readonly prefix?: string;
}
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
declare function registerMetrics(registry: MetricRegistry, healths: Health | readonly Health[], options?: MetricsOptions): () => void;

export { type MetricRegistry, type MetricsOptions, registerMetrics };
