/** What the buyer wants of one SKU: a number of units, or seats by name. */
type Item = {
    readonly sku: string;
    readonly quantity: number;
} | {
    readonly sku: string;
    readonly seats: readonly string[];
};
/** What is for sale: per SKU a number of equal units, or the names of its seats. */
type Stock = Readonly<Record<string, number | {
    readonly seats: readonly string[];
}>>;
/**
 * A granted hold: plain data that may travel between processes as JSON. Times are milliseconds of
 * the Redis server's clock; count down from `expiresAt - serverNow`, never from the local clock.
 */
type Hold = {
    id: string;
    holder: string;
    items: Item[];
    /** Fencing token: names this very grant. */
    token: string;
    createdAt: number;
    /** What to show the buyer; the units go back `graceMs` later. */
    expiresAt: number;
    serverNow: number;
};
/** What `hold()` is asked. */
type HoldRequest = {
    /** Chosen by the buyer's side; the same id with the same body is answered the same again. */
    id: string;
    /** Whose limit it counts towards. */
    holder: string;
    /** All or nothing, 1..32 SKUs, each once. */
    items: readonly Item[];
    signal?: AbortSignal;
};
/** Names a hold to release: a `Hold`, or just its id. */
type HoldReference = {
    readonly id: string;
    readonly token?: string;
};
/** Why a hold of this id is over. */
type EndedState = 'released' | 'expired' | 'void';
/** Where a hold stands. `committing` and `confirmed` no longer expire. */
type HoldState = 'pending' | 'committing' | 'confirmed' | EndedState;
/** The answer to `hold()`; everything but `held` is a refusal that took nothing. */
type HoldResult = 
/** `replayed`: this id was granted before, to the same holder with the same items. */
{
    status: 'held';
    hold: Hold;
    replayed: boolean;
}
/** `retryAt` (server time): when the next hold runs out, null when none can. */
 | {
    status: 'sold_out';
    sku: string;
    free: number;
    retryAt: number | null;
    serverNow: number;
} | {
    status: 'seat_taken';
    sku: string;
    seats: string[];
}
/** `current`: units this holder has held and bought already. */
 | {
    status: 'limit';
    limit: number;
    current: number;
}
/** The id is known with another holder or other items. */
 | {
    status: 'conflict';
}
/** The sale is paused. */
 | {
    status: 'closed';
}
/** The id is used up: an id is good for one hold. `reason` says how it ended. */
 | {
    status: 'released';
    reason: EndedState;
};
/** The answer to `extend()`. */
type ExtendResult = {
    status: 'held';
    hold: Hold;
}
/** The hold does not expire any more, or it is over already. */
 | {
    status: Exclude<HoldState, 'pending'>;
};
/** The answer to `replace()`: as `hold()`, or where the hold stands when it is not pending. */
type ReplaceResult = Exclude<HoldResult, {
    status: 'conflict' | 'released';
}> | {
    status: Exclude<HoldState, 'pending'>;
};
/** The answer to `setTotal()`; `least` is what is held and sold. */
type TotalResult = {
    status: 'changed';
    total: number;
} | {
    status: 'too_low';
    least: number;
};
/** The answer to `release()`: `sold` means it came too late. */
type ReleaseResult = {
    status: 'released' | 'expired' | 'sold';
};
/** The answer to `commit()`; only `sold` ran the caller's work to its end. */
type CommitResult = {
    status: 'sold' | 'already_sold' | 'expired' | 'void';
};
/** Units of one SKU; free + held + sold = total. */
type Availability = {
    total: number;
    free: number;
    held: number;
    sold: number;
};
type SeatState = 'free' | 'held' | 'sold';
/** A consistent picture of the pool; `seq` is the position in the feed it stands at. */
type AvailabilitySnapshot = {
    seq: number;
    serverNow: number;
    skus: Record<string, Availability & {
        seats?: Record<string, SeatState>;
    }>;
};
/** What became of one SKU; `seats` names only the seats that changed. */
type Change = {
    sku: string;
    free: number;
    held: number;
    sold: number;
    seats?: Record<string, SeatState>;
};
/** One step of the feed. `seq` grows by one with each step; any other step is a gap: refetch. */
type ChangeEvent = {
    seq: number;
    changes: Change[];
};
/** One thing that does not agree, such as `sold of GA`: as it is, and as it should be. */
type Difference = {
    what: string;
    sku: string | null;
    found: number | string | null;
    expected: number | string | null;
};
/** The result of `verify()`. */
type Verification = {
    ok: boolean;
    differences: Difference[];
};

