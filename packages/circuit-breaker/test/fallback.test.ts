import { describe, expect, it, vi } from 'vitest';
import { CallTimeoutError, CircuitOpenError, staleCache, value } from '../src/index.ts';
import { breakerWith, fail, failure, flush } from './support.ts';

const broken = () => Promise.reject(failure);

describe('fallback', () => {
  it('answers with the error, the arguments and the context at hand', async () => {
    const { breaker } = breakerWith();
    const fallback = vi.fn(
      (_error: unknown, _args: readonly unknown[], _context: unknown) => 'spare',
    );
    const read = breaker.wrap((_id: number, _part: string) => broken(), {
      fallback,
      key: (id) => `user:${id}`,
    });
    expect(await read(7, 'name')).toBe('spare');
    expect(fallback).toHaveBeenCalledWith(failure, [7, 'name'], {
      name: 'psp',
      kind: 'failure',
      key: 'user:7',
      signal: undefined,
      now: 0,
    });
  });

  it('says who answered', async () => {
    const { breaker } = breakerWith();
    const seen: string[] = [];
    breaker.on('fallback', ({ source }) => seen.push(source));
    expect(await breaker.outcome(() => 1, { fallback: value(2) })).toEqual({
      value: 1,
      source: 'call',
    });
    expect(await breaker.outcome(broken, { fallback: value(2) })).toEqual({
      value: 2,
      source: 'value',
      error: failure,
    });
    expect(await breaker.outcome(broken, { fallback: () => 3 })).toMatchObject({
      value: 3,
      source: 'function',
    });
    expect(seen).toEqual(['value', 'function']);
    expect(breaker.snapshot().totals.fallbacks).toBe(2);
  });

  it('asks only the steps that are meant for the kind of error', async () => {
    const { breaker, clock } = breakerWith({ consecutive: 2, slow: false });
    const fallback = [
      value('was open', { on: ['open'] }),
      value('was late', { on: ['timeout'] }),
      value('was broken', { on: ['failure'] }),
    ];
    expect(await breaker.execute(broken, { fallback })).toBe('was broken');
    const late = breaker.execute(() => new Promise<string>(() => {}), { fallback });
    clock.advance(10_000);
    expect(await late).toBe('was late');
    expect(breaker.state).toBe('open');
    expect(await breaker.execute(broken, { fallback })).toBe('was open');
  });

  it('goes on to the next step when one fails', async () => {
    const { breaker } = breakerWith();
    const fallback = [
      () => Promise.reject('a'),
      () => {
        throw 'b';
      },
      value('last'),
    ];
    expect(await breaker.execute(broken, { fallback })).toBe('last');
  });

  it('rejects with the error of the call when all fail, theirs attached', async () => {
    const { breaker, clock } = breakerWith();
    const error = new Error('primary');
    const fallback = [() => Promise.reject('a'), () => Promise.reject('b')];
    await expect(breaker.execute(() => Promise.reject(error), { fallback })).rejects.toBe(error);
    expect(error).toHaveProperty('fallbackErrors', ['a', 'b']);
    expect(Object.keys(error)).toEqual([]);

    const late = breaker.execute(() => new Promise<string>(() => {}), { fallback });
    clock.advance(10_000);
    const timeout: CallTimeoutError = await late.then(
      () => expect.unreachable(),
      (thrown) => thrown,
    );
    expect(timeout).toBeInstanceOf(CallTimeoutError);
    expect(timeout.fallbackErrors).toEqual(['a', 'b']);
  });

  it('leaves an error alone that nothing can be attached to', async () => {
    const { breaker } = breakerWith();
    const frozen = Object.freeze(new Error('frozen'));
    const fallback = () => Promise.reject('a');
    await expect(breaker.execute(() => Promise.reject(frozen), { fallback })).rejects.toBe(frozen);
    await expect(breaker.execute(() => Promise.reject('text'), { fallback })).rejects.toBe('text');
  });

  it('does not answer in place of a caller who gave up, nor of an error classified as an answer', async () => {
    const { breaker } = breakerWith({
      classify: (error) => (error === 404 ? 'ignore' : undefined),
    });
    const fallback = vi.fn(() => 'spare');
    const abort = new AbortController();
    const call = breaker.execute(() => new Promise(() => {}), { fallback, signal: abort.signal });
    abort.abort('left');
    await expect(call).rejects.toBe('left');
    await expect(breaker.execute(() => Promise.reject(404), { fallback })).rejects.toBe(404);
    expect(fallback).not.toHaveBeenCalled();
  });

  it('is given up with its caller', async () => {
    const { breaker } = breakerWith();
    const abort = new AbortController();
    const next = vi.fn();
    const call = breaker.execute(broken, {
      fallback: [() => new Promise<string>(() => {}), next],
      signal: abort.signal,
    });
    await flush();
    abort.abort('left');
    await expect(call).rejects.toBe('left');
    expect(next).not.toHaveBeenCalled();
  });

  it('does not spoil a good answer that a step cannot remember', async () => {
    const { breaker } = breakerWith();
    const forgetful = {
      source: 'forgetful',
      answer: () => 2,
      remember: () => {
        throw failure;
      },
    };
    expect(await breaker.execute(() => 1, { fallback: forgetful })).toBe(1);
  });

  it('takes an error from another circuit for what it is: a failure of this call', async () => {
    const { breaker } = breakerWith();
    const { breaker: inner } = breakerWith({ name: 'bank' });
    await fail(inner, 10);
    const fallback = value('inner', { on: ['failure'] });
    expect(await breaker.execute(() => inner.execute(() => 1), { fallback })).toBe('inner');
    const wrong = value('own', { on: ['open'] });
    await expect(
      breaker.execute(() => inner.execute(() => 1), { fallback: wrong }),
    ).rejects.toBeInstanceOf(CircuitOpenError);
  });
});

