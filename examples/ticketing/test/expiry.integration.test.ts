import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Refused } from '../launcher/buyer.ts';
import { slug, TestShop } from './test-shop.ts';

let shop: TestShop;
beforeAll(async () => {
  shop = await TestShop.start({ HOLD_TTL_MS: '1500', HOLD_GRACE_MS: '0', PSP_LATENCY_MS: '4000' });
});
afterAll(() => shop?.stop());

describe('a hold whose time is over', () => {
  it('cannot be paid any more, and its seat is free for the next', async () => {
    const [late, next] = [await shop.buyer(), await shop.buyer()];
    const hold = await late.hold(slug, ['A-1']);
    await expect.poll(async () => (await next.availability(slug)).seats['A-1']).toBe(undefined);
    const error = await late.order(hold.id).catch((reason) => reason);
    expect(error).toBeInstanceOf(Refused);
    expect([error.status, error.problem.code]).toEqual([410, 'hold_expired']);
    const again = await next.hold(slug, ['A-1']);
    await next.release(again.id);
  });

  it('ends in the middle of a slow payment: the money goes back, the order says so', async () => {
    const buyer = await shop.buyer();
    const { id } = await buyer.order((await buyer.hold(slug, ['B-1'])).id);
    await expect.poll(async () => (await buyer.readOrder(id)).state).toBe('expired');
    const charge = (await shop.charges()).find(({ reference }) => reference === id);
    expect(charge?.state).toBe('voided');
    expect((await shop.pspStats()).captured).toBe(0);
    expect((await buyer.availability(slug)).seats['B-1']).toBeUndefined();
    expect((await shop.ledger()).tickets).toBe(0);
    expect(await shop.verify()).toMatchObject({ ok: true });
  });
});
