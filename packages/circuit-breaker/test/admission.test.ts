import { describe, expect, it } from 'vitest';
import { CircuitBreaker, CircuitOpenError, type RejectEvent, TestClock } from '../src/index.ts';
import { breakerWith, fail, failure, flush, hang, succeed } from './support.ts';

/** Numbers in [0, 1), the same in every run. */
function sequence(): () => number {
  let seed = 42;
  return () => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
}

describe('shadow mode', () => {
  it('tells what it would refuse and lets it pass, without hearing of those calls', async () => {
    const { breaker, clock } = breakerWith({ enforce: 0, consecutive: 3, halfOpen: { probes: 1 } });
    const rejects: RejectEvent[] = [];
    breaker.on('reject', (event) => rejects.push(event));
    await fail(breaker, 3);
    expect(breaker.state).toBe('open');
    expect(await breaker.execute(() => 'passes')).toBe('passes');
    await fail(breaker, 20);
    expect(rejects).toHaveLength(21);
    expect(rejects.every(({ enforced }) => enforced === false)).toBe(true);
    expect(rejects[0]?.error).toBeInstanceOf(CircuitOpenError);
    expect(breaker.snapshot()).toMatchObject({ attempt: 1, totals: { rejected: 0, waved: 21 } });
    clock.advance(5_000);
    await succeed(breaker, 1);
    expect(breaker.state).toBe('closed'); // its probes are the first calls that come
  });

  it('refuses the share that is enforced', async () => {
    const { breaker } = breakerWith({ enforce: 0.3, consecutive: 1, random: sequence() });
    await fail(breaker, 1);
    let refused = 0;
    for (let n = 0; n < 1_000; n += 1) {
      await breaker.execute(() => 1).catch(() => (refused += 1));
    }
    expect(refused).toBeGreaterThan(250);
    expect(refused).toBeLessThan(350);
  });

  it('is no way around isolate()', async () => {
    const { breaker } = breakerWith({ enforce: 0 });
    breaker.isolate('maintenance');
    await expect(breaker.execute(() => 1)).rejects.toThrow('isolated');
  });
});

describe('a disabled breaker', () => {
  it('lets all pass, times out and counts, and goes on where it stood', async () => {
    const { breaker, clock } = breakerWith({ consecutive: 2, disabled: true, timeoutMs: 1_000 });
    const transitions: string[] = [];
    for (const event of ['open', 'closed', 'disabled'] as const) {
      breaker.on(event, ({ from, to }) => transitions.push(`${from} -> ${to}`));
    }
    await fail(breaker, 50);
    const call = hang(breaker);
    clock.advance(1_000);
    expect(String(await call.outcome)).toContain('timed out');
    expect(breaker.snapshot()).toMatchObject({ state: 'disabled', totals: { failed: 51 } });
    breaker.enable();
    expect(breaker.state).toBe('closed');
    await fail(breaker, 2);
    breaker.disable();
    expect(await breaker.execute(() => 'passes')).toBe('passes');
    breaker.enable();
    expect(breaker.state).toBe('open');
    expect(transitions).toEqual([
      'disabled -> closed',
      'closed -> open',
      'open -> disabled',
      'disabled -> open',
    ]);
  });

  it('is isolated all the same when it is isolated by hand', async () => {
    const { breaker } = breakerWith({ disabled: true });
    const isolation = breaker.isolate('maintenance');
    expect(breaker.state).toBe('isolated');
    await expect(breaker.execute(() => 1)).rejects.toThrow('maintenance');
    isolation.release();
    expect(breaker.state).toBe('disabled');
  });
});

describe('the recovery ramp', () => {
  it('lets in more and more after an outage, and nobody less before the first', async () => {
    const { breaker, clock } = breakerWith({
      random: sequence(),
      consecutive: 5,
      halfOpen: { probes: 1 },
      open: { jitter: 0 },
      recovery: { rampMs: 10_000 },
    });
    await succeed(breaker, 100);
    await fail(breaker, 5);
    clock.advance(5_000);
    await succeed(breaker, 1);
    expect(breaker.state).toBe('closed');
    const share = async (): Promise<number> => {
      let admitted = 0;
      for (let n = 0; n < 500; n += 1) {
        await breaker
          .execute(() => (admitted += 1))
          .catch((error) => {
            expect(error).toMatchObject({ code: 'ERR_CIRCUIT_OPEN', reason: 'recovering' });
          });
      }
      return admitted / 500;
    };
    expect(await share()).toBeCloseTo(0.1, 1);
    clock.advance(5_000);
    expect(await share()).toBeCloseTo(0.55, 1);
    clock.advance(5_000);
    expect(await share()).toBe(1);
  });
});

