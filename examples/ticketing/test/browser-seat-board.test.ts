import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Availability, SeatState } from '../contract.ts';
import type { Change } from '../web/src/seat-board.ts';
import { SeatBoard } from '../web/src/seat-board.ts';

const serverNow = (seq: number) => new Date(1_800_000_000_000 + seq).toISOString();
const snapshot = (seq: number, seats: Availability['seats'] = {}): Availability => ({
  event: 'first-night',
  seq,
  counts: [],
  seats,
  serverNow: serverNow(seq),
});
const change = (seq: number, seats: Change['seats']): Change => ({
  type: 'change',
  event: 'first-night',
  seq,
  counts: [],
  seats,
});

describe('SeatBoard', () => {
  it('follows changes that come in order', () => {
    const board = new SeatBoard();
    board.load(snapshot(7, { 'A-1': 'sold' }));
    expect(board.apply(change(8, { 'A-2': 'held' }))).toBe('applied');
    expect(board.apply(change(9, { 'A-2': 'free', 'A-3': 'sold' }))).toBe('applied');
    const states = ['A-1', 'A-2', 'A-3', 'A-4'].map((id) => board.seat(id).value);
    expect(states).toEqual(['sold', 'free', 'sold', 'free']);
  });

  it('takes over the counts of the categories that changed, and keeps the others', () => {
    const board = new SeatBoard();
    const count = (sku: string, free: number) => ({ sku, total: 9, free, held: 9 - free, sold: 0 });
    board.load({ ...snapshot(7), counts: [count('front', 9), count('stalls', 4)] });
    board.apply({ ...change(8, {}), counts: [count('front', 7)] });
    expect(board.counts.value).toEqual([count('front', 7), count('stalls', 4)]);
  });

  it('keeps a change that came too early until the missing ones are there', () => {
    const board = new SeatBoard();
    board.load(snapshot(7));
    expect(board.apply(change(9, { 'A-9': 'sold' }))).toBe('gap');
    expect(board.seat('A-9').value).toBe('free');
    expect(board.load(snapshot(8, { 'A-8': 'held' }))).toBe(true);
    expect([board.seat('A-8').value, board.seat('A-9').value]).toEqual(['held', 'sold']);
  });

  it('says that a snapshot was read too early to close the gap', () => {
    const board = new SeatBoard();
    board.load(snapshot(7));
    board.apply(change(12, { 'A-1': 'held' }));
    expect(board.load(snapshot(9))).toBe(false);
    expect(board.load(snapshot(11))).toBe(true);
    expect(board.seat('A-1').value).toBe('held');
  });

  it('is not set back by a snapshot that was overtaken on its way', () => {
    const board = new SeatBoard();
    board.load(snapshot(7));
    board.apply(change(8, { 'A-1': 'sold' }));
    board.load(snapshot(7));
    expect(board.seat('A-1').value).toBe('sold');
  });

  it('accepts a count that began anew', () => {
    const board = new SeatBoard();
    board.load(snapshot(700, { 'A-1': 'held' }));
    board.load({ ...snapshot(2, { 'A-2': 'sold' }), serverNow: serverNow(900) });
    expect([board.seat('A-1').value, board.seat('A-2').value]).toEqual(['free', 'sold']);
    expect(board.apply(change(3, { 'A-1': 'sold' }))).toBe('applied');
  });

  it('ends like the server, whatever is lost, doubled or late, once it has fetched what it misses', () => {
    const seats = ['A-1', 'A-2', 'A-3', 'B-1'];
    const state = fc.constantFrom<SeatState>('free', 'held', 'sold');
    const changes = fc.array(fc.tuple(fc.constantFrom(...seats), state), { maxLength: 40 });
    fc.assert(
      fc.property(changes, fc.infiniteStream(fc.nat(9)), (all, chance) => {
        const luck = () => chance.next().value as number;
        const board = new SeatBoard();
        const truth: Record<string, SeatState> = {};
        const taken = () =>
          Object.fromEntries(Object.entries(truth).filter(([, held]) => held !== 'free'));
        const now = (seq: number) => snapshot(seq, taken() as Availability['seats']);
        board.load(now(0));
        const late: Change[] = [];
        all.forEach(([seat, next], index) => {
          truth[seat] = next;
          const message = change(index + 1, { [seat]: next });
          const fate = luck();
          if (fate === 0) return; // lost
          if (fate === 1) {
            late.push(message);
            return;
          }
          const outcomes = [
            message,
            ...(fate === 2 ? [message] : []),
            ...(luck() === 0 ? late.splice(0) : []),
          ];
          if (outcomes.map((one) => board.apply(one)).includes('gap')) board.load(now(index + 1));
        });
        board.load(now(all.length));
        for (const seat of seats) expect(board.seat(seat).value).toBe(truth[seat] ?? 'free');
      }),
    );
  });
});
