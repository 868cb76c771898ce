import { expect, it } from 'vitest';
import { breakerWith } from '../support.ts';

// opossum 9: `capacity: 10` really ran 300 calls, because a timeout gives the slot back while the work goes on
it('never runs more calls than its number, whatever times out', async () => {
  const { breaker, clock } = breakerWith({
    bulkhead: { concurrency: 10 },
    timeoutMs: 100,
    consecutive: false,
    failureRate: false,
    badRate: false,
  });
  let running = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => clock.setTimeout(resolve, 3_000));
    running -= 1;
  };
  for (let second = 0; second < 30; second += 1) {
    for (let n = 0; n < 10; n += 1) breaker.execute(work).catch(() => {});
    await clock.advanceAsync(1_000);
  }
  expect(most).toBe(10);
});
