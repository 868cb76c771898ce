import type { PgPoolClientLike, PgPoolLike, PgQueries, PgResult } from './pg-like.ts';
import { fromPgLsn, type Position } from './position.ts';

/** Where a server is, and what it is. */
export interface ServerState extends Position {
  /** It replays another's log. */
  readonly isStandby: boolean;
  /** The process that serves this connection. */
  readonly backend: number;
}

interface StateRow {
  readonly standby: boolean;
  readonly tli: number;
  readonly lsn: string;
  readonly backend: number;
}

/**
 * A primary is where the next byte will be written: every commit ended before that, also one that is not flushed yet.
 * A standby is where it has replayed to, on the timeline that it receives. Without a receiver, or without the right to
 * look at it (`pg_read_all_stats`), its last restart point tells the timeline, which is at most too low for a while.
 */
const STATE = `select s.standby, pg_backend_pid() as backend,
  case when s.standby then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end::text as lsn,
  case when s.standby
    then coalesce((select received_tli from pg_stat_wal_receiver), (select timeline_id from pg_control_checkpoint()))
    else ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int
  end as tli
from (select pg_is_in_recovery() as standby) s`;

/** The same for the monitor, which compares positions for equality: a primary is where its last record ended. */
export const WRITTEN_STATE = STATE.replaceAll(
  'pg_current_wal_insert_lsn()',
  'pg_current_wal_lsn()',
);

export function toState({ standby, tli, lsn, backend }: StateRow): ServerState {
  return { isStandby: standby, timeline: tli, lsn: fromPgLsn(lsn), backend };
}

/** A connection that does not even roll back in this time is given up. */
const ROLLBACK_MS = 1_000;

/** What a server or the way to it did, as opposed to what the caller's own code threw. */
const raisedByServer = new WeakSet<object>();

/** Whether an error came out of a connection, and not out of the caller's code around it. */
export function isOfServer(error: unknown): boolean {
  return typeof error === 'object' && error !== null && raisedByServer.has(error);
}

async function noted<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (typeof error === 'object' && error !== null) raisedByServer.add(error);
    throw error;
  }
}

/** The server did not give a connection and its position in time. */
export class ServerTimeoutError extends Error {
  constructor(ms: number) {
    super(`no connection and position within ${ms} ms`);
  }
}

/**
 * One transaction on one connection of a pool. With a pooler between, only a transaction keeps to one server: the state
 * that was asked first is the state of the server that answers the queries after it.
 *
 *     open: connection, begin, state (within `openMs`) --> state() --> queries --> commit
 *       any failure --> rollback, and the connection goes back to the pool if that works
 */
export class Transaction {
  readonly #client: PgPoolClientLike;
  readonly #openMs: number | undefined;
  #state: ServerState;
  #isOpen = true;

  private constructor(client: PgPoolClientLike, openMs: number | undefined, state: ServerState) {
    this.#client = client;
    this.#openMs = openMs;
    this.#state = state;
  }

  /** Runs `body` between `begin` (a BEGIN statement) and its end; `body` calls `commit()`, or it is rolled back. */
  static async run<T>(
    pool: PgPoolLike,
    begin: string,
    openMs: number | undefined,
    body: (transaction: Transaction) => Promise<T>,
  ): Promise<T> {
    const client = await connect(pool, openMs);
    // Without a listener a connection that breaks between two queries would end the process.
    const ignore = () => undefined;
    client.on('error', ignore);
    let isUsable = false;
    try {
      const opened = within(openMs, client.query(`${begin}; ${STATE}`));
      const [, { rows }] = (await opened) as [unknown, PgResult<StateRow>];
      const transaction = new Transaction(client, openMs, toState(rows[0] as StateRow));
      try {
        return await body(transaction);
      } finally {
        isUsable = await transaction.#end();
      }
    } finally {
      client.off('error', ignore);
      client.release(!isUsable);
    }
  }

  /** Whether the connection can be used again; never throws, as what failed before is what counts. */
  async #end(): Promise<boolean> {
    if (!this.#isOpen) return true;
    this.#isOpen = false;
    return within(ROLLBACK_MS, this.#client.query('rollback')).then(
      () => true,
      () => false,
    );
  }

  get state(): ServerState {
    return this.#state;
  }

  /** Asks again: in READ COMMITTED every statement sees its own moment. */
  async refresh(): Promise<ServerState> {
    const asked = within(this.#openMs, this.#client.query(STATE));
    const { rows } = (await asked) as PgResult<StateRow>;
    this.#state = toState(rows[0] as StateRow);
    return this.#state;
  }

  /** The process that the connection said it is at its start; a pooler says one of its own. */
  get announcedBackend(): unknown {
    return (this.#client as { processID?: unknown }).processID;
  }

  /** For the caller's queries; refuses them once the transaction has ended. */
  queries(inspect: ((query: unknown) => void) | undefined): PgQueries {
    return {
      query: async (query: unknown, values?: unknown[]) => {
        if (!this.#isOpen) throw new Error('the transaction of this connection has ended');
        inspect?.(query);
        return noted(this.#client.query(query as string, values));
      },
    };
  }

  /** Commits; false when PostgreSQL rolled back instead, because a statement had failed. */
  async commit(): Promise<boolean> {
    const { command } = (await noted(this.#client.query('commit'))) as PgResult<never>;
    this.#isOpen = false;
    return command !== 'ROLLBACK';
  }

  /** Commits and asks, in the same breath, where the log ends then; undefined when PostgreSQL rolled back instead. */
  async commitAndLook(): Promise<ServerState | undefined> {
    const answers = await this.#client.query(`commit; ${STATE}`);
    const [{ command }, { rows }] = answers as [PgResult<never>, PgResult<StateRow>];
    this.#isOpen = false;
    return command === 'ROLLBACK' ? undefined : toState(rows[0] as StateRow);
  }
}

async function connect(pool: PgPoolLike, ms: number | undefined): Promise<PgPoolClientLike> {
  const connecting = pool.connect();
  try {
    return await within(ms, connecting);
  } catch (error) {
    // One that comes too late goes back to the pool, which may be a little more patient than we are.
    if (error instanceof ServerTimeoutError) {
      connecting.then(
        (late) => late.release(),
        () => undefined,
      );
    }
    throw error;
  }
}

async function within<T>(ms: number | undefined, work: Promise<T>): Promise<T> {
  if (ms === undefined) return noted(work);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ServerTimeoutError(ms)), ms);
  });
  try {
    return await noted(Promise.race([work, late]));
  } finally {
    clearTimeout(timer);
  }
}
