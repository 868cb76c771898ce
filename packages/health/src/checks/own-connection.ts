/** What is read of a `pg` pool: its options and its `Client` class, to open one more connection of the same kind. */
export interface PgPoolSource {
  readonly options: object;
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

/**
 * One connection beside a pool, opened at the first question and kept. Through a busy pool one would wait in the queue
 * for a connection and learn nothing of the server. A connection that broke since the last question is replaced
 * within the next one; a question whose signal is aborted cuts its connection.
 */
export class OwnConnection {
  readonly #Client: new (
    options: object,
  ) => PgClient;
  readonly #options: object;
  #kept: PgClient | undefined;

  /** @throws TypeError when `pool` is not a `pg` pool. */
  constructor(field: string, pool: PgPoolSource) {
    const { Client, options } = (pool ?? {}) as PgPoolSource & { Client?: unknown };
    if (typeof Client !== 'function' || typeof options !== 'object') {
      throw new TypeError(`Expected \`${field}\` to be a pg Pool, with \`options\` and \`Client\``);
    }
    this.#Client = Client as new (options: object) => PgClient;
    this.#options = options;
  }

  async query<Row>(
    text: string,
    values: readonly unknown[],
    signal: AbortSignal,
  ): Promise<readonly Row[]> {
    const reused = this.#kept;
    return this.#ask<Row>(reused ?? (await this.#open(signal)), text, values, signal).catch(
      async (error) => {
        // A restart of the server kills an idle connection; only a fresh one tells whether it is back.
        const isBroken = reused !== undefined && this.#kept !== reused && !signal.aborted;
        if (!isBroken) throw error;
        return this.#ask<Row>(await this.#open(signal), text, values, signal);
      },
    );
  }

  async close(): Promise<void> {
    if (this.#kept === undefined) return;
    const client = this.#kept;
    this.#kept = undefined;
    // Polite first; a server that hangs must not hold up the shutdown.
    const timer = setTimeout(() => cut(client), 500);
    await client.end().finally(() => clearTimeout(timer));
  }

  async #open(signal: AbortSignal): Promise<PgClient> {
    const client = new this.#Client(this.#options);
    const forget = () => {
      if (this.#kept === client) this.#kept = undefined;
    };
    // Without a listener a connection that breaks while idle would end the process.
    client.on('error', forget);
    client.on('end', forget);
    await whileOpen(client, signal, () => client.connect());
    this.#kept = client;
    return client;
  }

  async #ask<Row>(
    client: PgClient,
    text: string,
    values: readonly unknown[],
    signal: AbortSignal,
  ): Promise<readonly Row[]> {
    client.ref?.();
    try {
      const result = await whileOpen(client, signal, () => client.query(text, [...values]));
      return result.rows as Row[];
    } finally {
      // Idle between two runs, it must not keep a process alive that has nothing else to do.
      client.unref?.();
    }
  }
}

/** Cuts the socket: `end()` would politely wait for a server that may be hanging. */
function cut(client: PgClient): void {
  const stream = client.connection?.stream;
  if (stream?.destroy !== undefined) stream.destroy();
  else client.end().catch(() => undefined);
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
