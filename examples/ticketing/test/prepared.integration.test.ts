import { expect, it } from 'vitest';
import { backends, startPgBouncer } from '../../../test/backends.ts';
import { openDatabase, Prepared } from '../services/database.ts';

const double = new Prepared('double', 'select 2 * $1::int as twice');
const names = `select name from pg_prepared_statements where name = 'double'`;
const open = (url: string) =>
  openDatabase({ url, connections: 2, service: 'prepared', onError: () => {} });

it('prepares a statement once a connection', async () => {
  const database = open(backends().databaseUrl);
  const one = await database.connect();
  for (const n of [1, 2]) {
    const { rows } = await one.query(double, [n]);
    expect(rows).toEqual([{ twice: 2 * n }]);
  }
  expect((await one.query(names)).rows).toEqual([{ name: 'double' }]);
  one.release();
  await database.end();
});

it('prepares none behind a pooler, where its name would be lost', async () => {
  await using pooler = await startPgBouncer({
    databases: { shop: backends().databaseUrl },
    settings: {
      default_pool_size: '1',
      ignore_startup_parameters: 'statement_timeout,idle_in_transaction_session_timeout',
    },
  });
  const database = open(`${pooler.url}/shop`);
  const [one, two] = [await database.connect(), await database.connect()];
  for (const connection of [one, two, one, two]) {
    const { rows } = await connection.query(double, [21]);
    expect(rows).toEqual([{ twice: 42 }]);
  }
  expect((await one.query(names)).rows).toEqual([]);
  one.release();
  two.release();
  expect((await database.query(double, [4])).rows).toEqual([{ twice: 8 }]);
  await database.end();
});
