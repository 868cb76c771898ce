/** The pages beside the sale itself, in real Chromium on one running shop: queue, refund, office, door. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { paths } from '../addresses.ts';
import type { NewEvent } from '../contract.ts';
import { address } from './browser-crowd.ts';
import { openBrowser, phone, Window } from './browser-window.ts';
import { each, TestShop } from './test-shop.ts';

let shop: TestShop;
let browser: Browser;
// a busy machine is slow, not wrong
vi.setConfig({ testTimeout: 150_000, hookTimeout: 150_000 });

beforeAll(async () => {
  [shop, browser] = await Promise.all([TestShop.start({ PSP_LATENCY_MS: '300' }), openBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await shop?.stop();
});

const dark = { viewport: { width: 1280, height: 860 }, colorScheme: 'dark' as const };
const event: NewEvent = {
  slug: 'midnight-sun',
  title: 'Midnight Sun',
  tagline: 'The whole coast wants in.',
  venue: 'Harbour Hall',
  city: 'Port Merrow',
  startsAt: '2031-06-21T21:30:00.000Z',
  currency: 'EUR',
  opensAt: null,
  hasWaitingRoom: true,
  admitPerSecond: 1,
  categories: [{ sku: 'all', name: 'Hall', priceCents: 4_200, rows: [{ row: 'A', seats: 30 }] }],
};
const put = async (changes: Partial<NewEvent>) => {
  const created = { ...event, ...changes };
  await (await shop.buyer('organiser')).call('POST', paths.organiser.events, created);
  return `${shop.url}/events/${created.slug}`;
};

describe('the opening', () => {
  it('counts down by the server, whatever the clock of this machine says, and opens by itself', async () => {
    const opensAt = new Date(Date.now() + 25_000).toISOString();
    const url = await put({ slug: 'early-bird', hasWaitingRoom: false, opensAt });
    const window = await Window.open(browser, 'about:blank');
    // two hours fast: by its own clock the sale began long ago
    await window.page.clock.install({ time: Date.now() + 7_200_000 });
    await window.page.goto(url);
    await window.heading('The sale opens soon').waitFor();
    await window.isAccessible('before the opening');
    await window.screenshot('opening');
    await window.heading('Choose your seats').waitFor();
    expect(Date.now()).toBeGreaterThan(Date.parse(opensAt) - 1_000);
    await window.close();
  });
});

describe('the waiting room', () => {
  it('keeps the place over reload and tabs, tells how far it is, and opens the hall', async () => {
    const window = await (await Window.open(browser, shop.url, dark)).ready();
    await window.button('Sign in').click();
    await window.register('Wanda Waiting', address());
    const crowd = await each(Array.from({ length: 12 }), 4, () => shop.buyer());
    const opensAt = new Date(Date.now() + 20_000).toISOString();
    const url = await put({ opensAt });
    const arriving = each(crowd, 4, (buyer) => buyer.call('POST', paths.waitingTicket(event.slug)));
    await window.page.goto(url);
    await window.heading('The sale opens soon').waitFor();
    await window.button('Join the waiting room').click();
    await arriving;
    await window.heading('You are in the waiting room').waitFor();
    await window.isAccessible('lobby, dark');
    await window.screenshot('waiting-lobby');
    // nobody asks over and over: whatever the page learns from here on comes over the WebSocket
    const asked: string[] = [];
    window.page.on('request', (request) => {
      if (request.url().includes('/waiting-room')) asked.push(request.url());
    });
    const position = window.page.locator('[data-position]');
    await position.waitFor();
    await window.isAccessible('queue, dark');
    await window.screenshot('waiting-queue');
    expect(asked.filter((one) => !one.endsWith('/passes'))).toEqual([]);

    await window.page.reload();
    const second = await window.tab();
    await Promise.all([
      window.heading('Choose your seats').waitFor(),
      second.heading('Choose your seats').waitFor(),
    ]);
    await window.page.getByText('It is your turn.').waitFor();
    await window.isAccessible('inside');
    await window.screenshot('waiting-admitted');
    await window.pick('A-15');
    await window.button('Hold seats').click();
    await window.heading('Pay with a test card').waitFor();
    expect(second.complaints).toEqual([]);
    await window.close();
  });

  it('fits a phone, and survives a lost connection', async () => {
    const sale = paths.organiser.sale(event.slug);
    const organiser = await shop.buyer('organiser');
    const window = await Window.open(browser, `${shop.url}/events/${event.slug}`, phone);
    await window.heading('Please queue').waitFor();
    await window.button('Join the waiting room').click();
    await window.register('Late Larry', address());
    await window.page.locator('[data-position], .seat').first().waitFor();
    await window.fitsItsWidth();
    await window.context.setOffline(true);
    await window.page
      .getByText('your place is not')
      .or(window.page.locator('.seat').first())
      .first()
      .waitFor();
    await window.screenshot('waiting-phone');
    await window.context.setOffline(false);
    await organiser.call('PUT', sale, { paused: false, admitPerSecond: 100 });
    await window.heading('Choose your seats').waitFor().catch(async (e) => { await window.screenshot('larry', {fullPage:true}); console.log(JSON.stringify(window.complaints), shop.log.slice(-10)); throw e; });
    await window.close(/ERR_INTERNET_DISCONNECTED/);
  });
});

describe('an order', () => {
  it('can be given back for its money, which the page sees arrive', async () => {
    const window = await (await Window.open(browser, shop.url)).ready();
    const other = await (await Window.open(browser, shop.url)).ready();
    await window.hold(address(), 'C-3', 'C-4');
    await window.button('I need two more minutes').click();
    await expect
      .poll(() => window.page.getByRole('timer').textContent())
      .toMatch(/^(4:00|3:[345]\d)$/);
    await window.button('I need two more minutes').waitFor({ state: 'hidden' });
    await window.pay();
    await window.heading('You are in').waitFor();
    await other.sees('C-3', 'sold');
    await window.button('Cancel this order').click();
    await window.isAccessible('asks before it cancels');
    await window.screenshot('order-cancelled');
    // only the WebSocket can tell that the money is there
    await window.page.route('**/api/orders/*', (route) => route.abort());
    await window.button('Yes, cancel and refund').click();
    await window.heading('Your money is back').waitFor();
    await window.isAccessible('refunded');
    await window.screenshot('order-refunded');
    await Promise.all([other.sees('C-3', 'free'), other.sees('C-4', 'free')]);
    expect((await shop.charges()).map(({ state }) => state)).toContain('refunded');
    await other.close();
    await window.close(/ERR_FAILED/);
  });

  it('asks again when the price has changed between the map and the payment', async () => {
    const window = await (await Window.open(browser, shop.url)).ready();
    await window.hold(address(), 'A-3');
    const organiser = await shop.buyer('organiser');
    const price = paths.organiser.price('northern-lights', 'front');
    await organiser.call('PUT', price, { priceCents: 15_500 });
    await window.pay();
    await window.page.getByText('Nothing was charged. The total below is the new one.').waitFor();
    await window.button('Pay €155.00').click();
    await window.heading('You are in').waitFor();
    await window.close(/status of 409/);
  });
});
