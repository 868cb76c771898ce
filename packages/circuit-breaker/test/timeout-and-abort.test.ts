import { describe, expect, it, vi } from 'vitest';
import { CallTimeoutError, CircuitBreaker } from '../src/index.ts';
import { breakerWith, deferred, failure, flush, hang } from './support.ts';

describe('timeout', () => {
  it('rejects at its time, counts as a failure and aborts the signal that was read', async () => {
    const { breaker, clock } = breakerWith();
    let signal: AbortSignal | undefined;
    const call = breaker.execute((ctx) => {
      signal = ctx.signal;
      return new Promise(() => {});
    });
    const caught = call.catch((error: unknown) => error);
    clock.advance(9_999);
    expect(signal?.aborted).toBe(false);
    clock.advance(1);
    const error = await caught;
    expect(error).toBeInstanceOf(CallTimeoutError);
    expect(error).toMatchObject({ code: 'ERR_CALL_TIMEOUT', timeoutMs: 10_000, breaker: 'psp' });
    expect(signal?.reason).toBe(error);
    expect(breaker.snapshot()).toMatchObject({
      inFlight: 0,
      window: { calls: 1, failed: 1, slow: 1 },
      totals: { failed: 1, timedOut: 1 },
    });
  });

  it('aborts a signal that is read only afterwards', async () => {
    const { breaker, clock } = breakerWith();
    const go = deferred();
    const aborted = deferred<boolean>();
    breaker
      .execute(async (ctx) => {
        await go.promise;
        aborted.resolve(ctx.signal.aborted);
      })
      .catch(() => {});
    clock.advance(10_000);
    go.resolve();
    expect(await aborted.promise).toBe(true);
  });

  it('never aborts the signal of a call that succeeded or failed', async () => {
    const { breaker, clock } = breakerWith();
    const signals: AbortSignal[] = [];
    await breaker.execute(({ signal }) => signals.push(signal));
    await breaker
      .execute(({ signal }) => {
        signals.push(signal);
        throw failure;
      })
      .catch(() => {});
    clock.advance(60_000);
    expect(signals.map((signal) => signal.aborted)).toEqual([false, false]);
  });

  it('is found by a look at the breaker from within an action that blocks', async () => {
    const { clock } = breakerWith();
    const deaf = { now: () => clock.now(), setTimeout: () => 0, clearTimeout: () => {} };
    const breaker = new CircuitBreaker({ name: 'psp', clock: deaf });
    const call = breaker.execute(() => {
      clock.advance(10_000);
      return breaker.state;
    });
    await expect(call).rejects.toThrow(CallTimeoutError);
  });

  it('takes no notice of what the action does afterwards', async () => {
    const { breaker, clock } = breakerWith();
    const call = hang(breaker);
    clock.advance(10_000);
    call.reject(new Error('too late'));
    await flush();
    expect(await call.outcome).toBeInstanceOf(CallTimeoutError);
    expect(breaker.snapshot().totals).toMatchObject({ failed: 1, succeeded: 0 });
  });
});

describe('the signal of the caller', () => {
  it('gives a call up at once; that counts as nothing', async () => {
    const { breaker } = breakerWith();
    const abort = new AbortController();
    let inner: AbortSignal | undefined;
    const call = breaker.execute(
      (ctx) => {
        inner = ctx.signal;
        return new Promise(() => {});
      },
      { signal: abort.signal },
    );
    const reason = new Error('the user left');
    abort.abort(reason);
    await expect(call).rejects.toBe(reason);
    expect(inner?.reason).toBe(reason);
    expect(breaker.snapshot()).toMatchObject({
      inFlight: 0,
      window: { calls: 0 },
      totals: { ignored: 1, failed: 0 },
    });
  });

  it('prevents the call when it is aborted already', async () => {
    const { breaker } = breakerWith();
    const action = vi.fn();
    const call = breaker.execute(action, { signal: AbortSignal.abort('no') });
    await expect(call).rejects.toBe('no');
    expect(action).not.toHaveBeenCalled();
  });

  it('gives a call up that aborts it while it starts', async () => {
    const { breaker } = breakerWith();
    const abort = new AbortController();
    const call = breaker.execute(
      () => {
        abort.abort('changed my mind');
        return new Promise(() => {});
      },
      { signal: abort.signal },
    );
    await expect(call).rejects.toBe('changed my mind');
    expect(breaker.snapshot().inFlight).toBe(0);
  });

  it('is let go when the call ends', async () => {
    const { breaker } = breakerWith();
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, 'addEventListener');
    const removed = vi.spyOn(signal, 'removeEventListener');
    await Promise.all([
      breaker.execute(() => flush(), { signal }),
      breaker.execute(() => Promise.reject(failure), { signal }).catch(() => {}),
    ]);
    await breaker.execute(() => 1, { signal });
    expect(added).toHaveBeenCalledTimes(2); // once for both that ran together, once for the third
    expect(removed).toHaveBeenCalledTimes(2);
  });
});
