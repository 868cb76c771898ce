import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CheckState, type Damping, observe, passesToRecover } from '../src/check-state.ts';

interface Observation {
  readonly ok: boolean;
  readonly at: number;
}

/** The rules read off the documentation, over the whole history, with no thought for cost. */
function referenceKind(history: readonly Observation[], damping: Damping): CheckState['kind'] {
  let kind: CheckState['kind'] = 'unknown';
  let since: boolean[] = [];
  const falls: number[] = [];
  const lastAre = (count: number, ok: boolean) =>
    since.length >= count && since.slice(-count).every((one) => one === ok);
  for (const { ok, at } of history) {
    if (kind === 'unknown') {
      kind = ok ? 'healthy' : 'unhealthy';
      continue;
    }
    since.push(ok);
    if (kind === 'healthy' && lastAre(damping.failAfter, false)) {
      kind = 'unhealthy';
      falls.push(at);
      since = [];
    } else if (kind === 'unhealthy') {
      const inWindow = falls.filter((fall) => at - fall < damping.flapWindowMs).length;
      const factor = [1, 1, 2, 4, 8][Math.min(inWindow, 4)] ?? 1;
      if (lastAre(damping.recoverAfter * factor, true)) {
        kind = 'healthy';
        since = [];
      }
    }
  }
  return kind;
}

const arbitraryDamping = fc.record({
  failAfter: fc.integer({ min: 1, max: 4 }),
  recoverAfter: fc.integer({ min: 1, max: 3 }),
  flapWindowMs: fc.constantFrom(0, 50, 1_000),
});
const arbitraryHistory = fc
  .array(fc.record({ ok: fc.boolean(), gapMs: fc.integer({ min: 0, max: 40 }) }), { maxLength: 80 })
  .map((steps) => {
    let at = 0;
    return steps.map(({ ok, gapMs }) => {
      at += gapMs;
      return { ok, at };
    });
  });

test('agrees with the reference on every history', () => {
  fc.assert(
    fc.property(arbitraryHistory, arbitraryDamping, (history, damping) => {
      let state: CheckState = { kind: 'unknown' };
      for (const [index, { ok, at }] of history.entries()) {
        state = observe(state, ok, at, damping);
        expect(state.kind).toBe(referenceKind(history.slice(0, index + 1), damping));
      }
    }),
    { numRuns: 300 },
  );
});

test('each further fall in the window doubles the passes needed, up to eightfold, and they are forgotten', () => {
  const damping = { failAfter: 1, recoverAfter: 2, flapWindowMs: 100 };
  const needed = (falls: number[], now: number) => passesToRecover(falls, now, damping);
  expect(
    [[], [0], [0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4]].map((f) => needed(f, 5)),
  ).toEqual([2, 2, 4, 8, 16, 16]);
  expect(needed([0, 1, 2], 101)).toBe(2);
});

test('a dependency that alternates is taken out once and stays out', () => {
  const damping = { failAfter: 3, recoverAfter: 2, flapWindowMs: 60_000 };
  let state: CheckState = { kind: 'unhealthy', passes: 0, falls: [0] };
  for (let at = 0; at < 1_000; at += 10) {
    state = observe(state, at % 20 === 0, at, damping);
    expect(state.kind).toBe('unhealthy');
  }
});
