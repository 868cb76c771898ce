import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { breakerWith, deferred, failure, flush } from './support.ts';

describe('hedging', () => {
  it('takes the faster of two calls and aborts the other, which counts as nothing', async () => {
    const { breaker, clock } = breakerWith({ hedge: { afterMs: 100 } });
    const signals: AbortSignal[] = [];
    const works = [deferred<string>(), deferred<string>()];
    const call = breaker.execute(({ signal }) => {
      signals.push(signal);
      return (works[signals.length - 1] as (typeof works)[0]).promise;
    });
    clock.advance(99);
    expect(signals).toHaveLength(1);
    clock.advance(1);
    expect(signals).toHaveLength(2);
    works[1]?.resolve('second');
    expect(await call).toBe('second');
    await flush();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    const { totals, inFlight } = breaker.snapshot();
    expect(totals).toMatchObject({ succeeded: 1, ignored: 1, failed: 0, hedged: 1 });
    expect(inFlight).toBe(0);
  });

  it('does not repeat a call that failed before its time, and waits for the other when one of two fails', async () => {
    const { breaker, clock } = breakerWith({
      slow: false,
      timeoutMs: false,
      hedge: { afterMs: 100 },
    });
    await expect(breaker.execute(() => Promise.reject(failure))).rejects.toBe(failure);
    expect([breaker.snapshot().totals.hedged, clock.pendingTimers]).toEqual([0, 0]);

    const works = [deferred<string>(), deferred<string>()];
    let made = 0;
    const call = breaker.execute(() => (works[made++] as (typeof works)[0]).promise);
    clock.advance(100);
    works[0]?.reject(failure);
    await flush();
    works[1]?.resolve('second');
    expect(await call).toBe('second');
  });

  it('leaves alone what must not be repeated, and ends both when the caller aborts', async () => {
    const { breaker, clock } = breakerWith({ hedge: { afterMs: 100 } });
    let made = 0;
    const hang = () => {
      made += 1;
      return new Promise(() => {});
    };
    const controller = new AbortController();
    const { signal } = controller;
    const once = breaker.execute(hang, { repeatable: false, signal }).catch(String);
    const twice = breaker.execute(hang, { signal }).catch(String);
    clock.advance(100);
    expect(made).toBe(3);
    controller.abort(new Error('gone'));
    expect([await once, await twice]).toEqual(['Error: gone', 'Error: gone']);
    expect(breaker.snapshot()).toMatchObject({ inFlight: 0, totals: { ignored: 3 } });
  });

  it('leaves nothing on a signal that outlives the calls', async () => {
    const { breaker } = breakerWith({ hedge: { afterMs: 100 } });
    const { signal } = new AbortController();
    const untouched = Object.getOwnPropertySymbols(signal);
    for (let n = 0; n < 3; n += 1) await breaker.execute(() => n, { signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    // of a signal that AbortSignal.any() was given, Node keeps what depends on it in one more
    const dependents = Object.getOwnPropertySymbols(signal).filter((key) =>
      key.description?.toLowerCase().includes('depend'),
    );
    expect(dependents.filter((key) => !untouched.includes(key))).toEqual([]);
  });

  it('lowers the p99 of a dependency with 5 % slow answers, with at most 10 % more calls', async () => {
    const run = async (hedge?: { afterMs: number }) => {
      const { breaker, clock } = breakerWith({ slow: false, ...(hedge && { hedge }) });
      let seed = 1;
      const random = () => {
        seed = (seed * 16_807) % 2_147_483_647;
        return seed / 2_147_483_647;
      };
      let calls = 0;
      const latencies: number[] = [];
      for (let n = 0; n < 2_000; n += 1) {
        const start = clock.now();
        const done = breaker
          .execute(() => {
            calls += 1;
            const latencyMs = random() < 0.05 ? 2_000 : 50;
            return new Promise<void>((resolve) => clock.setTimeout(resolve, latencyMs));
          })
          .then(() => latencies.push(clock.now() - start));
        await clock.advanceAsync(10);
        void done;
      }
      await clock.advanceAsync(10_000);
      latencies.sort((a, b) => a - b);
      return { calls, p99: latencies[Math.floor(latencies.length * 0.99)] as number };
    };
    const [plain, hedged] = [await run(), await run({ afterMs: 100 })];
    console.log(
      `p99 ${plain.p99} ms, hedged ${hedged.p99} ms with ${hedged.calls} calls for 2,000`,
    );
    expect(plain.p99).toBe(2_000);
    expect(hedged.p99).toBeLessThanOrEqual(200);
    expect(hedged.calls).toBeLessThanOrEqual(2_200);
  });

  it('does not double the load when every call is slow', async () => {
    const { breaker, clock } = breakerWith({ slow: false, hedge: { afterMs: 10, budget: 0.1 } });
    let calls = 0;
    for (let n = 0; n < 1_000; n += 1) {
      breaker
        .execute(() => {
          calls += 1;
          return new Promise<void>((resolve) => clock.setTimeout(resolve, 1_000));
        })
        .catch(() => {});
      clock.advance(10);
    }
    await clock.advanceAsync(5_000);
    expect(calls).toBeLessThanOrEqual(1_101);
  });
});
