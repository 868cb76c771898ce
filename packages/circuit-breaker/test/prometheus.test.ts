import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { CircuitBreakerRegistry } from '../src/index.ts';
import { registerMetrics } from '../src/prometheus.ts';
import { breakerWith, fail, succeed } from './support.ts';

it('shows a breaker to a prom-client registry as it is at the scrape', async () => {
  const registry = new Registry();
  const { breaker } = breakerWith({ consecutive: 3 });
  const remove = registerMetrics(registry, breaker);
  await succeed(breaker, 2);
  await fail(breaker, 4); // the fourth is not made
  const text = await registry.metrics();
  expect(text).toContain('# TYPE evenkeel_circuit_breaker_calls_total counter');
  for (const line of [
    'evenkeel_circuit_breaker_state{breaker="psp",state="open"} 1',
    'evenkeel_circuit_breaker_calls_total{breaker="psp",outcome="succeeded"} 2',
    'evenkeel_circuit_breaker_calls_total{breaker="psp",outcome="failed"} 3',
    'evenkeel_circuit_breaker_calls_total{breaker="psp",outcome="rejected"} 1',
    'evenkeel_circuit_breaker_in_flight_calls{breaker="psp"} 0',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
  remove();
  expect(await registry.metrics()).not.toContain('evenkeel');
});

it('shows the breakers that a keyed registry keeps at the scrape', async () => {
  const registry = new Registry();
  const hosts = new CircuitBreakerRegistry({ name: 'hosts' });
  registerMetrics(registry, hosts);
  hosts.get('a');
  hosts.get('b');
  const text = await registry.metrics();
  expect(text).toContain('evenkeel_circuit_breaker_state{breaker="hosts/a",state="closed"} 1');
  expect(text.match(/breaker="hosts\/b"/g)).toHaveLength(10);
});
