/** The control room breaks real components of a shop that sells, and the sale is proven whole. */
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startRedis } from '../../../test/backends.ts';
import { paths } from '../addresses.ts';
import { controlRoom } from '../launcher/control-room.ts';
import type { Proof } from '../launcher/verify-sale.ts';
import { openBrowser, Window } from './browser-window.ts';
import { each, slug, TestShop } from './test-shop.ts';

const token = 'the-token-of-the-control-room';
/** RUSH_OF=5000 is what the button says; fewer take less of the time of everybody's tests */
const rushOf = Number(process.env.RUSH_OF ?? 300);
let redis: Awaited<ReturnType<typeof startRedis>>;
let shop: TestShop;
let room: FastifyInstance;
let address: string;
// a busy machine is slow, not wrong
vi.setConfig({ testTimeout: 240_000, hookTimeout: 150_000 });

beforeAll(async () => {
  redis = await startRedis();
  shop = await TestShop.start({
    REDIS_URL: redis.url,
    PSP_LATENCY_MS: '300',
    SEATS_PER_BUYER: '100',
  });
  const { database } = shop;
  room = controlRoom({ shop: shop.shop, database, redis, token, rushOf });
  address = await room.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await room?.close();
  await shop?.stop();
  await redis?.stop();
});

const post = (url: string, payload: object = {}, authorization = `Bearer ${token}`) =>
  room.inject({ method: 'POST', url, payload, headers: { authorization } });
async function proofs(): Promise<Proof[]> {
  return (await post('/control/verify')).json().proofs;
}

describe('the control room', () => {
  it('opens to its token only', async () => {
    for (const wrong of ['', 'Bearer', `Bearer ${token}x`, token]) {
      expect((await post('/control/verify', {}, wrong)).statusCode).toBe(401);
    }
    expect((await post('/control/chaos/nothing')).statusCode).toBe(404);
    expect((await post('/control/chaos/drain', { forMs: -1 })).statusCode).toBe(400);
  });

  it('breaks no Redis that is not its own', async () => {
    const options = { shop: shop.shop, database: shop.database, token };
    const visitor = controlRoom({ ...options, redis: undefined });
    for (const name of ['flush', 'freeze']) {
      const headers = { authorization: `Bearer ${token}` };
      const url = `/control/chaos/${name}`;
      const answer = await visitor.inject({ method: 'POST', url, headers });
      expect(answer.statusCode).toBe(409);
    }
    await visitor.close();
  });
});

const rushIsOver = new RegExp(
  `The rush is over: (\\d+) of ${rushOf} got a seat, \\d+ came too late, (\\d+) met an error`,
);