/** What a pool tells, and with what. */
type HoldPoolEvents = {
    /** Units moved, here or in any other process. */
    change: ChangeEvent;
    /** These holds ran out. */
    expired: {
        seq: number;
        ids: string[];
    };
    /** Steps were missed; `change` goes on at `seq`. Fetch `available()` again. */
    gap: {
        seq: number;
    };
    /** Redis had lost the pool and this process filled it again from PostgreSQL. */
    rebuilt: {
        epoch: number;
    };
    /** Something in the background failed; it will be tried again. */
    fault: unknown;
};

/** The request itself is wrong and was not sent: fix the caller. `field` names what. */
declare class HoldInputError extends RangeError {
    readonly name = "HoldInputError";
    readonly code = "ERR_HOLD_INPUT";
    readonly field: string;
    constructor(field: string, message: string);
    static [Symbol.hasInstance](value: unknown): boolean;
}
/**
 * Redis or PostgreSQL did not answer as needed; `system` names which. The outcome is unknown:
 * repeat the call with the same id, every call is idempotent.
 */
declare class HoldUnavailableError extends Error {
    readonly name = "HoldUnavailableError";
    readonly code = "ERR_HOLD_UNAVAILABLE";
    readonly system: 'redis' | 'postgres';
    constructor(system: 'redis' | 'postgres', message: string, options?: ErrorOptions);
    static [Symbol.hasInstance](value: unknown): boolean;
}
/** The pool has not been opened by anyone yet: call `open()` with its stock first. */
declare class PoolNotOpenError extends Error {
    readonly name = "PoolNotOpenError";
    readonly code = "ERR_HOLD_POOL_NOT_OPEN";
    readonly pool: string;
    constructor(pool: string);
    static [Symbol.hasInstance](value: unknown): boolean;
}
/** `open()` was called with other stock than the pool already has; `sku` is the first to differ. */
declare class StockMismatchError extends Error {
    readonly name = "StockMismatchError";
    readonly code = "ERR_HOLD_STOCK_MISMATCH";
    readonly pool: string;
    readonly sku: string;
    constructor(pool: string, sku: string);
    static [Symbol.hasInstance](value: unknown): boolean;
}
/** The pool object was closed; make a new one. */
declare class PoolClosedError extends Error {
    readonly name = "PoolClosedError";
    readonly code = "ERR_HOLD_POOL_CLOSED";
    readonly pool: string;
    constructor(pool: string);
    static [Symbol.hasInstance](value: unknown): boolean;
}

/** One SKU of a pool, as kept by the store; `seats` is null when it is sold by number. */
type StockLine = {
    sku: string;
    total: number;
    seats: string[] | null;
};

/**
 * What is called of the Redis client: ioredis 5 or 6, its Cluster, or iovalkey. Commands are only
 * added by `defineCommand`, under names that carry the script's hash; `duplicate` makes the feed's
 * own connection.
 */
interface RedisLike {
    defineCommand(name: string, definition: {
        lua: string;
        numberOfKeys: number;
    }): void;
    duplicate(): FeedConnection;
}
/** The feed's own connection: made by `duplicate()`, closed by the pool. */
interface FeedConnection {
    xread(...args: (string | number)[]): Promise<unknown>;
    disconnect(): void;
    on(event: 'error', listener: (error: Error) => void): unknown;
}

/** A transaction as the caller of `commit()` sees it: parameterised queries, nothing else. */
type Transaction = {
    query<Row = any>(sql: string, values?: readonly unknown[]): Promise<{
        rows: Row[];
        rowCount: number | null;
    }>;
};
/** A pool as the store knows it. `epoch` 0 means: never loaded into Redis yet. */
type StoredPool = {
    epoch: number;
    paused: boolean;
    stock: StockLine[];
};
/** What is to be decided about one hold. `items` is the packed line of input.ts. */
type Decision = {
    pool: string;
    id: string;
    holder: string;
    items: string;
    epoch: number;
};
/**
 * `sold` and `already_sold`, `void`: what the decision row says. `stale_epoch`: Redis has been
 * rebuilt since the hold was pinned. `overdrawn`: more than the stock would be sold, which Redis
 * must have lost count of. The last two wrote nothing.
 */
