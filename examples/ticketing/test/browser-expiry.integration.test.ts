/** Time that runs out, as a person meets it: real Chromium and a shop whose holds last six seconds. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { address } from './browser-crowd.ts';
import { openBrowser, Window } from './browser-window.ts';
import { TestShop } from './test-shop.ts';

let shop: TestShop;
let browser: Browser;
// a busy machine is slow, not wrong
vi.setConfig({ testTimeout: 150_000, hookTimeout: 150_000 });

beforeAll(async () => {
  const settings = { HOLD_TTL_MS: '6000', HOLD_GRACE_MS: '0' };
  [shop, browser] = await Promise.all([TestShop.start(settings), openBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await shop?.stop();
});

describe('a hold that runs out', () => {
  it('ends in a screen that says so, and the seat is free again for the others', async () => {
    const window = await (await Window.open(browser, shop.url)).ready();
    const other = await (await Window.open(browser, shop.url)).ready();
    await window.hold(address(), 'A-8');
    await other.sees('A-8', 'held');
    await window.heading('Your time to pay has run out').waitFor();
    await window.screenshot('hold-expired');
    await other.sees('A-8', 'free');
    await window.button('Choose seats again').click();
    await window.sees('A-8', 'free');

    // a bank that answers when the seats are gone: the money goes back, and the page says so
    await window.pick('A-9');
    await window.button('Hold seats').click();
    await window.heading('Pay with a test card').waitFor();
    await shop.faults({ latencyMs: 9_000 });
    await window.pay();
    await window.heading('The payment came too late').waitFor();
    await window.screenshot('paid-too-late');
    await other.sees('A-9', 'free');
    const charges = (await shop.charges()).map(({ state }) => state);
    expect(charges).toEqual(['voided']);
    await other.close();
    await window.close();
  });
});
