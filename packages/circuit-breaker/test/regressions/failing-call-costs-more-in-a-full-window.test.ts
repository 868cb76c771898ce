import { expect, it } from 'vitest';
import { CountWindow } from '../../src/count-window.ts';
import { TimeWindow } from '../../src/time-window.ts';
import { type CallWindow, FAILED } from '../../src/window.ts';

// opossum 10 sums its whole window on each failure: one failing call costs 23 ms with 100,000 calls in it.
function costOfFailures(window: CallWindow, callsBefore: number): number {
  window.advance(0);
  for (let i = 0; i < callsBefore; i += 1) window.addGood(window.mark);
  const best = Array.from({ length: 9 }, () => {
    const before = process.cpuUsage();
    for (let i = 0; i < 20_000; i += 1) {
      window.advance(i / 100);
      window.addBad(FAILED);
    }
    const { user, system } = process.cpuUsage(before);
    return user + system;
  });
  return Math.min(...best);
}

it.each([
  ['time', () => new TimeWindow(10_000, 10)],
  ['count', () => new CountWindow(1_000_000)],
])('a failing call costs the same with a million calls in the %s window', (_type, make) => {
  costOfFailures(make(), 1_000); // compiled before it is measured
  const empty = costOfFailures(make(), 0);
  const full = costOfFailures(make(), 1_000_000);
  expect(full).toBeLessThan(empty * 5 + 2_000); // a sum over the window would be ten thousand times as much
});
