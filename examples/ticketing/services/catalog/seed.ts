/** The first night of a house that exists only here. */
import type { Pool } from 'pg';
import { featuredEvent } from '../../addresses.ts';
import type { Category } from '../../contract.ts';
import { insertEvent } from './insert-event.ts';

export const firstNight = {
  slug: featuredEvent,
  title: 'Northern Lights',
  tagline: 'An opera in three storms. First night.',
  venue: 'Lantern House',
  city: 'Port Merrow',
  currency: 'EUR',
  opensAt: null,
  hasWaitingRoom: false,
  admitPerSecond: 50,
};

/** 300 seats: a short front, a wide middle, two rows high up. */
const categories: Category[] = [
  {
    sku: 'front',
    name: 'Front stalls',
    priceCents: 14_500,
    rows: rows({ A: 16, B: 18, C: 20, D: 20 }),
  },
  {
    sku: 'stalls',
    name: 'Stalls',
    priceCents: 9_500,
    rows: rows({ E: 22, F: 22, G: 24, H: 24, J: 24 }),
  },
  {
    sku: 'balcony',
    name: 'Balcony',
    priceCents: 5_500,
    rows: rows({ K: 22, L: 22, M: 22, N: 24, P: 20 }),
  },
];

/** Adds it unless it is there: twice is once, and two processes at a time are one. */
export async function seed(database: Pool): Promise<void> {
  const event = { ...firstNight, startsAt: nextEvening(new Date()), categories };
  await insertEvent(database, event, 'catalog');
}

/** Half past seven, thirty days on: the demo is never about an evening that is over. */
function nextEvening(now: Date): string {
  const evening = new Date(now.getTime() + 30 * 24 * 3_600_000);
  evening.setUTCHours(19, 30, 0, 0);
  return evening.toISOString();
}

function rows(seats: Record<string, number>): Category['rows'] {
  return Object.entries(seats).map(([row, count]) => ({ row, seats: count }));
}
