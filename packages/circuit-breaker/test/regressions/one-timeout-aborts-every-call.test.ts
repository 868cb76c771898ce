import { expect, it } from 'vitest';
import { breakerWith, deferred, flush } from '../support.ts';

// opossum 10 shares one AbortController: the first timeout aborts the signal of every call.
it('a timeout aborts the signal of its own call only', async () => {
  const { breaker, clock } = breakerWith();
  const signals: AbortSignal[] = [];
  const work = deferred<string>();
  const start = () =>
    breaker.execute(({ signal }) => {
      signals.push(signal);
      return work.promise;
    });
  const first = start().catch((error) => error.code);
  clock.advance(6_000);
  const second = start();
  clock.advance(4_000);
  expect(await first).toBe('ERR_CALL_TIMEOUT');
  expect(signals.map((signal) => signal.aborted)).toEqual([true, false]);
  work.resolve('fine');
  expect(await second).toBe('fine');
  await flush();
  expect(signals[1]?.aborted).toBe(false);
});
