import pg, { type Pool, type PoolClient } from 'pg';

/** A pool that gives up instead of queueing for ever, and names itself in pg_stat_activity. */
export function openDatabase(settings: {
  url: string;
  connections: number;
  service: string;
  onError: (error: Error) => void;
}): Pool {
  const pool = new pg.Pool({
    connectionString: settings.url,
    max: settings.connections,
    // none is given up in a lull: the rush after it would pay for opening them all again
    min: settings.connections,
    application_name: settings.service,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: 10_000,
    idle_in_transaction_session_timeout: 30_000,
  });
  // an idle connection that breaks must not end the process; the next query gets a new one
  pool.on('error', settings.onError);
  // one that breaks while somebody has it tells him by his query's failure; pg emits `error` besides,
  // and where nobody listens at that moment that ends the process: PostgreSQL restarts, and so do we
  pool.on('connect', (client) => client.on('error', settings.onError));
  return pool;
}

/** Opens all connections of the pool, so that the first requests do not wait for them. */
export async function warmUp(pool: Pool): Promise<void> {
  const clients = await Promise.all(
    Array.from({ length: pool.options.max - pool.totalCount }, () => pool.connect()),
  );
  for (const client of clients) client.release();
}

/** Runs `work` in one transaction: committed when it resolves, rolled back when it rejects. */
export async function transaction<T>(pool: Pool, work: (tx: PoolClient) => Promise<T>): Promise<T> {
  const tx = await pool.connect();
  try {
    await tx.query('begin');
    const result = await work(tx);
    await tx.query('commit');
    tx.release();
    return result;
  } catch (error) {
    // a connection that cannot even roll back is not given to the next caller
    const broken = await tx.query('rollback').then(
      () => false,
      () => true,
    );
    tx.release(broken);
    throw error;
  }
}
