import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { GracefulShutdown, Health } from '../src/index.ts';

describe('run()', () => {
  test('waits for tracked work, and its report calls what it had to cut by name', async () => {
    const lines: string[] = [];
    const shutdown = new GracefulShutdown({ graceMs: 700, log: (line) => lines.push(line) });
    let isCharged = false;
    const charge = shutdown.track(async () => {
      await wait(100);
      isCharged = true;
      return 42;
    }, 'charge 17');
    void shutdown.track(new Promise(() => undefined), 'charge 18, token=abc');
    expect(shutdown.inFlight).toBe(2);
    const report = await shutdown.run('test');
    expect(isCharged).toBe(true);
    expect(await charge).toBe(42);
    expect(report.cut).toEqual([{ phase: 'jobs', what: 'charge 18, token=***' }]);
    expect(report.exitCode).toBe(1);
    expect(lines.join('\n')).toContain('charge 18');
  });

  test('a step that throws is reported without its secret and does not stop the next', async () => {
    const steps: string[] = [];
    const shutdown = new GracefulShutdown({
      log: () => undefined,
      phases: {
        db: [
          () => {
            throw new Error('postgres://app:hunter2@db/shop is gone');
          },
        ],
        telemetry: [() => void steps.push('telemetry')],
      },
    });
    const report = await shutdown.run();
    expect(report.failed).toEqual([
      { phase: 'db', what: 'db[0]', error: 'postgres://***@db/shop is gone' },
    ]);
    expect(steps).toEqual(['telemetry']);
  });

  test('is one shutdown, however often it is called, and fails readiness at once', async () => {
    const health = new Health({ service: 'orders' });
    const shutdown = new GracefulShutdown({ health });
    const reasons: string[] = [];
    shutdown.on('start', (reason) => reasons.push(reason));
    shutdown.on('start', () => {
      throw new Error('a listener');
    });
    expect(shutdown.signal.aborted).toBe(false);
    const first = shutdown.run('first');
    expect(shutdown.signal.aborted).toBe(true);
    expect((await health.readiness()).status).toBe('fail');
    expect((await health.liveness()).status).toBe('pass');
    expect(await shutdown.run('second')).toBe(await first);
    expect(reasons).toEqual(['first']);
  });

  test('jobs end before consumers, both beside http, and db comes after them', async () => {
    const order: string[] = [];
    const slow = (name: string, ms: number) => async () => {
      order.push(`${name} begins`);
      await wait(ms);
      order.push(`${name} ends`);
    };
    await new GracefulShutdown({
      phases: {
        db: [slow('db', 1)],
        consumers: [slow('consumers', 1)],
        jobs: [slow('jobs', 50)],
        http: [slow('http', 120)],
      },
    }).run();
    expect(order).toEqual([
      'jobs begins',
      'http begins',
      'jobs ends',
      'consumers begins',
      'consumers ends',
      'http ends',
      'db begins',
      'db ends',
    ]);
  });
});

describe('wrong options', () => {
  test.each([
    [{ graceMs: Number.NaN }, 'graceMs'],
    [{ graceMs: -1 }, 'graceMs'],
    [{ drainDelayMs: 30_000 }, 'drainDelayMs'],
    [{ drainDelayMs: Number.NaN }, 'drainDelayMs'],
    [{ lingerMs: -1 }, 'lingerMs'],
    [{ webSocketJitterMs: '1' }, 'webSocketJitterMs'],
    [{ capsMs: { jobs: 28_000 } }, 'capsMs'],
    [{ capsMs: { database: 1 } }, 'capsMs'],
    [{ capsMs: { db: -1 } }, 'capsMs.db'],
    [{ phases: { shutdown: [] } }, 'phases'],
    [{ phases: { db: [42] } }, 'phases.db'],
    [{ phases: { db: () => undefined } }, 'phases.db'],
    [{ servers: [{}] }, 'servers'],
    [{ webSocketServers: [{ on() {} }] }, 'webSocketServers.clients'],
    [{ health: {} }, 'health'],
    [{ uncaughtException: 'shrug' }, 'uncaughtException'],
    [{ clock: 1 }, 'clock'],
  ])('%j names the field', (options, field) => {
    expect(() => new GracefulShutdown(options as never)).toThrow(`\`${field}`);
  });
});
