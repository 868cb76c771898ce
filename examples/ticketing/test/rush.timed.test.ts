import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Availability, Order } from '../contract.ts';
import type { Buyer } from '../launcher/buyer.ts';
import { firstNight } from '../services/catalog/seed.ts';
import { each, slug, TestShop } from './test-shop.ts';

const orders = 200;
const ordersPerSecond = 40;
/** purchases before the rush, as a deployment's smoke test makes them */
const earlier = 10;
const chargeMs = 2_000;
let shop: TestShop | undefined;
afterEach(async () => {
  await shop?.stop();
  shop = undefined;
});

type Reservation = { buyer: Buyer; holdId: string; amountCents: number };

/** A hall whose first 200 seats are held, each by a purchase of its own, and nothing is paid yet. */
async function openRush(): Promise<{ shop: TestShop; reservations: Reservation[] }> {
  const started = await TestShop.start({
    PSP_LATENCY_MS: String(chargeMs),
    SEATS_PER_BUYER: '100',
  });
  shop = started;
  const buyers = await each(Array.from({ length: 20 }), 4, () => started.buyer());
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
  return { shop: started, reservations };
}

/** Reads the orders until all are decided. */
async function untilSettled(buyers: Buyer[], ids: string[]): Promise<Order[]> {
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
async function expectAllSold(shop: TestShop, settled: Order[], reservations: Reservation[]) {
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

describe(`${orders} orders for "${firstNight.title}" while a charge takes ${chargeMs / 1000} s`, () => {
  // on a machine that is busy with something else the figure is that something's: it may try again
  it('are accepted with p99 < 50 ms and all end as tickets', { retry: 2 }, async () => {
    const { shop, reservations } = await openRush();
    const begin = performance.now();
    const accepted = await Promise.all(
      reservations.map(async ({ buyer, holdId }, index) => {
        // they come when they come, not when the server has answered the one before
        await sleep((index * 1_000) / ordersPerSecond);
        const start = performance.now();
        const { id } = await buyer.order(holdId);
        return { id, ms: performance.now() - start };
      }),
    );
    const times = accepted.map(({ ms }) => ms).sort((a, b) => a - b);
    const [p50, p99] = [times[orders / 2 - 1], times[Math.ceil(orders * 0.99) - 1]] as [
      number,
      number,
    ];

    const settled = await untilSettled(
      reservations.map(({ buyer }) => buyer),
      accepted.map(({ id }) => id),
    );
    const seconds = (performance.now() - begin) / 1_000;
    console.log(
      `202 p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms; all ${orders} settled in ${seconds.toFixed(1)} s`,
    );
    await expectAllSold(shop, settled, reservations);
    expect(p99).toBeLessThan(50);
  });

  it('all end as tickets, none charged twice, when the worker is killed in the middle', async () => {
    const { shop, reservations } = await openRush();
    const accepted = await each(reservations, 16, ({ buyer, holdId }) => buyer.order(holdId));
    // in the middle: some are paid, some are being charged, some wait
    await expect
      .poll(async () => (await shop.ledger()).tickets, { interval: 50, timeout: 30_000 })
      .toBeGreaterThan(20);
    const { pid } = shop.shop.process('payments');
    process.kill(pid as number, 'SIGKILL');
    const { tickets } = await shop.ledger();
    expect(tickets).toBeLessThan(orders);

    const settled = await untilSettled(
      reservations.map(({ buyer }) => buyer),
      accepted.map(({ id }) => id),
    );
    expect(shop.shop.process('payments').pid).not.toBe(pid);
    await expectAllSold(shop, settled, reservations);
  });
});
