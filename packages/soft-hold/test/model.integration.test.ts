import fc from 'fast-check';
import { expect, test } from 'vitest';
import { uniqueName } from '../../../test/backends.ts';
import {
  type Hold,
  HoldPool,
  type HoldResult,
  type Item,
  type ReplaceResult,
} from '../src/index.ts';
import { keysOf } from '../src/keys.ts';
import { type Flags, ModelPool } from './model.ts';
import { BOARDS, type BoardKind, boardOptions, clients, fakeClock, noRows } from './setup.ts';

const SEATS = ['A-1', 'A-2', 'A-3', 'A-4'];
const HALL = ['B-1', 'B-2', 'B-3', 'C-1', 'C-2'];
const LIMITS = { ttlMs: 1_000, graceMs: 100, maxHoldMs: 2_500, limitPerHolder: 5, offerMs: 700 };
const RUNS = Number(process.env.MODEL_RUNS ?? 30);
const START = 1_800_000_000_000;

const items: fc.Arbitrary<Item[]> = fc.oneof(
  fc.integer({ min: 1, max: 4 }).map((quantity) => [{ sku: 'GA', quantity }]),
  fc.subarray(SEATS, { minLength: 1, maxLength: 3 }).map((seats) => [{ sku: 'STALLS', seats }]),
  fc.tuple(fc.integer({ min: 1, max: 2 }), fc.constantFrom(...SEATS)).map(([quantity, seat]) => [
    { sku: 'GA', quantity },
    { sku: 'STALLS', seats: [seat] },
  ]),
  fc.integer({ min: 1, max: 4 }).map((quantity) => [{ sku: 'HALL', quantity }]),
  fc.subarray(HALL, { minLength: 1, maxLength: 2 }).map((seats) => [{ sku: 'HALL', seats }]),
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 })).map(([many, few]) => [
    { sku: 'GA', quantity: many },
    { sku: 'HALL', quantity: few },
  ]),
);
const flags = fc.record({ partial: fc.boolean(), queue: fc.boolean() });
// the pool chooses the seats of HALL, so only those who want no seats of it wait in the model
const waits = (wanted: readonly Item[]) => wanted.every(({ sku }) => sku === 'GA');
const id = fc.integer({ min: 0, max: 9 }).map((n) => `hold-${n}`);
const holder = fc.constantFrom('ada', 'bob', 'cyd');
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('hold' as const), id, holder, items, flags }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('again' as const), id }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('extend' as const),
      id,
      forMs: fc.constantFrom(1, 700, 1_500, 2_500),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('replace' as const), id, items }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const), id }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('commit' as const), id }) },
  // with the hold as it was first granted, before replace gave it another token
  { weight: 1, arbitrary: fc.record({ do: fc.constant('late' as const), id }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('return' as const), id }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 99, 100, 500, 1_000, 1_100, 5_000, -3_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('total' as const),
      total: fc.integer({ min: 0, max: 9 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function describe(answer: HoldResult | ReplaceResult): string {
  switch (answer.status) {
    case 'held':
      return `held:${answer.replayed ? 'replayed' : 'granted'}`;
    case 'sold_out':
      return `sold_out:${answer.sku}`;
    case 'seat_taken':
      return `seat_taken:${answer.seats}`;
    case 'limit':
      return `limit:${answer.current}`;
    case 'queued':
      return 'position' in answer ? `queued:${answer.position}` : answer.status;
    case 'released':
      return 'reason' in answer ? `released:${answer.reason}` : 'released';
    default:
      return answer.status;
  }
}

const held = { do: 'hold', id: 'hold-0', holder: 'ada', flags: { partial: false, queue: false } };
/** An id that was sold and returned is held again, between two losses of the board. */
const usedAgain = [
  { ...held, items: [{ sku: 'STALLS', seats: ['A-1'] }] },
  { do: 'commit', id: 'hold-0' },
  { do: 'return', id: 'hold-0' },
  { do: 'lose' },
  { ...held, items: [{ sku: 'GA', quantity: 1 }] },
  { do: 'lose' },
].map((one) => ({ ...one, by: 0 })) as (Step & { by: number })[];

/** One sale: two processes, one model, the same commands. */
async function run(
  board: BoardKind,
  shops: readonly ReturnType<typeof clients>[],
  steps: readonly (Step & { by: number })[],
): Promise<void> {
  const clock = fakeClock(START);
  const options = { ...LIMITS, pool: uniqueName('model'), clock, maintainEveryMs: Infinity };
  const pools = shops.map(
    (shop) => new HoldPool({ ...options, ...boardOptions(board, options.pool, shop) }),
  );
  const [first] = pools as [HoldPool];
  const hall = { rows: [{ seats: HALL.slice(0, 3) }, { seats: HALL.slice(3) }] };
  await first.open({ GA: 6, STALLS: { seats: SEATS }, HALL: hall });
  const model = new ModelPool({ GA: 6, STALLS: SEATS.length, HALL: HALL.length }, LIMITS, START);
  const asked = new Map<string, { holder: string; items: Item[]; flags: Flags }>();
  const firstGranted = new Map<string, Hold>();
  const granted = new Map<string, Hold>();

  const journalled = async () => {
    const ledger = await shops[0]?.store.ledger(options.pool);
    const open = ledger?.open.filter((entry) => entry.expiresAt + LIMITS.graceMs > model.now);
    return open?.map((entry) => `${entry.id} ${entry.expiresAt}`).sort();
  };
  const hold = async (
    pool: HoldPool,
    name: string,
    body: { holder: string; items: Item[]; flags: Flags },
  ) => {
    const { holder, items } = body;
    const how = { ...body.flags, queue: body.flags.queue === true && waits(items) };
    const answer = await pool.hold({ id: name, holder, items, ...how });
    expect(describe(answer)).toBe(model.hold(name, holder, items, how));
    if (answer.status === 'queued') {
      // the board had forgotten the hold of this id: its tokens are of no use for the offer that may come
      granted.delete(name);
      firstGranted.delete(name);
    }
    if (answer.status !== 'held') return;
    granted.set(name, answer.hold);
    if (!firstGranted.has(name)) firstGranted.set(name, answer.hold);
    if (!answer.replayed) model.resolve(name, answer.hold.items);
  };
  for (const one of steps) {
    const pool = pools[one.by] as HoldPool;
    const known = 'id' in one ? granted.get(one.id) : undefined;
    if (one.do === 'hold') {
      asked.set(one.id, asked.get(one.id) ?? one);
      await hold(pool, one.id, one);
    } else if (one.do === 'again') {
      const before = asked.get(one.id);
      if (before) await hold(pool, one.id, before);
    } else if (one.do === 'wait') {
      clock.advance(one.ms);
      await pool.maintain();
      model.now = Math.max(model.now, clock());
      // the pool's floor is the last time something happened; the model's is the last time it looked
      clock.advance(model.now - clock());
    } else if (one.do === 'total') {
      const answer = await pool.setTotal('GA', one.total);
      const text = answer.status === 'changed' ? 'changed' : `too_low:${answer.least}`;
      expect(text).toBe(model.setTotal('GA', one.total));
    } else if (one.do === 'lose') {
      if (board === 'redis') await expect.poll(journalled).toEqual(model.open()); // written behind
      if (board === 'redis') await shops[0]?.redis.del(keysOf(options.pool));
      else await pool.rebuild();
      model.lose();
    } else if (one.do === 'release') {
      expect((await pool.release({ id: one.id })).status).toBe(model.release(one.id));
    } else if (one.do === 'replace' && known) {
      const answer = await pool.replace(known, one.items);
      expect(describe(answer)).toBe(model.replace(one.id, one.items));
      if (answer.status === 'held') {
        granted.set(one.id, answer.hold);
        asked.set(one.id, { holder: answer.hold.holder, items: one.items, flags: {} });
        if (!answer.replayed) model.resolve(one.id, answer.hold.items);
      }
    } else if (one.do === 'extend' && known) {
      const answer = await pool.extend(known, { forMs: one.forMs });
      const text = answer.status === 'held' ? `held:${answer.hold.expiresAt}` : answer.status;
      expect(text).toBe(model.extend(one.id, one.forMs));
    } else if (one.do === 'commit' && known) {
      expect((await pool.commit(known, noRows)).status).toBe(model.commit(one.id));
    } else if (one.do === 'late' && firstGranted.get(one.id)?.token === known?.token && known) {
      expect((await pool.commit(known, noRows)).status).toBe(model.commit(one.id));
    } else if (one.do === 'late' && known) {
      // of what the hold was before nothing can be had
      const late = await pool.commit(firstGranted.get(one.id) as Hold, noRows);
      expect(late.status).not.toBe('sold');
    } else if (one.do === 'return') {
      expect((await pool.return({ id: one.id }, noRows)).status).toBe(model.takeBack(one.id));
    }

    const { skus } = await pool.available({ seats: true });
    model.expire();
    for (const sku of ['GA', 'STALLS', 'HALL']) {
      const { seats = {}, waiting, ...count } = skus[sku] as NonNullable<(typeof skus)[string]>;
      expect(count).toEqual(model.count(sku));
      expect(waiting).toBe(model.waiting(sku));
      expect(count.free + count.held + count.sold).toBe(count.total);
      const taken = Object.entries(seats).filter(([, state]) => state !== 'free');
      expect(Object.fromEntries(taken)).toEqual(
        sku === 'GA' ? {} : Object.fromEntries(model.seats(sku)),
      );
    }
  }
  expect(await first.verify()).toEqual({ ok: true, differences: [] });
  await Promise.all(pools.map((pool) => pool.close()));
}

test.each(BOARDS)(
  'two processes on the %s board answer every sequence of commands as the model does',
  async (board) => {
    const shops = [clients(), clients()];
    await shops[0]?.store.migrate();
    const commands = fc.array(
      fc.tuple(step, fc.nat(1)).map(([one, by]) => ({ ...one, by })),
      { minLength: 5, maxLength: 40, size: 'max' },
    );
    await fc.assert(
      fc.asyncProperty(commands, (steps) => run(board, shops, steps)),
      {
        ...{ numRuns: board === 'memory' ? 4 * RUNS : RUNS, endOnFailure: board !== 'memory' },
        examples: [[usedAgain]],
      },
    );
  },
  600_000,
);
