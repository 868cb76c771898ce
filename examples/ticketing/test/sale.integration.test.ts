/** The sale around the purchase: more time, cancelling, the organiser's hand, the door. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { paths } from '../addresses.ts';
import type {
  AuditLog,
  DoorList,
  EventPage,
  NewEvent,
  Order,
  SaleReport,
  ScanResult,
  StuckOrders,
  SyncReport,
} from '../contract.ts';
import type { Buyer } from '../launcher/buyer.ts';
import { codeOf, slug, TestShop } from './test-shop.ts';

let shop: TestShop;
let organiser: Buyer;
beforeAll(async () => {
  shop = await TestShop.start({ PSP_LATENCY_MS: '50', HOLD_TTL_MS: '60000' });
  organiser = await shop.buyer('organiser');
});
afterAll(() => shop?.stop());

async function bought(buyer: Buyer, seats: string[], event = slug): Promise<Order> {
  const { id } = await buyer.order((await buyer.hold(event, seats)).id);
  await expect.poll(async () => (await buyer.readOrder(id)).state).toBe('paid');
  return buyer.readOrder(id);
}

describe('a hold', () => {
  it('is extended once, to twice its time, however often and at a time it is asked for', async () => {
    const buyer = await shop.buyer();
    const hold = await buyer.hold(slug, ['A-1']);
    expect(hold.extendable).toBe(true);
    const answers = await Promise.all([1, 2, 3].map(() => buyer.extend(hold.id)));
    const gained = ({ expiresAt }: { expiresAt: string }) =>
      Date.parse(expiresAt) - Date.parse(hold.expiresAt);
    for (const answer of answers) {
      expect(answer.extendable).toBe(false);
      expect(gained(answer)).toBeGreaterThanOrEqual(60_000);
      expect(gained(answer)).toBeLessThan(65_000);
    }
    const once = await buyer.extend(hold.id);
    expect((await buyer.extend(hold.id)).expiresAt).toBe(once.expiresAt);
    expect(await codeOf((await shop.buyer()).extend(hold.id))).toBe('not_found');
    await buyer.release(hold.id);
    expect(await codeOf(buyer.extend(hold.id))).toBe('not_found');
  });
});

describe('a cancelled order', () => {
  it('is void at once and refunded once, whoever asks how often, and the buyer is told', async () => {
    const buyer = await shop.buyer();
    const { id, tickets } = await bought(buyer, ['B-1', 'B-2']);
    await expect.poll(async () => (await shop.chargeOf(id))?.state).toBe('captured');
    const answers = await Promise.all([buyer.cancel(id), buyer.cancel(id), buyer.cancel(id)]);
    for (const answer of answers) expect(answer.state).toMatch(/^refund/);
    await expect.poll(async () => (await buyer.readOrder(id)).state).toBe('refunded');
    expect(await shop.chargeOf(id)).toMatchObject({ state: 'refunded' });
    expect((await buyer.readOrder(id)).tickets).toEqual([]);
    // the seats are for sale again, and the books agree
    const { seats } = await buyer.availability(slug);
    expect([seats['B-1'], seats['B-2']]).toEqual([undefined, undefined]);
    expect(await shop.verify()).toEqual({ ok: true, differences: [] });
    const next = await bought(await shop.buyer(), ['B-1']);
    expect(next.tickets).toHaveLength(1);
    const scan = { id: randomUUID(), event: slug, device: 'North', code: tickets[0]?.code };
    expect(await organiser.call('POST', paths.scans, scan)).toMatchObject({ outcome: 'void' });
    await expect
      .poll(async () => (await shop.mails()).filter(({ text }) => text.includes('B-1, B-2')).length)
      .toBe(2);
  });

  it('must be paid, unused and of the buyer; the organiser may cancel for anybody', async () => {
    const buyer = await shop.buyer();
    const order = await bought(buyer, ['B-5']);
    const stranger = await shop.buyer();
    expect(await codeOf(stranger.cancel(order.id))).toBe('not_found');
    expect(await codeOf(stranger.call('POST', paths.organiser.refund(order.id)))).toBe('forbidden');
    const declined = await buyer.order((await buyer.hold(slug, ['B-6'])).id, 'card_declined');
    await expect.poll(async () => (await buyer.readOrder(declined.id)).state).toBe('declined');
    expect(await codeOf(buyer.cancel(declined.id))).toBe('conflict');
    await organiser.call('POST', paths.organiser.refund(order.id));
    await expect.poll(async () => (await buyer.readOrder(order.id)).state).toBe('refunded');
  });

  it('races with the door: the ticket is used or given back, never both', async () => {
    const buyer = await shop.buyer();
    for (const seat of ['B-10', 'B-11', 'B-12', 'B-13', 'B-14']) {
      const order = await bought(buyer, [seat]);
      const scan = { id: randomUUID(), event: slug, device: 'North', code: order.tickets[0]?.code };
      const [cancelled, scanned] = await Promise.all([
        codeOf(buyer.cancel(order.id)),
        organiser.call<ScanResult>('POST', paths.scans, scan),
      ]);
      const isUsed = scanned.outcome === 'admitted';
      expect(cancelled).toBe(isUsed ? 'conflict' : 'accepted');
      if (!isUsed) expect(scanned.outcome).toBe('void');
    }
  });
});

describe('the organiser', () => {
  const opening: NewEvent = {
    slug: 'second-night',
    title: 'Second Night',
    tagline: 'The same storms again.',
    venue: 'Lantern House',
    city: 'Port Merrow',
    startsAt: '2031-01-01T19:30:00.000Z',
    currency: 'EUR',
    opensAt: null,
    hasWaitingRoom: false,
    admitPerSecond: 50,
    categories: [{ sku: 'all', name: 'All', priceCents: 2_000, rows: [{ row: 'A', seats: 3 }] }],
  };

  it('puts an event on sale without a restart, and nobody else may', async () => {
    const buyer = await shop.buyer();
    const { events } = paths.organiser;
    expect(await codeOf(buyer.call('POST', events, opening))).toBe('forbidden');
    expect(await codeOf((await shop.buyer('scanner')).call('POST', events, opening))).toBe(
      'forbidden',
    );
    // somebody was curious before it was there
    expect(await codeOf(buyer.event(opening.slug))).toBe('not_found');
    await organiser.call('POST', events, opening);
    expect(await codeOf(organiser.call('POST', events, opening))).toBe('conflict');
    expect(await buyer.event(opening.slug)).toMatchObject(opening);
    const socket = await buyer.connect();
    socket.send({ type: 'watch-event', event: opening.slug });
    await bought(buyer, ['A-1', 'A-2'], opening.slug);
    await expect
      .poll(() => socket.messages.some((message) => message.type === 'change'))
      .toBe(true);
    socket.close();
    const report = await organiser.call<SaleReport>('GET', paths.organiser.event(opening.slug));
    expect(report).toMatchObject({
      paused: false,
      orders: { paid: 1 },
      paidCents: 4_000,
      ticketsLastMinute: 2,
      counts: [{ sku: 'all', total: 3, free: 1, held: 0, sold: 2 }],
    });
  });

  it('refuses a hall in which a row has two prices', async () => {
    const [all] = opening.categories;
    const twice = { ...opening, slug: 'third', categories: [all, { ...all, sku: 'more' }] };
    expect(await codeOf(organiser.call('POST', paths.organiser.events, twice))).toBe(
      'invalid_input',
    );
  });

  it('changes a price: who saw the old one is asked again, the next page shows the new', async () => {
    const buyer = await shop.buyer();
    const hold = await buyer.hold(slug, ['E-1']);
    const path = paths.organiser.price(slug, 'stalls');
    const page = await organiser.call<EventPage>('PUT', path, { priceCents: 9_900 });
    expect(page.categories.find(({ sku }) => sku === 'stalls')?.priceCents).toBe(9_900);
    const seen = (await buyer.event(slug)).categories.find(({ sku }) => sku === 'stalls');
    expect(seen?.priceCents).toBe(9_900);
    expect(await codeOf(buyer.order(hold.id, 'card_ok', undefined, hold.amountCents))).toBe(
      'price_changed',
    );
    const { id } = await buyer.order(hold.id, 'card_ok', undefined, 9_900);
    await expect.poll(async () => (await buyer.readOrder(id)).state).toBe('paid');
    expect((await shop.chargeOf(id))?.amountCents).toBe(9_900);
    const none = paths.organiser.price(slug, 'none');
    expect(await codeOf(organiser.call('PUT', none, { priceCents: 1 }))).toBe('not_found');
  });

  it('pauses the sale: nothing more is held, what is held is bought, then it goes on', async () => {
    const buyer = await shop.buyer();
    const held = await buyer.hold(slug, ['E-5']);
    await organiser.call('PUT', paths.organiser.sale(slug), { paused: true });
    expect(await codeOf(buyer.hold(slug, ['E-6']))).toBe('unavailable');
    const { id } = await buyer.order(held.id);
    await expect.poll(async () => (await buyer.readOrder(id)).state).toBe('paid');
    await organiser.call('PUT', paths.organiser.sale(slug), { paused: false });
    await buyer.release((await buyer.hold(slug, ['E-6'])).id);
  });

  it('sees what is stuck, and why', async () => {
    const buyer = await shop.buyer();
    await shop.faults({ errorRate: 1 });
    try {
      const { id } = await buyer.order((await buyer.hold(slug, ['F-1'])).id);
      const age = "update orders set created_at = now() - interval '2 minutes' where id = $1";
      await shop.database.query(age, [id]);
      const stuck = async () => {
        const { orders } = await organiser.call<StuckOrders>('GET', paths.organiser.stuck);
        return orders.find((order) => order.id === id);
      };
      await expect.poll(async () => (await stuck())?.job?.error).toMatch(/provider/);
      expect(await stuck()).toMatchObject({ event: slug, seats: ['F-1'], state: 'processing' });
      // nothing of it was given up, so there is nothing to put back
      const path = paths.organiser.retry(id);
      expect(await organiser.call('POST', path)).toEqual({ retried: 0 });
      await shop.faults({ errorRate: 0 });
      await expect
        .poll(async () => (await buyer.readOrder(id)).state, { timeout: 40_000 })
        .toBe('paid');
      expect(await stuck()).toBeUndefined();
    } finally {
      await shop.faults({ errorRate: 0 });
    }
  });

  it('sees tickets that are out while their money is not taken, and has it taken', async () => {
    const buyer = await shop.buyer();
    await shop.faults({ takesNothing: true });
    try {
      const { id } = await bought(buyer, ['F-5']);
      const age = "update orders set completed_at = now() - interval '2 minutes' where id = $1";
      await shop.database.query(age, [id]);
      const stuck = async () => {
        const { orders } = await organiser.call<StuckOrders>('GET', paths.organiser.stuck);
        return orders.find((order) => order.id === id);
      };
      await expect.poll(async () => (await stuck())?.job?.state).toBe('dead');
      expect(await stuck()).toMatchObject({
        state: 'paid',
        seats: ['F-5'],
        job: { error: expect.stringContaining('This account is closed') },
      });
      expect(await shop.chargeOf(id)).toMatchObject({ state: 'authorised' });
      await shop.faults({ takesNothing: false });
      const path = paths.organiser.retry(id);
      expect(await organiser.call('POST', path)).toEqual({ retried: 1 });
      await expect.poll(async () => (await shop.chargeOf(id))?.state).toBe('captured');
      await expect.poll(stuck).toBeUndefined();
    } finally {
      await shop.faults({ takesNothing: false });
    }
  });

  it('finds it all in the audit log, which no service can change', async () => {
    const { entries } = await organiser.call<AuditLog>('GET', paths.organiser.audit);
    const actions = new Set(entries.map(({ action }) => action));
    for (const action of ['event.create', 'price.change', 'sale.pause', 'order.refunded']) {
      expect(actions).toContain(action);
    }
    expect(JSON.stringify(entries)).not.toContain('@example.com');
    expect(await codeOf((await shop.buyer()).call('GET', paths.organiser.audit))).toBe('forbidden');
  });
});

describe('the door', () => {
  it('lets a ticket in once, of twenty scans at a time', async () => {
    const order = await bought(await shop.buyer(), ['H-1']);
    const code = order.tickets[0]?.code;
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, gate) =>
        organiser.call<ScanResult>('POST', paths.scans, {
          id: randomUUID(),
          event: slug,
          device: `Gate ${gate}`,
          code,
        }),
      ),
    );
    const admitted = results.filter(({ outcome }) => outcome === 'admitted');
    expect(admitted).toHaveLength(1);
    for (const { outcome, first } of results) {
      if (outcome === 'used') expect(first?.device).toMatch(/^Gate \d+$/);
    }
    // a scanner whose answer was lost asks again with the same id
    const again = { id: admitted[0]?.id, event: slug, device: 'Gate 0', code };
    expect(await organiser.call('POST', paths.scans, again)).toMatchObject({ outcome: 'admitted' });
  });

  it('refuses a forged code, and a ticket of another event', async () => {
    const order = await bought(await shop.buyer(), ['H-2']);
    const code = String(order.tickets[0]?.code);
    const scan = (event: string, text: string) =>
      organiser.call<ScanResult>('POST', paths.scans, {
        id: randomUUID(),
        event,
        device: 'North',
        code: text,
      });
    const forged = `${code.slice(0, -10)}AAAAAAAAAA`;
    expect(await scan(slug, forged)).toMatchObject({ outcome: 'forged', ticket: null });
    expect(await scan(slug, 'nonsense')).toMatchObject({ outcome: 'forged' });
    expect(await scan('second-night', code)).toMatchObject({ outcome: 'other_event' });
    expect(await codeOf((await shop.buyer()).call('POST', paths.scans, {}))).toBe('forbidden');
  });

  it('works offline by its list and reports conflicts when it is back, twice the same', async () => {
    const scanner = await shop.buyer('scanner');
    const order = await bought(await shop.buyer(), ['H-5', 'H-6']);
    const list = await scanner.call<DoorList>('GET', paths.doorList(slug));
    const mine = list.tickets.filter(({ seat }) => order.seats.includes(seat));
    expect(mine.map(({ used }) => used)).toEqual([false, false]);

    // meanwhile one of them comes in at another door
    const [first, second] = order.tickets;
    const online = { id: randomUUID(), event: slug, device: 'North', code: first?.code };
    await scanner.call('POST', paths.scans, online);
    const at = '2030-06-01T18:00:00.000Z';
    const scans = [first, second].map((ticket) => ({ id: randomUUID(), code: ticket?.code, at }));
    const report = { event: slug, device: 'South', scans };
    const answer = await scanner.call<SyncReport>('POST', paths.scanSync, report);
    expect(answer.results.map(({ outcome }) => outcome)).toEqual(['used', 'admitted']);
    expect(answer.conflicts).toEqual([
      expect.objectContaining({
        id: scans[0]?.id,
        first: expect.objectContaining({ device: 'North' }),
      }),
    ]);
    expect(await scanner.call('POST', paths.scanSync, report)).toEqual(answer);
    const after = await scanner.call<DoorList>('GET', paths.doorList(slug));
    expect(after.tickets.filter(({ used }) => used).length).toBeGreaterThanOrEqual(2);
  });
});
