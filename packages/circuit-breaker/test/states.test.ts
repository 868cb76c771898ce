import { describe, expect, it, vi } from 'vitest';
import { CircuitBreaker, CircuitOpenError, type TransitionEvent } from '../src/index.ts';
import { breakerWith, fail, failure, flush, hang, succeed } from './support.ts';

describe('closed', () => {
  it('opens when the failure rate is reached, and not before there are enough calls', async () => {
    const { breaker } = breakerWith({ consecutive: false });
    await fail(breaker, 19);
    expect(breaker.state).toBe('closed');
    await succeed(breaker, 1); // the twentieth: 95 % of them failed
    expect(breaker.state).toBe('open');
  });

  it('stays closed just under the rate and opens exactly at it', async () => {
    const { breaker } = breakerWith({ consecutive: false, failureRate: 0.1, minimumCalls: 30 });
    await succeed(breaker, 28);
    await fail(breaker, 2);
    expect(breaker.state).toBe('closed');
    const { breaker: exact } = breakerWith({
      consecutive: false,
      failureRate: 0.1,
      minimumCalls: 30,
    });
    await succeed(exact, 27);
    await fail(exact, 3); // 3 of 30 is 0.1, though 0.1 * 30 is a little more than 3
    expect(exact.state).toBe('open');
  });

  it('forgets failures when they are older than the window', async () => {
    const { breaker, clock } = breakerWith({ consecutive: false });
    await fail(breaker, 19);
    clock.advance(10_000);
    await fail(breaker, 19);
    expect(breaker.snapshot().window.calls).toBe(19);
    expect(breaker.state).toBe('closed');
  });

  it('opens after ten bad calls in a row, however slowly they come', async () => {
    const { breaker, clock } = breakerWith();
    for (let i = 0; i < 10; i += 1) {
      expect(breaker.state).toBe('closed');
      await fail(breaker, 1);
      clock.advance(3_600_000);
    }
    expect(breaker.snapshot()).toMatchObject({ state: 'half-open', attempt: 1 });
  });

  it('counts what failed or was slow together', async () => {
    const { breaker, clock } = breakerWith({
      consecutive: false,
      failureRate: 0.9,
      slow: { afterMs: 1_000, rate: 0.9 },
    });
    const reasons: string[] = [];
    breaker.on('open', ({ reason }) => reasons.push(reason));
    await succeed(breaker, 10);
    await fail(breaker, 5);
    for (let i = 0; i < 5; i += 1) hang(breaker);
    clock.advance(1_000);
    expect(reasons).toEqual(['bad-rate']);
  });

  it('works over the last calls instead of the last seconds', async () => {
    const { breaker, clock } = breakerWith({
      window: { type: 'count', size: 20 },
      consecutive: false,
    });
    await fail(breaker, 9);
    clock.advance(3_600_000);
    await succeed(breaker, 10);
    await fail(breaker, 1);
    expect(breaker.state).toBe('open');
  });
});

