// index.d.ts
/** What a board answers: its results, or that the data is not what the caller believes. */
type BoardReply = {
    ok: true;
    seq: number;
    now: number;
    /** Further holds are due. */
    more: boolean;
    /** Waiters who got their offer: `[id, token, created, expires, holder, items, want]`. */
    promoted: unknown[][];
    results: unknown[][];
} | {
    ok: false;
    epoch: number | null;
    seq: number;
};
/** A request by name with its arguments, see script/pool-script.ts. */
type BoardRequest = readonly (string | number)[];
/** One call: requests that are each decided by themselves. */
type BoardCall = {
    epoch: number;
    /** Highest position the caller has seen in that epoch. */
    leastSeq: number;
    /** Time in ms, null for the board's own clock. */
    clock: number | null;
    /** The settings as `packSettings` writes them. */
    settings: string;
    requests: readonly BoardRequest[];
};
/** One step of the feed as it is stored. `seq` is the joined one of keys.ts. */
type BoardStep = {
    seq: number;
    counts: string;
    log: string;
};
/** The steps of a board, read on a connection of its own where it needs one. */
interface StepReader {
    /** The steps after `seq`; waits a while for the first. */
    read(seq: number): Promise<BoardStep[]>;
    close(): void;
}
/**
 * Where holds are kept and granted: Redis, PostgreSQL or this process. All boards decide alike; the
 * conformance suite says so. Who has bought is decided by the store, never by a board.
 */
interface Board {
    readonly system: 'redis' | 'postgres' | 'memory';
    run(call: BoardCall): Promise<BoardReply>;
    steps(onError: (error: unknown) => void): StepReader;
}

/** Seats as they lie. A row's order is the physical one, whatever is printed on the seats. */
type SeatMap = {
    /** Front to back; `null` in a row is an aisle or a missing seat. */
    rows: readonly {
        readonly seats: readonly (string | null)[];
        /** Seats of this row for wheelchairs and the like, offered only on request. */
        readonly accessible?: readonly string[];
    }[];
    /** The best place: row and place in it, both from 0, fractions allowed. Default: middle of the first row. */
    focus?: {
        readonly row: number;
        readonly seat: number;
    };
};