describe('adaptive throttling', () => {
  it('brings what is sent near the capacity of an overloaded dependency, and what is accepted to it', async () => {
    // 300 calls a second for a dependency that accepts 100 and refuses the rest; virtual time
    const run = async (throttle: boolean) => {
      const { breaker, clock } = breakerWith({
        random: sequence(),
        consecutive: false,
        failureRate: false,
        badRate: false,
        slow: false,
        ...(throttle && { throttle: {} }),
      });
      let [sent, accepted, budget] = [0, 0, 0];
      for (let second = 0; second < 60; second += 1) {
        if (second === 30) [sent, accepted] = [0, 0];
        budget = 100;
        for (let n = 0; n < 300; n += 1) {
          await breaker
            .execute(() => {
              sent += 1;
              if (budget === 0) throw failure;
              budget -= 1;
              accepted += 1;
            })
            .catch(() => {});
          clock.advance(1_000 / 300);
        }
      }
      return { sent: sent / 30, accepted: accepted / 30 };
    };
    const [without, with_] = [await run(false), await run(true)];
    console.log(
      `sent a second ${without.sent.toFixed(0)} -> ${with_.sent.toFixed(0)}, accepted ${without.accepted.toFixed(0)} -> ${with_.accepted.toFixed(0)}`,
    );
    expect(without.sent).toBeCloseTo(300, 0);
    expect(with_.accepted).toBeGreaterThan(95);
    expect(with_.sent).toBeLessThan(260);
  });

  it('refuses at most the cap, so that it notices when the dependency is well again', async () => {
    const { breaker, clock } = breakerWith({
      random: sequence(),
      consecutive: false,
      failureRate: false,
      badRate: false,
      throttle: {},
    });
    const ask = async (well: boolean) => {
      let made = 0;
      for (let n = 0; n < 1_000; n += 1) {
        await breaker
          .execute(() => {
            made += 1;
            if (!well) throw failure;
          })
          .catch(() => {});
        clock.advance(20);
      }
      return made;
    };
    await ask(false);
    const down = await ask(false);
    expect(down).toBeGreaterThan(50);
    expect(down).toBeLessThan(200);
    await ask(true);
    expect(await ask(true)).toBe(1_000);
  });

  it('refuses nobody while calls are merely under way', async () => {
    const { breaker } = breakerWith({ throttle: {}, slow: { afterMs: 1_000 } });
    const calls = Array.from({ length: 100 }, () => hang(breaker));
    for (const { resolve } of calls) resolve('fine');
    await flush();
    expect(breaker.snapshot().totals).toMatchObject({ succeeded: 100, rejected: 0 });
  });
});

describe('a breaker made from what another left', () => {
  const after = (options: object, stored: unknown) =>
    new CircuitBreaker({ name: 'psp', initialState: stored as never, ...options });

  it('stays open for the time that was left, and goes on with the attempt number', async () => {
    const { breaker, clock } = breakerWith({ consecutive: 2, open: { jitter: 0 } });
    for (const wait of [5_000, 10_000, 0]) {
      await fail(breaker, 2);
      clock.advance(wait);
    }
    clock.advance(4_000); // of 20,000
    const stored = JSON.parse(JSON.stringify(breaker));
    expect(stored).toMatchObject({ state: 'open', attempt: 3, retryAfterMs: 16_000 });

    const later = new TestClock(99);
    const next = after({ clock: later, consecutive: 2, open: { jitter: 0 } }, stored);
    await expect(next.execute(() => 1)).rejects.toMatchObject({ retryAfterMs: 16_000 });
    later.advance(16_000);
    await fail(next, 1);
    expect(next.snapshot()).toMatchObject({ state: 'open', attempt: 4, retryAfterMs: 40_000 });
  });

  it('probes at once when it was half-open, and is closed when it was', async () => {
    const { breaker, clock } = breakerWith({ consecutive: 2 });
    expect(after({}, JSON.parse(JSON.stringify(breaker))).state).toBe('closed');
    await fail(breaker, 2);
    clock.advance(5_000);
    const next = after({ halfOpen: { probes: 1 } }, JSON.parse(JSON.stringify(breaker)));
    expect(next.state).toBe('half-open');
    await succeed(next, 1);
    expect(next.state).toBe('closed');
  });

  it.each([
    [null, 'Expected `initialState` to be an object'],
    [{}, 'Expected `initialState.state` to be one of'],
    [{ state: 'ajar' }, 'Expected `initialState.state`'],
    [{ state: 'open', attempt: -1, consecutiveBad: 0 }, 'Expected `initialState.attempt`'],
    [{ state: 'open', attempt: 1 }, 'Expected `initialState.consecutiveBad`'],
    [
      { state: 'open', attempt: 1, consecutiveBad: 0, retryAfterMs: -5 },
      'Expected `initialState.retryAfterMs` in [0, 2147483647], got -5',
    ],
  ])('refuses %j', (stored, message) => {
    expect(() => after({}, stored)).toThrow(message);
  });
});