describe('in-flight aging', () => {
  it('opens while every call is still in flight', async () => {
    const { breaker, clock } = breakerWith({ slow: { afterMs: 2_000 }, consecutive: false });
    const calls = Array.from({ length: 20 }, () => hang(breaker));
    clock.advance(1_999);
    expect(breaker.state).toBe('closed');
    clock.advance(1);
    expect(breaker.state).toBe('open');
    expect(breaker.snapshot().inFlight).toBe(20);
    for (const call of calls) call.resolve('late');
    await flush();
    expect(await calls[0]?.outcome).toBe('late');
  });

  it('needs no timer: any look at the breaker judges what has become slow', () => {
    const { clock } = breakerWith();
    const deaf = { now: () => clock.now(), setTimeout: () => 0, clearTimeout: () => {} };
    const breaker = new CircuitBreaker({ name: 'psp', clock: deaf, consecutive: 1 });
    hang(breaker);
    clock.advance(4_999);
    expect(breaker.state).toBe('closed');
    clock.advance(1);
    expect(breaker.state).toBe('open');
  });

  it('keeps one timer however many calls are in flight, and none when idle', async () => {
    const { breaker, clock } = breakerWith();
    for (let i = 0; i < 50; i += 1) {
      const call = hang(breaker);
      clock.advance(1);
      expect(clock.pendingTimers).toBe(1);
      call.resolve('fine');
      await flush();
    }
    clock.advance(60_000);
    expect(clock.pendingTimers).toBe(0);
  });

  it('counts a call that was slow and then failed once, as both', async () => {
    const { breaker, clock } = breakerWith({ timeoutMs: false });
    const call = hang(breaker);
    clock.advance(5_000);
    expect(breaker.snapshot().window).toMatchObject({ calls: 1, slow: 1, failed: 0, bad: 1 });
    call.reject(failure);
    await flush();
    expect(breaker.snapshot().window).toMatchObject({ calls: 1, slow: 1, failed: 1, bad: 1 });
    expect(breaker.snapshot().consecutiveBad).toBe(1);
  });

  it('counts a slow call that ends well as slow and nothing else', async () => {
    const { breaker, clock } = breakerWith();
    const call = hang(breaker);
    clock.advance(6_000);
    call.resolve('fine');
    await flush();
    expect(breaker.snapshot()).toMatchObject({
      window: { calls: 1, slow: 1, failed: 0 },
      consecutiveBad: 1,
      totals: { succeeded: 1, slow: 1, failed: 0 },
    });
  });

  it('does not forget the good calls of a dependency slower than the window', async () => {
    const { breaker, clock } = breakerWith({
      slow: false,
      timeoutMs: false,
      consecutive: false,
      window: { durationMs: 1_000 },
    });
    const calls = Array.from({ length: 30 }, () => hang(breaker));
    clock.advance(5_000);
    for (const call of calls) call.resolve('fine');
    await flush();
    await fail(breaker, 20);
    expect(breaker.snapshot()).toMatchObject({
      state: 'closed',
      window: { calls: 50, failed: 20 },
    });
  });
});

describe('open', () => {
  it('rejects at once with everything a caller needs', async () => {
    const { breaker, clock } = breakerWith();
    await fail(breaker, 10);
    clock.advance(1_500);
    const action = vi.fn();
    const error = await breaker.execute(action).catch((thrown: unknown) => thrown);
    expect(action).not.toHaveBeenCalled();
    expect(error).toBeInstanceOf(CircuitOpenError);
    expect(error).toMatchObject({
      code: 'ERR_CIRCUIT_OPEN',
      breaker: 'psp',
      state: 'open',
      retryAfterMs: 3_500,
      cause: failure,
      message: 'Circuit psp is open, retry in 3500 ms',
    });
  });

  it('stays open longer each time, up to the limit, and recovers by one step per healthy window', async () => {
    const { breaker, clock } = breakerWith({ halfOpen: { probes: 1 } });
    const waits: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      await fail(breaker, i === 0 ? 10 : 1);
      waits.push(breaker.snapshot().retryAfterMs as number);
      clock.advance(waits.at(-1) as number);
    }
    expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
    await succeed(breaker, 1);
    clock.advance(20_000); // two healthy windows: from six openings to four
    await fail(breaker, 10);
    expect(breaker.snapshot()).toMatchObject({ attempt: 5, retryAfterMs: 60_000 });
    clock.advance(60_000);
    await succeed(breaker, 1);
    clock.advance(40_000);
    await fail(breaker, 10);
    expect(breaker.snapshot()).toMatchObject({ attempt: 2, retryAfterMs: 10_000 });
  });

  it.each([
    [0, 4_000],
    [0.5, 5_000],
    [0.999_999, 6_000],
  ])('spreads by jitter: random %d waits %d ms', async (random, expected) => {
    const { breaker } = breakerWith({ random: () => random });
    await fail(breaker, 10);
    expect(breaker.snapshot().retryAfterMs).toBeCloseTo(expected, 1);
  });
});

