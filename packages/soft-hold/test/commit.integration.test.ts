import { beforeEach, describe, expect, test } from 'vitest';
import { uniqueName } from '../../../test/backends.ts';
import type { Hold } from '../src/index.ts';
import { clients, counts, fakeClock, grab, makePool, newId, noRows, openPool } from './setup.ts';

let orders: string;
beforeEach(async () => {
  orders = uniqueName('orders');
  await clients().pgPool.query(`CREATE TABLE ${orders} (hold_id text PRIMARY KEY)`);
});

const insertOrder = (id: string) => async (tx: { query(sql: string, v: unknown[]): unknown }) => {
  await tx.query(`INSERT INTO ${orders} VALUES ($1)`, [id]);
};
const orderCount = async () => {
  const { rows } = await clients().pgPool.query(`SELECT count(*)::int AS n FROM ${orders}`);
  return rows[0].n;
};

describe('commit', () => {
  test('sells with the rows of the caller in the same transaction, once', async () => {
    const { pool } = await openPool({ GA: 5, STALLS: { seats: ['A-1', 'A-2'] } });
    const result = await pool.hold({
      id: newId(),
      holder: 'ada',
      items: [
        { sku: 'GA', quantity: 2 },
        { sku: 'STALLS', seats: ['A-2'] },
      ],
    });
    if (result.status !== 'held') throw new Error('not held');
    expect(await pool.commit(result.hold, insertOrder(result.hold.id))).toEqual({ status: 'sold' });
    expect(await pool.commit(result.hold, insertOrder(result.hold.id))).toEqual({
      status: 'already_sold',
    });
    expect(await orderCount()).toBe(1);
    const { skus } = await pool.available({ seats: true });
    expect(skus).toMatchObject({
      GA: { free: 3, held: 0, sold: 2 },
      STALLS: { free: 1, held: 0, sold: 1, seats: { 'A-1': 'free', 'A-2': 'sold' } },
    });
    expect(await pool.release(result.hold)).toEqual({ status: 'sold' });
    expect(await pool.verify()).toEqual({ ok: true, differences: [] });
  });

  test('another process sells a hold that came to it as JSON', async () => {
    const { pool: web } = await openPool({ GA: 5 });
    const message = JSON.stringify(await grab(web));
    const { pool: worker } = makePool(web.pool);
    const hold: Hold = JSON.parse(message);
    expect(await worker.commit(hold, insertOrder(hold.id))).toEqual({ status: 'sold' });
    expect(await counts(web)).toBe('4/0/1');
  });

  test('of many workers with the same hold exactly one sells it', async () => {
    const { pool } = await openPool({ GA: 5 });
    const other = makePool(pool.pool).pool;
    const held = await grab(pool);
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        (i % 2 ? pool : other).commit(held, insertOrder(held.id)),
      ),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([
      ...Array(7).fill('already_sold'),
      'sold',
    ]);
    expect(await orderCount()).toBe(1);
    expect(await counts(pool)).toBe('4/0/1');
  });

  test('what the callers work throws undoes it all and leaves the hold pinned', async () => {
    const clock = fakeClock();
    const { pool } = await openPool({ GA: 5 }, { clock, commitMs: 60_000 });
    const held = await grab(pool);
    const failing = pool.commit(held, async (tx) => {
      await insertOrder(held.id)(tx);
      throw new TypeError('no address');
    });
    await expect(failing).rejects.toThrow(new TypeError('no address'));
    expect(await orderCount()).toBe(0);
    expect(await pool.get(held.id)).toMatchObject({ state: 'committing' });
    expect(await pool.commit(held, insertOrder(held.id))).toEqual({ status: 'sold' });
    expect(await pool.verify()).toEqual({ ok: true, differences: [] });
  });

  test('a statement that fails in the callers work cannot be swallowed into a sale', async () => {
    const { pool } = await openPool({ GA: 5 });
    const held = await grab(pool);
    const swallowing = pool.commit(held, async (tx) => {
      await tx.query('SELECT 1 / 0').catch(() => {});
    });
    await expect(swallowing).rejects.toMatchObject({ code: 'ERR_HOLD_UNAVAILABLE' });
    expect(await counts(pool)).toBe('4/1/0');
  });

  test('a zombie that comes after the hold ran out and was sold to another gets nothing', async () => {
    const clock = fakeClock();
    const { pool } = await openPool({ GA: 1 }, { clock });
    const zombie = await grab(pool);
    clock.advance(125_000);
    const buyer = await grab(pool);
    expect(await pool.commit(buyer, noRows)).toEqual({ status: 'sold' });
    expect(await pool.commit(zombie, insertOrder(zombie.id))).toEqual({ status: 'expired' });
    expect(await orderCount()).toBe(0);
    expect(await counts(pool)).toBe('0/0/1');
  });

  test('a zombie that wakes in its transaction after the reconciler loses', async () => {
    const clock = fakeClock();
    const { pool, store } = await openPool({ GA: 1 }, { clock, maintainEveryMs: Infinity });
    const held = await grab(pool);
    const { redis, pool: zombie } = makePool(pool.pool, {
      clock,
      store: new Proxy(store, {
        get(target, name, self) {
          if (name !== 'decide') return bind(target, Reflect.get(target, name, self));
          return async (...args: Parameters<typeof store.decide>) => {
            clock.advance(200_000); // sleeps until long after the commit deadline
            await pool.maintain();
            return target.decide(...args);
          };
        },
      }),
    });
    expect(await zombie.commit(held, insertOrder(held.id))).toEqual({ status: 'void' });
    expect(await orderCount()).toBe(0);
    expect(await pool.get(held.id)).toMatchObject({ state: 'void' });
    expect(await redis.hget(`{hold:${pool.pool}}:c`, 'GA')).toBe('1 0 0 1');
    expect(await pool.verify()).toEqual({ ok: true, differences: [] });
  });

  test('a rebuild between begin and decide makes it begin again, and sells once', async () => {
    const { pool, store } = await openPool({ GA: 2 });
    const held = await grab(pool);
    const verdicts: string[] = [];
    const { pool: worker } = makePool(pool.pool, {
      store: new Proxy(store, {
        get(target, name, self) {
          if (name !== 'decide') return bind(target, Reflect.get(target, name, self));
          return async (...args: Parameters<typeof store.decide>) => {
            if (verdicts.length === 0) await pool.rebuild();
            const verdict = await target.decide(...args);
            verdicts.push(verdict);
            return verdict;
          };
        },
      }),
    });
    expect(await worker.commit(held, insertOrder(held.id))).toEqual({ status: 'sold' });
    expect(verdicts).toEqual(['stale_epoch', 'sold']);
    expect(await orderCount()).toBe(1);
    expect(await pool.verify()).toEqual({ ok: true, differences: [] });
  });

  test('release of a hold that is being committed asks PostgreSQL first', async () => {
    const { pool, store } = await openPool({ GA: 2 });
    const [undecided, sold] = [await grab(pool), await grab(pool)];
    for (const held of [undecided, sold])
      await expect(pool.commit(held, () => Promise.reject(new Error('died')))).rejects.toThrow(
        'died',
      );
    const { id, holder } = sold;
    await store.decide({ pool: pool.pool, id, holder, items: 'GA=1', want: '', epoch: 1 }, noRows);
    expect(await pool.release(undecided)).toEqual({ status: 'released' });
    expect(await pool.release(sold)).toEqual({ status: 'sold' });
    expect(await counts(pool)).toBe('1/0/1');
    expect(await pool.verify()).toEqual({ ok: true, differences: [] });
  });

  test('more than the stock is never sold, even when Redis has granted it', async () => {
    const { pool, redis } = await openPool({ GA: 1 });
    const first = await grab(pool);
    await redis.hset(`{hold:${pool.pool}}:c`, 'GA', '1 1 0 2'); // a lost count
    const second = await grab(pool);
    expect(await pool.commit(first, noRows)).toEqual({ status: 'sold' });
    expect(await pool.commit(second, noRows)).toEqual({ status: 'void' });
    expect(await counts(pool)).toBe('0/0/1');
    expect(await pool.verify()).toEqual({ ok: true, differences: [] });
  });
});

function bind(target: object, value: unknown): unknown {
  return typeof value === 'function' ? value.bind(target) : value;
}
