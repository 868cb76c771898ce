import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRanges, encodeRanges, type OffsetRange } from '../src/run-length-map.ts';

/** A position and ascending ranges at or above it, written as gaps and lengths. */
const maps = fc
  .record({
    position: fc.nat(2 ** 40),
    steps: fc.array(fc.record({ gap: fc.nat(5_000), length: fc.integer({ min: 1, max: 5_000 }) })),
  })
  .map(({ position, steps }) => {
    const ranges: OffsetRange[] = [];
    let next = position;
    for (const { gap, length } of steps) {
      ranges.push({ from: next + gap, to: next + gap + length - 1 });
      next += gap + length;
    }
    return { position, ranges };
  });

describe('run-length map', () => {
  it('gives back the ranges it was made of', () => {
    fc.assert(
      fc.property(maps, ({ position, ranges }) => {
        const { text, isWhole } = encodeRanges(position, ranges, 1_000_000);
        expect(decodeRanges(position, text)).toEqual(ranges);
        expect(isWhole).toBe(true);
      }),
    );
  });

  it('stays within its budget and drops only ranges from the end', () => {
    fc.assert(
      fc.property(maps, fc.integer({ min: 2, max: 60 }), ({ position, ranges }, budget) => {
        const { text, isWhole } = encodeRanges(position, ranges, budget);
        expect(text.length).toBeLessThanOrEqual(budget);
        const kept = decodeRanges(position, text);
        expect(kept).toEqual(ranges.slice(0, kept.length));
        expect(isWhole).toBe(kept.length === ranges.length);
      }),
    );
  });

  it('reads foreign and damaged text as a valid map or as none, and never throws', () => {
    fc.assert(
      fc.property(fc.option(fc.string()), fc.boolean(), (text, prefixed) => {
        const ranges = decodeRanges(100, prefixed && text !== null ? `1:${text}` : text);
        let next = 100;
        for (const { from, to } of ranges) {
          expect(from).toBeGreaterThanOrEqual(next);
          expect(to).toBeGreaterThanOrEqual(from);
          next = to + 1;
        }
      }),
    );
  });

  it('is empty text when nothing is finished above the position', () => {
    expect(encodeRanges(5, [], 3_072)).toEqual({ text: '', isWhole: true });
    expect(decodeRanges(5, '')).toEqual([]);
    expect(decodeRanges(5, null)).toEqual([]);
  });
});
