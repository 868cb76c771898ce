import { C as CheckSource, H as Health, Q as Quorum } from './health.js';
export { a as CheckFunction, b as CheckHistory, c as CheckOptions, d as CheckReport, e as CheckScope, G as GroupChange, f as GroupReport, g as HealthChange, h as HealthEvents, i as HealthOptions, j as HealthSnapshot, k as HealthStatus, l as HistoryChange, m as QuorumCount, n as QuorumVote } from './health.js';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Server } from 'node:net';

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
 * @throws RangeError when `prefix` does not begin with a slash or ends with one.
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

export { CheckSource, CheckTimeoutError, type CutWork, type EventLoopCheckOptions, type FailedStep, type FastifyLike, type FastifyReplyLike, type FastifyRequestLike, GracefulShutdown, type GracefulShutdownEvents, type GracefulShutdownOptions, Health, type HeapCheckOptions, type HttpCheckOptions, type HttpHandlerOptions, type KafkaAdminLike, type KafkaCheckOptions, type KafkaLike, type PgCheckOptions, type PgPoolCheckOptions, type PgPoolCounts, type PgPoolSource, Quorum, type QuorumRedisLike, type RedisCheckOptions, type RedisLike, type RedisQuorumOptions, type ShutdownPhase, type ShutdownPhases, type ShutdownReport, type ShutdownStep, type UncaughtPolicy, UnexpectedDataError, type WebSocketLike, type WebSocketServerLike, eventLoopCheck, expressHealth, fastifyHealth, heapCheck, httpCheck, httpHandler, kafkaCheck, pgCheck, pgPoolCheck, redisCheck, redisQuorum };
