import { expect, it } from 'vitest';
import { breakerWith, fail, hang } from '../support.ts';

// mollitia and opossum 10 still reject healthy traffic a day after their probes hung.
it.each([
  ['judged slow', {}],
  ['timed out', { slow: false as const }],
  ['written off', { slow: false as const, timeoutMs: false as const }],
])('a hung probe is %s, and healthy traffic closes the circuit', async (_how, options) => {
  const { breaker, clock } = breakerWith(options);
  await fail(breaker, 10);
  clock.advance(5_000);
  hang(breaker);
  let refused = 0;
  for (let second = 0; second < 60 && breaker.state !== 'closed'; second += 1) {
    clock.advance(1_000);
    await breaker
      .execute(() => 'fine')
      .catch(() => {
        refused += 1;
      });
  }
  expect(breaker.state).toBe('closed');
  expect(refused).toBeLessThan(45);
});

it('nor can permits that are never settled keep it half-open', async () => {
  const { breaker, clock } = breakerWith({ slow: false, timeoutMs: false });
  await fail(breaker, 10);
  clock.advance(5_000);
  breaker.acquire();
  expect(() => breaker.acquire()).toThrow('half-open');
  clock.advance(30_000);
  breaker.acquire().success();
});
