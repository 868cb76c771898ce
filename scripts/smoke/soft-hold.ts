import { execFileSync } from 'node:child_process';
import { HoldPool, PostgresStore } from '@evenkeel/soft-hold';
import { Redis } from 'ioredis';
import { Pool } from 'pg';

async function main(): Promise<void> {
  const redis = new Redis(process.env.REDIS_URL ?? '');
  const database = new Pool({ connectionString: process.env.DATABASE_URL });
  const store = new PostgresStore(database, { schema: 'smoke' });
  await store.migrate();
  const pool = new HoldPool({ redis, store, pool: `smoke-${process.pid}` });
  await pool.open({ GA: 1 });
  const items = [{ sku: 'GA', quantity: 1 }];
  const answer = await pool.hold({ id: 'smoke', holder: 'ada', items });
  if (answer.status !== 'held') throw new Error(`not held: ${answer.status}`);
  const { status } = await pool.commit(answer.hold, async () => {});
  if (status !== 'sold') throw new Error(`not sold: ${status}`);
  await pool.close();
  for (const command of ['show', 'verify', 'rebuild']) {
    const args = ['--no', 'evenkeel-hold', command, pool.pool, '--schema', 'smoke', '--json'];
    const told = JSON.parse(execFileSync('npx', args, { encoding: 'utf8' }));
    if (told.pool !== pool.pool || told.ok === false) throw new Error(JSON.stringify(told));
  }
  redis.disconnect();
  await database.end();
}

void main();
