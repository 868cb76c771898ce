/** The other buyers of a browser test: they use the API, as a page would, and fill the hall. */
import { uniqueName } from '../../../test/backends.ts';
import type { HeldSeats } from '../contract.ts';
import { type Buyer, Refused } from '../launcher/buyer.ts';
import { each, slug, type TestShop } from './test-shop.ts';

export type Rival = { buyer: Buyer; hold: HeldSeats };

export const boughtBefore = [
  ['A-8', 'A-9', 'A-10'],
  ['B-5', 'B-6'],
  ['C-14', 'C-15', 'C-16'],
  ['D-9', 'D-10', 'D-11', 'D-12'],
  ['E-5', 'E-6'],
  ['E-13', 'E-14', 'E-15'],
  ['F-11', 'F-12'],
  ['G-12', 'G-13', 'G-14'],
  ['H-7', 'H-8'],
  ['J-16', 'J-17', 'J-18', 'J-19'],
  ['K-5', 'K-6'],
  ['L-14', 'L-15'],
  ['N-9', 'N-10'],
];
export const heldByOthers = [
  ['D-14', 'D-15'],
  ['F-15', 'F-16'],
  ['G-8', 'G-9'],
  ['M-11', 'M-12', 'M-13'],
];

/** Each group of seats is held by a buyer of its own. */
export function holdEach(shop: TestShop, groups: readonly string[][]): Promise<Rival[]> {
  return each(groups, 8, async (seats) => {
    const buyer = await shop.buyer();
    return { buyer, hold: await buyer.hold(slug, seats) };
  });
}

export async function payEach(rivals: readonly Rival[]): Promise<void> {
  await each(rivals, 8, ({ buyer, hold }) => buyer.order(hold.id));
}

export async function releaseEach(rivals: readonly Rival[]): Promise<void> {
  await each(rivals, 8, ({ buyer, hold }) =>
    buyer.release(hold.id).catch((error) => {
      // on a slow machine its two minutes are over: then it is free already
      if (!(error instanceof Refused && error.problem.code === 'not_found')) throw error;
    }),
  );
}

/** All free seats, in groups as large as one buyer may hold. */
export async function freeSeats(shop: TestShop): Promise<string[][]> {
  const buyer = await shop.buyer();
  const { categories } = await buyer.event(slug);
  const { seats } = await buyer.availability(slug);
  const free = categories
    .flatMap(({ rows }) => rows)
    .flatMap(({ row, seats: count }) => Array.from({ length: count }, (_, i) => `${row}-${i + 1}`))
    .filter((seat) => !(seat in seats));
  return Array.from({ length: Math.ceil(free.length / 6) }, (_, i) => free.slice(i * 6, i * 6 + 6));
}

/** The number of orders that are not decided yet. */
export async function undecided(shop: TestShop): Promise<number> {
  return (await shop.ledger()).orders.processing ?? 0;
}

/** An e-mail address that nobody has an account with. */
export function address(): string {
  return `${uniqueName('person')}@example.com`;
}
