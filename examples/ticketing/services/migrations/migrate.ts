/**
 * Numbered SQL files, each applied once, in order, in a transaction of its own. Every service runs
 * this at its start; an advisory lock lets one of them work while the others wait.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { Pool } from 'pg';
import { transaction } from '../database.ts';

const folder = new URL('./', import.meta.url);
/** any number that nothing else in this database locks */
const lockKey = 7_401_936;

/**
 * Applies what is missing and returns the names of the files applied now.
 * @throws Error when a file that was applied before has been changed since
 */
export async function migrate(pool: Pool): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}-.+\.sql$/.test(name)).sort();
  const applied: string[] = [];
  for (const name of names) {
    const sql = await readFile(new URL(name, folder), 'utf8');
    if (await apply(pool, name, sql)) applied.push(name);
  }
  return applied;
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
