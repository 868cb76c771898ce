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
import { ModelPool } from './model.ts';
import { clients, fakeClock, noRows } from './setup.ts';

const SEATS = ['A-1', 'A-2', 'A-3', 'A-4'];
const LIMITS = { ttlMs: 1_000, graceMs: 100, maxHoldMs: 2_500, limitPerHolder: 5 };
const START = 1_800_000_000_000;

const items: fc.Arbitrary<Item[]> = fc.oneof(
  fc.integer({ min: 1, max: 4 }).map((quantity) => [{ sku: 'GA', quantity }]),
  fc.subarray(SEATS, { minLength: 1, maxLength: 3 }).map((seats) => [{ sku: 'STALLS', seats }]),
  fc.tuple(fc.integer({ min: 1, max: 2 }), fc.constantFrom(...SEATS)).map(([quantity, seat]) => [
    { sku: 'GA', quantity },
    { sku: 'STALLS', seats: [seat] },
  ]),
);
const id = fc.integer({ min: 0, max: 9 }).map((n) => `hold-${n}`);
const holder = fc.constantFrom('ada', 'bob', 'cyd');
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('hold' as const), id, holder, items }) },
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
    case 'released':
      return 'reason' in answer ? `released:${answer.reason}` : 'released';
    default:
      return answer.status;
  }
}

/** One sale: two processes, one model, the same commands. */
async function run(
  shops: readonly ReturnType<typeof clients>[],
  steps: readonly (Step & { by: number })[],
): Promise<void> {
  const clock = fakeClock(START);
  const options = { ...LIMITS, pool: uniqueName('model'), clock, maintainEveryMs: Infinity };
  const pools = shops.map(({ redis, store }) => new HoldPool({ redis, store, ...options }));
  const [first] = pools as [HoldPool];
  await first.open({ GA: 6, STALLS: { seats: SEATS } });
  const model = new ModelPool({ GA: 6, STALLS: SEATS.length }, LIMITS, START);
  const asked = new Map<string, { holder: string; items: Item[] }>();
  const granted = new Map<string, Hold>();

  const journalled = async () => {
    const ledger = await shops[0]?.store.ledger(options.pool);
    const open = ledger?.open.filter((entry) => entry.expiresAt + LIMITS.graceMs > model.now);
    return open?.map((entry) => `${entry.id} ${entry.expiresAt}`).sort();
  };
  const hold = async (pool: HoldPool, name: string, body: { holder: string; items: Item[] }) => {
    const answer = await pool.hold({ id: name, ...body });
    if (answer.status === 'held') granted.set(name, answer.hold);
    expect(describe(answer)).toBe(model.hold(name, body.holder, body.items));
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
      await expect.poll(journalled).toEqual(model.open()); // written behind
      await shops[0]?.redis.del(keysOf(options.pool));
      model.lose();
    } else if (one.do === 'release') {
      expect((await pool.release({ id: one.id })).status).toBe(model.release(one.id));
    } else if (one.do === 'replace' && known) {
      const answer = await pool.replace(known, one.items);
      if (answer.status === 'held') {
        granted.set(one.id, answer.hold);
        asked.set(one.id, answer.hold);
      }
      expect(describe(answer)).toBe(model.replace(one.id, one.items));
    } else if (one.do === 'extend' && known) {
      const answer = await pool.extend(known, { forMs: one.forMs });
      const text = answer.status === 'held' ? `held:${answer.hold.expiresAt}` : answer.status;
      expect(text).toBe(model.extend(one.id, one.forMs));
    } else if (one.do === 'commit' && known) {
      expect((await pool.commit(known, noRows)).status).toBe(model.commit(one.id));
    }

    const { skus } = await pool.available({ seats: true });
    for (const sku of ['GA', 'STALLS']) {
      const { seats = {}, waiting: _, ...count } = skus[sku] as NonNullable<(typeof skus)[string]>;
      expect(count).toEqual(model.count(sku));
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

test('two processes answer every sequence of commands as the model does', async () => {
  const shops = [clients(), clients()];
  await shops[0]?.store.migrate();
  const commands = fc.array(
    fc.tuple(step, fc.nat(1)).map(([one, by]) => ({ ...one, by })),
    { minLength: 5, maxLength: 40, size: 'max' },
  );
  await fc.assert(
    fc.asyncProperty(commands, (steps) => run(shops, steps)),
    { numRuns: 50, endOnFailure: true },
  );
}, 180_000);
