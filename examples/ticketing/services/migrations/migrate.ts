/**
 * Numbered SQL files, each applied once, in order, in a transaction of its own, and the packages' own
 * tables. An advisory lock lets one process work while the others wait.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { postgresOutbox } from '@evenkeel/async-jobs';
import { PostgresStore } from '@evenkeel/soft-hold';
import type { Pool } from 'pg';
import { transaction } from '../database.ts';

const folder = new URL('../migrations/', import.meta.url);
/** any number that nothing else in this database locks */
const lockKey = 7_401_936;

/**
 * Brings the database up to date when this process may, as the owner of a small installation may;
 * a service that has only its own rights checks that somebody else has done it.
 * @throws Error when it is not up to date and this process may not change that
 */
export async function migrateIfAllowed(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ may: boolean; known: boolean }>(
    `select has_database_privilege(current_database(), 'create') as may,
            to_regclass('migrations') is not null as known`,
  );
  if (rows[0]?.may) return void (await migrate(pool));
  const applied = rows[0]?.known
    ? await pool.query<{ name: string }>('select name from migrations')
    : { rows: [] };
  const names = new Set(applied.rows.map(({ name }) => name));
  const missing = (await migrationNames()).filter((name) => !names.has(name));
  if (missing.length === 0) return;
  throw new Error(`The database lacks ${missing.join(', ')}: run \`main.ts migrate\` as its owner`);
}

/**
 * Applies what is missing and returns the names of the files applied now.
 * @throws Error when a file that was applied before has been changed since
 */
export async function migrate(pool: Pool): Promise<string[]> {
  const applied: string[] = [];
  for (const name of await migrationNames()) {
    const sql = await readFile(new URL(name, folder), 'utf8');
    if (await apply(pool, name, sql)) applied.push(name);
  }
  await new PostgresStore(pool).migrate();
  await postgresOutbox(pool).migrate();
  return applied;
}

async function migrationNames(): Promise<string[]> {
  return (await readdir(folder)).filter((name) => /^\d{4}-.+\.sql$/.test(name)).sort();
}

function apply(pool: Pool, name: string, sql: string): Promise<boolean> {
  const checksum = createHash('sha256').update(sql).digest('hex');
  return transaction(pool, async (tx) => {
    // a transaction's lock, so that it works behind PgBouncer and goes with a process that dies
    await tx.query('select pg_advisory_xact_lock($1)', [lockKey]);
    await tx.query(`create table if not exists migrations (
      name text primary key, checksum text not null, applied_at timestamptz not null default now())`);
    const { rows } = await tx.query('select checksum from migrations where name = $1', [name]);
    if (rows[0]?.checksum === checksum) return false;
    if (rows[0]) throw new Error(`${name} was applied and then changed; add a new file instead`);
    await tx.query(sql);
    await tx.query('insert into migrations (name, checksum) values ($1, $2)', [name, checksum]);
    return true;
  });
}
