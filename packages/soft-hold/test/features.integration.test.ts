import { describe, expect, test } from 'vitest';
import type { ChangeEvent, Hold, HoldPool, SeatMap } from '../src/index.ts';
import * as setup from './setup.ts';
import { BOARDS, counts, fakeClock, grab, newId, noRows } from './setup.ts';

const row = (name: string, seats: string, accessible: string[] = []) => ({
  seats: [...seats].map((cell, i) => (cell === '_' ? null : `${name}${i + 1}`)),
  accessible,
});
const HALL: SeatMap = {
  rows: [row('A', '..........'), row('B', '.....__...', ['B1', 'B2']), row('C', '..........')],
};
const quiet = { maintainEveryMs: Infinity };

describe.each(BOARDS)('on the %s board', (board) => {
  type Overrides = Parameters<typeof setup.openPool>[1];
  const openPool = (stock: Parameters<HoldPool['open']>[0], overrides: Overrides = {}) =>
    setup.openPool(stock, { board, ...quiet, ...overrides });
  const ask = (pool: HoldPool, quantity: number, more = {}, sku = 'GA') =>
    pool.hold({ id: newId(), holder: newId(), items: [{ sku, quantity }], ...more });
  const seatsOf = (answer: Awaited<ReturnType<HoldPool['hold']>>) =>
    answer.status === 'held' && 'seats' in (answer.hold.items[0] ?? {})
      ? (answer.hold.items[0] as unknown as { seats: string[] }).seats
      : answer.status;
  const best = async (pool: HoldPool, quantity: number, accessible?: boolean) =>
    seatsOf(
      await pool.hold({
        id: newId(),
        holder: newId(),
        items: [{ sku: 'HALL', quantity, ...(accessible ? { accessible } : {}) }],
      }),
    );
  const exact = (pool: HoldPool, ...seats: string[]) =>
    pool.hold({ id: newId(), holder: newId(), items: [{ sku: 'HALL', seats }] });

  describe('commit', () => {
    test('sells once, and a hold that ran out does not sell', async () => {
      const clock = fakeClock();
      const { pool } = await openPool({ GA: 3 }, { clock });
      const [held, late] = [await grab(pool), await grab(pool)];
      expect(await pool.commit(held, noRows)).toEqual({ status: 'sold' });
      expect(await pool.commit(held, noRows)).toEqual({ status: 'already_sold' });
      clock.advance(125_000);
      expect(await pool.commit(late, noRows)).toEqual({ status: 'expired' });
      expect(await counts(pool)).toBe('2/0/1');
      expect(await pool.verify()).toEqual({ ok: true, differences: [] });
    });

    test('what the work throws leaves the hold pinned until its deadline, then it is void', async () => {
      const clock = fakeClock();
      const { pool } = await openPool({ GA: 1 }, { clock, commitMs: 30_000 });
      const held = await grab(pool);
      await expect(pool.commit(held, () => Promise.reject(new Error('died')))).rejects.toThrow(
        'died',
      );
      clock.advance(29_999);
      await pool.maintain();
      expect(await pool.get(held.id)).toMatchObject({ state: 'committing' });
      clock.advance(1);
      await pool.maintain();
      expect(await pool.get(held.id)).toMatchObject({ state: 'void' });
      expect(await pool.commit(held, noRows)).toEqual({ status: 'void' });
      expect(await counts(pool)).toBe('1/0/0');
    });

    test('of many workers exactly one sells', async () => {
      const { pool } = await openPool({ GA: 5 });
      const { pool: other } = setup.makePool(pool.pool, { board, ...quiet });
      const held = await grab(pool);
      const answers = await Promise.all(
        Array.from({ length: 6 }, (_, i) => (i % 2 ? pool : other).commit(held, noRows)),
      );
      expect(answers.filter(({ status }) => status === 'sold')).toHaveLength(1);
      expect(await counts(other)).toBe('4/0/1');
    });
  });

  describe('return', () => {
    test('gives units and seats back once, even when the sale is long forgotten', async () => {
      const clock = fakeClock();
      const { pool } = await openPool(
        { GA: 4, HALL },
        { clock, replayMs: 1_000, limitPerHolder: 4 },
      );
      const answer = await pool.hold({
        id: newId(),
        holder: 'ada',
        items: [
          { sku: 'GA', quantity: 2 },
          { sku: 'HALL', quantity: 2 },
        ],
      });
      if (answer.status !== 'held') throw new Error(answer.status);
      expect(await pool.return(answer.hold, noRows)).toEqual({ status: 'not_sold' });
      expect(await pool.commit(answer.hold, noRows)).toEqual({ status: 'sold' });
      clock.advance(500_000);
      await pool.maintain();
      const failing = pool.return(answer.hold, () => Promise.reject(new Error('no money')));
      await expect(failing).rejects.toThrow('no money');
      expect(await counts(pool)).toBe('2/0/2');
      expect(await pool.return({ id: answer.hold.id }, noRows)).toEqual({ status: 'returned' });
      expect(await pool.return(answer.hold, noRows)).toEqual({ status: 'already_returned' });
      expect(await counts(pool)).toBe('4/0/0');
      expect(await counts(pool, 'HALL')).toBe('28/0/0');
      expect(await pool.commit(answer.hold, noRows)).toEqual({ status: 'returned' });
      expect((await grab(pool, 4, 'ada')).items).toEqual([{ sku: 'GA', quantity: 4 }]);
      expect(await pool.verify()).toEqual({ ok: true, differences: [] });
    });

    test('a process that dies in the middle leaves what the reconciler settles', async () => {
      const clock = fakeClock();
      const { pool, store } = await openPool({ GA: 2 }, { clock });
      const [kept, gone] = [await grab(pool), await grab(pool)];
      for (const hold of [kept, gone]) await pool.commit(hold, noRows);
      for (const hold of [kept, gone])
        await expect(pool.return(hold, () => Promise.reject(new Error('died')))).rejects.toThrow();
      await store.decideReturn(pool.pool, gone.id, noRows); // decided, and the board not told
      expect(await pool.get(kept.id)).toMatchObject({ state: 'returning' });
      clock.advance(30_000);
      await pool.maintain();
      expect(await pool.get(kept.id)).toMatchObject({ state: 'confirmed' });
      expect(await pool.get(gone.id)).toMatchObject({ state: 'returned' });
      expect(await counts(pool)).toBe('1/0/1');
      expect(await pool.verify()).toEqual({ ok: true, differences: [] });
    });
  });

  describe('partial', () => {
    test('takes what there is of each line, and answers the same again', async () => {
      const { pool } = await openPool({ GA: 3, VIP: 0 });
      const request = {
        id: newId(),
        holder: 'ada',
        partial: true,
        items: [
          { sku: 'GA', quantity: 5 },
          { sku: 'VIP', quantity: 1 },
        ],
      };
      expect(await pool.hold(request)).toMatchObject({
        status: 'held',
        hold: { items: [{ sku: 'GA', quantity: 3 }] },
      });
      expect(await pool.hold(request)).toMatchObject({ status: 'held', replayed: true });
      expect(await pool.hold({ ...request, partial: false })).toEqual({ status: 'conflict' });
      expect(await ask(pool, 1, { partial: true })).toMatchObject({ status: 'sold_out' });
    });

    test('of seats by name it takes those that are free', async () => {
      const { pool } = await openPool({ HALL });
      await exact(pool, 'A1');
      const items = [{ sku: 'HALL', seats: ['A1', 'A2'] }];
      const answer = await pool.hold({ id: newId(), holder: 'bob', items, partial: true });
      expect(seatsOf(answer)).toEqual(['A2']);
    });
  });

  describe('the waiting list', () => {
    test('serves in order, in the call that frees the units, and tells the offer', async () => {
      const clock = fakeClock();
      const { pool } = await openPool({ GA: 3 }, { clock, offerMs: 10_000, graceMs: 0 });
      const held = await grab(pool, 3);
      const first = {
        id: newId(),
        holder: 'bob',
        items: [{ sku: 'GA', quantity: 2 }],
        queue: true,
      };
      const second = { ...first, id: newId(), holder: 'cyd' };
      expect(await pool.hold(first)).toEqual({ status: 'queued', position: 1 });
      expect(await pool.hold(second)).toEqual({ status: 'queued', position: 2 });
      expect(await pool.hold(second)).toEqual({ status: 'queued', position: 2 });
      expect((await pool.available()).skus.GA).toMatchObject({ free: 0, waiting: 2 });
      await pool.release(held);
      expect(await pool.get(first.id)).toMatchObject({
        state: 'pending',
        expiresAt: clock() + 10_000,
      });
      expect(await pool.get(second.id)).toMatchObject({ state: 'queued', position: 1 });
      // one unit is left, but it is his who waits
      expect(await ask(pool, 1)).toMatchObject({ status: 'sold_out', free: 0 });
      const offer = await pool.hold(first);
      if (offer.status !== 'held') throw new Error(offer.status);
      expect(await pool.commit(offer.hold, noRows)).toEqual({ status: 'sold' });
      await pool.setTotal('GA', 4);
      expect(await pool.get(second.id)).toMatchObject({ state: 'pending' });
      clock.advance(10_000);
      expect(await counts(pool)).toBe('2/0/2'); // the offer ran out
      expect(await pool.verify()).toEqual({ ok: true, differences: [] });
    });

    test('one who leaves holds up nobody, and one at his limit is passed over', async () => {
      const { pool } = await openPool({ GA: 4 }, { limitPerHolder: 3 });
      const [one, two] = [await grab(pool, 2, 'ada'), await grab(pool, 2, 'bob')];
      const wait = (holder: string, quantity: number) => {
        const id = newId();
        const items = [{ sku: 'GA', quantity }];
        return pool.hold({ id, holder, items, queue: true }).then(() => id);
      };
      const large = await wait('cyd', 3);
      const limited = await wait('dan', 3);
      const small = await wait('eve', 1);
      await pool.release(one);
      expect(await pool.get(small)).toMatchObject({ state: 'queued', position: 3 });
      expect(await pool.release({ id: large })).toEqual({ status: 'released' });
      expect(await pool.get(limited)).toMatchObject({ state: 'queued', position: 1 });
      await pool.release({ id: limited });
      expect(await pool.get(small)).toMatchObject({ state: 'pending' });
      await pool.release(two);
      expect(await counts(pool)).toBe('3/1/0');
      expect(
        await pool.hold({ id: large, holder: 'cyd', items: [{ sku: 'GA', quantity: 3 }] }),
      ).toEqual({
        status: 'released',
        reason: 'released',
      });
    });

    test('is bounded, is not for seats by name, and not for more than there is', async () => {
      const { pool } = await openPool({ GA: 2, HALL }, { waitingPlaces: 1 });
      await grab(pool, 2);
      expect(await ask(pool, 3, { queue: true })).toMatchObject({ status: 'sold_out' });
      expect(await ask(pool, 1, { queue: true })).toMatchObject({ status: 'queued' });
      expect(await ask(pool, 1, { queue: true })).toMatchObject({ status: 'sold_out' });
      await exact(pool, 'A1');
      const items = [{ sku: 'HALL', seats: ['A1'] }];
      expect(await pool.hold({ id: newId(), holder: 'x', items, queue: true })).toMatchObject({
        status: 'seat_taken',
      });
    });

    test('waits while the sale is paused', async () => {
      const { pool } = await openPool({ GA: 1 });
      const held = await grab(pool);
      const id = newId();
      await pool.hold({ id, holder: 'b', items: [{ sku: 'GA', quantity: 1 }], queue: true });
      await pool.pause();
      await pool.release(held);
      expect(await pool.get(id)).toMatchObject({ state: 'queued' });
      await pool.resume();
      expect(await pool.get(id)).toMatchObject({ state: 'pending' });
    });
  });

  describe('the best seats', () => {
    test('lie together in the middle of the best row, and leave no single seat', async () => {
      const { pool } = await openPool({ HALL });
      expect(await best(pool, 2)).toEqual(['A5', 'A6']);
      expect(await best(pool, 2)).toEqual(['A3', 'A4']); // 7-8 would be as near
      // A1, A2 and A7..A10 are left: three of the four would leave a single one
      expect(await best(pool, 3)).toEqual(['B3', 'B4', 'B5']);
      expect(await best(pool, 4)).toEqual(['A7', 'A8', 'A9', 'A10']);
      expect(await counts(pool, 'HALL')).toBe('17/11/0');
      expect(await pool.verify()).toEqual({ ok: true, differences: [] });
    });

    test('an aisle parts a row, whatever is printed on the seats', async () => {
      const { pool } = await openPool({ HALL: { rows: [row('A', '..._.')] } });
      expect(await best(pool, 4)).toEqual(['A1', 'A2', 'A3', 'A5']);
    });

    test('accessible seats only for those who ask', async () => {
      const { pool } = await openPool({ HALL });
      for (let i = 0; i < 26; i++) expect(await best(pool, 1)).not.toContain('B2');
      expect(await best(pool, 1)).toBe('sold_out');
      expect(await best(pool, 2, true)).toEqual(['B1', 'B2']);
      expect(await best(pool, 1, true)).toBe('sold_out');
      expect(await counts(pool, 'HALL')).toBe('0/28/0');
    });

    test('come back when they are released, and can be had by name', async () => {
      const { pool } = await openPool({ HALL });
      const request = { id: newId(), holder: 'a', items: [{ sku: 'HALL', quantity: 10 }] };
      const all = await pool.hold(request);
      expect(await pool.hold(request)).toMatchObject({ status: 'held', replayed: true });
      if (all.status !== 'held') throw new Error(all.status);
      expect(await exact(pool, 'A1')).toMatchObject({ status: 'seat_taken' });
      const swapped = await pool.replace(all.hold, [{ sku: 'HALL', quantity: 2 }]);
      expect(seatsOf(swapped as never)).toEqual(['A5', 'A6']);
      expect(seatsOf(await exact(pool, 'A1'))).toEqual(['A1']);
      await pool.release((swapped as { hold: Hold }).hold);
      expect(await best(pool, 2)).toEqual(['A5', 'A6']);
      expect(await pool.verify()).toEqual({ ok: true, differences: [] });
    });
  });

  test('the feed tells every change and every offer, without a gap', async () => {
    const { pool } = await openPool({ GA: 2, HALL });
    const steps: ChangeEvent[] = [];
    const offered: string[] = [];
    pool.on('change', (step) => steps.push(step));
    pool.on('offered', ({ ids }) => offered.push(...ids));
    await pool.subscribe();
    const start = await pool.available();
    const held = await grab(pool, 2);
    const id = newId();
    await pool.hold({ id, holder: 'b', items: [{ sku: 'GA', quantity: 1 }], queue: true });
    await pool.release(held);
    await best(pool, 2);
    const end = await pool.available();
    await expect.poll(() => steps.at(-1)?.seq).toBe(end.seq);
    expect(steps.map(({ seq }) => seq)).toEqual(
      Array.from({ length: end.seq - start.seq }, (_, i) => start.seq + 1 + i),
    );
    expect(offered).toEqual([id]);
    expect(steps.at(-1)?.changes[0]).toMatchObject({ seats: { A5: 'held', A6: 'held' } });
  });
});
