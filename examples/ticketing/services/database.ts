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
    verify: (client, done) => void greet(client).then(() => done(), done),
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
  const connecting = Array.from({ length: pool.options.max - pool.totalCount }, () =>
    pool.connect(),
  );
  // all are held until the last is open, and none is kept when one fails
  const ends = await Promise.allSettled(connecting);
  for (const end of ends) if (end.status === 'fulfilled') end.value.release();
  await Promise.all(connecting);
}

/**
 * A statement that each log-in or each order needs: a connection parses and plans it once, which costs more than to run it. Behind a
 * pooler it is one like others.
 */
export class Prepared {
  readonly name: string;
  readonly text: string;

  constructor(name: string, text: string) {
    this.name = name;
    this.text = text;
  }
}

/**
 * A pooler hands each transaction on to another connection of the server, where the name may be missing or taken. It gives itself away
 * by its greeting, in which it makes up the process that clients name when they cancel.
 */
async function greet(client: PoolClient & { processID?: unknown }): Promise<void> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  if (rows[0]?.pid !== client.processID) forgetNames(client);
}

function forgetNames(client: PoolClient): void {
  const query = client.query.bind(client) as (...given: unknown[]) => unknown;
  const unnamed = (first: unknown, ...rest: unknown[]) =>
    query(first instanceof Prepared ? first.text : first, ...rest);
  client.query = unnamed as typeof client.query;
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
