import type { CheckSource } from '../check.ts';
import { UnexpectedDataError } from '../errors.ts';
import { requireFunction, requireText } from '../options.ts';

/** What is read of a `pg` pool: its options and its `Client` class, to open one more connection of the same kind. */
export interface PgPoolSource {
  readonly options: object;
}

/** What `pgCheck` asks and expects. */
export interface PgCheckOptions<Row> {
  /** A cheap query for data that must be there, such as `select id, name from events limit 1`. */
  readonly query: string;
  /** The values of `$1`, `$2`...; default none. */
  readonly values?: readonly unknown[];
  /** Whether these rows are what a working service sees; default: at least one row. */
  readonly expect?: (rows: readonly Row[]) => boolean;
}

interface PgClient {
  connect(): Promise<unknown>;
  query(text: string, values: unknown[]): Promise<{ readonly rows: unknown[] }>;
  end(): Promise<void>;
  on(event: 'error' | 'end', listener: () => void): unknown;
  ref?(): void;
  unref?(): void;
  readonly connection?: { readonly stream?: { destroy?(): void } };
}

/** Cuts the socket: `end()` would politely wait for a server that may be hanging. */
function cut(client: PgClient): void {
  const stream = client.connection?.stream;
  if (stream?.destroy !== undefined) stream.destroy();
  else client.end().catch(() => undefined);
}

/**
 * Asks PostgreSQL for real rows over one connection of its own, opened at the first run and kept.
 * Through a busy pool a check measures the queue for a connection, not the database: see `pgPoolCheck` for that.
 * A connection that broke since the last run is replaced within the run; one that exceeds its budget is cut.
 * Scope `shared`. Resolves with `{ rows }`, the number of rows; never with their content.
 * @throws TypeError when `pool` is not a `pg` pool or an option has the wrong type.
 */
export function pgCheck<Row = Record<string, unknown>>(
  pool: PgPoolSource,
  options: PgCheckOptions<Row>,
): CheckSource {
  const { Client } = pool as { Client?: new (options: object) => PgClient };
  if (typeof Client !== 'function' || typeof pool.options !== 'object') {
    throw new TypeError('Expected `pool` to be a pg Pool, with `options` and `Client`');
  }
  const query = requireText('query', options.query, /\S/, 'not to be empty');
  const values = options.values ?? [];
  const expect = requireFunction('expect', options.expect ?? ((rows) => rows.length > 0));
  let kept: PgClient | undefined;

  const open = async (signal: AbortSignal): Promise<PgClient> => {
    const client = new Client(pool.options);
    const forget = () => {
      if (kept === client) kept = undefined;
    };
    // Without a listener a connection that breaks while idle would end the process.
    client.on('error', forget);
    client.on('end', forget);
    await whileOpen(client, signal, () => client.connect());
    kept = client;
    return client;
  };

  const ask = async (client: PgClient, signal: AbortSignal): Promise<readonly Row[]> => {
    client.ref?.();
    const result = await whileOpen(client, signal, () => client.query(query, [...values]));
    // Idle between two runs, it must not keep a process alive that has nothing else to do.
    client.unref?.();
    return result.rows as Row[];
  };

  return {
    name: 'postgres',
    scope: 'shared',
    async check(signal) {
      const reused = kept;
      const rows = await ask(reused ?? (await open(signal)), signal).catch(async (error) => {
        // A restart of the server kills an idle connection; only a fresh one tells whether it is back.
        const isBroken = reused !== undefined && kept !== reused && !signal.aborted;
        if (!isBroken) throw error;
        return ask(await open(signal), signal);
      });
      if (!expect(rows)) {
        throw new UnexpectedDataError('postgres', `unexpected rows (${rows.length} of them)`);
      }
      return { rows: rows.length };
    },
    async close() {
      if (kept === undefined) return;
      const client = kept;
      kept = undefined;
      // Polite first; a server that hangs must not hold up the shutdown.
      const timer = setTimeout(() => cut(client), 500);
      await client.end().finally(() => clearTimeout(timer));
    },
  };
}

/** Runs one call on the connection and cuts the connection when the signal is aborted. */
async function whileOpen<T>(
  client: PgClient,
  signal: AbortSignal,
  call: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const onAbort = () => cut(client);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await call();
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
