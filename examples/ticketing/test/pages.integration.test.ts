/** The pages beside the sale itself, in real Chromium on one running shop: queue, refund, office, door. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { paths } from '../addresses.ts';
import type { ClientMessage, NewEvent } from '../contract.ts';
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
    const opensAt = new Date(Date.now() + 25_000).toISOString();
    const url = await put({ opensAt });
    const arriving = each(crowd, 4, (buyer) => buyer.call('POST', paths.waitingTicket(event.slug)));
    const said: ClientMessage[] = [];
    window.page.on('websocket', (socket) =>
      socket.on('framesent', ({ payload }) => said.push(JSON.parse(String(payload)))),
    );
    await window.page.goto(url);
    await window.heading('The sale opens soon').waitFor();
    await window.button('Join the waiting room').click();
    await arriving;
    await window.heading('You are in the waiting room').waitFor();
    await window.screenshot('waiting-lobby');
    // nobody asks over and over: whatever the page learns from here on comes over the WebSocket
    const asked: string[] = [];
    window.page.on('request', (request) => {
      if (request.url().includes('/waiting-room')) asked.push(request.url());
    });
    const position = window.page.locator('[data-position]');
    await position.waitFor();
    await window.screenshot('waiting-queue');
    // so near the front it says once where it stands, and is told of its turn at once
    const places = () =>
      said.flatMap((one) => (one.type === 'watch-waiting-room' && one.place) || []);
    const kept = `JSON.parse(localStorage.getItem('evenkeel:waiting:${event.slug}'))`;
    // a place is drawn from 0 to 1; who is drawn the very first is let in as soon as they stand there
    const isFirst = (await window.page.evaluate(`${kept}.firstPosition`)) === 0;
    await expect.poll(() => places().length).toBe(isFirst ? 0 : 1);
    for (const place of places()) expect(place).toBeLessThan(1);

    await window.page.reload();
    const second = await window.tab();
    await Promise.all([
      window.heading('Choose your seats').waitFor(),
      second.heading('Choose your seats').waitFor(),
    ]);
    await window.page.getByText('It is your turn.').waitFor();
    // asked for its pass when it was told of its turn, once more where the reload cut that off
    expect(asked.filter((one) => !one.endsWith('/passes'))).toEqual([]);
    expect(asked.length).toBeLessThanOrEqual(2);
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
    await window.heading('Choose your seats').waitFor();
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
    await window.screenshot('order-cancelled');
    // only the WebSocket can tell that the money is there
    await window.page.route('**/api/orders/*', (route) => route.abort());
    await window.button('Yes, cancel and refund').click();
    await window.heading('Your money is back').waitFor();
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
    await window.page.locator('.seat-list li', { hasText: '€155.00' }).waitFor();
    await window.screenshot('price-changed');
    await window.button('Pay €155.00').click();
    await window.heading('You are in').waitFor();
    await window.close(/status of 409/);
  });
});

/** Signs in with the account that the page offers. */
async function openDesk(path: string, options = dark): Promise<Window> {
  const window = await Window.open(browser, shop.url + path, options);
  await window.heading('Please sign in').waitFor();
  await window.button('Sign in').click();
  await window.signInAsDemo();
  return window;
}

describe('the organiser', () => {
  it('sees the sale move, and changes capacity, price and pace while it runs', async () => {
    const window = await openDesk('/organiser');
    const held = window.page.locator('.figures div', { hasText: 'held' }).locator('dd');
    await held.waitFor();
    await window.page.evaluate('window.neverReloaded = true');
    const before = Number(await held.textContent());
    const buyer = await shop.buyer();
    const hold = await buyer.hold('northern-lights', ['D-1', 'D-2']);
    await expect.poll(() => held.textContent()).toBe(String(before + 2));

    await window.page.getByLabel('Seats on sale in Balcony', { exact: true }).fill('100');
    await window.button('Change capacity: Seats on sale in Balcony').click();
    await window.page.getByText('100 seats of Balcony are on sale now.').waitFor();
    const balcony = async () =>
      (await buyer.availability('northern-lights')).counts.find(({ sku }) => sku === 'balcony');
    expect(await balcony()).toMatchObject({ free: 100, total: 110 });
    await window.page.getByLabel('Seats on sale in Front stalls', { exact: true }).fill('1');
    await window.button('Change capacity: Seats on sale in Front stalls').click();
    await window.page.getByText('seats are held or sold: there cannot be fewer.').waitFor();

    await window.page.getByLabel('Price of Stalls', { exact: true }).fill('88');
    await window.button('Change price: Price of Stalls').click();
    await window.page.getByText('Stalls costs €88.00 from now on.').waitFor();
    await window.button('Pause the sale').click();
    await window.button('Resume the sale').waitFor();
    await expect(buyer.hold('northern-lights', ['D-3'])).rejects.toThrow('paused');
    await window.button('Resume the sale').click();
    await window.button('Pause the sale').waitFor();

    // the provider takes our key no longer: the charge is given up, and its buyer would wait for ever
    await shop.faults({ isLockedOut: true });
    const { id } = await buyer.order(hold.id);
    await shop.database.query(
      `update orders set created_at = now() - interval '2 minutes' where id = $1`,
      [id],
    );
    const stuck = window.page.locator('.stuck-list li', { hasText: id });
    await stuck.getByText('job dead, attempt 1: The payment provider answered 403').waitFor();
    await window.screenshot('organiser', { fullPage: true });
    expect((await shop.charges()).filter(({ reference }) => reference === id)).toEqual([]);
    await shop.faults({ isLockedOut: false });
    await window.button(`Try again: order ${id}`).click();
    await window.page.getByText('Its job is back in the queue.').waitFor();
    await expect
      .poll(async () => (await buyer.readOrder(id)).state, { timeout: 60_000 })
      .toBe('paid');
    await window.page.getByText('nobody waits').waitFor();
    await window.page.getByLabel('Cancel and refund an order').fill(id);
    await window.button('Cancel and refund').click();
    await expect.poll(async () => (await buyer.readOrder(id)).state).toBe('refunded');

    await window.page.getByLabel('Seats on sale in Balcony', { exact: true }).fill('110');
    await window.button('Change capacity: Seats on sale in Balcony').click();
    await expect.poll(async () => (await balcony())?.free).toBe(110);
    await window.page.getByText('capacity.change').first().waitFor();
    expect(await window.page.evaluate('window.neverReloaded')).toBe(true);

    const room = await put({ slug: 'paced', hasWaitingRoom: true });
    expect(room).toContain('paced');
    await window.page.goto(`${shop.url}/organiser?event=paced`);
    await window.page.getByLabel('People let in a second').fill('7');
    await window.button('Set the pace').click();
    await window.page.getByText('lets 7 people in').waitFor();
    await expect.poll(async () => (await buyer.event('paced')).admitPerSecond).toBe(7);
    await window.page.setViewportSize({ width: 360, height: 760 });
    await window.fitsItsWidth();
    await window.page.emulateMedia({ colorScheme: 'light' });
    await window.screenshot('organiser-phone');
    await window.close(/status of 409/);
  });

  it('is nobody who buys', async () => {
    const window = await Window.open(browser, `${shop.url}/organiser`);
    await window.button('Sign in').click();
    await window.register('Nosy Ned', address());
    await window.heading('This page is for organisers').waitFor();
    await window.screenshot('organiser-stranger');
    await window.close();
  });
});