describe('its page', () => {
  it('shows what breaks and what holds, live, and what it is like without the packages', async () => {
    const browser = await openBrowser();
    try {
      const stranger = await Window.open(browser, `${address}/control`);
      await stranger.heading('opens to its token only').waitFor();
      await stranger.screenshot('control-room-locked');
      await stranger.close();

      const dark = { viewport: { width: 1320, height: 900 }, colorScheme: 'dark' as const };
      const window = await Window.open(browser, `${address}/control#${token}`, dark);
      const asked: string[] = [];
      window.page.on('request', (request) => asked.push(request.url()));
      await window.page.locator('.connection.is-live').waitFor();
      const figure = (name: string) =>
        window.page.locator('.figures div', { hasText: name }).locator('dd');
      const log = window.page.getByRole('log');

      await window.page.getByRole('switch', { name: /^Visitors/ }).click();
      await expect.poll(() => figure('hit rate, memory').textContent()).toBe('100 %');
      await window.page.getByRole('switch', { name: /^Cache/ }).click();
      await expect.poll(() => figure('hit rate, memory').textContent()).toBe('0 %');
      await window.page.getByRole('switch', { name: /^Cache/ }).click();
      await expect.poll(() => figure('hit rate, memory').textContent()).toBe('100 %');

      // sixteen pay and as many think about it: the worker is killed, Redis emptied and frozen meanwhile
      const now = (what: string) =>
        window.page.locator('.chart-now div', { hasText: what }).locator('dd');
      const buyer = await shop.buyer();
      const seats = Array.from({ length: 16 }, (_, index) => [`A-${index + 1}`, `B-${index + 1}`]);
      const holds = await each(seats.flat(), 4, (seat) => buyer.hold(slug, [seat]));
      const held = async () => Number(await figure('seats held').textContent());
      await expect.poll(held).toBeGreaterThanOrEqual(32);
      const ids = await each(holds.slice(0, 16), 4, async ({ id }) => (await buyer.order(id)).id);
      await window.button('Kill a worker').click();
      await window.button('FLUSHALL').click();
      await log.getByText('FLUSHALL: Redis has forgotten every hold').waitFor();
      await window.button('Freeze Redis').click();
      const frozen = window.page.locator('.chaos li', { hasText: 'Freeze Redis' });
      await frozen.getByRole('button', { name: 'Under way' }).waitFor();
      await log.getByText('Redis was stopped with SIGSTOP').waitFor();
      // what needs Redis fails and says so; pages go on
      const logIn = async () => {
        const answer = await fetch(shop.url + paths.session, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ email: 'ada@example.com', password: 'a long password' }),
          signal: AbortSignal.timeout(10_000),
        });
        return [answer.status, await answer.json()];
      };
      expect(await logIn()).toMatchObject([503, { code: 'unavailable' }]);
      const failing = async () => {
        await logIn(); // shown for a second, and a busy browser may be looked at later
        return now('failed (5xx)').textContent();
      };
      await expect.poll(failing, { interval: 300 }).not.toMatch(/^0 /);
      expect(await now('answered').textContent()).not.toMatch(/^0 /);
      await window.screenshot('control-room-frozen', { fullPage: true });
      await window.button('Take everything back').click();
      await log.getByText('Freeze Redis: taken back.').waitFor();
      await log.getByText('takes over').waitFor();
      // the pool has filled itself out of PostgreSQL: who thinks about it still has their seats
      await expect.poll(held).toBeGreaterThanOrEqual(16);
      await expect.poll(() => now('failed (5xx)').textContent()).toMatch(/^0 /);
      const settled = async () => {
        const orders = await each(ids, 4, (id) => buyer.readOrder(id).catch(() => undefined));
        return orders.filter((order) => order && order.state !== 'processing').length;
      };
      await expect.poll(settled, { timeout: 50_000, interval: 500 }).toBe(16);

      // tickets are sold all the same, and their mails wait
      await window.button('E-mail is down').click();
      await log.getByText('The mail provider cuts every connection.').waitFor();
      await expect(fetch(`${shop.shop.mailUrl}/stats`)).rejects.toThrow();
      await window.button('5,000 buyers').click();
      await log.getByText('people come for 1,000 seats').waitFor();
      await log.getByText('stand in the waiting room').waitFor({ timeout: 60_000 });
      const mail = window.page.locator('.strip-row', { hasText: 'mail-provider' });
      await mail.getByText('open: calls are refused').waitFor();
      const breaker = window.page.locator('.strip-row', { hasText: 'payment-provider' });
      const slow = window.page.locator('.chaos li', { hasText: 'Slow payments' });
      await expect
        .poll(
          async () => {
            // pressed again it begins anew, so it lasts until there were enough calls
            await slow.getByRole('button').click();
            return breaker.getByText('open: calls are refused').isVisible();
          },
          { timeout: 90_000, interval: 2_000 },
        )
        .toBe(true);
      await window.page.getByRole('switch', { name: /^Circuit breakers/ }).click();
      await breaker.getByText('switched off').waitFor();
      await window.page.getByRole('switch', { name: /^Circuit breakers/ }).click();
      await window.button('Take everything back').click();
      await log.getByText('Slow payments: taken back.').waitFor();
      await log.getByText('E-mail is down: taken back.').waitFor();
      const rush = log.getByText(rushIsOver);
      await rush.waitFor({ timeout: 240_000 });
      const result = String(await rush.textContent());
      const [bought = 0, failed] = (rushIsOver.exec(result) ?? []).slice(1).map(Number);
      expect(failed, result).toBe(0);
      // of a thousand seats; a slow provider may cost somebody theirs
      expect(bought).toBeGreaterThan(Math.min(1_000, rushOf) * 0.9);
      expect(bought).toBeLessThanOrEqual(1_000);

      // the instance goes, everybody sees it gone, and the one after it answers
      const gateway = window.page.locator('.instances tr', { hasText: 'gateway' });
      const pid = () => gateway.locator('td').first().textContent();
      const answered = now('answered');
      const before = await pid();
      await expect.poll(() => answered.textContent()).not.toMatch(/^0 /);
      await window.button('Drain this instance').click();
      const drained = log.locator('li', { hasText: `process ${before}, was told to go` });
      await drained.waitFor();
      expect(await drained.getByRole('link').textContent()).toBe('services/process.ts');
      await gateway.getByText('ready', { exact: true }).waitFor({ state: 'hidden' });
      await expect.poll(() => answered.textContent()).toMatch(/^0 /);
      await window.screenshot('control-room-drain', { fullPage: true });
      await log.getByText(`gateway: process ${before} is gone`).waitFor();
      await gateway.getByText('ready', { exact: true }).waitFor({ timeout: 90_000 });
      expect(await pid()).not.toBe(before);
      await expect.poll(() => answered.textContent()).not.toMatch(/^0 /);
      await window.page.getByRole('switch', { name: /^Visitors/ }).click();

      const soldCell = window.page
        .locator('.verify tr', { hasText: 'units sold' })
        .locator('td')
        .first();
      await expect
        .poll(
          async () => {
            await window.button('Verify by SQL').click();
            await window.button('Verify by SQL').waitFor();
            const isWhole = await window.page.locator('.verdict.is-genuine').isVisible();
            // whole, and nobody of the rush still waits for their tickets
            return isWhole && Number((await soldCell.textContent())?.replaceAll(',', '')) >= bought;
          },
          { timeout: 90_000, interval: 2_000 },
        )
        .toBe(true);
      await window.page.getByText('✓ 0 oversold').waitFor();
      const pending = `select from orders where event like 'rush-%' and state = 'processing'`;
      await expect
        .poll(async () => (await shop.database.query(pending)).rowCount, { timeout: 90_000 })
        .toBe(0);
      // a ticket for every seat that the rush was sold, and no seat with two
      const { rows } = await shop.database.query<Record<'tickets' | 'seats' | 'sold', number>>(
        `select (select sum(sold)::int from soft_hold.sku where pool like '%.rush-%') as sold,
           count(*)::int as tickets, count(distinct seat)::int as seats
         from tickets where event like 'rush-%' and voided_at is null`,
      );
      const sold = rows[0]?.sold ?? 0;
      expect(rows).toEqual([{ sold, tickets: sold, seats: sold }]);
      expect(sold).toBeGreaterThan(Math.min(1_000, rushOf) * 0.9);
      console.log(`${result} Tickets of it: ${sold}.`);
      expect(await figure('seats held').textContent()).toMatch(/^\d+$/);
      await window.screenshot('control-room', { fullPage: true });
      expect(asked.filter((url) => !/\/(assets|favicon)/.test(url))).toEqual([]);
      const source = await fetch(`${address}/control/source/services/payments/provider.ts`);
      expect(await source.text()).toContain('PaymentProvider');
      for (const hidden of ['start.ts', 'services/../start.ts', 'services/config.ts']) {
        expect((await fetch(`${address}/control/source/${hidden}`)).status).toBe(404);
      }
      await window.page.emulateMedia({ colorScheme: 'light' });
      await window.screenshot('control-room-light', { fullPage: true });
      await window.page.setViewportSize({ width: 360, height: 760 });
      await window.fitsItsWidth();
      await window.page.evaluate('scrollTo(0, 0)');
      await breaker.getByText('closed: calls go through').waitFor();
      await window.screenshot('control-room-phone');
      await window.close();
    } finally {
      await browser.close();
    }
  }, 480_000);
});

describe('its proof', () => {
  it('finds what does not agree: a ticket that nobody sold', async () => {
    const gone = await shop.database.query(
      `update tickets set voided_at = now() where id = (select id from tickets limit 1) returning id`,
    );
    const broken = (await proofs()).filter(({ holds }) => !holds);
    expect(broken.map(({ what }) => what)).toContain('units sold, against tickets');
    await shop.database.query('update tickets set voided_at = null where id = $1', [
      gone.rows[0].id,
    ]);
    expect((await proofs()).every(({ holds }) => holds)).toBe(true);
  });
});
