import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { History } from '../src/history.ts';
import { type GroupChange, Health } from '../src/index.ts';

test('percentiles are those of the last 256 runs, by the nearest rank', () => {
  const duration = fc.integer({ min: 0, max: 10_000 });
  fc.assert(
    fc.property(fc.array(duration, { maxLength: 600 }), (durations) => {
      const history = new History();
      for (const [index, ms] of durations.entries()) history.addRun(index % 3 !== 0, ms);
      const kept = durations.slice(-256).sort((a, b) => a - b);
      const rank = (ratio: number) =>
        kept.find((ms) => kept.filter((other) => other <= ms).length >= ratio * kept.length) ?? 0;
      expect(history.summary()).toEqual({
        runs: durations.length,
        failures: Math.ceil(durations.length / 3),
        p50Ms: rank(0.5),
        p95Ms: rank(0.95),
        p99Ms: rank(0.99),
        maxMs: kept.at(-1) ?? 0,
        changes: [],
      });
    }),
  );
});

test('remembers the last 20 changes of a check', async () => {
  const health = new Health({ service: 'orders' });
  let run = 0;
  const alternating = () => {
    if (run++ % 2 === 1) throw new Error(`failure ${run}`);
  };
  health.check('db', alternating, { ttlMs: 0, failAfter: 1, recoverAfter: 1, flapWindowMs: 0 });
  for (let i = 0; i < 30; i++) await health.readiness();
  const { changes, runs, failures } = health.history('db');
  expect([changes.length, runs, failures]).toEqual([20, 30, 15]);
  expect(changes.at(-1)).toMatchObject({ from: 'pass', to: 'fail', reason: 'failure 30' });
  expect(() => health.history('cache')).toThrow('Expected a check of db, got "cache"');
});

test('a group tells its changes, on the event and on the diagnostics channel, and draining too', async () => {
  const health = new Health({ service: 'orders' });
  const groups: GroupChange[] = [];
  const published: unknown[] = [];
  const listener = (message: unknown) => void published.push(message);
  for (const name of ['group', 'drain']) subscribe(`evenkeel:health:${name}`, listener);
  health.on('group', (change) => void groups.push(change));
  health.check('db', () => true);
  expect(health.snapshot().groups.readiness).toBe('fail');
  expect(groups.filter(({ group }) => group === 'readiness')).toEqual([]);
  await health.readiness();
  await health.readiness();
  health.drain('SIGTERM');
  await health.readiness();
  for (const name of ['group', 'drain']) unsubscribe(`evenkeel:health:${name}`, listener);
  const told = groups.filter(({ group }) => group === 'readiness');
  expect(told).toEqual([
    { group: 'readiness', from: 'unknown', to: 'pass' },
    { group: 'readiness', from: 'pass', to: 'fail' },
  ]);
  expect(published).toContainEqual({ service: 'orders', ...told[1] });
  expect(published).toContainEqual({ service: 'orders', reason: 'SIGTERM' });
});
