import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { firstNight } from '../services/catalog/seed.ts';
import { chargeMs, expectAllSold, openRush, orders, rushSettings, untilSettled } from './rush.ts';
import { TestShop } from './test-shop.ts';

/** fills two cores, which carry the servers and the buyers as well, when the charges come back: it only has to end right */
const manyPerSecond = 40;
/** at most, on two fast cores */
const ordersPerSecond = 20;
/** of what the machine sells in a second: leaves it room, so that what is measured is whether an answer waits for a charge (decision 78) */
const busy = 0.4;
/** a shop that sells fewer has become dear, and must not pass by being given less to do; a slow machine in a slow hour sold 18 */
const leastPerSecond = 10;
let shop: TestShop | undefined;
afterEach(async () => {
  await shop?.stop();
  shop = undefined;
});

/**
 * One rush in a shop of its own, which has to end right whatever the clock says; returns the p99 of the `202`s in ms, and how long all of it
 * took in seconds.
 */
async function rush(perSecond: number): Promise<{ p99: number; seconds: number }> {
  // warm before it is ready, as deploy/k8s has it
  shop = await TestShop.start({ ...rushSettings, WARM_UP_MS: '3000' });
  const reservations = await openRush(shop);
  const begin = performance.now();
  const accepted = await Promise.all(
    reservations.map(async ({ buyer, holdId }, index) => {
      // they come when they come, not when the server has answered the one before
      await sleep((index * 1_000) / perSecond);
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
    `${perSecond.toFixed(1)} orders/s: 202 p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms; all ${orders} settled in ${seconds.toFixed(1)} s`,
  );
  await expectAllSold(shop, settled, reservations);
  await shop.books.areWhole();
  await shop.stop();
  shop = undefined;
  return { p99, seconds };
}

describe(`${orders} orders for "${firstNight.title}" while a charge takes ${chargeMs / 1000} s`, () => {
  it('all end as tickets, and are accepted with p99 < 50 ms in the best of three rushes', {
    timeout: 400_000,
  }, async () => {
    // on a machine that is busy with something else the figure is that something's: only the figure is taken again
    const p99s: number[] = [];
    const { seconds } = await rush(manyPerSecond);
    const sellsPerSecond = orders / (seconds - chargeMs / 1_000);
    expect(sellsPerSecond).toBeGreaterThan(leastPerSecond);
    const perSecond = Math.min(ordersPerSecond, busy * sellsPerSecond);
    do p99s.push((await rush(perSecond)).p99);
    while (Math.min(...p99s) >= 50 && p99s.length < 3);
    expect(Math.min(...p99s), `p99 of each: ${p99s.map(Math.round)} ms`).toBeLessThan(50);
  });
});
