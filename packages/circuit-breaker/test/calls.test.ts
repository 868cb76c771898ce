import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import {
  BreakerClosedError,
  CallTimeoutError,
  CircuitBreaker,
  CircuitBreakerError,
  CircuitIsolatedError,
  CircuitOpenError,
  PermitSettledError,
} from '../src/index.ts';
import { breakerWith, fail, failure, flush, hang, succeed } from './support.ts';

describe('results', () => {
  const { breaker } = breakerWith();

  it('hands on values, undefined, promises and thenables', async () => {
    expect(await breaker.execute(() => 5)).toBe(5);
    expect(await breaker.execute(() => undefined)).toBeUndefined();
    expect(await breaker.execute(async () => 'later')).toBe('later');
    // biome-ignore lint/suspicious/noThenProperty: what a thenable is
    const thenable = { then: (resolve: (value: string) => void) => resolve('then') };
    expect(await breaker.execute(() => thenable as PromiseLike<string>)).toBe('then');
  });

  it('hands on the very error, thrown or rejected, whatever it is', async () => {
    await expect(breaker.execute(() => Promise.reject(failure))).rejects.toBe(failure);
    await expect(
      breaker.execute(() => {
        throw failure;
      }),
    ).rejects.toBe(failure);
    await expect(breaker.execute(() => Promise.reject(undefined))).rejects.toBeUndefined();
  });

  it('works the same without a timeout', async () => {
    const { breaker: plain } = breakerWith({ timeoutMs: false });
    expect(await plain.execute(() => 5)).toBe(5);
    await expect(plain.execute(() => Promise.reject(failure))).rejects.toBe(failure);
    await expect(
      plain.execute(() => {
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(plain.snapshot().totals).toMatchObject({ succeeded: 1, failed: 2 });
  });

  it('has the types of the action', () => {
    expectTypeOf(breaker.execute(async () => 5)).toEqualTypeOf<Promise<number>>();
    expectTypeOf(breaker.execute(() => 'a', { fallback: () => 5 })).toEqualTypeOf<
      Promise<string | number>
    >();
    const wrapped = breaker.wrap(async (a: number, b?: string) => `${a}${b}`);
    expectTypeOf(wrapped).toBeCallableWith(1);
    expectTypeOf(wrapped).toBeCallableWith(1, 'two');
    expectTypeOf<ReturnType<typeof wrapped>>().toEqualTypeOf<Promise<string>>();
  });
});

describe('wrap', () => {
  it('keeps arguments and `this`', async () => {
    const { breaker } = breakerWith();
    const account = {
      balance: 40,
      add: breaker.wrap(async function (this: { balance: number }, amount: number) {
        return this.balance + amount;
      }),
    };
    expect(await account.add(2)).toBe(42);
  });

  it('does not throw synchronously, not even when computing the key throws', async () => {
    const { breaker } = breakerWith();
    const wrapped = breaker.wrap((id: number) => id, {
      fallback: () => 0,
      key: () => {
        throw failure;
      },
    });
    await expect(wrapped(1)).rejects.toBe(failure);
  });
});

describe('classify', () => {
  it('judges errors and results', async () => {
    const { breaker } = breakerWith({
      classify: (answer, threw) => {
        if (threw) return answer === 404 ? 'success' : undefined;
        return answer === 'busy' ? 'failure' : undefined;
      },
    });
    await expect(breaker.execute(() => Promise.reject(404))).rejects.toBe(404);
    expect(await breaker.execute(() => 'busy')).toBe('busy');
    await fail(breaker, 1);
    expect(breaker.snapshot().totals).toMatchObject({ succeeded: 1, failed: 2 });
  });

  it('leaves the default when it throws or answers nonsense', async () => {
    const { breaker } = breakerWith({
      classify: (answer) => {
        if (answer === failure) throw new Error('broken judge');
        return 'perhaps' as never;
      },
    });
    await fail(breaker, 2);
    await succeed(breaker, 3);
    expect(breaker.snapshot().totals).toMatchObject({ succeeded: 3, failed: 2 });
  });
});

describe('two-step permits', () => {
  it('count like calls, and each once', async () => {
    const { breaker } = breakerWith();
    breaker.acquire().success();
    breaker.acquire().failure(failure);
    const ignored = breaker.acquire();
    ignored.ignore();
    expect(breaker.snapshot()).toMatchObject({
      inFlight: 0,
      window: { calls: 2, failed: 1 },
      totals: { succeeded: 1, failed: 1, ignored: 1 },
    });
    expect(() => ignored.success()).toThrow(PermitSettledError);
  });

  it('are refused while the circuit is open, by throwing', async () => {
    const { breaker } = breakerWith();
    await fail(breaker, 10);
    expect(() => breaker.acquire()).toThrow(CircuitOpenError);
  });

  it('turn slow and time out like calls; settling them late is harmless', () => {
    const { breaker, clock } = breakerWith();
    const permit = breaker.acquire();
    clock.advance(10_000);
    permit.success();
    expect(breaker.snapshot()).toMatchObject({
      inFlight: 0,
      totals: { slow: 1, timedOut: 1, succeeded: 0 },
    });
  });

  it('are given back by `using`', () => {
    const { breaker } = breakerWith();
    {
      using _ = breaker.acquire();
      expect(breaker.snapshot().inFlight).toBe(1);
    }
    expect(breaker.snapshot()).toMatchObject({ inFlight: 0, totals: { ignored: 1 } });
  });
});

describe('close', () => {
  it('refuses new calls and waits for those in flight', async () => {
    const { breaker, clock } = breakerWith();
    const call = hang(breaker);
    let closed = false;
    const closing = breaker.close().then(() => {
      closed = true;
    });
    await expect(breaker.execute(() => 1)).rejects.toThrow(BreakerClosedError);
    await flush();
    expect(closed).toBe(false);
    call.resolve('fine');
    await closing;
    expect(clock.pendingTimers).toBe(0);
  });

  it('waits no longer than its signal', async () => {
    const { breaker } = breakerWith({ timeoutMs: false });
    hang(breaker);
    await expect(breaker.close({ signal: AbortSignal.timeout(5) })).rejects.toThrow('timeout');
    await expect(breaker.close({ signal: AbortSignal.abort('no') })).rejects.toBe('no');
  });

  it('can be called twice, and by `await using`', async () => {
    const { breaker } = breakerWith();
    {
      await using _ = breaker;
    }
    await breaker.close();
  });
});

describe('health check', () => {
  it('resolves with the snapshot while calls may go, and rejects with the reason otherwise', async () => {
    const { breaker } = breakerWith();
    const health = breaker.healthCheck();
    expect(health.name).toBe('psp');
    expect(await health.check(new AbortController().signal)).toMatchObject({ state: 'closed' });
    await fail(breaker, 10);
    await expect(health.check()).rejects.toThrow(CircuitOpenError);
    const isolation = breaker.isolate('maintenance');
    await expect(health.check()).rejects.toThrow(CircuitIsolatedError);
    isolation.release();
    await breaker.close();
    await expect(health.check()).rejects.toThrow(BreakerClosedError);
    expect(breaker.snapshot().totals.rejected).toBe(0); // asking is not calling
  });
});

describe('errors', () => {
  it('carry no stack unless asked for', async () => {
    for (const captureStack of [false, true]) {
      const { breaker } = breakerWith({ captureStack });
      await fail(breaker, 10);
      const error: Error = await breaker
        .execute(() => 1)
        .then(
          () => failure,
          (thrown) => thrown,
        );
      expect(error.stack?.split('\n').length === 1).toBe(!captureStack);
      expect(error.name).toBe('CircuitOpenError');
    }
    expect(Error.stackTraceLimit).toBeGreaterThan(0);
  });

  it('are recognised across copies of the package, and only as what they are', () => {
    const here = new CircuitOpenError('psp', 'open', 1, undefined);
    const foreign = Object.assign(new Error('from another copy'), {
      code: 'ERR_CIRCUIT_OPEN',
      [Symbol.for('@evenkeel/circuit-breaker.error')]: true,
    });
    for (const error of [here, foreign]) {
      expect(error instanceof CircuitOpenError).toBe(true);
      expect(error instanceof CircuitBreakerError).toBe(true);
      expect(error instanceof CallTimeoutError).toBe(false);
      expect(error instanceof Error).toBe(true);
    }
    expect({ code: 'ERR_CIRCUIT_OPEN' } instanceof CircuitOpenError).toBe(false);
    expect((null as unknown) instanceof CircuitOpenError).toBe(false);
    class Mine extends CircuitOpenError {}
    expect(here instanceof Mine).toBe(false);
    expect(new Mine('psp', 'open', 1, undefined) instanceof Mine).toBe(true);
  });
});

describe('snapshot', () => {
  it('is plain data that survives JSON', async () => {
    const { breaker, clock } = breakerWith();
    await succeed(breaker, 3);
    await fail(breaker, 1);
    clock.advance(250);
    expect(JSON.parse(JSON.stringify(breaker))).toEqual({
      name: 'psp',
      state: 'closed',
      inStateMs: 250,
      isolatedFor: [],
      retryAfterMs: 0,
      attempt: 0,
      consecutiveBad: 1,
      inFlight: 0,
      window: {
        calls: 4,
        failed: 1,
        slow: 0,
        bad: 1,
        failureRate: 0.25,
        slowRate: 0,
        badRate: 0.25,
      },
      totals: {
        succeeded: 3,
        failed: 1,
        timedOut: 0,
        slow: 0,
        ignored: 0,
        rejected: 0,
        fallbacks: 0,
        retried: 0,
        hedged: 0,
        bulkheadRejected: 0,
        waved: 0,
      },
      bulkhead: { running: 0, queued: 0 },
    });
  });
});

describe('on the real clock', () => {
  it('times out, opens, and closes again', async () => {
    const breaker = new CircuitBreaker({
      name: 'psp',
      timeoutMs: 20,
      consecutive: 2,
      open: { forMs: 30, jitter: 0 },
      halfOpen: { probes: 1 },
    });
    const never = () => new Promise<never>(() => {});
    const results = await Promise.allSettled([breaker.execute(never), breaker.execute(never)]);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected']);
    expect(breaker.state).toBe('open');
    await vi.waitFor(async () => expect(await breaker.execute(() => 'back')).toBe('back'), {
      timeout: 4_000,
    });
    expect(breaker.state).toBe('closed');
  });
});