type Verdict = 'sold' | 'already_sold' | 'void' | 'stale_epoch' | 'overdrawn';
/** A granted hold in the journal. Times are the Redis server's, in ms. */
type JournalEntry = {
    id: string;
    token: string;
    holder: string;
    items: string;
    createdAt: number;
    expiresAt: number;
};
/** A journalled hold is over. `time` is the Redis server's, in ms. */
type JournalEnd = {
    id: string;
    token: string;
    time: number;
};
/** All that PostgreSQL knows of a pool. */
type Ledger = {
    skus: {
        sku: string;
        total: number;
        sold: number;
        seatsSold: number;
        seats: string[] | null;
    }[];
    sold: {
        id: string;
        holder: string;
        items: string;
    }[];
    /** Journalled holds nobody has decided about, newest first. */
    open: JournalEntry[];
};
/** The pool while its row is locked. */
type LockedPool = StoredPool & {
    /** Starts a new epoch, after which no decision of an older one can be made, and reads it all. */
    advance(epoch: number): Promise<Ledger>;
    ledger(): Promise<Ledger>;
    /** Changes the units of a counted SKU; fails when more are sold. */
    setTotal(sku: string, total: number): Promise<void>;
};
/**
 * Where it is decided who bought. One decision row per hold: whoever inserts it first has decided,
 * everybody else can only read it. No clock, lock or lease is part of that argument.
 */
interface HoldStore {
    /** Creates or updates the tables. Idempotent; several processes may call it at once. */
    migrate(): Promise<void>;
    /** Records the pool and its stock, or checks that it is the same. @throws StockMismatchError */
    open(pool: string, stock: StockLine[]): Promise<StoredPool>;
    /** null when the pool was never opened. */
    find(pool: string): Promise<StoredPool | null>;
    setPaused(pool: string, paused: boolean): Promise<void>;
    /** Decides for `sold`, with the caller's own rows in the same transaction. */
    decide(decision: Decision, work: (tx: Transaction) => Promise<void>): Promise<Verdict>;
    /** Decides for `void` unless it is decided already; answers what now stands. */
    decideVoid(decision: Omit<Decision, 'epoch'>): Promise<'sold' | 'void'>;
    outcome(pool: string, id: string): Promise<'sold' | 'void' | null>;
    /** Holds the pool's row locked while `work` runs; commits what it did when it resolves. */
    locked<T>(pool: string, work: (locked: LockedPool) => Promise<T>): Promise<T>;
    ledger(pool: string): Promise<Ledger>;
    /**
     * Writes granted or extended holds down and marks ended ones. Other processes write too, so an end
     * may come before its grant; it stands nevertheless.
     */
    journal(pool: string, granted: readonly JournalEntry[], ended: readonly JournalEnd[]): Promise<void>;
    /** Takes out journalled holds that expired or ended before `time`. */
    trimJournal(pool: string, time: number): Promise<void>;
    /** Rejects when the store does not answer. */
    ping(): Promise<void>;
}

/** Options of a `HoldPool`. Every process of a sale must use the same times and limit. */
type HoldPoolOptions = {
    /** The caller's client; never configured, never closed. */
    redis: RedisLike;
    /** Where it is decided who bought: `new PostgresStore(pgPool)`. */
    store: HoldStore;
    /** Name of the sale; its keys all lie under `{hold:<pool>}:`. */
    pool: string;
    /** How long a hold lives, in ms, 1..86,400,000. Default 120,000. */
    ttlMs?: number;
    /** How long after `expiresAt` a commit is still taken, in ms. Default 5,000. */
    graceMs?: number;
    /** How long a hold lives at most, extensions included, in ms. Default 900,000. */
    maxHoldMs?: number;
    /** Most units one holder has held and bought together. Default: no limit. */
    limitPerHolder?: number;
    /** How long a commit may take until its hold is voided, in ms. Default 30,000. */
    commitMs?: number;
    /** How long the id of an ended hold is remembered, in ms. Default 3,600,000. */
    replayMs?: number;
    /** Deadline of each call to Redis, rebuild included, in ms. Default 2,000. */
    commandTimeoutMs?: number;
    /**
     * How often each process looks for expired and stuck holds, in ms; sooner when one is known to be
     * due. Default 1,000. `Infinity` leaves it to calls of `maintain()`.
     */
    maintainEveryMs?: number;
    /**
     * Time in ms instead of the Redis server's, for tests; it never goes back. Default: the server's.
     */
    clock?: () => number;
};

