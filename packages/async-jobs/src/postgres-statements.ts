import { createHash } from 'node:crypto';
import type { PreparedStatement, SqlExecutor } from './define-job.ts';
import { show } from './options.ts';

/**
 * Runs the statements of every job, by a name where that is safe, so that a connection parses each of them once.
 *
 * Behind a pooler in transaction mode it is not: the next transaction goes to another server process, where the name is
 * missing, or taken (SQLSTATE 26000, 42P05), and that aborts the transaction of whoever asked. A pooler gives itself away
 * by its greeting: it makes up the process that clients name when they cancel, where PostgreSQL gives the connection's own.
 */
export class Statements {
  readonly #prepare: boolean | undefined;
  /** Connections asked, and whether they lead to PostgreSQL itself. */
  readonly #direct = new WeakMap<SqlExecutor, boolean>();
  readonly #named = new Map<string, PreparedStatement>();

  /**
   * @param prepare undefined: where the connection leads to PostgreSQL itself
   * @throws TypeError
   */
  constructor(prepare: boolean | undefined) {
    if (prepare !== undefined && typeof prepare !== 'boolean') {
      throw new TypeError(`Expected \`prepare\` to be true or false, got ${show(prepare)}`);
    }
    this.#prepare = prepare;
  }

  async run(connection: SqlExecutor, sql: string, values: unknown[]) {
    const named =
      this.#prepare ?? this.#direct.get(connection) ?? (await this.#leadsToServer(connection));
    return connection.query(named ? this.#name(sql) : sql, values);
  }

  async #leadsToServer(connection: SqlExecutor & { processID?: unknown }): Promise<boolean> {
    const { processID } = connection; // of pg's client; a wrapper may have none
    const direct =
      typeof processID === 'number' &&
      (await connection.query('SELECT pg_backend_pid() AS pid')).rows[0].pid === processID;
    this.#direct.set(connection, direct);
    return direct;
  }

  /** By a hash: two schemas may share a connection. */
  #name(sql: string): PreparedStatement {
    const known = this.#named.get(sql);
    if (known) return known;
    const hash = createHash('sha256').update(sql).digest('base64url').slice(0, 16);
    const named = { name: `async_jobs_${hash}`, text: sql };
    this.#named.set(sql, named);
    return named;
  }
}
