import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { Health } from '../src/index.ts';
import { type MetricRegistry, registerMetrics } from '../src/prometheus.ts';

async function sample(contentType: string = Registry.PROMETHEUS_CONTENT_TYPE) {
  const health = new Health({ service: 'orders' });
  health.check('db', () => ({ rows: 1 }), { scope: 'shared', ttlMs: 0 });
  health.check('disk', () => Promise.reject(new Error('password=hunter2')), { groups: ['deep'] });
  await health.readiness();
  await health.readiness();
  await health.group('deep');
  const registry = new Registry();
  registry.setContentType(contentType as never);
  const unregister = registerMetrics(registry as MetricRegistry, health);
  return { health, registry, unregister };
}

test('tells status, age, durations and runs of every check, at most 10 series each, without asking anybody', async () => {
  const { health, registry } = await sample();
  const text = await registry.metrics();
  const of = (pattern: RegExp) => text.split('\n').filter((line) => pattern.test(line));
  expect(of(/^evenkeel_.*check="db"/)).toEqual([
    'evenkeel_health_check_status{service="orders",check="db",scope="shared"} 1',
    'evenkeel_health_check_stale{service="orders",check="db",scope="shared"} 0',
    'evenkeel_health_check_alone{service="orders",check="db",scope="shared"} 0',
    expect.stringMatching(/^evenkeel_health_check_age_seconds\{.*\} 0(\.\d+)?/),
    expect.stringMatching(/^evenkeel_health_check_duration_seconds\{.*quantile="0.5"\} \d/),
    expect.stringMatching(/^evenkeel_health_check_duration_seconds\{.*quantile="0.99"\} \d/),
    'evenkeel_health_check_runs_total{service="orders",check="db",scope="shared",outcome="pass"} 2',
    'evenkeel_health_check_runs_total{service="orders",check="db",scope="shared",outcome="fail"} 0',
  ]);
  expect(of(/check_status.*"disk"/)[0]).toMatch(/ 0$/);
  expect(of(/group_status/)).toHaveLength(2 + 4);
  expect(of(/^evenkeel_health_draining/)).toEqual(['evenkeel_health_draining{service="orders"} 0']);
  expect(text).not.toContain('hunter2');
  health.drain();
  expect(await registry.metrics()).toContain('evenkeel_health_draining{service="orders"} 1');
  expect(health.history('db').runs).toBe(2);
});

test('an OpenMetrics registry renders it twice the same', async () => {
  const { registry } = await sample(Registry.OPENMETRICS_CONTENT_TYPE);
  const counters = async () =>
    (await registry.metrics()).split('\n').filter((line) => /runs_total\{/.test(line));
  expect(await counters()).toHaveLength(4);
  expect(await counters()).toEqual(await counters());
});

test('what is unregistered is gone, and a name that is taken leaves nothing half registered', async () => {
  const { health, registry, unregister } = await sample();
  expect(() => registerMetrics(registry as MetricRegistry, health)).toThrow('already');
  unregister();
  expect(await registry.metrics()).toBe('\n');
  registerMetrics(registry as MetricRegistry, [health], { prefix: 'shop_' });
  expect(await registry.metrics()).toContain('shop_check_status');
});
