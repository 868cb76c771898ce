import { expect, test } from 'vitest';
import { type HoldRow, PoolState } from '../src/engine/pool-state.ts';

const hold = (id: string, s: HoldRow['s'], seats: string[]): HoldRow => ({
  ...{ id, s, token: '1', created: 0, expires: 1_000, holder: id, want: '', due: 1_000 },
  items: `HALL=${seats.length}@${seats.join(',')}`,
});
const stock = [{ sku: 'HALL', total: 3, seats: ['A', 'B', 'C'], map: null }];

test.each([
  ['the hold that had it', false],
  ['the hold that has it', true],
])('a seat is of who has it now, where %s is read first', (_, isReversed) => {
  const state = new PoolState(stock as never);
  state.putAll([hold('gone', 'p', ['A']), hold('moved', 'p', ['B'])]);
  const later = [
    hold('gone', 'e', ['A']),
    hold('moved', 'p', ['C']),
    hold('first', 'p', ['A']),
    hold('second', 'p', ['B']),
  ];
  state.putAll(isReversed ? later.reverse() : later);
  expect(Object.fromEntries(state.owners)).toEqual({
    ...{ 'HALL/A': 'hfirst', 'HALL/B': 'hsecond', 'HALL/C': 'hmoved' },
  });
  expect(state.counts.get('HALL')).toEqual({ free: 0, held: 3, sold: 0, total: 3 });
  expect(state.users).toEqual(new Map(['moved', 'first', 'second'].map((id) => [id, 1])));
});
