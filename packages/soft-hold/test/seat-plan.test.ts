import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type SeatMap, SeatPlan } from '../src/seat-plan.ts';

/** Rows of letters: . free, x taken, _ no seat, a accessible. */
function plan(...rows: string[]): SeatPlan {
  const nameOf = (r: number, i: number) => `${r}-${i}`;
  const map: SeatMap = {
    rows: rows.map((row, r) => ({
      seats: [...row].map((cell, i) => (cell === '_' ? null : nameOf(r, i))),
      accessible: [...row].flatMap((cell, i) => (cell === 'a' ? [nameOf(r, i)] : [])),
    })),
  };
  const made = new SeatPlan(map);
  rows.forEach((row, r) => {
    [...row].forEach((cell, i) => {
      if (cell === 'x') made.paint([nameOf(r, i)], false);
    });
  });
  return made;
}

const cell = fc.constantFrom('.', '.', '.', 'x', '_');
const hall = fc.array(fc.array(cell, { minLength: 1, maxLength: 14 }), {
  minLength: 1,
  maxLength: 6,
});

/** How many single free seats lie alone beside a block at `from`. */
function orphans(row: string[], from: number, size: number): number {
  const free = (i: number) => row[i] === '.' && (i < from || i >= from + size);
  return [from - 1, from + size].filter((i) => free(i) && !free(i - 1) && !free(i + 1)).length;
}
function blocks(rows: string[][], size: number) {
  return rows.flatMap((row, r) =>
    row
      .map((_, from) => ({ r, from }))
      .filter(({ from }) => row.slice(from, from + size).join('') === '.'.repeat(size))
      .map((block) => ({ ...block, orphans: orphans(row, block.from, size) })),
  );
}

test('the best seats are free, together if they can be, nearest, and leave no single one if avoidable', () => {
  fc.assert(
    fc.property(hall, fc.integer({ min: 1, max: 6 }), (rows, size) => {
      const names = plan(...rows.map((row) => row.join(''))).place(size, false);
      const taken = names.map((name) => name.split('-').map(Number) as [number, number]);
      for (const [r, i] of taken) expect(rows[r]?.[i]).toBe('.');
      expect(new Set(names).size).toBe(names.length);
      const free = rows.flat().filter((one) => one === '.').length;
      expect(names).toHaveLength(Math.min(size, free));
      const possible = blocks(rows, size);
      if (possible.length === 0) return;
      const [r, from] = taken[0] as [number, number];
      expect(taken).toEqual(Array.from({ length: size }, (_, i) => [r, from + i]));
      const clean = possible.filter((block) => block.orphans === 0);
      const focus = ((rows[0] as string[]).length - 1) / 2;
      const cost = (block: { r: number; from: number }) =>
        (2 * block.r) ** 2 + (block.from + (size - 1) / 2 - focus) ** 2;
      if (clean.length === 0) return;
      expect(orphans(rows[r] as string[], from, size)).toBe(0);
      expect(cost({ r, from })).toBe(Math.min(...clean.map(cost)));
    }),
    { numRuns: 1_000 },
  );
}, 30_000);

test('a party that fits nowhere together is split, the largest part first', () => {
  expect(plan('..x...x.').place(5, false)).toEqual(['0-3', '0-4', '0-5', '0-0', '0-1']);
  expect(plan('x.x').place(3, false)).toEqual(['0-1']);
});

test('one accessible seat and its neighbours for those who ask, none for others', () => {
  expect(plan('a..a').place(2, false)).toEqual(['0-1', '0-2']);
  expect(plan('a..a').place(2, true)).toEqual(['0-0', '0-1']);
  expect(plan('axxx', '....').place(2, true)).toEqual(['0-0', '1-3']); // 1-1 would leave 1-0 alone
  expect(plan('....').place(1, true)).toEqual([]);
});