describe('half-open', () => {
  async function halfOpen(options = {}) {
    const made = breakerWith(options);
    await fail(made.breaker, 10);
    made.clock.advance(5_000);
    return made;
  }

  it('lets one probe go, then the others, and closes when all were good', async () => {
    const { breaker } = await halfOpen();
    const first = hang(breaker);
    await expect(breaker.execute(() => 1)).rejects.toMatchObject({
      state: 'half-open',
      retryAfterMs: 5_000,
    });
    first.resolve('fine');
    await flush();
    const rest = [hang(breaker), hang(breaker)];
    await expect(breaker.execute(() => 1)).rejects.toThrow(CircuitOpenError);
    for (const probe of rest) probe.resolve('fine');
    await flush();
    expect(breaker.state).toBe('closed');
  });

  it('opens again at the first bad probe', async () => {
    const { breaker } = await halfOpen();
    await succeed(breaker, 2);
    await fail(breaker, 1);
    expect(breaker.snapshot()).toMatchObject({ state: 'open', attempt: 2, retryAfterMs: 10_000 });
  });

  it('opens again when a probe is slow, without waiting for its end', async () => {
    const { breaker, clock } = await halfOpen();
    hang(breaker);
    clock.advance(5_000);
    expect(breaker.state).toBe('open');
  });

  it('gives the place of an aborted or ignored probe back', async () => {
    const { breaker } = await halfOpen({
      classify: (error: unknown) => (error === 404 ? 'ignore' : undefined),
    });
    const abort = new AbortController();
    const probe = breaker.execute(() => new Promise(() => {}), { signal: abort.signal });
    abort.abort();
    await expect(probe).rejects.toThrow('aborted');
    await expect(breaker.execute(() => Promise.reject(404))).rejects.toBe(404);
    expect(breaker.state).toBe('half-open');
    await succeed(breaker, 3);
    expect(breaker.state).toBe('closed');
  });

  it('writes off a probe that never returns when nothing else would end it', async () => {
    const { breaker, clock } = await halfOpen({ slow: false, timeoutMs: false });
    const lost = hang(breaker);
    clock.advance(29_999);
    await expect(breaker.execute(() => 1)).rejects.toThrow(CircuitOpenError);
    clock.advance(1);
    await succeed(breaker, 2);
    lost.reject(failure); // written off: it is not heard any more
    await flush();
    expect(breaker.state).toBe('half-open');
    await succeed(breaker, 1);
    expect(breaker.state).toBe('closed');
  });
});

describe('isolated', () => {
  it('rejects until the last handle is released, and goes on where it stood', async () => {
    const { breaker } = breakerWith();
    await fail(breaker, 3);
    const first = breaker.isolate('maintenance');
    const second = breaker.isolate('data migration');
    const rejection = breaker.execute(() => 1);
    await expect(rejection).rejects.toMatchObject({
      code: 'ERR_CIRCUIT_ISOLATED',
      reason: 'maintenance',
      cause: failure,
    });
    expect(breaker.snapshot().isolatedFor).toEqual(['maintenance', 'data migration']);
    first.release();
    first.release();
    expect(breaker.state).toBe('isolated');
    second[Symbol.dispose]();
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', consecutiveBad: 3 });
    expect(await breaker.execute(() => 1)).toBe(1);
  });

  it('can be held by `using`', async () => {
    const { breaker } = breakerWith();
    {
      using _ = breaker.isolate('maintenance');
      expect(breaker.state).toBe('isolated');
    }
    expect(breaker.state).toBe('closed');
  });
});

describe('events of the states', () => {
  it('tells every change once, with its reason', async () => {
    const { breaker, clock } = breakerWith();
    const seen: string[] = [];
    const note = ({ name, from, to, reason }: TransitionEvent) =>
      seen.push(`${name}: ${from} -> ${to} (${reason})`);
    for (const state of ['open', 'half-open', 'closed', 'isolated'] as const) {
      breaker.on(state, note);
    }
    await fail(breaker, 10);
    clock.advance(5_000);
    await fail(breaker, 1);
    clock.advance(10_000);
    await succeed(breaker, 3);
    breaker.isolate('maintenance').release();
    expect(seen).toEqual([
      'psp: closed -> open (consecutive)',
      'psp: open -> half-open (open-time-over)',
      'psp: half-open -> open (probe-bad)',
      'psp: open -> half-open (open-time-over)',
      'psp: half-open -> closed (probes-good)',
      'psp: closed -> isolated (isolated)',
      'psp: isolated -> closed (released)',
    ]);
  });
});
