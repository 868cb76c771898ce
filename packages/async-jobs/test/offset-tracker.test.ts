import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OffsetTracker } from '../src/offset-tracker.ts';
import { decodeRanges } from '../src/run-length-map.ts';

/** What the tracker must answer, kept in plain sets. */
class Model {
  readonly received: number[] = [];
  readonly finished = new Set<number>();

  position(): number | null {
    if (this.received.length === 0) return null;
    return (
      this.received.find((offset) => !this.finished.has(offset)) ??
      (this.received.at(-1) as number) + 1
    );
  }
}

/** Offsets with gaps, as compaction and transaction markers leave them. */
const logs = fc
  .record({
    first: fc.nat(1_000),
    gaps: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 80 }),
  })
  .map(({ first, gaps }) =>
    gaps.map((_, i) => first + gaps.slice(0, i).reduce((a, b) => a + b, 0)),
  );

describe('OffsetTracker', () => {
  it('commits the lowest unfinished offset, whatever finishes in whatever order', () => {
    fc.assert(
      fc.property(logs, fc.infiniteStream(fc.nat(1_000)), (offsets, choices) => {
        const tracker = new OffsetTracker(null);
        const model = new Model();
        const open: number[] = [];
        let i = 0;
        for (const choice of choices) {
          if (i < offsets.length && (choice % 2 === 0 || open.length === 0)) {
            const offset = offsets[i++] as number;
            expect(tracker.receive(offset)).toBe(true);
            open.push(offset);
            model.received.push(offset);
          } else if (open.length > 0) {
            const [entry] = open.splice(choice % open.length, 1) as [number];
            tracker.complete(entry);
            model.finished.add(entry);
          } else break;
          expect(tracker.position()).toBe(model.position());
          // The map tells exactly the finished offsets above the position
          const told = new Set<number>();
          for (const { from, to } of decodeRanges(
            model.position() as number,
            tracker.metadata(3_072).text,
          )) {
            for (let offset = from; offset <= to; offset++) told.add(offset);
          }
          for (const offset of model.received) {
            if (offset < (model.position() as number)) continue;
            expect(told.has(offset)).toBe(model.finished.has(offset));
          }
        }
        expect(tracker.position()).toBe((offsets.at(-1) as number) + 1);
        expect(tracker.pending).toBe(0);
      }),
    );
  });

  it('after crashes, hands out every unfinished offset once and no finished one again', () => {
    fc.assert(
      fc.property(
        logs,
        fc.array(fc.array(fc.nat(100), { maxLength: 40 }), { minLength: 1, maxLength: 4 }),
        (offsets, lives) => {
          const finished = new Set<number>();
          let committed: { offset: number; metadata: string } | null = null;
          // Every life reads some of the log, finishes some of it, commits and is killed
          for (const life of lives) {
            const tracker: OffsetTracker = restore(committed);
            const from = committed?.offset ?? 0;
            const readable = offsets.filter((offset) => offset >= from);
            const open: number[] = [];
            for (const offset of readable.slice(0, life.length)) {
              const news = tracker.receive(offset);
              expect(news).toBe(!finished.has(offset));
              if (news) open.push(offset);
            }
            for (const choice of life) {
              if (open.length === 0) break;
              const [entry] = open.splice(choice % open.length, 1) as [number];
              if (choice % 3 === 0) continue;
              tracker.complete(entry);
              finished.add(entry);
            }
            const offset = tracker.position();
            if (offset !== null) committed = { offset, metadata: tracker.metadata(100_000).text };
          }
        },
      ),
    );
  });

  it('takes an offset that is fetched again only once', () => {
    const tracker = new OffsetTracker(10);
    expect(tracker.receive(9)).toBe(false);
    expect(tracker.receive(10)).toBe(true);
    expect(tracker.receive(10)).toBe(false);
    expect(tracker.position()).toBe(10);
  });

  it('keeps one offset while a head waits and 100,000 are finished behind it', () => {
    const tracker = new OffsetTracker(0);
    for (let offset = 0; offset < 100_000; offset++) {
      tracker.receive(offset);
      if (offset > 0) tracker.complete(offset);
    }
    expect(tracker.pending).toBe(1);
    expect(tracker.position()).toBe(0);
    expect(tracker.metadata(3_072).text.length).toBeLessThan(20);
    tracker.complete(0);
    expect(tracker.position()).toBe(100_000);
  });
});

function restore(committed: { offset: number; metadata: string } | null): OffsetTracker {
  if (!committed) return new OffsetTracker(null);
  return new OffsetTracker(committed.offset, decodeRanges(committed.offset, committed.metadata));
}
