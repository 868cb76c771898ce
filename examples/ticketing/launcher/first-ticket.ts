/** Sells two seats the way a person would, and clocks every step. */
import { randomUUID } from 'node:crypto';
import type { Availability, EventPage, Order } from '../contract.ts';
import { importPublishedKey, verifyTicket } from '../services/tickets/ticket-code.ts';
import { Buyer } from './buyer.ts';
import { seconds } from './steps.ts';

export type Sale = { event: EventPage; order: Order; steps: { name: string; ms: number }[] };

/** @throws Error when the order was not paid, or a ticket's signature does not verify */
export async function sellFirstTicket(
  url: string,
  slug: string,
  signal?: AbortSignal,
): Promise<Sale> {
  const steps: Sale['steps'] = [];
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    signal?.throwIfAborted();
    const start = performance.now();
    const result = await work();
    steps.push({ name, ms: performance.now() - start });
    return result;
  };

  // a new account each time, so that the limit of seats a buyer never stops the demo
  const email = `first-buyer-${randomUUID()}@evenkeel.example`;
  const password = randomUUID();
  await new Buyer(url).register('First Buyer', email, password);

  const buyer = new Buyer(url);
  await timed('log in', () => buyer.logIn(email, password));
  const event = await timed('event page', () => buyer.event(slug));
  const seats = twoTogether(event, await buyer.availability(slug));
  const hold = await timed(`hold ${seats.join(' and ')}`, () => buyer.hold(slug, seats));
  const socket = await buyer.connect({ signal });
  try {
    const { id } = await timed('order accepted (202)', () => buyer.order(hold.id));
    socket.send({ type: 'watch-order', order: id });
    const order = await timed('payment, decision, tickets', () => socket.untilSettled(id));
    if (order.state !== 'paid') throw new Error(`The first order ended as "${order.state}"`);
    await timed('signatures verified', async () => {
      const key = importPublishedKey(await buyer.ticketKey());
      for (const { code, seat } of order.tickets) {
        if (verifyTicket(code, key)?.seat !== seat)
          throw new Error(`Ticket ${seat} is not genuine`);
      }
    });
    return { event, order, steps };
  } finally {
    socket.close();
  }
}

/** Two neighbouring free seats, the cheapest first: the demo leaves the good ones to you. */
function twoTogether(event: EventPage, { seats: taken }: Availability): string[] {
  for (const { rows } of [...event.categories].reverse()) {
    for (const { row, seats } of rows) {
      for (let number = 1; number < seats; number += 1) {
        const pair = [`${row}-${number}`, `${row}-${number + 1}`];
        if (!pair.some((seat) => seat in taken)) return pair;
      }
    }
  }
  throw new Error(`No two neighbouring seats of "${event.title}" are left`);
}

/** The sale as a till would print it. */
export function receipt({ event, order, steps }: Sale): string {
  const width = 64;
  const rule = '─'.repeat(width);
  const total = steps.reduce((sum, { ms }) => sum + ms, 0);
  const row = (left: string, right: string) =>
    `${left}${' '.repeat(Math.max(1, width - left.length - right.length))}${right}`;
  const money = (cents: number) => `${(cents / 100).toFixed(2)} ${order.currency}`;
  const price = new Map(event.categories.map(({ name, priceCents }) => [name, priceCents]));
  return [
    rule,
    row(event.title, event.startsAt.slice(0, 16).replace('T', ' ')),
    row(`${event.venue}, ${event.city}`, `order ${order.id.slice(0, 8)}`),
    '',
    ...order.tickets.map(({ seat, category }) =>
      row(`  seat ${seat}, ${category}`, money(price.get(category) ?? 0)),
    ),
    row('  paid', money(order.amountCents)),
    '',
    ...steps.map(({ name, ms }) => row(`  ${name}`, seconds(ms))),
    row('  from login to ticket', seconds(total)),
    '',
    `  ${(order.tickets[0]?.code ?? '').slice(0, width - 5)}...`,
    rule,
  ].join('\n');
}
