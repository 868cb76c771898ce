import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lanes } from '../src/lanes.ts';
import { settle } from './manual-clock.ts';

describe('Lanes', () => {
  it('runs the items of a key in order, one at a time, and forgets empty lanes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), turns: fc.nat(3) }), {
          maxLength: 300,
        }),
        async (items) => {
          const ran: Record<string, number[]> = { a: [], b: [], c: [] };
          const running = new Set<string>();
          const lanes = new Lanes<{ key: string; turns: number; index: number }>(async (item) => {
            expect(running.has(item.key)).toBe(false);
            running.add(item.key);
            for (let i = 0; i < item.turns; i++) await Promise.resolve();
            running.delete(item.key);
            ran[item.key]?.push(item.index);
          });
          items.forEach((item, index) => {
            lanes.push(item.key, { ...item, index });
          });
          while (lanes.size > 0) await settle();
          for (const key of Object.keys(ran)) {
            const expected = items.flatMap((item, index) => (item.key === key ? [index] : []));
            expect(ran[key]).toEqual(expected);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('runs different keys side by side', async () => {
    const started: string[] = [];
    const lanes = new Lanes<string>(async (item) => {
      started.push(item);
      if (item === 'slow') await new Promise(() => {});
    });
    lanes.push('slow', 'slow');
    lanes.push('slow', 'waits for ever');
    lanes.push('quick', 'quick');
    await settle();
    expect(started).toEqual(['slow', 'quick']);
  });
});
