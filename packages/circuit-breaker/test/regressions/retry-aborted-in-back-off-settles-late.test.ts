import { expect, it } from 'vitest';
import { breakerWith, failure } from '../support.ts';

// cockatiel 4: a retry aborted during a 30 s back-off settles 29 s later
it('settles at once when its caller aborts during the pause', async () => {
  const { breaker, clock } = breakerWith({
    slow: false,
    timeoutMs: false,
    retry: { baseMs: 60_000, maxMs: 60_000 },
  });
  const controller = new AbortController();
  const call = breaker.execute(() => Promise.reject(failure), { signal: controller.signal });
  await clock.advanceAsync(1_000);
  controller.abort(new Error('gone'));
  await expect(call).rejects.toThrow('gone');
  expect(clock.pendingTimers).toBe(0);
});
