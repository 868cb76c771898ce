import { expect, it } from 'vitest';
import { breakerWith, fail, failure, flush, hang, succeed } from '../support.ts';

// cockatiel 4 and opossum 10: a call from before the outage that fails late re-opens the circuit its probe has closed.
it('a failure that began before the circuit opened cannot undo a successful probe', async () => {
  const { breaker, clock } = breakerWith({ halfOpen: { probes: 1 }, slow: false, consecutive: 1 });
  const stale = hang(breaker);
  await fail(breaker, 1);
  clock.advance(5_000);
  await succeed(breaker, 1);
  expect(breaker.state).toBe('closed');
  stale.reject(failure);
  await flush();
  expect(breaker.snapshot()).toMatchObject({ state: 'closed', window: { calls: 0, failed: 0 } });
});

it('nor can a late success close a circuit that has opened since', async () => {
  const { breaker, clock } = breakerWith({ halfOpen: { probes: 1 }, slow: false, consecutive: 1 });
  const stale = hang(breaker);
  await fail(breaker, 1);
  clock.advance(5_000);
  const probe = hang(breaker);
  stale.resolve('late');
  await flush();
  expect(breaker.state).toBe('half-open');
  probe.reject(failure);
  await flush();
  expect(breaker.state).toBe('open');
});
