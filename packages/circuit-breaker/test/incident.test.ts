import { expect, it } from 'vitest';
import { SICK_FROM, seeded, simulate, WELL_FROM } from '../bench/simulation.ts';
import { CircuitBreaker, type CircuitBreakerOptions } from '../src/index.ts';

// The Thursday on which the payment provider turned slow, as bench/incident.bench.ts prints it beside the peers.
function survive(options: Omit<CircuitBreakerOptions, 'name'>) {
  return simulate(
    {
      name: 'ours',
      protect: (upstream, clock) => {
        const breaker = new CircuitBreaker({ name: 'psp', clock, random: seeded(), ...options });
        return { call: () => breaker.execute(upstream) };
      },
    },
    (second) => ({ latencyMs: second >= SICK_FROM && second < WELL_FROM ? 30_000 : 200 }),
  );
}

const options = { slow: { afterMs: 2_000 }, open: { forMs: 2_500, factor: 1 } };

it('opens in about six seconds by the rates alone, and recovers within seconds', async () => {
  const result = await survive({ ...options, consecutive: false });
  expect(result.opensAfter).toBeLessThanOrEqual(6.5);
  expect(result.peakInFlight).toBeLessThanOrEqual(130);
  expect(result.upstreamCalls).toBeLessThanOrEqual(200);
  expect(result.lastError).toBeLessThanOrEqual(5.5);
});

it('opens in three seconds with the consecutive rule', async () => {
  const result = await survive(options);
  expect(result.opensAfter).toBeLessThanOrEqual(3);
  expect(result.peakInFlight).toBeLessThanOrEqual(60);
  expect(result.lastError).toBeLessThanOrEqual(5.5);
});