/** What the buyer wants of one SKU: a number of units (of a SKU with rows the best seats), or seats by name. */
type Item = {
    readonly sku: string;
    readonly quantity: number;
    /** Of a SKU with rows: the best seats, an accessible one among them. */
    readonly accessible?: boolean;
} | {
    readonly sku: string;
    readonly seats: readonly string[];
};
/** What is for sale: per SKU a number of equal units, the names of its seats, or how its seats lie. */
type Stock = Readonly<Record<string, number | {
    readonly seats: readonly string[];
} | SeatMap>>;
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
    /** Take what there is of each line instead of all or nothing. Default false. */
    partial?: boolean;
    /** Wait for the units when they are sold out; not for seats by name. Default false. */
    queue?: boolean;
    signal?: AbortSignal;
};
/** Names a hold to release: a `Hold`, or just its id. */
type HoldReference = {
    readonly id: string;
    readonly token?: string;
};
/** Why a hold of this id is over. */
type EndedState = 'released' | 'expired' | 'void' | 'returned';
/** Where a hold stands; only `pending` expires. `queued` waits, `returning` is being taken back. */
type HoldState = 'queued' | 'pending' | 'committing' | 'confirmed' | 'returning' | EndedState;
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
/** On the waiting list, 1 is next; the same call again tells the position or the offer. */
 | {
    status: 'queued';
    position: number;
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
    status: 'conflict' | 'released' | 'queued';
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
    status: 'sold' | 'already_sold' | 'expired' | 'void' | 'returned';
};
/** The answer to `return()`; only `returned` ran the caller's work to its end. */
type ReturnResult = {
    status: 'returned' | 'already_returned' | 'not_sold';
};
/** Units of one SKU; free + held + sold = total. */
type Availability = {
    total: number;
    free: number;
    held: number;
    sold: number;
    /** How many holds wait for it. */
    waiting: number;
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
/** Told how far a long call is, in steps. */
type OnProgress = (done: number, total: number) => void;
/** The result of `verify()`. */
type Verification = {
    ok: boolean;
    differences: Difference[];
};

/** One SKU of a pool, as kept by the store; `seats` is null when it is sold by number. */
type StockLine = {
    sku: string;
    total: number;
    seats: string[] | null;
    /** How the seats lie; null when the pool does not know. */
    map: SeatMap | null;
};

/** The letters of script/pool-script.ts. */
type StateLetter = 'q' | 'p' | 'c' | 's' | 'd' | 'b' | 'r' | 'e' | 'v' | 't';
/** A hold as a board keeps it. Never changed, only replaced: what it counted can be taken back. */
type HoldRow = {
    readonly id: string;
    readonly s: StateLetter;
    readonly token: string;
    readonly created: number;
    readonly expires: number;
    readonly holder: string;
    readonly items: string;
    /** What was asked for, where that differs from the items; else ''. */
    readonly want: string;
    /** When it expires, must be committed, is forgotten; of a waiter its number. */
    readonly due: number;
};

/** A transaction as the caller of `commit()` sees it: parameterised queries, nothing else. */
type Transaction = {
    query<Row = any>(sql: string, values?: readonly unknown[]): Promise<{
        rows: Row[];
        rowCount: number | null;
    }>;
};
/** Where the holds of a pool are: in Redis, or beside the decisions in the store itself. */
type BoardName = 'redis' | 'store';
/** Which board grants, and in which epoch. `epoch` 0 means: none has been filled yet. */
type Where = {
    epoch: number;
    board: BoardName;
};
/** A pool as the store knows it. */
type StoredPool = Where & {
    paused: boolean;
    stock: StockLine[];
};
/** What is to be decided about one hold. */
type Decision = Sale & {
    pool: string;
    epoch: number;
};
/**
 * `sold` and `already_sold`, `void`, `returned`: what the decision row says. `stale_epoch`: the board
 * has been filled anew since the hold was pinned. `overdrawn`: more than the stock would be sold,
 * which the board must have lost count of. The last two wrote nothing.
 */
type Verdict = 'sold' | 'already_sold' | 'void' | 'returned' | 'stale_epoch' | 'overdrawn';
/** What the decision row says. */
type Outcome = 'sold' | 'void' | 'returned';
/**
 * The sale behind a decision row. `items` is the packed line of items.ts, `want` what had been asked
 * for where that differs, else ''.
 */
type Sale = {
    id: string;
    holder: string;
    items: string;
    want: string;
};
/** A granted hold in the journal. Times are the board's, in ms. */
type JournalEntry = {
    id: string;
    token: string;
    holder: string;
    items: string;
    /** What was asked for, where that differs from the items; else ''. */
    want: string;
    createdAt: number;
    expiresAt: number;
};
/** A journalled hold is over. `time` is the board's, in ms. */
type JournalEnd = {
    id: string;
    token: string;
    time: number;
};
/** All that the store knows of a pool. */
type Ledger = {
    skus: (StockLine & {
        sold: number;
        seatsSold: number;
    })[];
    sold: Sale[];
    /** Holds nobody has decided about, newest first: of the journal, or of the store's own board. */
    open: JournalEntry[];
};
/** The pool while its row is locked. */
type LockedPool = StoredPool & {
    /**
     * Starts a new epoch, after which no decision of an older one can be made, and reads it all. To
     * `store`: that board is empty then, see `fill`. Away from it: its open holds go into the journal.
     */
    advance(epoch: number, board: BoardName): Promise<Ledger>;
    /** Puts holds on the store's own board. `now` is the least its clock may show, in ms. */
    fill(rows: readonly HoldRow[], now: number): Promise<void>;
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
    /** null when the pool was never opened. Cheap: asked once a second. */
    where(pool: string): Promise<Where | null>;
    setPaused(pool: string, paused: boolean): Promise<void>;
    /** Decides for `sold`, with the caller's own rows in the same transaction. */
    decide(decision: Decision, work: (tx: Transaction) => Promise<void>): Promise<Verdict>;
    /** Decides for `void` unless it is decided already; answers what now stands. */
    decideVoid(decision: Omit<Decision, 'epoch'>): Promise<Outcome>;
    /** Takes a sale back, with the caller's own rows in the same transaction; null when it is none. */
    decideReturn(pool: string, id: string, work: (tx: Transaction) => Promise<void>): Promise<'returned' | 'already_returned' | null>;
    outcome(pool: string, id: string): Promise<Outcome | null>;
    sale(pool: string, id: string): Promise<(Sale & {
        outcome: Outcome;
    }) | null>;
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
    /** The store as a board of its own: for a pool without Redis, or while Redis is away. */
    board(pool: string): Board;
    /** Rejects when the store does not answer. */
    ping(): Promise<void>;
}

/** What a pool has answered in this process, and where it is. Plain data, made when asked for. */
type PoolSnapshot = {
    pool: string;
    epoch: number;
    board: Where['board'];
    /** Answers by status; `replayed` apart from `held`. */
    holds: Record<string, number>;
    commits: Record<string, number>;
    returns: Record<string, number>;
    /** How often this process filled a board anew. */
    rebuilds: number;
    faults: number;
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
    /** Waiters got their offer. */
    offered: {
        seq: number;
        ids: string[];
    };
    /** This process filled the board anew out of the store: its data was lost, or it is another one. */
    rebuilt: {
        epoch: number;
        board: 'redis' | 'store';
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

/** Options of a `MemoryStore`. */
type MemoryStoreOptions = {
    /** Time in ms, settable in tests; it never goes back. Default: `Date.now`. */
    clock?: () => number;
    /** Answers the queries of the caller's rows. Default: rejects, there is no database. */
    query?: Transaction['query'];
};
/**
 * A store and board in this process, for tests and for a sale that may end with it. Pools that share
 * the store share the stock, as processes share a database. Nothing outlives the process.
 */
declare class MemoryStore implements HoldStore {
    #private;
    /** @throws TypeError when an option is no function, or unknown */
    constructor(options?: MemoryStoreOptions);
    migrate(): Promise<void>;
    open(pool: string, stock: StockLine[]): Promise<StoredPool>;
    find(pool: string): Promise<StoredPool | null>;
    where(pool: string): Promise<Where | null>;
    setPaused(pool: string, paused: boolean): Promise<void>;
    decide(decision: Decision, work: (tx: Transaction) => Promise<void>): Promise<Verdict>;
    decideVoid(decision: Omit<Decision, 'epoch'>): Promise<Outcome>;
    decideReturn(pool: string, id: string, work: (tx: Transaction) => Promise<void>): Promise<'returned' | 'already_returned' | null>;
    outcome(pool: string, id: string): Promise<Outcome | null>;
    sale(pool: string, id: string): Promise<(Sale & {
        outcome: Outcome;
    }) | null>;
    /** Nothing else runs in between, so there is no lock to wait for. */
    locked<T>(pool: string, work: (locked: LockedPool) => Promise<T>): Promise<T>;
    ledger(pool: string): Promise<Ledger>;
    journal(): Promise<void>;
    trimJournal(): Promise<void>;
    ping(): Promise<void>;
    board(pool: string): Board;
}

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

/** Options of a `HoldPool`. Every process of a sale must use the same times and limit. */
type HoldPoolOptions = {
    /**
     * The caller's client; never configured, never closed. Without it the store keeps the holds too.
     * All processes of a sale must have it or none.
     */
    redis?: RedisLike;
    /** Where it is decided who bought: `new PostgresStore(pgPool)`, in tests `new MemoryStore()`. */
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
    /** How long a waiter's offer lives, in ms. Default `ttlMs`. */
    offerMs?: number;
    /** Most holds on the waiting list; whoever comes then is told `sold_out`. Default 10,000. */
    waitingPlaces?: number;
    /**
     * Sell from the store while Redis is away. Off by default; `true` takes the defaults. All processes
     * of a sale must have the same.
     */
    fallback?: boolean | {
        afterMs?: number;
        backAfterMs?: number;
    };
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
    where(pool: string): Promise<Where | null>;
    setPaused(pool: string, paused: boolean): Promise<void>;
    decide(decision: Decision, work: (tx: Transaction) => Promise<void>): Promise<Verdict>;
    decideVoid(decision: Omit<Decision, 'epoch'>): Promise<Outcome>;
    decideReturn(pool: string, id: string, work: (tx: Transaction) => Promise<void>): Promise<'returned' | 'already_returned' | null>;
    outcome(pool: string, id: string): Promise<Outcome | null>;
    sale(pool: string, id: string): Promise<(Sale & {
        outcome: Outcome;
    }) | null>;
    board(pool: string): Board;
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
     * Takes the items for `ttlMs`, all or nothing; with `partial` what there is, with `queue` a place on
     * the waiting list when they are sold out.
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
    /** The hold of this id and where it stands, of a waiter its position; null when it was never granted or is forgotten. */
    get(id: string, options?: {
        signal?: AbortSignal;
    }): Promise<(Hold & {
        state: HoldState;
        position?: number;
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
     * Takes a sale back, with the caller's rows (a refund, say) in the transaction that decides. Units
     * and seats are free again, for those who wait first. Idempotent; by id, for a buyer comes back
     * when the hold is long forgotten.
     *
     * @throws what `work` throws; nothing is decided then, and the units stay sold
     * @throws HoldInputError, HoldUnavailableError; return again
     */
    return(hold: HoldReference, work: (tx: Transaction) => Promise<void>, options?: {
        signal?: AbortSignal;
    }): Promise<ReturnResult>;
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
    /** Grants again, to those who wait first. */
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
    verify(options?: {
        onProgress?: OnProgress;
    }): Promise<Verification>;
    /** Fills Redis again from PostgreSQL, under a new epoch, whatever it holds now. */
    rebuild(options?: {
        onProgress?: OnProgress;
    }): Promise<void>;
    /** What this process has answered, and on which board the pool is. Nothing is asked for it. */
    snapshot(): PoolSnapshot;
    /** For @evenkeel/health: well when Redis and PostgreSQL answer. */
    healthCheck(): {
        name: string;
        check(signal: AbortSignal): Promise<unknown>;
    };
    /** Stops timers and feed and writes the journal; what is held stays held. Idempotent. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

export { type Availability, type AvailabilitySnapshot, type Board, type BoardCall, type BoardName, type BoardReply, type BoardStep, type Change, type ChangeEvent, type CommitResult, type Decision, type Difference, type EndedState, type ExtendResult, type FeedConnection, type Hold, HoldInputError, HoldPool, type HoldPoolEvents, type HoldPoolOptions, type HoldReference, type HoldRequest, type HoldResult, type HoldRow, type HoldState, type HoldStore, HoldUnavailableError, type Item, type JournalEnd, type JournalEntry, type Ledger, type LockedPool, MemoryStore, type MemoryStoreOptions, type OnProgress, type Outcome, type PgClientLike, type PgPoolLike, PoolClosedError, PoolNotOpenError, type PoolSnapshot, PostgresStore, type PostgresStoreOptions, type RedisLike, type ReleaseResult, type ReplaceResult, type ReturnResult, type Sale, type SeatMap, type SeatState, type StateLetter, type StepReader, type Stock, type StockLine, StockMismatchError, type StoredPool, type TotalResult, type Transaction, type Verdict, type Verification, type Where, migrationSql };

// prometheus.d.ts
/** Where the holds of a pool are: in Redis, or beside the decisions in the store itself. */
type BoardName = 'redis' | 'store';
/** Which board grants, and in which epoch. `epoch` 0 means: none has been filled yet. */
type Where = {
    epoch: number;
    board: BoardName;
};

/** What a pool has answered in this process, and where it is. Plain data, made when asked for. */
type PoolSnapshot = {
    pool: string;
    epoch: number;
    board: Where['board'];
    /** Answers by status; `replayed` apart from `held`. */
    holds: Record<string, number>;
    commits: Record<string, number>;
    returns: Record<string, number>;
    /** How often this process filled a board anew. */
    rebuilds: number;
    faults: number;
};

/** What is called of a prom-client registry. */
interface MetricRegistryLike {
    registerMetric(metric: never): void;
    removeSingleMetric(name: string): void;
}
/** What is asked of a pool; a `HoldPool` is one. */
interface MeteredPool {
    readonly pool: string;
    snapshot(): PoolSnapshot;
    available(options: {
        signal: AbortSignal;
    }): Promise<{
        skus: Record<string, {
            free: number;
            held: number;
            sold: number;
            waiting: number;
        }>;
    }>;
}
/** Options of `registerMetrics`. */
type MetricsOptions = {
    /** How long the units of a pool are waited for at a scrape, in ms. Default 1,000. */
    timeoutMs?: number;
};
/**
 * Registers the pools with a prom-client registry: nothing is counted until somebody scrapes. Units
 * are read from the board at each scrape; a pool that does not answer in time is left out of it.
 *
 * @param registry a prom-client 15 `Registry`
 * @returns takes them out again
 * @throws TypeError when an option is unknown
 */
declare function registerMetrics(registry: MetricRegistryLike, pools: readonly MeteredPool[], options?: MetricsOptions): () => void;

export { type MeteredPool, type MetricRegistryLike, type MetricsOptions, registerMetrics };

// waiting-room-status.d.ts
/**
 * What a browser needs of a waiting room: plain functions over the published status, no Node module.
 */
/**
 * The one document everybody polls. It is the same for all, so a CDN can serve it: each browser works
 * out its own position.
 */
type WaitingRoomStatus = {
    room: string;
    phase: 'lobby' | 'open';
    /** SHA-256 of the seed in hex: published before the draw, so that the seed cannot be chosen after it. */
    commitment: string;
    /** From the opening on: whoever has it can work out and check every place. */
    seed: string | null;
    /** Time in ms. */
    opensAt: number;
    /** Places below this are admitted: fetch a pass. */
    admittedBelow: number;
    /** How many are ahead of everybody below each bound: `[bound, people]`, bounds ascending. */
    steps: [bound: number, people: number][];
    /** People who are waiting behind `admittedBelow`. */
    waiting: number;
    /** Passes that may be used now. */
    active: number;
    /** People a second, as admitted lately; 0 when nobody was. */
    pacePerSecond: number;
    /** Time in ms. */
    updatedAt: number;
};
/** Where one place stands. `position` 0: admitted. */
type Standing = {
    position: number;
    waitSeconds: number | null;
};
/**
 * The place of an account in the draw: [0, 1), the lower the sooner. HMAC-SHA256 of room and account
 * under the seed, its first 48 bits as a fraction. Runs in browsers and in Node.
 */
declare function drawnPlace(seed: string, room: string, account: string): Promise<number>;
/** The first 48 bits as a fraction of 1. */
declare function fraction(mac: Uint8Array): number;
/** How many are ahead of a place, and about how long that takes. O(steps). */
declare function standingOf(status: WaitingRoomStatus, place: number): Standing;
/** People below a place: counted up to the bound before it, in proportion from there. */
declare function peopleBelow(steps: WaitingRoomStatus['steps'], place: number): number;
/** The place below which there are as many people: the inverse of `peopleBelow`. */
declare function placeBelow(steps: WaitingRoomStatus['steps'], wanted: number): number;

export { type Standing, type WaitingRoomStatus, drawnPlace, fraction, peopleBelow, placeBelow, standingOf };

// waiting-room.d.ts
import { Standing, WaitingRoomStatus } from './waiting-room-status.js';
export { drawnPlace, standingOf } from './waiting-room-status.js';

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

/** Options of a `WaitingRoom`. Every process must use the same. */
type WaitingRoomOptions = {
    /** The caller's client; never configured, never closed. */
    redis: RedisLike;
    /** Name of the sale; its keys all lie under `{room:<name>}:`. */
    room: string;
    /** At least one of 32 characters or more. The first signs, all verify, so that they can be changed. */
    secrets: readonly string[];
    /** Decides the draw: 32 characters or more, random, kept secret until the opening, never changed. */
    seed: string;
    /** When the draw becomes known and admission begins, in ms. */
    opensAt: number;
    /** Most people admitted a second. Default 50. */
    perSecond?: number;
    /** Most people inside at a time. Default 1,000. */
    maxActive?: number;
    /** How many are free; at most `perFreeUnit` times as many people are inside. Default: not asked. */
    freeUnits?: () => Promise<number> | number;
    /** Default 3. */
    perFreeUnit?: number;
    /** How long a pass admits, in ms. Default 600,000. */
    passMs?: number;
    /** How long a ticket is good after the opening, in ms. Default 43,200,000 (twelve hours). */
    ticketMs?: number;
    /** How long the share of somebody admitted who does not come is kept for him, in ms. Default 60,000. */
    claimMs?: number;
    /** Pace of admission and age of the status, in ms. Default 1,000. */
    everyMs?: number;
    /** Deadline of each call to Redis, in ms. Default 2,000. */
    commandTimeoutMs?: number;
    /** Time in ms, for tests. Default: `Date.now` here, the server's clock in Redis. */
    clock?: () => number;
};

/** Why a token is not taken. */
type TokenRefusal = 'malformed' | 'forged' | 'other_kind' | 'other_room' | 'other_account' | 'expired';

/** A ticket as it is given out. `place` is null in the lobby: nobody knows it before the opening. */
type Ticket = {
    ticket: string;
    place: number | null;
    expiresAt: number;
};
/** The answer to `enter()`. */
type Admission = {
    status: 'admitted';
    pass: string;
    expiresAt: number;
} | ({
    status: 'waiting';
} & Standing) | {
    status: 'refused';
    reason: TokenRefusal;
};
/** The answer to `check()`. */
type PassCheck = {
    status: 'valid';
    expiresAt: number;
} | {
    status: 'refused';
    reason: TokenRefusal;
};
/**
 * A room in front of a sale. Who comes before the opening gets a signed ticket, and nothing is
 * written. At the opening the order is drawn: the place of an account is an HMAC of its name under a
 * seed that was committed to before and is published then, so that everybody can check it. Who comes
 * later queues behind by time. One status document tells all of them where they stand; they are
 * admitted at a pace, and whoever is gets a pass in exchange for the ticket.
 */
declare class WaitingRoom {
    #private;
    /** Called with what fails in the background; it is tried again. */
    onFault: (error: unknown) => void;
    /** @throws RangeError or TypeError when an option is wrong. */
    constructor(options: WaitingRoomOptions);
    /** Begins to tick: every process of the sale does. */
    start(): this;
    /**
     * A ticket for an account: before the opening for the lobby, then for the queue. Nothing is written;
     * the same account in the lobby has the same place however often it comes.
     *
     * @throws HoldInputError when the account is not 1 to 128 of `A-Z a-z 0-9 . _ : @ + ~ / -`
     */
    join(account: string): Ticket;
    /**
     * The document for everybody, at most `everyMs` old: serve it with that as its time to live. In a room that
     * ticks it is never from before the opening once that has come.
     *
     * @throws HoldUnavailableError when Redis does not answer
     */
    status(): Promise<WaitingRoomStatus>;
    /**
     * Exchanges a ticket whose turn has come for a pass; before that it says how many are ahead. The
     * same account always has the same pass: asking again lengthens nothing.
     *
     * @throws HoldInputError, HoldUnavailableError
     */
    enter(account: string, ticket: string): Promise<Admission>;
    /** Whether the pass admits this account now. Nothing is asked of Redis. */
    check(account: string, pass: string): PassCheck;
    /** Somebody is done: the next may come. @throws HoldUnavailableError when Redis does not answer */
    leave(account: string, pass: string): Promise<PassCheck>;
    /** The place of an account in the draw, [0, 1). Secret before the opening: do not tell it then. */
    drawnPlace(account: string): number;
    /** Tells Redis who has come, and admits who may, now. Many processes may: it is done once. */
    tick(): Promise<WaitingRoomStatus>;
    /** Tells Redis who has come since the last tick, and stops ticking. Tickets and passes stay good. Idempotent. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

export { type Admission, type PassCheck, Standing, type Ticket, type TokenRefusal, WaitingRoom, type WaitingRoomOptions, WaitingRoomStatus };
