import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Category } from '../contract.ts';
import { bestTogether, layOut, neighbour } from '../web/src/seat-layout.ts';

const hall: Category[] = [
  { sku: 'near', name: 'Near', priceCents: 9_000, rows: [{ row: 'A', seats: 8 }] },
  {
    sku: 'far',
    name: 'Far',
    priceCents: 4_000,
    rows: [
      { row: 'B', seats: 12 },
      { row: 'C', seats: 14 },
    ],
  },
];
const layout = layOut(hall);
const seat = (id: string) => {
  const found = layout.rows.flatMap((row) => row.seats).find((one) => one.id === id);
  if (!found) throw new Error(`no seat ${id}`);
  return found;
};

describe('layOut', () => {
  it('draws every seat of any hall inside the picture, none upon another', () => {
    const rows = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.array(rows, { minLength: 1, maxLength: 4 }), (areas) => {
        let letter = 0;
        const categories = areas.map((lengths, index): Category => {
          const named = lengths.map((seats) => ({ row: `R${letter++}`, seats }));
          return { sku: `${index}`, name: `${index}`, priceCents: 1, rows: named };
        });
        const { rows: drawn, view } = layOut(categories);
        const all = drawn.flatMap((row) => row.seats);
        expect(all).toHaveLength(areas.flat().reduce((sum, seats) => sum + seats, 0));
        for (const { x, y } of all) {
          expect(x).toBeGreaterThan(view.x + 8);
          expect(x).toBeLessThan(view.x + view.width - 8);
          expect(y).toBeGreaterThan(view.y + 8);
          expect(y).toBeLessThan(view.y + view.height - 8);
        }
        for (const row of drawn) {
          for (const [index, one] of row.seats.entries()) {
            const next = row.seats[index + 1];
            if (next) expect(Math.hypot(next.x - one.x, next.y - one.y)).toBeGreaterThan(17);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('neighbour', () => {
  it('walks along the row and stops at its ends', () => {
    expect(neighbour(layout, seat('A-1'), 'right').id).toBe('A-2');
    expect(neighbour(layout, seat('A-1'), 'left').id).toBe('A-1');
    expect(neighbour(layout, seat('A-3'), 'end').id).toBe('A-8');
    expect(neighbour(layout, seat('A-3'), 'start').id).toBe('A-1');
  });

  it('changes rows to the seat straight ahead or behind', () => {
    expect(neighbour(layout, seat('A-4'), 'down').id).toBe('B-6');
    expect(neighbour(layout, seat('C-1'), 'up').id).toBe('B-1');
    expect(neighbour(layout, seat('A-4'), 'up').id).toBe('A-4');
    expect(neighbour(layout, seat('C-4'), 'down').id).toBe('C-4');
  });
});

describe('bestTogether', () => {
  const free = () => true;

  it('prefers the front, then the middle', () => {
    expect(bestTogether(layout, 2, free)).toEqual(['A-4', 'A-5']);
    expect(bestTogether(layout, 2, free, 1)).toEqual(['B-6', 'B-7']);
  });

  it('never offers a taken seat, and nothing when the row has no such gap', () => {
    const onlyFree =
      (...ids: string[]) =>
      (id: string) =>
        ids.includes(id);
    expect(bestTogether(layout, 2, onlyFree('A-1', 'A-2', 'C-7'))).toEqual(['A-1', 'A-2']);
    expect(bestTogether(layout, 2, onlyFree('A-1', 'A-3', 'B-1'))).toEqual([]);
  });
});
