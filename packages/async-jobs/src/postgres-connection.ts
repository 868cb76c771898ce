import type { SqlExecutor } from './define-job.ts';

/** A connection of a pool; `pg`'s `PoolClient` has this shape. */
export interface PgClientLike extends SqlExecutor {
  release(destroy?: boolean): void;
  on(event: PgClientEvent, listener: PgClientListener): unknown;
  removeListener(event: PgClientEvent, listener: PgClientListener): unknown;
}

type PgClientEvent = 'error' | 'notification' | 'end';
// biome-ignore lint/suspicious/noExplicitAny: the payload depends on the event
type PgClientListener = (payload: any) => void;

/** A pool of connections; `pg`'s `Pool` has this shape. */
export interface PgPoolLike extends SqlExecutor {
  connect(
    // biome-ignore lint/suspicious/noExplicitAny: pg's own type of the error differs between versions
    callback: (error: any, client: PgClientLike | undefined) => void,
  ): void;
}

/**
 * Takes a connection out of the pool, with a listener for its errors from the first moment: a server
 * that is going away sends its goodbye right behind its greeting, and an 'error' that nobody
 * listens to ends the process. A promise of the connection would come one turn too late.
 */
function checkOut(pool: PgPoolLike, onError: (error: unknown) => void): Promise<PgClientLike> {
  return new Promise((resolve, reject) => {
    pool.connect((error, client) => {
      if (!client) return reject(error);
      client.on('error', onError);
      resolve(client);
    });
  });
}

/** Runs `work` on a connection of the pool, which does not go back there when `broken` was called. */
async function borrow<T>(
  pool: PgPoolLike,
  work: (client: PgClientLike, broken: () => void) => Promise<T>,
): Promise<T> {
  let isBroken = false;
  const broken = (): void => {
    isBroken = true;
  };
  const client = await checkOut(pool, broken);
  try {
    return await work(client, broken);
  } finally {
    client.removeListener('error', broken);
    client.release(isBroken);
  }
}

/** Runs `work`, whose statements are transactions of their own. A connection on which one failed is not used again. */
export function onConnection<T>(
  pool: PgPoolLike,
  work: (client: PgClientLike) => Promise<T>,
): Promise<T> {
  return borrow(pool, (client, broken) =>
    work(client).catch((error) => {
      broken();
      throw error;
    }),
  );
}

/** Runs `work` between BEGIN and COMMIT, or ROLLBACK when it fails. */
export function inTransaction<T>(
  pool: PgPoolLike,
  work: (tx: PgClientLike) => Promise<T>,
): Promise<T> {
  return borrow(pool, async (client, broken) => {
    try {
      await client.query('BEGIN');
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch(broken);
      throw error;
    }
  });
}

/** Calls `wake` at every notification. Resolves when it listens, to its end; `lost` says that it no longer does. */
export async function listenOn(
  pool: PgPoolLike,
  channel: string,
  wake: () => void,
  lost: (error: unknown) => void,
): Promise<() => void> {
  let open = true;
  let failure: unknown = null;
  let broken = (error: unknown): void => {
    failure = error;
  };
  const client = await checkOut(pool, (error) => broken(error));
  const end = (): void => {
    if (!open) return;
    open = false;
    client.removeListener('notification', wake);
    client.release(true); // a listening connection must not go back to the pool
  };
  broken = (error) => {
    if (!open) return;
    end();
    lost(error);
  };
  client.on('end', () => broken(new Error('The listening connection ended')));
  client.on('notification', wake);
  try {
    if (failure) throw failure;
    await client.query(`LISTEN "${channel}"`);
  } catch (error) {
    end();
    throw error;
  }
  return end;
}
