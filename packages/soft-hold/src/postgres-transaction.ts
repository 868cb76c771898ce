import { withDeadline } from './deadline.ts';
import { HoldUnavailableError } from './errors.ts';
import type { Transaction } from './store.ts';

/** What is called of a `pg` client. */
export interface PgClientLike {
  // biome-ignore lint/suspicious/noExplicitAny: rows are whatever is selected
  query(sql: string, values?: unknown[]): Promise<{ rows: any[]; rowCount: number | null }>;
  release(destroy?: boolean | Error): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

/** What is called of a `pg` Pool; never configured, never closed. */
export interface PgPoolLike {
  connect(): Promise<PgClientLike>;
}

/** `commit: false` rolls back and still answers. */
export type Ending<T> = { commit: boolean; value: T };

/** Marks an error of the caller's own work, to be passed on as it is. */
class CallersError {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}

/** Runs the caller's work so that its errors are told from the store's. */
export async function callersWork(tx: Transaction, work: (tx: Transaction) => Promise<void>) {
  try {
    await work(tx);
  } catch (error) {
    throw new CallersError(error);
  }
}

/**
 * Runs `work` in one transaction on a connection of its own, bounded by `timeoutMs` here and by the
 * server: a process that freezes in the middle must not keep the rows locked for the others.
 *
 * @throws HoldUnavailableError when PostgreSQL fails or is late; a COMMIT without an answer may
 * have happened, the decision row tells.
 */
export async function transaction<T>(
  pool: PgPoolLike,
  timeoutMs: number,
  work: (tx: Transaction) => Promise<Ending<T>>,
): Promise<T> {
  const late = () =>
    new HoldUnavailableError('postgres', `PostgreSQL did not answer within ${timeoutMs} ms`);
  let client: PgClientLike;
  try {
    const connecting = pool.connect();
    client = await withDeadline(connecting, timeoutMs, late).catch((error) => {
      connecting.then(
        (unwanted) => unwanted.release(),
        () => {},
      );
      throw error;
    });
  } catch (error) {
    throw asUnavailable(error);
  }
  let broken: Error | undefined;
  const onError = (error: Error) => {
    broken = error;
  };
  client.on('error', onError); // without a listener a lost connection would end the process
  const tx: Transaction = {
    query: (sql, values) => client.query(sql, values === undefined ? undefined : [...values]),
  };
  const run = async () => {
    await client.query(
      `BEGIN; SET LOCAL statement_timeout = ${timeoutMs}; SET LOCAL idle_in_transaction_session_timeout = ${timeoutMs}`,
    );
    const ending = await work(tx);
    await client.query(ending.commit ? 'COMMIT' : 'ROLLBACK');
    return ending.value;
  };
  try {
    return await withDeadline(run(), timeoutMs, late);
  } catch (error) {
    // after a lost connection or a deadline nobody knows the state of the session: throw it away
    if (error instanceof HoldUnavailableError) broken ??= error;
    else
      await client.query('ROLLBACK').catch((failure: Error) => {
        broken ??= failure;
      });
    if (error instanceof CallersError) throw error.error;
    throw asUnavailable(error);
  } finally {
    client.release(broken);
    if (!broken) client.removeListener('error', onError);
  }
}

export function asUnavailable(error: unknown): HoldUnavailableError {
  if (error instanceof HoldUnavailableError) return error;
  return new HoldUnavailableError('postgres', `PostgreSQL failed: ${(error as Error).message}`, {
    cause: error,
  });
}