/** What is called of a `pg` client. */
interface PgClientLike {
    query(sql: string, values?: unknown[]): Promise<{
        rows: any[];
        rowCount: number | null;
    }>;
    release(destroy?: boolean | Error): void;
    on(event: 'error', listener: (error: Error) => void): unknown;
    removeListener(event: 'error', listener: (error: Error) => void): unknown;
}
/** What is called of a `pg` Pool; never configured, never closed. */
interface PgPoolLike {
    connect(): Promise<PgClientLike>;
}

/** Options of a `PostgresStore`. */
type PostgresStoreOptions = {
    /** Schema of the tables. Default `soft_hold`. */
    schema?: string;
    /** Deadline of each transaction, the caller's rows included, in ms. Default 10,000. */
    timeoutMs?: number;
};
/**
 * The decision rows in PostgreSQL.
 *
 * One transaction decides: it inserts the outcome (which makes everybody else who wants to decide
 * about the same hold wait, then read), runs the caller's rows, and takes the units off the stock
 * last, because every sale of a SKU queues at that one row.
 */
declare class PostgresStore implements HoldStore {
    #private;
    /** @throws TypeError or RangeError when an option is wrong. */
    constructor(pg: PgPoolLike, options?: PostgresStoreOptions);
    migrate(): Promise<void>;
    open(pool: string, stock: StockLine[]): Promise<StoredPool>;
    find(pool: string): Promise<StoredPool | null>;
    setPaused(pool: string, paused: boolean): Promise<void>;
    decide(decision: Decision, work: (tx: Transaction) => Promise<void>): Promise<Verdict>;
    decideVoid(decision: Omit<Decision, 'epoch'>): Promise<'sold' | 'void'>;
    outcome(pool: string, id: string): Promise<'sold' | 'void' | null>;
    locked<T>(pool: string, work: (locked: LockedPool) => Promise<T>): Promise<T>;
    ledger(pool: string): Promise<Ledger>;
    journal(pool: string, granted: readonly JournalEntry[], ended: readonly JournalEnd[]): Promise<void>;
    trimJournal(pool: string, time: number): Promise<void>;
    ping(): Promise<void>;
}

/**
 * The tables as plain SQL, for projects that keep their own migrations; `PostgresStore.migrate()`
 * runs the same. Idempotent.
 *
 * @param schema default `soft_hold`
 */
declare function migrationSql(schema?: string): string;

/**
 * The stock of one sale: holds in Redis, the decision who bought in PostgreSQL.
 *
 * A hold is `pending` and runs out by itself, or is released. `commit` pins it (`committing`), lets
 * PostgreSQL decide, and makes it `confirmed` or `void`. Refusals are values; errors mean that Redis
 * or PostgreSQL did not answer, and every call may be repeated as it was.
 *
 * Redis may lose its data at any time: each call carries the epoch and the position this process has
 * seen, a Redis that is behind answers nothing, and the pool is filled again from PostgreSQL.
 */
