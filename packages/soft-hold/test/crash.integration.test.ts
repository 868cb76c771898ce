import { expect, test } from 'vitest';
import { backends, uniqueName } from '../../../test/backends.ts';
import { runChild, startChild } from './child.ts';
import { counts, grab, newId, noRows, openPool } from './setup.ts';

async function sale() {
  const made = await openPool({ GA: 3 }, { commitMs: 500, maintainEveryMs: 50 });
  const orders = uniqueName('orders');
  await made.pgPool.query(`CREATE TABLE ${orders} (hold_id text PRIMARY KEY)`);
  const orderCount = async () =>
    (await made.pgPool.query(`SELECT count(*)::int AS n FROM ${orders}`)).rows[0].n;
  return { ...made, orders, orderCount };
}

test.each([
  ['begun', 'void', '3/0/0', 0],
  ['rows', 'void', '3/0/0', 0],
  ['decided', 'confirmed', '2/0/1', 1],
  ['finishing', 'confirmed', '2/0/1', 1],
  ['finished', 'confirmed', '2/0/1', 1],
])('a worker killed at "%s" leaves a hold that ends as %s', async (point, state, units, rows) => {
  const { pool, orders, orderCount } = await sale();
  const held = await grab(pool);
  const { signal } = await runChild(
    'crash-worker.ts',
    pool.pool,
    JSON.stringify(held),
    point,
    orders,
    '500',
  );
  expect(signal).toBe('SIGKILL');
  await expect.poll(async () => (await pool.get(held.id))?.state).toBe(state);
  expect(await counts(pool)).toBe(units);
  expect(await orderCount()).toBe(rows);
  expect(await pool.verify()).toEqual({ ok: true, differences: [] });
  const later = await pool.commit(held, () => Promise.reject(new Error('must not run')));
  expect(later).toEqual({ status: state === 'void' ? 'void' : 'already_sold' });
});

test('a worker killed before its decision is taken over by another', async () => {
  const { pool, orders, orderCount } = await sale();
  const held = await grab(pool);
  const message = JSON.stringify(held);
  await runChild('crash-worker.ts', pool.pool, message, 'rows', orders, '60000');
  expect(await pool.get(held.id)).toMatchObject({ state: 'committing' });
  const { output } = await runChild('crash-worker.ts', pool.pool, message, '-', orders, '60000');
  expect(JSON.parse(output)).toEqual({ status: 'sold' });
  expect(await orderCount()).toBe(1);
  expect(await counts(pool)).toBe('2/0/1');
  expect(await pool.verify()).toEqual({ ok: true, differences: [] });
});

test('a worker that is frozen after begin, and wakes when its units are sold to others, gets nothing', async () => {
  const { pool, orders, orderCount } = await sale();
  const held = await grab(pool, 3);
  const message = JSON.stringify(held);
  const zombie = startChild(
    ...['crash-worker.ts', backends().redisUrl, pool.pool],
    ...[message, 'frozen', orders, '500'],
  );
  await zombie.line('frozen');
  await expect.poll(async () => (await pool.get(held.id))?.state).toBe('void');
  for (let i = 0; i < 3; i++)
    expect(await pool.commit(await grab(pool), noRows)).toEqual({ status: 'sold' });
  zombie.kill('SIGCONT');
  expect(await zombie.result()).toEqual({ status: 'void' });
  expect(await orderCount()).toBe(0);
  expect(await counts(pool)).toBe('0/0/3');
  expect(await pool.verify()).toEqual({ ok: true, differences: [] });
});

test('one hold id asked for by two processes at once is granted once', async () => {
  const { pool } = await openPool({ GA: 10 });
  const id = newId();
  const at = String(Date.now() + 2_500);
  const answers = await Promise.all(
    [1, 2].map(async () => JSON.parse((await runChild('holder.ts', pool.pool, id, at)).output)),
  );
  expect(answers.map(({ status }) => status)).toEqual(['held', 'held']);
  expect(answers.map(({ replayed }) => replayed).sort()).toEqual([false, true]);
  expect(answers[0].hold.token).toBe(answers[1].hold.token);
  expect(await counts(pool)).toBe('9/1/0');
});