describe('the door', () => {
  it('lets a ticket in once, also without network, and reports who came in twice', async () => {
    const buyer = await shop.buyer();
    const admitted = async () =>
      (await shop.database.query('select count(*)::int as n from admissions')).rows[0].n as number;
    const before = await admitted();
    await put({ slug: 'other-night', hasWaitingRoom: false });
    const row = before === 0 ? 'F' : 'G';
    const hold = await buyer.hold('northern-lights', [`${row}-1`, `${row}-2`]);
    const { id } = await buyer.order(hold.id);
    await expect
      .poll(async () => (await buyer.readOrder(id)).state, { timeout: 60_000 })
      .toBe('paid');
    const [one = '', two = ''] = (await buyer.readOrder(id)).tickets.map(({ code }) => code);
    const check = async (door: Window, code: string, answer: string) => {
      await door.page.getByLabel('Ticket code').fill(code);
      await door.page.keyboard.press('Enter');
      await door.page.getByRole('heading', { name: answer, level: 2 }).waitFor();
      // the next ticket begins with an empty field
      await expect.poll(() => door.page.getByLabel('Ticket code').inputValue()).toBe('');
    };
    const north = await openDesk('/scanner');
    const south = await openDesk('/scanner', phone as typeof dark);
    await south.page.getByLabel('This door', { exact: true }).fill('South gate');
    await check(north, one, 'Come in');
    await north.screenshot('scanner-online');
    await check(south, one, 'Used already');
    await south.page.getByText('First scanned: Gate 1').waitFor();
    await south.fitsItsWidth();
    await south.screenshot('scanner-used');
    await check(north, `${two.slice(0, -4)}AAAA`, 'Not our ticket');
    await north.screenshot('scanner-forged');

    // both lists are fetched anew, then both networks go
    const inside = (door: Window) =>
      expect
        .poll(() => door.page.locator('[data-inside]').getAttribute('data-inside'))
        .toBe(String(before + 1));
    for (const door of [north, south]) {
      await door.page.reload();
      await inside(door);
      await door.page.getByText('This page opens without network').waitFor();
      await door.context.setOffline(true);
      await door.page.locator('.connection.is-lost').waitFor();
    }
    // somebody closes the lid, or the tablet starts anew: page, list and whose door it is are still there
    await north.page.reload();
    await north.page.getByText('Dora Door').waitFor();
    await inside(north);
    await check(north, one, 'Used already');
    await check(north, two, 'Come in');
    await north.screenshot('scanner-offline');
    await north.page.reload();
    await check(north, two, 'Used already');
    await check(south, two, 'Come in');
    await north.context.setOffline(false);
    await north.page.locator('[data-pending="0"]').waitFor();
    // sent to another event meanwhile: whom it has let in belongs to the first one
    const chosen = south.page.locator('.door-settings select');
    await chosen.selectOption('other-night');
    await south.context.setOffline(false);
    await south.heading('1 conflict').waitFor();
    await chosen.selectOption('northern-lights');
    await south.screenshot('scanner-conflict', { fullPage: true });
    expect(await north.heading('1 conflict').count()).toBe(0);
    expect((await admitted()) - before).toBe(2);
    await south.close(/ERR_INTERNET_DISCONNECTED/);
    await north.close(/ERR_INTERNET_DISCONNECTED/);
  });
});
