import { expect, it } from 'vitest';
import { breakerWith, fail, flush, hang } from '../support.ts';

// cockatiel 4 lets every caller wait for the one probe, without limit.
it('callers are refused at once while a probe hangs', async () => {
  const { breaker, clock } = breakerWith();
  await fail(breaker, 10);
  clock.advance(5_000);
  hang(breaker);
  const refused: unknown[] = [];
  for (let i = 0; i < 1_000; i += 1) {
    breaker.execute(() => i).catch((error) => refused.push(error.code));
  }
  await flush();
  expect(refused).toEqual(Array(1_000).fill('ERR_CIRCUIT_OPEN'));
  expect(breaker.snapshot().inFlight).toBe(1);
});
