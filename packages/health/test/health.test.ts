import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type CheckOptions, Health, type HealthChange } from '../src/index.ts';

// Timers and performance.now() move together, by hand.
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const pass = vi.advanceTimersByTimeAsync.bind(vi);

/** A dependency whose answers are told one by one. */
class Dependency {
  calls = 0;
  running = 0;
  mostAtOnce = 0;
  goodAt = Number.NEGATIVE_INFINITY;
  behaviour: 'ok' | 'down' | 'hang' = 'ok';
  readonly #hanging: (() => void)[] = [];

  readonly check = async (): Promise<void> => {
    this.calls++;
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.running);
    try {
      if (this.behaviour === 'hang')
        await new Promise<void>((resolve) => this.#hanging.push(resolve));
      if (this.behaviour === 'down') throw new Error('connect ECONNREFUSED 10.0.0.1:5432');
      this.goodAt = performance.now();
    } finally {
      this.running--;
    }
  };

  release(): void {
    for (const resolve of this.#hanging.splice(0)) resolve();
  }
}

function setUp(options: CheckOptions = {}) {
  const health = new Health({ service: 'orders' });
  const db = new Dependency();
  health.check('db', db.check, options);
  return { health, db };
}

const statusOf = async (health: Health) => (await health.readiness()).status;

describe('a check', () => {
  test('that never answers is a failure after its budget, and readiness says so in time', async () => {
    const { health, db } = setUp({ timeoutMs: 500 });
    db.behaviour = 'hang';
    const startedAt = performance.now();
    const report = health.readiness();
    await pass(500);
    expect(await report).toMatchObject({
      status: 'fail',
      checks: [{ name: 'db', status: 'fail', reason: 'no answer within 500 ms' }],
    });
    expect(performance.now() - startedAt).toBe(500);
  });

  test('that ignores its signal is not called again while it hangs, and is again once it has returned', async () => {
    const { health, db } = setUp({ ttlMs: 100, timeoutMs: 500, recoverAfter: 1 });
    db.behaviour = 'hang';
    for (let probe = 0; probe < 20; probe++) {
      const report = health.readiness();
      await pass(500);
      expect((await report).status).toBe('fail');
      await pass(200);
    }
    expect([db.calls, db.mostAtOnce]).toEqual([1, 1]);
    expect((await health.readiness()).checks[0]?.reason).toMatch(/has not returned for \d+ ms/);
    db.behaviour = 'ok';
    db.release();
    await pass(200);
    expect(await statusOf(health)).toBe('pass');
    expect([db.calls, db.mostAtOnce]).toEqual([2, 1]);
  });

  test('is called once for 1,000 probes at once, and again when its result has aged', async () => {
    const { health, db } = setUp({ ttlMs: 1_000 });
    await Promise.all(Array.from({ length: 1_000 }, () => health.readiness()));
    expect(db.calls).toBe(1);
    await pass(999);
    await health.readiness();
    expect(db.calls).toBe(1);
    await pass(1);
    await health.readiness();
    expect(db.calls).toBe(2);
  });

  test('that turns unwell stays in service until failAfter failures, with a warning, and needs recoverAfter passes', async () => {
    const { health, db } = setUp({ ttlMs: 0, failAfter: 3, recoverAfter: 2 });
    const seen: string[] = [];
    const probe = async () => seen.push(await statusOf(health));
    await probe();
    db.behaviour = 'down';
    for (let i = 0; i < 3; i++) await probe();
    db.behaviour = 'ok';
    for (let i = 0; i < 2; i++) await probe();
    expect(seen).toEqual(['pass', 'warn', 'warn', 'fail', 'fail', 'pass']);
  });

  test('whose very first result is a failure is unwell at once', async () => {
    const { health, db } = setUp();
    db.behaviour = 'down';
    expect(await statusOf(health)).toBe('fail');
  });

  test('slower than warnMs is a warning', async () => {
    const health = new Health({ service: 'orders' });
    health.check('db', () => new Promise((resolve) => setTimeout(resolve, 250)));
    const report = health.readiness();
    await pass(250);
    expect(await report).toMatchObject({ status: 'warn', checks: [{ reason: 'slow: 250 ms' }] });
  });

  test.each<[string, () => unknown, string | undefined]>([
    ['returns nothing', () => undefined, undefined],
    [
      'throws synchronously',
      () => {
        throw new Error('sync');
      },
      'sync',
    ],
    ['throws a string', () => Promise.reject('text'), 'text'],
    ['throws nothing', () => Promise.reject(undefined), 'thrown: undefined'],
    [
      'settles twice',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: a thenable that misbehaves is the point
        then(resolve: () => void, reject: (error: Error) => void) {
          resolve();
          reject(new Error('twice'));
        },
      }),
      undefined,
    ],
    [
      'returns data that cannot be read',
      () => ({
        get secret() {
          throw new Error('getter');
        },
      }),
      undefined,
    ],
    [
      'throws what cannot be read',
      () =>
        Promise.reject(
          new Proxy(new Error('x'), {
            get() {
              throw new Error('trap');
            },
          }),
        ),
      'an error that cannot be read',
    ],
  ])('that %s is judged all the same', async (_, check, reason) => {
    const health = new Health({ service: 'orders' });
    health.check('odd', check);
    const [report] = (await health.readiness()).checks;
    expect([report?.status, report?.reason]).toEqual([reason ? 'fail' : 'pass', reason]);
  });

