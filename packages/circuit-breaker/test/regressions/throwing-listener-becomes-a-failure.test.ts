import { expect, it } from 'vitest';
import { breakerWith, fail, failure, flush, succeed } from '../support.ts';

// opossum 10 and cockatiel 4: a `success` listener that throws turns the success into a recorded failure.
it('a listener that throws or rejects changes nothing, and the next listener still hears', async () => {
  const { breaker, clock } = breakerWith();
  const heard: string[] = [];
  const events = ['success', 'failure', 'slow', 'reject', 'open', 'fallback', 'isolated'] as const;
  for (const event of events) {
    breaker.on(event, () => {
      throw new Error('broken listener');
    });
    breaker.on(event, async () => {
      throw new Error('broken asynchronous listener');
    });
    breaker.on(event, () => {
      heard.push(event);
    });
  }
  await succeed(breaker, 1);
  expect(breaker.snapshot().totals).toMatchObject({ succeeded: 1, failed: 0 });
  expect(await breaker.execute(() => Promise.reject(failure), { fallback: () => 1 })).toBe(1);
  breaker.acquire();
  clock.advance(5_000);
  await fail(breaker, 10);
  await fail(breaker, 1);
  breaker.isolate('maintenance');
  await flush();
  expect(new Set(heard)).toEqual(new Set(events));
});