describe('stale cache', () => {
  it('answers with the last good value of the key while it is young enough', async () => {
    const { breaker, clock } = breakerWith();
    const stale = staleCache<string>({ maxStaleMs: 60_000 });
    let up = true;
    const read = breaker.wrap(
      async (id: number) => {
        if (!up) throw failure;
        return `user ${id}`;
      },
      { fallback: stale, key: (id) => String(id) },
    );
    await read(1);
    await read(2);
    up = false;
    clock.advance(60_000);
    expect(await read(1)).toBe('user 1');
    expect(await breaker.outcome(broken, { fallback: stale, key: '2' })).toMatchObject({
      value: 'user 2',
      source: 'staleCache',
    });
    await expect(read(3)).rejects.toMatchObject({
      fallbackErrors: [{ code: 'ERR_NO_STALE_VALUE', key: '3', breaker: 'psp' }],
    });
    clock.advance(1);
    await expect(read(1)).rejects.toBe(failure);
  });

  it('remembers undefined, and no result that was classified as a failure', async () => {
    const { breaker } = breakerWith({
      classify: (answer, threw) => (!threw && answer === 'busy' ? 'failure' : undefined),
    });
    const fallback = staleCache<string | undefined>({ maxStaleMs: 1_000 });
    await breaker.execute(() => undefined, { fallback, key: 'a' });
    expect(await breaker.execute(() => 'busy', { fallback, key: 'a' })).toBe('busy');
    expect(await breaker.outcome(broken, { fallback, key: 'a' })).toMatchObject({
      value: undefined,
      source: 'staleCache',
    });
  });

  it('forgets the keys written longest ago when there are too many', async () => {
    const { breaker } = breakerWith();
    const fallback = staleCache<string>({ maxStaleMs: 1_000, maxEntries: 2 });
    for (const key of ['a', 'b', 'a', 'c']) await breaker.execute(() => key, { fallback, key });
    expect(await breaker.execute(broken, { fallback, key: 'a' })).toBe('a');
    expect(await breaker.execute(broken, { fallback, key: 'c' })).toBe('c');
    await expect(breaker.execute(broken, { fallback, key: 'b' })).rejects.toBe(failure);
  });
});
