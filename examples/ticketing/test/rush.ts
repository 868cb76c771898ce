/** A rush of orders while a charge is slow: what the tests of it begin with, and how it must end. */
import { expect } from 'vitest';
import type { Availability, Order } from '../contract.ts';
import type { Buyer } from '../launcher/buyer.ts';
import { each, slug, type TestShop } from './test-shop.ts';

export const orders = 200;
/** purchases before the rush, as a deployment's smoke test makes them */
const earlier = 10;
export const chargeMs = 2_000;
export const rushSettings = { PSP_LATENCY_MS: String(chargeMs), SEATS_PER_BUYER: '100' };

type Reservation = { buyer: Buyer; holdId: string; amountCents: number };

/** What a shop of `rushSettings` then has: a hall whose first 200 seats are held, each by a purchase of its own, and nothing is paid yet. */
export async function openRush(shop: TestShop): Promise<Reservation[]> {
  const buyers = await each(Array.from({ length: 20 }), 4, () => shop.buyer());
  const { categories } = await (buyers[0] as Buyer).event(slug);
  const seats = categories
    .flatMap(({ rows }) => rows)
    .flatMap(({ row, seats }) => Array.from({ length: seats }, (_, n) => `${row}-${n + 1}`))
    .slice(0, orders + earlier);
  const reservations = await each(seats, 8, async (seat, index) => {
    const buyer = buyers[index % buyers.length] as Buyer;
    const { id, amountCents } = await buyer.hold(slug, [seat]);
    return { buyer, holdId: id, amountCents };
  });
  const first = reservations.splice(orders);
  const accepted = await each(first, 2, ({ buyer, holdId }) => buyer.order(holdId));
  await untilSettled(
    first.map(({ buyer }) => buyer),
    accepted.map(({ id }) => id),
  );
  return reservations;
}

/** Reads the orders until all are decided. */
export async function untilSettled(buyers: Buyer[], ids: string[]): Promise<Order[]> {
  const read = () => each(ids, 8, (id, index) => (buyers[index] as Buyer).readOrder(id));
  let settled: Order[] = [];
  await expect
    .poll(
      async () => {
        settled = await read();
        return settled.filter(({ state }) => state === 'processing').length;
      },
      { timeout: 60_000, interval: 500 },
    )
    .toBe(0);
  return settled;
}

/** Every order ended as a ticket, each was paid once, and the two stores agree about every seat. */
export async function expectAllSold(shop: TestShop, settled: Order[], reservations: Reservation[]) {
  const sold = orders + earlier;
  expect(settled.filter(({ state }) => state === 'paid')).toHaveLength(orders);
  expect(new Set(settled.flatMap(({ tickets }) => tickets.map(({ seat }) => seat))).size).toBe(
    orders,
  );

  // the last captures follow their tickets
  await expect.poll(async () => (await shop.pspStats()).captured, { timeout: 30_000 }).toBe(sold);
  const charges = await shop.charges();
  expect(charges).toHaveLength(sold);
  expect(new Set(charges.map(({ reference }) => reference)).size).toBe(sold);
  const asked = new Map(settled.map(({ id, amountCents }) => [id, amountCents]));
  for (const { reference, amountCents } of charges) {
    if (asked.has(reference)) expect(amountCents).toBe(asked.get(reference));
  }
  expect([...asked.values()].reduce((sum, cents) => sum + cents, 0)).toBe(
    reservations.reduce((sum, { amountCents }) => sum + amountCents, 0),
  );

  await expect.poll(async () => (await shop.ledger()).captured).toBe(sold);
  const { total, ...ledger } = await shop.ledger();
  expect(ledger).toEqual({
    sold,
    tickets: sold,
    seats: sold,
    orders: { paid: sold },
    captured: sold,
  });
  const { counts } = (await (
    await fetch(`${shop.url}/api/events/${slug}/availability`)
  ).json()) as Availability;
  const sum = (part: 'total' | 'free' | 'held' | 'sold') =>
    counts.reduce((all, count) => all + count[part], 0);
  expect([sum('sold'), sum('held'), sum('free')]).toEqual([sold, 0, total - sold]);
  expect(sum('total')).toBe(total);
  expect(await shop.verify()).toEqual({ ok: true, differences: [] });
}
