import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chargeMs, expectAllSold, openRush, orders, rushSettings, untilSettled } from './rush.ts';
import { each, TestShop } from './test-shop.ts';

let shop: TestShop;
beforeAll(async () => {
  shop = await TestShop.start(rushSettings);
});
afterAll(async () => {
  await shop?.stop();
});

describe(`${orders} orders while a charge takes ${chargeMs / 1000} s`, () => {
  it('all end as tickets, none charged twice, when the worker is killed in the middle', async () => {
    const reservations = await openRush(shop);
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