declare class HoldPool {
    #private;
    readonly pool: string;
    /** @throws RangeError or TypeError when an option is wrong. */
    constructor(options: HoldPoolOptions);
    /**
     * Opens the pool with its stock: units by number, or named seats. Idempotent: every process of the
     * sale calls it at its start, the first one creates.
     *
     * @throws StockMismatchError when the pool is open with other stock
     * @throws HoldInputError, HoldUnavailableError
     */
    open(stock: Stock): Promise<void>;
    /**
     * Takes the items for `ttlMs`, all or nothing.
     *
     * @throws HoldInputError when the request is wrong; nothing was sent
     * @throws HoldUnavailableError when Redis did not answer in time; ask again with the same id
     * @throws PoolNotOpenError when nobody has opened the pool
     */
    hold(request: HoldRequest): Promise<HoldResult>;
    /**
     * Swaps the items of a pending hold in one step: it has the new ones, or a refusal and still the
     * old ones. Its times stay; the answer's `hold` has a new token, and the one given is worth nothing.
     *
     * @throws HoldInputError, HoldUnavailableError
     */
    replace(hold: Hold, items: readonly Item[], options?: {
        signal?: AbortSignal;
    }): Promise<ReplaceResult>;
    /**
     * Lets a pending hold live for another `forMs` from now, never shorter than it does already and
     * never beyond `createdAt + maxHoldMs`; see the answer's `expiresAt`.
     *
     * @throws HoldInputError, HoldUnavailableError
     */
    extend(hold: Hold, options: {
        forMs: number;
        signal?: AbortSignal;
    }): Promise<ExtendResult>;
    /**
     * Gives the units back. A hold that is being committed is given back only if PostgreSQL has not
     * decided for it. An id never seen leaves a tombstone, so that a `hold` that comes late is refused.
     *
     * @throws HoldInputError, HoldUnavailableError
     */
    release(hold: HoldReference, options?: {
        signal?: AbortSignal;
    }): Promise<ReleaseResult>;
    /** The hold of this id and where it stands; null when it was never granted or is forgotten. */
    get(id: string, options?: {
        signal?: AbortSignal;
    }): Promise<(Hold & {
        state: HoldState;
    }) | null>;
    /**
     * Sells what is held. `work` writes the caller's rows in the transaction that decides: they are
     * there if and only if the sale is. What it does outside of `tx` may happen more than once, because
     * a transaction that is rolled back is tried again.
     *
     * @throws what `work` throws; nothing is decided then, and the hold stays pinned until
     * `commitMs` after the first attempt: commit again or release it
     * @throws HoldInputError
     * @throws HoldUnavailableError when Redis or PostgreSQL did not answer; commit again
     */
    commit(hold: Hold, work: (tx: Transaction) => Promise<void>, options?: {
        signal?: AbortSignal;
    }): Promise<CommitResult>;
    /**
     * What is free, held and sold of each SKU, and with `seats` the state of each named seat. O(SKUs),
     * with `seats` O(seats).
     */
    available(options?: {
        seats?: boolean;
        signal?: AbortSignal;
    }): Promise<AvailabilitySnapshot>;
    /**
     * Changes how many units of a SKU there are, during the sale too; not for named seats. Never below
     * what is held and sold: `too_low` says how many that is.
     *
     * @throws HoldInputError, HoldUnavailableError; the same call again completes it
     */
    setTotal(sku: string, total: number): Promise<TotalResult>;
    /** Stops granting in every process (`closed`); what is held can still be bought. */
    pause(): Promise<void>;
    /** Grants again. */
    resume(): Promise<void>;
    /**
     * Listens. The first listener to `change`, `expired` or `gap` starts the feed, on a connection of
     * its own; await `subscribe()` to know that it runs.
     */
    on<E extends keyof HoldPoolEvents>(event: E, listener: (value: HoldPoolEvents[E]) => void): this;
    off<E extends keyof HoldPoolEvents>(event: E, listener: (value: HoldPoolEvents[E]) => void): this;
    /** Starts the feed; resolves when every later change will be told. Idempotent. */
    subscribe(): Promise<void>;
    /**
     * Does now what every process does every `maintainEveryMs`: expires what is due, settles commits
     * whose deadline has passed.
     */
    maintain(): Promise<void>;
    /**
     * Compares Redis with itself and with PostgreSQL; `ok` when nothing differs. Reads every open hold
     * and every sale: for operators and tests, not for each request.
     */
    verify(): Promise<Verification>;
    /** Fills Redis again from PostgreSQL, under a new epoch, whatever it holds now. */
    rebuild(): Promise<void>;
    /** For @evenkeel/health: well when Redis and PostgreSQL answer. */
    healthCheck(): {
        name: string;
        check(signal: AbortSignal): Promise<unknown>;
    };
    /** Stops timers and feed and writes the journal; what is held stays held. Idempotent. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

export { type Availability, type AvailabilitySnapshot, type Change, type ChangeEvent, type CommitResult, type Decision, type Difference, type EndedState, type ExtendResult, type FeedConnection, type Hold, HoldInputError, HoldPool, type HoldPoolEvents, type HoldPoolOptions, type HoldReference, type HoldRequest, type HoldResult, type HoldState, type HoldStore, HoldUnavailableError, type Item, type JournalEnd, type JournalEntry, type Ledger, type LockedPool, type PgClientLike, type PgPoolLike, PoolClosedError, PoolNotOpenError, PostgresStore, type PostgresStoreOptions, type RedisLike, type ReleaseResult, type ReplaceResult, type SeatState, type Stock, type StockLine, StockMismatchError, type StoredPool, type TotalResult, type Transaction, type Verdict, type Verification, migrationSql };
