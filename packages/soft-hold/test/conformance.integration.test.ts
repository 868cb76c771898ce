import { describe, expect, test } from 'vitest';
import { uniqueName } from '../../../test/backends.ts';
import { type HoldPool, PoolNotOpenError, StockMismatchError } from '../src/index.ts';
import * as setup from './setup.ts';
import { BOARDS, counts, fakeClock, grab, newId } from './setup.ts';

const STALLS = { seats: ['A-1', 'A-2', 'A-3'] };

describe.each(BOARDS)('on the %s board', (board) => {
  type Overrides = Parameters<typeof setup.openPool>[1];
  const openPool = (stock: Parameters<HoldPool['open']>[0], overrides: Overrides = {}) =>
    setup.openPool(stock, { board, ...overrides });
  const makePool = (name: string, overrides: Overrides = {}) =>
    setup.makePool(name, { board, ...overrides });

  describe('open', () => {
    test('is idempotent for the same stock and refuses other stock', async () => {
      const { pool } = await openPool({ GA: 10, STALLS });
      await pool.open({ STALLS: { seats: ['A-3', 'A-2', 'A-1'] }, GA: 10 });
      await expect(pool.open({ GA: 11, STALLS })).rejects.toThrow(StockMismatchError);
      await expect(pool.open({ GA: 10 })).rejects.toMatchObject({ sku: 'STALLS' });
      expect(await counts(pool)).toBe('10/0/0');
    });

    test('a pool nobody has opened is an error, one that others opened is found', async () => {
      const { pool, store } = makePool(uniqueName('sale'));
      await store.migrate();
      const ask = { id: newId(), holder: 'ada', items: [{ sku: 'GA', quantity: 1 }] };
      await expect(pool.hold(ask)).rejects.toThrow(PoolNotOpenError);
      await makePool(pool.pool).pool.open({ GA: 1 });
      expect((await pool.hold(ask)).status).toBe('held');
    });
  });

  describe('hold', () => {
    test('takes all items or none', async () => {
      const { pool } = await openPool({ GA: 3, STALLS });
      const both = [
        { sku: 'GA', quantity: 2 },
        { sku: 'STALLS', seats: ['A-2', 'A-1'] },
      ];
      const granted = await pool.hold({ id: newId(), holder: 'ada', items: both });
      expect(granted).toMatchObject({
        status: 'held',
        replayed: false,
        hold: { holder: 'ada', items: [both[0], { sku: 'STALLS', seats: ['A-1', 'A-2'] }] },
      });
      const seats = await pool.hold({
        id: newId(),
        holder: 'bob',
        items: [
          { sku: 'GA', quantity: 1 },
          { sku: 'STALLS', seats: ['A-2', 'A-3'] },
        ],
      });
      expect(seats).toEqual({ status: 'seat_taken', sku: 'STALLS', seats: ['A-2'] });
      const units = await pool.hold({
        id: newId(),
        holder: 'bob',
        items: [
          { sku: 'GA', quantity: 2 },
          { sku: 'STALLS', seats: ['A-3'] },
        ],
      });
      expect(units).toMatchObject({ status: 'sold_out', sku: 'GA', free: 1 });
      const { skus } = await pool.available({ seats: true });
      expect(skus).toEqual({
        GA: { total: 3, free: 1, held: 2, sold: 0, waiting: 0 },
        STALLS: {
          total: 3,
          free: 1,
          held: 2,
          sold: 0,
          waiting: 0,
          seats: { 'A-1': 'held', 'A-2': 'held', 'A-3': 'free' },
        },
      });
    });

    test('answers the same id again, and refuses it with another body', async () => {
      const { pool } = await openPool({ GA: 5 });
      const ask = { id: newId(), holder: 'ada', items: [{ sku: 'GA', quantity: 2 }] };
      const [one, two] = await Promise.all([pool.hold(ask), pool.hold(ask)]);
      expect([one, two].map((r) => r.status === 'held' && r.replayed)).toEqual([false, true]);
      expect(two).toMatchObject({ hold: { token: one.status === 'held' && one.hold.token } });
      expect(await pool.hold({ ...ask, holder: 'bob' })).toEqual({ status: 'conflict' });
      expect(await pool.hold({ ...ask, items: [{ sku: 'GA', quantity: 1 }] })).toEqual({
        status: 'conflict',
      });
      expect(await counts(pool)).toBe('3/2/0');
    });

    test('says when the next hold runs out, or that none can', async () => {
      const { pool } = await openPool({ GA: 2, NONE: 0 });
      const held = await grab(pool, 2);
      const refused = await pool.hold({
        id: newId(),
        holder: 'bob',
        items: [{ sku: 'GA', quantity: 1 }],
      });
      expect(refused).toMatchObject({
        status: 'sold_out',
        free: 0,
        retryAt: held.expiresAt + 5_000,
      });
      await pool.release(held);
      expect(
        await pool.hold({ id: newId(), holder: 'bob', items: [{ sku: 'NONE', quantity: 1 }] }),
      ).toMatchObject({ status: 'sold_out', retryAt: null });
    });

    test('a refusal is of the moment it was asked at, among the others of its turn too', async () => {
      const { pool } = await openPool({ GA: 2 });
      const held = await grab(pool, 2);
      const ask = () =>
        pool.hold({ id: newId(), holder: newId(), items: [{ sku: 'GA', quantity: 1 }] });
      const answers = await Promise.all([
        ...[ask(), ask(), pool.release(held)],
        ...[ask(), ask(), ask(), ask()],
      ]);
      const statuses = answers.map(({ status }) => status);
      expect(statuses).toEqual([
        ...['sold_out', 'sold_out', 'released'],
        ...['held', 'held', 'sold_out', 'sold_out'],
      ]);
      expect(answers[0]).toMatchObject({ free: 0, retryAt: held.expiresAt + 5_000 });
      await pool.setTotal('GA', 3);
      expect((await ask()).status).toBe('held');
    });

    test('counts held and sold units towards the limit, in one step', async () => {
      const { pool } = await openPool({ GA: 100 }, { limitPerHolder: 4 });
      const asks = Array.from({ length: 10 }, () =>
        pool.hold({ id: newId(), holder: 'ada', items: [{ sku: 'GA', quantity: 1 }] }),
      );
      const answers = await Promise.all(asks);
      expect(answers.filter((answer) => answer.status === 'held')).toHaveLength(4);
      expect(answers.at(-1)).toEqual({ status: 'limit', limit: 4, current: 4 });
      const [first, second] = answers;
      if (first?.status !== 'held' || second?.status !== 'held') throw new Error('not held');
      await pool.commit(first.hold, async () => {});
      await pool.release(second.hold);
      expect((await grab(pool, 1, 'ada')).holder).toBe('ada');
      await expect(grab(pool, 1, 'ada')).rejects.toThrow('limit');
    });

    test('never grants one seat to two of many who want it at the same moment', async () => {
      const { pool } = await openPool({ STALLS });
      const other = makePool(pool.pool).pool;
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, i) =>
          (i % 2 ? pool : other).hold({
            id: newId(),
            holder: `h${i}`,
            items: [{ sku: 'STALLS', seats: [`A-${(i % 3) + 1}`] }],
          }),
        ),
      );
      expect(answers.filter((answer) => answer.status === 'held')).toHaveLength(3);
    });

    test('is closed while the sale is paused, but what is held can be bought', async () => {
      const { pool } = await openPool({ GA: 5 });
      const other = makePool(pool.pool).pool;
      const held = await grab(pool);
      await other.pause();
      await expect(grab(pool)).rejects.toThrow('closed');
      expect(await pool.commit(held, async () => {})).toEqual({ status: 'sold' });
      await other.resume();
      await grab(pool);
    });

    test('an aborted request rejects with the reason', async () => {
      const { pool } = await openPool({ GA: 5 });
      const abort = new AbortController();
      const asking = pool.hold({
        id: newId(),
        holder: 'ada',
        items: [{ sku: 'GA', quantity: 1 }],
        signal: abort.signal,
      });
      abort.abort(new Error('gone'));
      await expect(asking).rejects.toThrow('gone');
      expect(await counts(pool)).toBe('5/0/0');
    });
  });

  describe('the life of a hold', () => {
    test('it is valid through its grace and then runs out, whoever comes next', async () => {
      const clock = fakeClock();
      const { pool } = await openPool({ GA: 2 }, { clock, ttlMs: 1_000, graceMs: 500 });
      const held = await grab(pool, 2);
      clock.advance(1_499);
      expect(await counts(pool)).toBe('0/2/0');
      clock.advance(1);
      expect(await counts(pool)).toBe('2/0/0');
      expect(await pool.get(held.id)).toMatchObject({ state: 'expired' });
      expect(await pool.release(held)).toEqual({ status: 'expired' });
      const again = { id: held.id, holder: held.holder, items: held.items };
      expect(await pool.hold(again)).toEqual({ status: 'released', reason: 'expired' });
    });

    test('the clock never goes back, so a hold never lives again', async () => {
      const clock = fakeClock();
      const { pool } = await openPool({ GA: 1 }, { clock, ttlMs: 1_000, graceMs: 0 });
      const held = await grab(pool);
      clock.advance(1_000);
      expect(await counts(pool)).toBe('1/0/0');
      clock.advance(-3_600_000);
      expect(await pool.commit(held, async () => {})).toEqual({ status: 'expired' });
      expect((await grab(pool)).createdAt).toBe(held.expiresAt);
    });

    test('extend lengthens it, never shortens it and never passes the longest life', async () => {
      const clock = fakeClock();
      const { pool } = await openPool(
        { GA: 1 },
        { clock, ttlMs: 1_000, graceMs: 0, maxHoldMs: 3_000 },
      );
      const held = await grab(pool);
      expect(await pool.extend(held, { forMs: 10 })).toMatchObject({
        hold: { expiresAt: held.expiresAt },
      });
      clock.advance(500);
      expect(await pool.extend(held, { forMs: 2_000 })).toMatchObject({
        hold: { expiresAt: held.createdAt + 2_500 },
      });
      clock.advance(2_000 - 1);
      expect(await pool.extend(held, { forMs: 2_000 })).toMatchObject({
        hold: { expiresAt: held.createdAt + 3_000 },
      });
      clock.advance(501);
      expect(await pool.extend(held, { forMs: 2_000 })).toEqual({ status: 'expired' });
    });

    test('release gives back once', async () => {
      const { pool } = await openPool({ GA: 5 });
      const held = await grab(pool, 3);
      expect(await pool.release(held)).toEqual({ status: 'released' });
      expect(await pool.release({ id: held.id })).toEqual({ status: 'released' });
      expect(await counts(pool)).toBe('5/0/0');
      expect(await pool.extend(held, { forMs: 1_000 })).toEqual({ status: 'released' });
      expect(await pool.commit(held, async () => {})).toEqual({ status: 'void' });
    });

    test('a release that overtakes its hold refuses it', async () => {
      const { pool } = await openPool({ GA: 5 });
      expect(await pool.release({ id: 'late' })).toEqual({ status: 'released' });
      const late = await pool.hold({
        id: 'late',
        holder: 'ada',
        items: [{ sku: 'GA', quantity: 1 }],
      });
      expect(late).toEqual({ status: 'released', reason: 'released' });
      expect(await pool.get('late')).toBeNull();
      expect(await counts(pool)).toBe('5/0/0');
    });
  });

  describe('replace', () => {
    test('swaps the items in one step, and the old hold is worth nothing', async () => {
      const { pool } = await openPool({ GA: 3, STALLS }, { limitPerHolder: 3 });
      const old = await grab(pool, 3, 'ada');
      const items = [
        { sku: 'GA', quantity: 1 },
        { sku: 'STALLS', seats: ['A-1', 'A-2'] },
      ];
      const swapped = await pool.replace(old, items);
      if (swapped.status !== 'held') throw new Error(swapped.status);
      expect(swapped.hold).toMatchObject({ id: old.id, items, expiresAt: old.expiresAt });
      expect(await counts(pool)).toBe('2/1/0');
      expect(await counts(pool, 'STALLS')).toBe('1/2/0');
      // the answer was lost: the same question is answered the same
      expect(await pool.replace(old, items)).toMatchObject({
        status: 'held',
        hold: { token: swapped.hold.token },
      });
      expect(await pool.commit(old, async () => {})).toEqual({ status: 'expired' });
      expect(await pool.commit(swapped.hold, async () => {})).toEqual({ status: 'sold' });
      expect(await pool.replace(swapped.hold, [items[0] as (typeof items)[0]])).toEqual({
        status: 'confirmed',
      });
      expect(await pool.verify()).toEqual({ ok: true, differences: [] });
    });

    test('a refusal leaves the hold as it was', async () => {
      const { pool } = await openPool({ GA: 3, STALLS }, { limitPerHolder: 2 });
      await pool.hold({ id: newId(), holder: 'bob', items: [{ sku: 'STALLS', seats: ['A-2'] }] });
      const held = await grab(pool, 2, 'ada');
      expect(await pool.replace(held, [{ sku: 'GA', quantity: 3 }])).toMatchObject({
        status: 'limit',
      });
      expect(await pool.replace(held, [{ sku: 'GA', quantity: 4 }])).toMatchObject({
        status: 'sold_out',
      });
      expect(await pool.replace(held, [{ sku: 'STALLS', seats: ['A-1', 'A-2'] }])).toEqual({
        status: 'seat_taken',
        sku: 'STALLS',
        seats: ['A-2'],
      });
      expect(await pool.commit(held, async () => {})).toEqual({ status: 'sold' });
    });
  });

  describe('setTotal', () => {
    test('adds and takes away units during the sale, never below what is held and sold', async () => {
      const { pool } = await openPool({ GA: 5, STALLS });
      const other = makePool(pool.pool).pool;
      await pool.commit(await grab(pool, 2), async () => {});
      await grab(pool, 2);
      expect(await other.setTotal('GA', 3)).toEqual({ status: 'too_low', least: 4 });
      expect(await other.setTotal('GA', 4)).toEqual({ status: 'changed', total: 4 });
      expect(await counts(pool)).toBe('0/2/2');
      await expect(grab(pool)).rejects.toThrow('sold_out');
      const changes = Array.from({ length: 6 }, (_, i) =>
        (i % 2 ? pool : other).setTotal('GA', 10 + i),
      );
      await Promise.all(changes);
      const { ok, differences } = await pool.verify();
      expect(differences).toEqual([]);
      expect(ok).toBe(true);
      await pool.open({ GA: 5, STALLS }); // a process that starts later names the stock of the opening
      await expect(pool.setTotal('STALLS', 5)).rejects.toMatchObject({ field: 'sku' });
      await expect(pool.setTotal('NONE', 5)).rejects.toMatchObject({ field: 'sku' });
      for (const total of [-1, 1.5, 2 ** 31, Number.NaN, '5' as never])
        await expect(pool.setTotal('GA', total)).rejects.toMatchObject({ field: 'total' });
    });
  });

  test('named seats are withdrawn by buying them for the house, and sold again by returning them', async () => {
    const rows = [{ seats: ['H1', 'H2', 'H3'] }];
    const { pool } = await openPool({ HALL: { rows } });
    const asked = { holder: 'house', items: [{ sku: 'HALL', seats: ['H2', 'H3'] }] };
    const house = await pool.hold({ ...asked, id: 'camera' });
    if (house.status !== 'held') throw new Error(house.status);
    expect(await pool.commit(house.hold, async () => {})).toEqual({ status: 'sold' });
    const items = [{ sku: 'HALL', quantity: 2 }];
    const ada = { id: newId(), holder: 'ada', items, queue: true };
    expect(await pool.hold(ada)).toEqual({ status: 'queued', position: 1 });
    const named = [{ sku: 'HALL', seats: ['H2'] }];
    expect(await pool.hold({ id: newId(), holder: 'bob', items: named })).toMatchObject({
      status: 'seat_taken',
      seats: ['H2'],
    });
    expect(await pool.return({ id: 'camera' }, async () => {})).toEqual({ status: 'returned' });
    expect(await pool.get(ada.id)).toMatchObject({ state: 'pending' });
    expect(await counts(pool, 'HALL')).toBe('1/2/0');
    expect(await pool.verify()).toEqual({ ok: true, differences: [] });
  });

  describe('a closed pool', () => {
    test('refuses everything and leaves what is held', async () => {
      const { pool } = await openPool({ GA: 5 });
      const held = await grab(pool);
      const { pool: other } = makePool(pool.pool);
      await pool.close();
      await pool.close();
      await expect(pool.available()).rejects.toMatchObject({ code: 'ERR_HOLD_POOL_CLOSED' });
      await expect(grab(pool)).rejects.toMatchObject({ code: 'ERR_HOLD_POOL_CLOSED' });
      expect(await other.get(held.id)).toMatchObject({ state: 'pending' });
    });
  });
});
