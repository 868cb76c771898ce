import { describe, expect, it } from 'vitest';
import { BulkheadFullError, CallTimeoutError, CircuitOpenError, value } from '../src/index.ts';
import { breakerWith, deferred, fail, flush, hang } from './support.ts';

/** Without the timer of the calls in flight. */
const untimed = { slow: false, timeoutMs: false } as const;

describe('a bulkhead', () => {
  it('runs so many calls at once and refuses the rest at once', async () => {
    const { breaker } = breakerWith({ bulkhead: { concurrency: 2 } });
    const calls = [hang(breaker), hang(breaker)];
    const refused = await breaker.execute(() => 'never').catch((error) => error);
    expect(refused).toBeInstanceOf(BulkheadFullError);
    expect(refused).toMatchObject({ code: 'ERR_BULKHEAD_FULL', breaker: 'psp', concurrency: 2 });
    for (const { resolve } of calls) resolve('done');
    await flush();
    expect(await breaker.execute(() => 'fine')).toBe('fine');
    const { totals, window, bulkhead } = breaker.snapshot();
    expect(totals).toMatchObject({ rejected: 1, bulkheadRejected: 1, failed: 0 });
    expect([window.bad, bulkhead.running]).toEqual([0, 0]); // says nothing about the dependency
  });

  it('holds a slot until the work has really ended, long after its caller was told of the timeout', async () => {
    const { breaker, clock } = breakerWith({ bulkhead: { concurrency: 1 }, timeoutMs: 1_000 });
    const call = hang(breaker);
    clock.advance(1_000);
    expect(await call.outcome).toBeInstanceOf(CallTimeoutError);
    expect(breaker.snapshot()).toMatchObject({ inFlight: 0, bulkhead: { running: 1 } });
    await expect(breaker.execute(() => 'never')).rejects.toBeInstanceOf(BulkheadFullError);
    call.resolve('at last');
    await flush();
    expect(await breaker.execute(() => 'fine')).toBe('fine');
  });

  it('lets calls wait in order, for so long', async () => {
    const { breaker, clock } = breakerWith({
      bulkhead: { concurrency: 1, queue: 2, maxWaitMs: 500 },
      ...untimed,
    });
    const first = hang(breaker);
    const order: string[] = [];
    const second = breaker.execute(() => order.push('second'));
    const third = breaker.execute(() => order.push('third'));
    await expect(breaker.execute(() => 'never')).rejects.toBeInstanceOf(BulkheadFullError);
    expect(breaker.snapshot().bulkhead).toEqual({ running: 1, queued: 2 });
    first.resolve('done');
    await Promise.all([second, third]);
    expect(order).toEqual(['second', 'third']);

    const again = hang(breaker);
    const late = breaker.execute(() => 'never').catch((error) => error);
    clock.advance(499);
    expect(breaker.snapshot().bulkhead.queued).toBe(1);
    clock.advance(1);
    expect(await late).toBeInstanceOf(BulkheadFullError);
    again.resolve('done');
    await flush();
    expect(clock.pendingTimers).toBe(0);
  });

  it('removes 10,000 that give up waiting, each in the same time', {
    timeout: 30_000,
  }, async () => {
    const { breaker, clock } = breakerWith({
      bulkhead: { concurrency: 1, queue: 200_000, maxWaitMs: 60_000 },
      ...untimed,
    });
    const first = hang(breaker);
    const perCall = async (size: number): Promise<number> => {
      const controllers = Array.from({ length: size }, () => new AbortController());
      const ends = controllers.map(({ signal }) =>
        breaker.execute(() => 'never', { signal }).catch((error) => error),
      );
      expect(breaker.snapshot().bulkhead.queued).toBe(size);
      const start = process.cpuUsage();
      // from the middle outwards: the worst order for a list that is searched
      for (let n = 0; n < size; n += 1) {
        const i = n % 2 === 0 ? size / 2 + n / 2 : size / 2 - (n + 1) / 2;
        controllers[i]?.abort(new Error('gone'));
      }
      const { user } = process.cpuUsage(start);
      const reasons = new Set((await Promise.all(ends)).map(({ message }) => message));
      expect([...reasons]).toEqual(['gone']);
      return user / size;
    };
    await perCall(10_000); // warms up
    const [small, large] = [await perCall(10_000), await perCall(40_000)];
    expect(large).toBeLessThan(5 * small + 5);
    expect(breaker.snapshot().bulkhead.queued).toBe(0);
    first.resolve('done');
    await flush();
    expect(clock.pendingTimers).toBe(0);
  });

  it('has no queue before a circuit that is not closed', async () => {
    const { breaker, clock } = breakerWith({
      consecutive: 2,
      bulkhead: { concurrency: 1, queue: 10 },
      halfOpen: { probes: 1 },
    });
    await fail(breaker, 2);
    await expect(breaker.execute(() => 'never')).rejects.toBeInstanceOf(CircuitOpenError);
    clock.advance(5_000);
    const probe = hang(breaker);
    await expect(breaker.execute(() => 'never')).rejects.toBeInstanceOf(CircuitOpenError);
    expect(breaker.snapshot().bulkhead.queued).toBe(0);
    probe.resolve('well');
    await flush();
    expect(breaker.state).toBe('closed');
  });

  it('asks the circuit again after the wait', async () => {
    const { breaker } = breakerWith({ consecutive: 1, bulkhead: { concurrency: 1, queue: 1 } });
    const work = hang(breaker);
    const waiting = breaker.execute(() => 'never').catch((error) => error);
    work.reject(new Error('down'));
    expect(await waiting).toBeInstanceOf(CircuitOpenError);
    expect(breaker.snapshot().bulkhead).toEqual({ running: 0, queued: 0 });
  });

  it('gives the slot of a permit back when that is settled', () => {
    const { breaker } = breakerWith({ bulkhead: { concurrency: 1 } });
    const permit = breaker.acquire();
    expect(() => breaker.acquire()).toThrow(BulkheadFullError);
    permit.success();
    breaker.acquire().ignore();
    expect(breaker.snapshot().bulkhead.running).toBe(0);
  });

  it('is answered by a fallback of its kind', async () => {
    const { breaker } = breakerWith({ bulkhead: { concurrency: 1 } });
    const work = deferred();
    const running = breaker.execute(() => work.promise);
    const fallback = [value('open', { on: ['open'] }), value('busy', { on: ['bulkhead'] })];
    const busy = await breaker.execute(() => 'never' as string, { fallback });
    expect(busy).toBe('busy');
    work.resolve();
    await running;
  });
});
