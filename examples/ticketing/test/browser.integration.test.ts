/** The shop as a person meets it: real Chromium, real clicks, real servers behind. */
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { importPublishedKey, verifyTicket } from '../services/tickets/ticket-code.ts';
import {
  address,
  boughtBefore,
  freeSeats,
  heldByOthers,
  holdEach,
  payEach,
  releaseEach,
  undecided,
} from './browser-crowd.ts';
import { moving, openBrowser, phone, Window } from './browser-window.ts';
import { slug, TestShop } from './test-shop.ts';

const example = fileURLToPath(new URL('..', import.meta.url));
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

describe('the pages', () => {
  it('sells two seats in one window while the other sees them go, without a reload', async () => {
    await payEach(await holdEach(shop, boughtBefore));
    await expect.poll(() => undecided(shop), { timeout: 30_000 }).toBe(0);
    const rivals = await holdEach(shop, heldByOthers);

    const buyer = await (await Window.open(browser, shop.url, moving)).ready();
    const other = await Window.open(browser, shop.url, {
      viewport: { width: 1280, height: 860 },
      colorScheme: 'dark',
    });
    await other.ready();
    await other.page.evaluate('window.neverReloaded = true');
    await other.screenshot('event-dark', { fullPage: true });

    await buyer.pick('C-10', 'C-11');
    await buyer.screenshot('event-page', { fullPage: true });
    await buyer.button('Hold seats').click();
    await buyer.heading('Sign in').waitFor();
    await buyer.screenshot('sign-in', { within: '.dialog' });
    await buyer.signInAsDemo();

    await buyer.heading('Pay with a test card').waitFor();
    expect(await buyer.page.getByRole('timer').textContent()).toMatch(/^(2:00|1:[345]\d)$/);
    await buyer.screenshot('checkout');
    await Promise.all([other.sees('C-10', 'held'), other.sees('C-11', 'held')]);
    await other.seat('C-10').hover();
    await other.screenshot('second-window-held');

    // nobody but the WebSocket can tell how the payment gets on
    await buyer.page.route('**/api/orders/*', (route) => route.abort());
    await shop.faults({ latencyMs: 6_000 });
    await buyer.pay();
    await buyer.page.locator('[aria-current=step]', { hasText: 'Charging your card' }).waitFor();
    await buyer.screenshot('payment');
    await shop.faults({ latencyMs: 300 });
    await buyer.heading('You are in').waitFor();
    expect(await buyer.page.locator('.ticket').count()).toBe(2);

    await Promise.all([other.sees('C-10', 'sold'), other.sees('C-11', 'sold')]);
    await other.seat('C-10').hover();
    await other.screenshot('second-window-sold');
    expect(await other.page.evaluate('window.neverReloaded')).toBe(true);

    // without any network, the page proves that the ticket is genuine
    await buyer.context.setOffline(true);
    await buyer.button('Verify offline').first().click();
    await buyer.page.getByText('Genuine. The signature was checked on this device').waitFor();
    await buyer.context.setOffline(false);
    await buyer.page.locator('.connection.is-live').waitFor();
    await buyer.screenshot('tickets', { fullPage: true });

    const { rows } = await shop.database.query<{ code: string; seat: string }>(
      "select code, seat from tickets where seat in ('C-10', 'C-11') order by seat",
    );
    const key = importPublishedKey(await (await shop.buyer()).ticketKey());
    const seats = rows.map(({ code }) => verifyTicket(code, key)?.seat);
    expect(seats).toEqual(['C-10', 'C-11']);
    const sold = boughtBefore.flat().length + 2;
    const captured = boughtBefore.length + 1;
    await expect.poll(() => shop.ledger()).toMatchObject({ sold, tickets: sold, captured });
    await releaseEach(rivals);
    await other.close();
    await buyer.close(/ERR_INTERNET_DISCONNECTED/, /ERR_FAILED/);
  });

  it('takes no money for a declined card, and another card buys the same seats', async () => {
    const window = await (await Window.open(browser, shop.url)).ready();
    await window.hold(address(), 'B-9');
    await window.pay('The empty card');
    await window.heading('Your bank declined the card').waitFor();
    await window.page.getByText('The seat is still held for you.').waitFor();
    await window.screenshot('declined');
    await window.button('Try another card').click();
    await window.pay('The good card');
    await window.heading('You are in').waitFor();
    const states = (await shop.charges()).map(({ state }) => state);
    expect(states.filter((state) => state === 'declined')).toHaveLength(1);
    await window.close();
  });

  it('finds its order again after a reload in the middle of the payment, and charges once', async () => {
    const window = await (await Window.open(browser, shop.url)).ready();
    await window.hold(address(), 'D-4', 'D-5');
    await shop.faults({ latencyMs: 5_000 });
    const before = (await shop.pspStats()).charges;
    await window.pay();
    await window.page.locator('[aria-current=step]', { hasText: 'Charging your card' }).waitFor();
    const order = window.page.url();
    expect(order).toMatch(/#order\/[0-9a-f-]{36}$/);

    await window.page.reload();
    await window.page.locator('[aria-current=step]', { hasText: 'Charging your card' }).waitFor();
    await shop.faults({ latencyMs: 300 });
    await window.heading('You are in').waitFor();
    expect(window.page.url()).toBe(order);
    expect((await shop.pspStats()).charges).toBe(before + 1);

    // the way back does not lead to a form that was sent already
    await window.page.goBack();
    await window.heading('Choose your seats').waitFor();
    await window.sees('D-4', 'sold');
    await window.close();
  });

  it('makes one order of two tabs that both press Pay', async () => {
    const first = await (await Window.open(browser, shop.url)).ready();
    await first.hold(address(), 'E-11');
    const second = await first.tab();
    await second.heading('Pay with a test card').waitFor();
    const before = (await shop.pspStats()).charges;
    // neither the answer to the first tab nor the charge comes before the second has pressed the button
    await shop.faults({ latencyMs: 4_000 });
    let pressed = () => {};
    const alsoPressed = new Promise<void>((resolve) => {
      pressed = resolve;
    });
    await first.page.route('**/api/orders', async (route) => {
      const response = await route.fetch();
      await alsoPressed;
      await route.fulfill({ response });
    });
    await first.pay();
    await expect.poll(() => undecided(shop)).toBe(1);
    await second.pay();
    await shop.faults({ latencyMs: 300 });
    pressed();
    await Promise.all([
      first.heading('You are in').waitFor(),
      second.heading('You are in').waitFor(),
    ]);
    expect(first.page.url()).toBe(second.page.url());
    expect((await shop.pspStats()).charges).toBe(before + 1);
    expect(second.complaints).toEqual([]);
    await first.close();
  });

  it('gives up a picked seat with a word when somebody else is faster', async () => {
    const window = await (await Window.open(browser, shop.url)).ready();
    await window.pick('F-5', 'F-6');
    const rival = await shop.buyer();
    const hold = await rival.hold(slug, ['F-6']);
    await window.sees('F-6', 'held');
    await window.page.getByText('Row F, seat 6 has just been taken by somebody else.').waitFor();
    await window.sees('F-5', 'selected');
    await rival.release(hold.id);
    await window.sees('F-6', 'free');
    await window.close();
  });

  it('catches up after the network was gone', async () => {
    const window = await (await Window.open(browser, shop.url)).ready();
    await window.context.setOffline(true);
    await window.page.locator('.connection.is-lost').waitFor();
    await window.page.getByText('Your connection is gone.').waitFor();
    await window.screenshot('network-lost');
    const rival = await shop.buyer();
    const hold = await rival.hold(slug, ['G-3']);
    await window.context.setOffline(false);
    await window.sees('G-3', 'held');
    await window.page.locator('.connection.is-live').waitFor();
    await rival.release(hold.id);
    await window.close(/ERR_INTERNET_DISCONNECTED/);
  });

  it('fetches the seats anew when a message about them is missing', async () => {
    const window = await Window.open(browser, shop.url);
    let isDropping = true;
    await window.page.routeWebSocket('**/ws', (socket) => {
      const server = socket.connectToServer();
      server.onMessage((message) => {
        if (isDropping && String(message).startsWith('{"type":"change"')) isDropping = false;
        else socket.send(message);
      });
    });
    await window.page.reload();
    await window.ready();
    const rival = await shop.buyer();
    const lost = await rival.hold(slug, ['H-1']);
    await expect.poll(() => isDropping).toBe(false);
    expect(await window.seat('H-1').getAttribute('data-look')).toBe('free');
    const told = await rival.hold(slug, ['H-2']);
    await Promise.all([window.sees('H-1', 'held'), window.sees('H-2', 'held')]);
    await Promise.all([rival.release(lost.id), rival.release(told.id)]);
    await window.close();
  });

  it('watches again what was refused when it came, as it is while Redis is gone', async () => {
    const window = await Window.open(browser, shop.url);
    let isRefusing = true;
    await window.page.routeWebSocket('**/ws', (socket) => {
      const server = socket.connectToServer();
      socket.onMessage((message) => {
        if (isRefusing && String(message).includes('"watch-event"')) {
          isRefusing = false;
          const problem = { code: 'unavailable', message: 'Try again.', retryAfterMs: 100 };
          socket.send(JSON.stringify({ type: 'problem', problem }));
        } else server.send(message);
      });
    });
    await window.page.reload();
    await expect.poll(() => isRefusing).toBe(false);
    await window.ready();
    const rival = await shop.buyer();
    const hold = await rival.hold(slug, ['H-3']);
    await window.sees('H-3', 'held');
    await rival.release(hold.id);
    await window.close();
  });

  it('says so when the shop cannot be reached, and opens once it can, by itself or when it is asked', async () => {
    const window = await (await Window.open(browser, shop.url)).ready();
    for (const isAsked of [true, false]) {
      await window.page.route('**/api/events/**', (route) => route.abort());
      await window.page.reload();
      await window.heading('We cannot reach the ticket office').waitFor();
      if (isAsked) await window.screenshot('unreachable');
      await window.page.unroute('**/api/events/**');
      if (isAsked) await window.button('Try now').click();
      await window.ready();
    }
    await window.close(/ERR_FAILED/);
  });

  it('can be used by keyboard alone', async () => {
    const window = await (await Window.open(browser, shop.url)).ready();
    const { keyboard } = window.page;
    const focused = () => window.page.locator(':focus');
    for (let step = 0; step < 12; step += 1) {
      await keyboard.press('Tab');
      if ((await focused().getAttribute('role')) === 'checkbox') break;
    }
    expect(await focused().getAttribute('data-seat')).toBe('A-9');
    await keyboard.press('ArrowDown');
    await keyboard.press('ArrowRight');
    const label = await focused().getAttribute('aria-label');
    expect(label).toBe('Row B, seat 11, Front stalls, €145.00, Free');
    await keyboard.press('Space');
    await window.sees('B-11', 'selected');
    expect(await focused().getAttribute('aria-checked')).toBe('true');
    await window.screenshot('keyboard');
    await keyboard.press('Space');
    await window.sees('B-11', 'free');
    await window.close();
  });

  it('fits a phone of 360 pixels from the first look to the ticket', async () => {
    const window = await Window.open(browser, shop.url, phone);
    await window.ready();
    await window.fitsItsWidth();
    await window.screenshot('event-phone');
    await window.page.getByLabel('Where').selectOption({ label: 'Balcony' });
    await window.button('Find best').click();
    await window.fitsItsWidth();
    await window.button('Hold seats').click();
    await window.register('Pat Phone', address());
    await window.heading('Pay with a test card').waitFor();
    await window.fitsItsWidth();
    await window.screenshot('checkout-phone', { fullPage: true });
    await window.pay();
    await window.heading('You are in').waitFor();
    await window.fitsItsWidth();
    await window.screenshot('tickets-phone');
    await window.close();
  });

  it('says in the form what is wrong with the password', async () => {
    const window = await (await Window.open(browser, shop.url)).ready();
    await window.button('Sign in').click();
    await window.page.getByLabel('E-mail').fill('demo@evenkeel.example');
    await window.page.getByLabel('Password').fill('not the password');
    await window.page.locator('.dialog button[type=submit]').click();
    await window.page.getByRole('alert').waitFor();
    await window.screenshot('sign-in-wrong', { within: '.dialog' });
    await window.button('Close').click();
    await window.close(/status of 401/);
  });

  it('shows an event that does not exist, and an order of somebody else, as such', async () => {
    const window = await Window.open(browser, `${shop.url}/events/no-such-night`);
    await window.heading('There is no such event').waitFor();
    await window.screenshot('no-such-event');
    await window.page.goto(`${shop.url}/#order/00000000-0000-4000-8000-000000000000`);
    await window.heading('Whose order is this?').waitFor();
    await window.button('Sign in').last().click();
    await window.signInAsDemo();
    await window.heading('We cannot find this order').waitFor();
    await window.screenshot('order-unknown');
    await window.close(/status of 404/);
  });

  it('is not held up by an order of a shop that is no more', async () => {
    const window = await (await Window.open(browser, shop.url)).ready();
    const hold = {
      id: '00000000-0000-4000-8000-000000000001',
      event: slug,
      seats: ['J-1'],
      amountCents: 9_500,
      currency: 'EUR',
      expiresAt: new Date(Date.now() + 600_000).toISOString(),
    };
    const orderId = '00000000-0000-4000-8000-000000000002';
    const kept = JSON.stringify({ hold, orderId, lengthMs: 600_000, ordered: true });
    await window.page.evaluate(
      `localStorage.setItem('evenkeel:purchase', ${JSON.stringify(kept)})`,
    );
    await window.page.reload();
    await window.button('See your order').click();
    await window.heading('Whose order is this?').waitFor();
    await window.button('Sign in').last().click();
    await window.signInAsDemo();
    await window.heading('We cannot find this order').waitFor();
    await window.button('Choose seats again').click();
    await window.pick('J-2');
    await window.close(/status of 404/);
  });

  it('loads in less than 150 kB, compressed', async () => {
    const dist = `${example}web/dist/`;
    const assets = (await readdir(`${dist}assets`)).filter((name) => !name.includes('latin-ext'));
    const files = ['index.html', 'favicon.svg', ...assets.map((name) => `assets/${name}`)];
    const sizes = await Promise.all(
      files.map(async (name) => gzipSync(await readFile(dist + name)).length),
    );
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(total).toBeGreaterThan(20_000);
    expect(total).toBeLessThan(150_000);
  });

  it('says when everything is held, when something comes back, and when all is sold', async () => {
    const window = await (await Window.open(browser, shop.url)).ready();
    const [first = [], ...others] = await freeSeats(shop);
    const few = await holdEach(shop, [first]);
    const rest = await holdEach(shop, others);
    await window.page.getByText('Nothing free right now').waitFor();
    await window.screenshot('all-held');

    await releaseEach(few);
    await window.page.getByText('Nothing free right now').waitFor({ state: 'hidden' });
    await window.page.getByText(`Only ${first.length} left`).waitFor();

    await payEach([...(await holdEach(shop, [first])), ...rest]);
    await window.page.getByText('Sold out.').waitFor({ timeout: 40_000 });
    await window.screenshot('sold-out');
    const { total, sold, tickets, seats: different } = await shop.ledger();
    expect([sold, tickets, different]).toEqual([total, total, total]);
    await window.close();
  });
});
