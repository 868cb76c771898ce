import { expect, it } from 'vitest';
import { CancelledIds } from '../src/cancelled-ids.ts';
import { ManualClock } from './manual-clock.ts';

const DAY_MS = 86_400_000;

it('forgets a cancelled job seven days after it was heard of last', async () => {
  const clock = new ManualClock();
  const ids = new CancelledIds(clock);
  ids.add('a');
  ids.add('b');
  await clock.advance(4 * DAY_MS);
  ids.add('a'); // read again after a lost connection
  await clock.advance(3 * DAY_MS + 1);
  expect(ids.has('b')).toBe(true); // nothing was heard since
  ids.add('c');
  expect(['a', 'b', 'c'].map((id) => ids.has(id))).toEqual([true, false, true]);
  for (let n = 0; n < 10_000; n++) {
    ids.add(String(n));
    if (n % 100 === 0) await clock.advance(DAY_MS);
  }
  expect(ids.size).toBeLessThanOrEqual(801);
});
