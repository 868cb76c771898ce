import { expect, it } from 'vitest';
import { breakerWith, fail, succeed } from '../support.ts';

// cockatiel 4: 30 failures, an hour of silence, one success, and it still counts 27 failures.
it('after an hour of silence the window holds only what came afterwards', async () => {
  const { breaker, clock } = breakerWith({ consecutive: false, minimumCalls: 100 });
  await fail(breaker, 30);
  expect(breaker.snapshot().window.failed).toBe(30);
  clock.advance(3_600_000);
  await succeed(breaker, 1);
  expect(breaker.snapshot().window).toMatchObject({ calls: 1, failed: 0, failureRate: 0 });
});
