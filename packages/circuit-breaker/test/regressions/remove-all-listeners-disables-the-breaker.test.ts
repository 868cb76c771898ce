import { expect, it, vi } from 'vitest';
import { breakerWith, fail, succeed } from '../support.ts';

// opossum 10 runs its own logic on its public events: `removeAllListeners()` switches the breaker off.
it('works the same after removeAllListeners()', async () => {
  const { breaker, clock } = breakerWith();
  const listener = vi.fn();
  breaker.on('open', listener).once('closed', listener).removeAllListeners();
  await fail(breaker, 10);
  expect(breaker.state).toBe('open');
  clock.advance(5_000);
  await succeed(breaker, 3);
  expect(breaker.state).toBe('closed');
  expect(listener).not.toHaveBeenCalled();
});

it('takes single listeners off again, and those for one time by themselves', async () => {
  const { breaker, clock } = breakerWith();
  const off = vi.fn();
  const once = vi.fn();
  breaker.on('success', off).once('success', once).off('success', off).off('failure', off);
  await succeed(breaker, 2);
  expect(off).not.toHaveBeenCalled();
  expect(once).toHaveBeenCalledTimes(1);
  const always = vi.fn();
  breaker.on('failure', always).on('slow', always).removeAllListeners('slow');
  await fail(breaker, 1);
  breaker.acquire();
  clock.advance(5_000);
  expect(always).toHaveBeenCalledTimes(1);
});
