/** A sale that opens at a time, with more people than seats in front of it. */
import { randomUUID } from 'node:crypto';
import { drawnPlace, standingOf } from '@evenkeel/soft-hold/waiting-room/status';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { paths } from '../addresses.ts';
import type { Admission, NewEvent, WaitingRoomPage, WaitingTicket } from '../contract.ts';
import type { Buyer } from '../launcher/buyer.ts';
import { codeOf, each, TestShop } from './test-shop.ts';

let shop: TestShop;
let organiser: Buyer;
const event: NewEvent = {
  slug: 'opening-night',
  title: 'Opening Night',
  tagline: 'Everybody comes.',
  venue: 'Lantern House',
  city: 'Port Merrow',
  startsAt: '2031-01-01T19:30:00.000Z',
  currency: 'EUR',
  opensAt: null,
  hasWaitingRoom: true,
  admitPerSecond: 10,
  categories: [{ sku: 'all', name: 'All', priceCents: 2_000, rows: [{ row: 'A', seats: 40 }] }],
};

beforeAll(async () => {
  shop = await TestShop.start({ PSP_LATENCY_MS: '20' });
  organiser = await shop.buyer('organiser');
});
afterAll(() => shop?.stop());

const join = (buyer: Buyer) => buyer.call<WaitingTicket>('POST', paths.waitingTicket(event.slug));
const enter = (buyer: Buyer, { ticket }: WaitingTicket) =>
  buyer.call<Admission>('POST', paths.waitingPass(event.slug), { ticket });
const status = () => organiser.call<WaitingRoomPage>('GET', paths.waitingRoom(event.slug));
const hold = (buyer: Buyer, seat: string, pass?: string) =>
  buyer.call('POST', paths.holds, { id: randomUUID(), event: event.slug, seats: [seat], pass });

describe('a waiting room', () => {
  it('draws the order of those who came early, admits at its pace, and only with a pass', async () => {
    const buyers = await each(Array.from({ length: 40 }), 8, () => shop.buyer());
    // time enough for all to come before it, also on a busy machine
    const opensAt = new Date(Date.now() + 6_000).toISOString();
    await organiser.call('POST', paths.organiser.events, { ...event, opensAt });
    const people = await each(buyers, 8, async (buyer) => ({ buyer, ticket: await join(buyer) }));
    const [first, second] = people as [(typeof people)[0], (typeof people)[0]];
    const lobby = await status();
    expect([lobby.phase, lobby.seed]).toEqual(['lobby', null]);
    expect(first.ticket.place).toBeNull();
    expect((await enter(first.buyer, first.ticket)).status).toBe('waiting');
    expect(await codeOf(hold(first.buyer, 'A-1'))).toBe('not_open');

    await expect.poll(async () => (await status()).phase).toBe('open');
    // a place belongs to its account
    expect(await codeOf(enter(second.buyer, first.ticket))).toBe('pass_needed');
    expect(await codeOf(hold(first.buyer, 'A-1'))).toBe('pass_needed');

    const admitted = new Map<number, string>();
    const began = performance.now();
    await expect
      .poll(
        async () => {
          await each(people, 8, async ({ buyer, ticket }, index) => {
            if (admitted.has(index)) return;
            const answer = await enter(buyer, ticket);
            if (answer.pass) admitted.set(index, answer.pass);
            else expect(answer.position).toBeGreaterThan(0);
          });
          return admitted.size;
        },
        { timeout: 30_000, interval: 200 },
      )
      .toBe(40);
    const metrics = await (await fetch(`${shop.url}/metrics`)).text();
    expect(metrics).toMatch(
      /^ticketing_waiting_room_people\{event="opening-night",state="inside",.*\} [1-9]/m,
    );
    // ten a second: forty take three seconds at least
    expect(performance.now() - began).toBeGreaterThan(2_000);
    const passes = [...admitted];
    const [[index, pass] = [0, '']] = passes;
    const holder = people[index] as (typeof people)[0];
    const other = people[(index + 1) % people.length] as (typeof people)[0];
    await hold(holder.buyer, 'A-1', pass);
    expect(await codeOf(hold(other.buyer, 'A-2', pass))).toBe('pass_needed');
    expect(await codeOf(hold(holder.buyer, 'A-2', `${pass}x`))).toBe('pass_needed');
  });

  it('shows one document, from which everybody can check the draw', async () => {
    const page = await status();
    expect(page.seed).not.toBeNull();
    const seed = String(page.seed);
    const place = await drawnPlace(seed, page.room, randomUUID());
    expect(place).toBeGreaterThanOrEqual(0);
    expect(place).toBeLessThan(1);
    const steps = page.steps as [number, number][];
    expect(standingOf({ ...page, steps }, place)).toHaveProperty('position');
    const { headers } = await fetch(shop.url + paths.waitingRoom(event.slug));
    expect(headers.get('cache-control')).toBe('public, max-age=1');
  });

  it('lets the organiser change its pace while it runs', async () => {
    const sale = paths.organiser.sale(event.slug);
    await organiser.call('PUT', sale, { paused: false, admitPerSecond: 5_000 });
    expect(await organiser.event(event.slug)).toMatchObject({ admitPerSecond: 5_000 });
    const late = await shop.buyer();
    const ticket = await join(late);
    expect(ticket.place).toBeGreaterThan(1);
    await expect.poll(async () => (await enter(late, ticket)).status).toBe('admitted');
  });

  it('lets people in until every seat is sold: who has one makes room for the next', async () => {
    const slug = 'small-hall';
    const rows = [{ row: 'A', seats: 8 }];
    const categories = [{ sku: 'all', name: 'All', priceCents: 2_000, rows }];
    const hall = { ...event, slug, categories, admitPerSecond: 2 };
    await organiser.call('POST', paths.organiser.events, hall);
    const buyers = await each(Array.from({ length: 10 }), 4, () => shop.buyer());
    const tickets = await each(buyers, 4, (buyer) =>
      buyer.call<WaitingTicket>('POST', paths.waitingTicket(slug)),
    );
    const done = new Set<number>();
    let sold = 0;
    await expect
      .poll(
        async () => {
          // one after the other, or two would go for the last seat
          await each(buyers, 1, async (buyer, index) => {
            if (done.has(index) || sold >= 8) return;
            const { ticket } = tickets[index] as WaitingTicket;
            const path = paths.waitingPass(slug);
            const { pass } = await buyer.call<Admission>('POST', path, { ticket });
            if (!pass) return;
            done.add(index);
            sold += 1;
            const body = { id: randomUUID(), event: slug, seats: [`A-${sold}`], pass };
            await buyer.call('POST', paths.holds, body);
          });
          return sold;
        },
        { timeout: 30_000, interval: 200 },
      )
      .toBe(8);
  });
});
