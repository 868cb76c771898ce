import type { CheckSource } from '../check.ts';
import { UnexpectedDataError } from '../errors.ts';
import { knownOptions } from '../known-options.ts';
import { requireFunction, requireText } from '../options.ts';
import { OwnConnection, type PgPoolSource } from './own-connection.ts';

/** What `pgCheck` asks and expects. */
export interface PgCheckOptions<Row> {
  /** A cheap query for data that must be there, such as `select id, name from events limit 1`. */
  readonly query: string;
  /** The values of `$1`, `$2`...; default none. */
  readonly values?: readonly unknown[];
  /** Whether these rows are what a working service sees; default: at least one row. */
  readonly expect?: (rows: readonly Row[]) => boolean;
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
  const connection = new OwnConnection('pool', pool);
  knownOptions(options, { query: true, values: true, expect: true });
  const query = requireText('query', options.query, /\S/, 'not to be empty');
  const values = options.values ?? [];
  const expect = requireFunction('expect', options.expect ?? ((rows) => rows.length > 0));
  return {
    name: 'postgres',
    scope: 'shared',
    async check(signal) {
      const rows = await connection.query<Row>(query, values, signal);
      if (!expect(rows)) {
        throw new UnexpectedDataError('postgres', `unexpected rows (${rows.length} of them)`);
      }
      return { rows: rows.length };
    },
    close: () => connection.close(),
  };
}
