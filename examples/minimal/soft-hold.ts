/** Five buyers, three tickets: who holds first may buy, and what PostgreSQL decides stands. */
import { HoldPool, PostgresStore } from '@evenkeel/soft-hold';
import { Redis } from 'ioredis';
import pg from 'pg';

const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
const database = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const store = new PostgresStore(database);
await store.migrate();

const pool = new HoldPool({ redis, store, pool: `concert-${crypto.randomUUID()}`, ttlMs: 120_000 });
await pool.open({ GA: 3 });

const answers = await Promise.all(
  ['ada', 'bob', 'cyd', 'dan', 'eve'].map((holder) =>
    pool.hold({ id: crypto.randomUUID(), holder, items: [{ sku: 'GA', quantity: 1 }] }),
  ),
);
for (const answer of answers) {
  if (answer.status !== 'held') continue;
  const { status } = await pool.commit(answer.hold, async (tx) => {
    await tx.query('SELECT 1'); // the rows of your order, in the transaction that decides
  });
  console.log(`${answer.hold.holder}: ${status}`);
}
const { skus } = await pool.available();
const { ok } = await pool.verify();
console.log(`refused ${answers.filter(({ status }) => status === 'sold_out').length}`, skus, {
  ok,
});

await pool.close();
redis.disconnect();
await database.end();
