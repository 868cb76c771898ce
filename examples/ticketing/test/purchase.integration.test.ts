import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { paths } from '../addresses.ts';
import type { Availability, ServerMessage } from '../contract.ts';
import { Refused } from '../launcher/buyer.ts';
import { sellFirstTicket } from '../launcher/first-ticket.ts';
import { slug, TestShop } from './test-shop.ts';

let shop: TestShop;
beforeAll(async () => {
  shop = await TestShop.start({ PSP_LATENCY_MS: '50' });
});
afterAll(() => shop?.stop());

async function refusalOf(promise: Promise<unknown>): Promise<Refused> {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(Refused);
  return error as Refused;
}

const isChange = (message: ServerMessage): message is Extract<ServerMessage, { type: 'change' }> =>
  message.type === 'change';

describe('a purchase', () => {
  it('goes from login to a verified ticket over HTTP and one WebSocket', async () => {
    const before = await shop.pspStats();
    const { order } = await sellFirstTicket(shop.url, slug);
    expect(order).toMatchObject({ state: 'paid', step: 'done', currency: 'EUR' });
    expect(order.tickets.map(({ seat }) => seat)).toEqual(order.seats);
    expect(order.amountCents).toBe(2 * 5_500);
    expect(order.completedAt).not.toBeNull();

    // the money is taken once the tickets are there, and only once
    await expect.poll(async () => (await shop.pspStats()).captured).toBe(before.captured + 1);
    const charge = (await shop.charges()).find(({ reference }) => reference === order.id);
    expect(charge).toMatchObject({ amountCents: order.amountCents, state: 'captured' });
  });

  it('shows its steps in order while the payment is made', async () => {
    const buyer = await shop.buyer();
    await shop.faults({ latencyMs: 400 });
    const socket = await buyer.connect();
    try {
      const { id } = await buyer.order((await buyer.hold(slug, ['E-1'])).id);
      socket.send({ type: 'watch-order', order: id });
      await socket.untilSettled(id);
      const steps = socket.messages.flatMap((message) =>
        message.type === 'order' ? [message.order.step] : [],
      );
      const order = ['queued', 'charging', 'deciding', 'ticketing', 'done'];
      expect(steps).toContain('charging');
      expect(steps.at(-1)).toBe('done');
      expect(steps).toEqual([...steps].sort((a, b) => order.indexOf(a) - order.indexOf(b)));
    } finally {
      socket.close();
      await shop.faults({ latencyMs: 50 });
    }
  });

  it('is seen by everybody else at the event, seat by seat and without a gap', async () => {
    const buyer = await shop.buyer();
    const watcher = await (await shop.buyer()).connect();
    try {
      watcher.send({ type: 'watch-event', event: slug });
      const { availability } = await watcher.until(
        (message): message is { type: 'availability'; availability: Availability } =>
          message.type === 'availability',
      );
      expect(availability.seats['F-7']).toBeUndefined();
      const turns = (state: string) =>
        watcher.until(
          (message): message is Extract<ServerMessage, { type: 'change' }> =>
            isChange(message) && message.seats['F-7'] === state,
        );

      const { id } = await buyer.hold(slug, ['F-7']);
      const held = await turns('held');
      await buyer.order(id);
      const sold = await turns('sold');
      expect(sold.seq).toBeGreaterThan(held.seq);

      const numbers = watcher.messages.filter(isChange).map(({ seq }) => seq);
      expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
      for (const count of sold.counts) {
        expect(count.free + count.held + count.sold).toBe(count.total);
      }
      const { seats } = await buyer.availability(slug);
      expect(seats['F-7']).toBe('sold');
    } finally {
      watcher.close();
    }
  });

  it('happens once, however often the same order is sent', async () => {
    const buyer = await shop.buyer();
    const hold = await buyer.hold(slug, ['G-1', 'G-2']);
    const id = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => buyer.order(hold.id, 'card_ok', id)),
    );
    expect(answers).toEqual(answers.map(() => ({ id, state: 'processing', step: 'queued' })));
    await expect.poll(async () => (await buyer.readOrder(id)).state).toBe('paid');
    expect(await buyer.order(hold.id, 'card_ok', id)).toMatchObject({ id });
    const charges = (await shop.charges()).filter(({ reference }) => reference === id);
    expect(charges).toHaveLength(1);
    expect((await buyer.readOrder(id)).tickets).toHaveLength(2);

    const second = await refusalOf(buyer.order(hold.id));
    expect(second.problem.code).toBe('conflict');
  });
});