  test('gets a signal that is aborted with ERR_CHECK_TIMEOUT at the end of the budget', async () => {
    const health = new Health({ service: 'orders' });
    let reason: unknown;
    health.check('db', (signal) => {
      signal.addEventListener('abort', () => {
        reason = signal.reason;
      });
      return new Promise(() => undefined);
    });
    const report = health.readiness();
    await pass(500);
    await report;
    expect(reason).toMatchObject({ code: 'ERR_CHECK_TIMEOUT', check: 'db', timeoutMs: 500 });
  });

  test('can be an object with a name, as other packages offer', async () => {
    const health = new Health({ service: 'orders' });
    health.check(
      { name: 'breaker', check: async () => ({ state: 'closed' }) },
      { groups: ['deep'] },
    );
    expect((await health.group('deep')).checks).toMatchObject([
      { name: 'breaker', status: 'pass', data: { state: 'closed' } },
    ]);
  });
});

describe('background polling', () => {
  test('asks every intervalMs, and probes do not wait for it', async () => {
    const { health, db } = setUp({ intervalMs: 1_000 });
    expect(await statusOf(health)).toBe('pass');
    db.behaviour = 'hang';
    await pass(1_000);
    expect(await statusOf(health)).toBe('pass');
    expect(db.calls).toBe(2);
  });

  test('that hangs for ever is never called healthy past staleAfterMs', async () => {
    const { health, db } = setUp({ intervalMs: 1_000, failAfter: 1_000, staleAfterMs: 3_000 });
    expect(await statusOf(health)).toBe('pass');
    db.behaviour = 'hang';
    await pass(3_000);
    // failAfter would go on forgiving it.
    expect(await statusOf(health)).toBe('warn');
    await pass(1);
    expect(await health.readiness()).toMatchObject({
      status: 'fail',
      checks: [{ isStale: true, reason: 'no good answer within 3000 ms' }],
    });
    await pass(600_000);
    expect([await statusOf(health), db.calls]).toEqual(['fail', 2]);
  });

  test('that itself has stopped, with the whole process, is not called healthy either', async () => {
    let now = 0;
    const health = new Health({ service: 'orders', clock: () => now });
    health.check('db', () => true, { intervalMs: 1_000 });
    expect(await statusOf(health)).toBe('pass');
    now = 60_000;
    expect(await statusOf(health)).toBe('fail');
  });

  test('whatever the dependency does: one call at a time, and in service only on a recent good answer', async () => {
    const arbitrary = fc.array(
      fc.record({
        behaviour: fc.constantFrom('ok' as const, 'down' as const, 'hang' as const),
        releases: fc.boolean(),
        ms: fc.integer({ min: 0, max: 3_000 }),
      }),
      { maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(arbitrary, fc.boolean(), async (steps, isPolled) => {
        const timing = isPolled ? { intervalMs: 700 } : { ttlMs: 700 };
        const { health, db } = setUp({ ...timing, timeoutMs: 300, staleAfterMs: 2_000 });
        for (const { behaviour, releases, ms } of steps) {
          db.behaviour = behaviour;
          if (releases) db.release();
          await pass(ms);
          const probe = health.readiness().then(({ status }) => {
            if (status === 'fail') return;
            expect(performance.now() - db.goodAt).toBeLessThanOrEqual(2_000);
          });
          await pass(300);
          await probe;
          expect(db.mostAtOnce).toBeLessThanOrEqual(1);
        }
        await health.close();
      }),
      { numRuns: 60 },
    );
  });
});

describe('groups', () => {
  const failing = () => {
    throw new Error('down');
  };

  test('a shared failure degrades readiness, a local one fails it', async () => {
    const shared = new Health({ service: 'orders' }).check('db', failing, { scope: 'shared' });
    expect(await statusOf(shared)).toBe('warn');
    const local = new Health({ service: 'orders' }).check('disk', failing, { scope: 'local' });
    expect(await statusOf(local)).toBe('fail');
  });

  test('liveness looks at no dependency', async () => {
    const { health, db } = setUp();
    db.behaviour = 'down';
    expect((await health.liveness()).status).toBe('pass');
    expect(db.calls).toBe(0);
  });

  test('startup passes for good once it has not failed', async () => {
    const { health, db } = setUp({ groups: ['startup'], ttlMs: 0, failAfter: 1, recoverAfter: 1 });
    db.behaviour = 'down';
    expect((await health.startup()).status).toBe('fail');
    db.behaviour = 'ok';
    expect((await health.startup()).status).toBe('pass');
    db.behaviour = 'down';
    expect((await health.startup()).status).toBe('pass');
    expect(db.calls).toBe(2);
  });

  test('a snapshot runs nothing and calls unchecked what was not checked', () => {
    const { health, db } = setUp({ scope: 'shared', groups: ['readiness', 'startup'] });
    expect(health.snapshot()).toMatchObject({
      groups: { liveness: 'pass', readiness: 'fail', startup: 'fail' },
      checks: [{ status: 'fail', reason: 'not checked yet' }],
    });
    expect(db.calls).toBe(0);
  });

  test('an unknown group is a RangeError that names those there are', async () => {
    const { health } = setUp({ groups: ['deep'] });
    await expect(health.group('depe')).rejects.toThrow(
      new RangeError('Expected a group of liveness, readiness, startup, deep, got "depe"'),
    );
  });
});

describe('changes', () => {
  test('are told once each, on the event and on the diagnostics channel, whatever a listener throws', async () => {
    const { health, db } = setUp({ ttlMs: 0, failAfter: 2, recoverAfter: 1 });
    const events: HealthChange[] = [];
    const published: unknown[] = [];
    const listener = (message: unknown) => void published.push(message);
    subscribe('evenkeel:health:change', listener);
    health.on('change', () => {
      throw new Error('a listener');
    });
    const off = health.on('change', (change) => void events.push(change));
    for (const behaviour of ['ok', 'ok', 'down', 'down', 'ok'] as const) {
      db.behaviour = behaviour;
      await health.readiness();
    }
    off();
    unsubscribe('evenkeel:health:change', listener);
    const reason = 'connect ECONNREFUSED 10.0.0.1:5432';
    expect(events).toEqual([
      { name: 'db', from: 'unknown', to: 'pass' },
      { name: 'db', from: 'pass', to: 'warn', reason },
      { name: 'db', from: 'warn', to: 'fail', reason },
      { name: 'db', from: 'fail', to: 'pass' },
    ]);
    expect(published).toEqual(events.map((event) => ({ service: 'orders', ...event })));
  });

  test('draining is told once', () => {
    const health = new Health({ service: 'orders' });
    const reasons: string[] = [];
    health.on('drain', (reason) => reasons.push(reason));
    health.drain('SIGTERM');
    health.drain('again');
    expect([reasons, health.isDraining]).toEqual([['SIGTERM'], true]);
  });
});

describe('close', () => {
  test('stops polling, cancels the run, closes the sources, and takes no late result', async () => {
    const health = new Health({ service: 'orders' });
    let calls = 0;
    let signal: AbortSignal | undefined;
    let isClosed = false;
    health.check(
      'db',
      {
        check: (given) => {
          calls++;
          signal = given;
          return new Promise(() => undefined);
        },
        close: () => {
          isClosed = true;
        },
      },
      { intervalMs: 1_000 },
    );
    await pass(1_000);
    await health.close();
    await pass(10_000);
    expect([calls, signal?.aborted, isClosed]).toEqual([1, true, true]);
    expect(health.snapshot().checks[0]?.checkedAt).toBeUndefined();
  });
});
