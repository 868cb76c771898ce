import { expect, it } from 'vitest';
import { breakerWith } from '../support.ts';

// opossum 10: a synchronous action that returns undefined ends in a TypeError.
it.each([10_000, false as const])(
  'an action may return nothing (timeout %s)',
  async (timeoutMs) => {
    const { breaker } = breakerWith({ timeoutMs });
    expect(await breaker.execute(() => {})).toBeUndefined();
    expect(await breaker.execute(() => null)).toBeNull();
    expect(breaker.snapshot().totals).toMatchObject({ succeeded: 2, failed: 0 });
  },
);
