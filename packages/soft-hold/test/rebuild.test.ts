import { expect, test } from 'vitest';
import { surviving } from '../src/rebuild.ts';
import type { JournalEntry, Ledger } from '../src/store.ts';

const entry = (token: number, items: string, expiresAt = 1_000): JournalEntry => ({
  id: `hold-${token}`,
  token: String(token),
  holder: 'ada',
  items,
  want: '',
  createdAt: 0,
  expiresAt,
});
const ledger = (total: number, sold: number, open: JournalEntry[]): Ledger => ({
  skus: [
    { sku: 'GA', total, sold, seatsSold: 0, seats: null, map: null },
    { sku: 'STALLS', total: 2, sold: 1, seatsSold: 1, seats: ['A-1', 'A-2'], map: null },
  ],
  sold: [{ id: 'sold', holder: 'bob', items: 'STALLS=1@A-1', want: '' }],
  open,
});
const idsOf = (entries: JournalEntry[]) => entries.map(({ id }) => id);

test('journalled holds survive while they fit, the newest first', () => {
  const open = [entry(3, 'GA=2'), entry(2, 'GA=2'), entry(1, 'GA=1')];
  expect(idsOf(surviving(ledger(5, 0, open), 0, 0))).toEqual(['hold-3', 'hold-2', 'hold-1']);
  expect(idsOf(surviving(ledger(5, 2, open), 0, 0))).toEqual(['hold-3', 'hold-1']);
});

test('a hold that has run out does not survive, one in its grace does', () => {
  const open = [entry(2, 'GA=1', 900), entry(1, 'GA=1', 1_000)];
  expect(idsOf(surviving(ledger(5, 0, open), 1_000, 100))).toEqual(['hold-1']);
});

test('a seat survives once, and not at all when it is sold', () => {
  const open = [
    entry(4, 'STALLS=1@A-1'),
    entry(3, 'STALLS=1@A-2'),
    entry(2, 'GA=1;STALLS=1@A-2'),
    entry(1, 'GA=5'),
  ];
  expect(idsOf(surviving(ledger(5, 0, open), 0, 0))).toEqual(['hold-3', 'hold-1']);
});