describe('a declined card', () => {
  it('takes no money, leaves the seats with the buyer, and another card buys them', async () => {
    const buyer = await shop.buyer();
    const other = await shop.buyer();
    const theirs = await other.hold(slug, ['H-3']);
    const hold = await buyer.hold(slug, ['H-1', 'H-2']);

    const { id } = await buyer.order(hold.id, 'card_declined');
    await expect.poll(async () => (await buyer.readOrder(id)).state).toBe('declined');
    expect((await buyer.readOrder(id)).tickets).toEqual([]);
    const seats = (await buyer.availability(slug)).seats;
    expect([seats['H-1'], seats['H-2'], seats['H-3']]).toEqual(['held', 'held', 'held']);
    expect((await refusalOf(other.hold(slug, ['H-1']))).problem.code).toBe('seat_taken');

    const again = await buyer.order(hold.id, 'card_ok');
    await expect.poll(async () => (await buyer.readOrder(again.id)).state).toBe('paid');
    // the money is taken once the tickets are there
    const states = async () => {
      const charges = await shop.charges();
      const ours = charges.filter(({ reference }) => [id, again.id].includes(reference));
      return ours.map(({ state }) => state).sort();
    };
    await expect.poll(states).toEqual(['captured', 'declined']);
    await other.release(theirs.id);
  });
});

describe('two buyers who want one seat', () => {
  it('are one who gets it and one who is told, in each of 20 races', async () => {
    const [one, two] = [await shop.buyer(), await shop.buyer()];
    for (let number = 1; number <= 20; number += 1) {
      const holds = await Promise.allSettled([
        one.hold(slug, [`L-${number}`]),
        two.hold(slug, [`L-${number}`, `M-${number}`]),
      ]);
      const refused = holds.flatMap((hold) => (hold.status === 'rejected' ? [hold.reason] : []));
      expect(refused).toHaveLength(1);
      expect(refused[0].problem.code).toBe('seat_taken');
      for (const [index, hold] of holds.entries()) {
        if (hold.status === 'fulfilled') await (index === 0 ? one : two).release(hold.value.id);
      }
    }
    const { seats } = await one.availability(slug);
    expect(Object.keys(seats).filter((seat) => /^[LM]-/.test(seat))).toEqual([]);
  });

  it('cannot go over their limit of seats, however they ask', async () => {
    const buyer = await shop.buyer();
    const first = await buyer.hold(slug, ['N-1', 'N-2', 'N-3', 'N-4']);
    expect((await refusalOf(buyer.hold(slug, ['N-5', 'N-6', 'N-7']))).problem.code).toBe(
      'limit_reached',
    );
    await buyer.release(first.id);
  });
});

describe('what is not yours', () => {
  it("is not found: another buyer's order, hold and WebSocket", async () => {
    const buyer = await shop.buyer();
    const stranger = await shop.buyer();
    const hold = await buyer.hold(slug, ['D-1']);
    expect((await refusalOf(stranger.release(hold.id))).status).toBe(404);
    expect((await refusalOf(stranger.order(hold.id))).status).toBe(404);
    const { id } = await buyer.order(hold.id);
    expect((await refusalOf(stranger.readOrder(id))).status).toBe(404);
    expect((await refusalOf(stranger.readOrder(randomUUID()))).status).toBe(404);
    const socket = await stranger.connect();
    try {
      socket.send({ type: 'watch-order', order: id });
      const { problem } = await socket.until(
        (message): message is Extract<ServerMessage, { type: 'problem' }> =>
          message.type === 'problem',
      );
      expect(problem.code).toBe('not_found');
    } finally {
      socket.close();
    }
  });
});

describe('the gateway', () => {
  it('is live and ready, and serves every answer with its security headers', async () => {
    for (const probe of ['/live', '/ready']) {
      expect((await fetch(shop.url + probe)).status).toBe(200);
    }
    for (const path of [paths.event(slug), paths.order('unknown')]) {
      const { headers } = await fetch(shop.url + path);
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  it('lets a cache in front keep the page of an event for a second, and nothing of anybody', async () => {
    const { headers } = await fetch(shop.url + paths.event(slug));
    expect(headers.get('surrogate-control')).toMatch(/^max-age=1\b/);
    expect(headers.get('cache-control')).toBe('public, max-age=0, must-revalidate');
    const own = await fetch(shop.url + paths.order('unknown'));
    expect(own.headers.get('cache-control')).toBe('no-store');
    expect(own.headers.has('surrogate-control')).toBe(false);
  });
});
