import { describe, expect, it } from 'vitest';
import type { FallbackStep } from '../src/index.ts';
import {
  type Accepted,
  CircuitOpenError,
  LaterQueue,
  LaterQueueClosedError,
  LaterQueueFullError,
  type LaterQueueOptions,
  queueForLater,
  staleCache,
  value,
} from '../src/index.ts';
import { breakerWith, fail, failure, hang } from './support.ts';

interface Mail {
  readonly id: string;
  readonly to: string;
  readonly n: number;
}

/** A mail provider that can be down, a breaker before it, and a queue for the time when it is. */
function mailer(options: Partial<LaterQueueOptions<[Mail]>> = {}) {
  const { breaker, clock } = breakerWith({ consecutive: 5, halfOpen: { probes: 1 } });
  const provider = { down: true, calls: 0, sent: [] as Mail[], under: 0, most: 0 };
  const send = async (mail: Mail): Promise<string> => {
    provider.calls += 1;
    provider.under += 1;
    provider.most = Math.max(provider.most, provider.under);
    await Promise.resolve();
    provider.under -= 1;
    if (provider.down) throw failure;
    provider.sent.push(mail);
    return 'sent';
  };
  const queue = new LaterQueue<[Mail]>({
    breaker,
    clock,
    run: (_context, mail) => send(mail),
    ...options,
  });
  const sendMail = breaker.wrap(send, {
    fallback: queueForLater(queue, { key: (mail: Mail) => mail.id, lane: (mail) => mail.to }),
  });
  return { breaker, clock, provider, queue, sendMail };
}

const mail = (n: number, to = `buyer-${n % 50}`): Mail => ({ id: `mail-${n}`, to, n });

/** Moves the time on until nothing is queued. */
async function drain({ clock, queue }: ReturnType<typeof mailer>): Promise<void> {
  for (let s = 0; queue.size > 0 && s < 3_000; s += 1) await clock.advanceAsync(1_000);
}

describe('work put aside for later', () => {
  it('goes out after an outage: 1,000 mails exactly once, each buyer’s in order', async () => {
    const shop = mailer();
    const { provider, queue, clock, breaker } = shop;
    for (let n = 0; n < 1_000; n += 1) {
      const answer = await shop.sendMail(mail(n));
      expect(answer).toEqual({ accepted: true, key: `mail-${n}` } satisfies Accepted);
    }
    expect(queue.size).toBe(1_000);
    await clock.advanceAsync(3_600_000);
    expect(provider.sent).toEqual([]);
    expect(provider.calls).toBeLessThan(200); // an hour of probes, not of hammering

    provider.down = false;
    await drain(shop);
    expect(breaker.state).toBe('closed');
    expect(provider.sent).toHaveLength(1_000);
    expect(new Set(provider.sent.map(({ id }) => id)).size).toBe(1_000);
    for (let buyer = 0; buyer < 50; buyer += 1) {
      const order = provider.sent.filter(({ to }) => to === `buyer-${buyer}`).map(({ n }) => n);
      expect(order).toEqual([...order].sort((a, b) => a - b));
    }
    expect(provider.most).toBeLessThanOrEqual(4);
  });

  it('is one piece of work however often the same key comes', async () => {
    const shop = mailer();
    for (let i = 0; i < 20; i += 1) await shop.sendMail(mail(1));
    expect(shop.queue.size).toBe(1);
    shop.provider.down = false;
    await drain(shop);
    expect(shop.provider.sent).toHaveLength(1);
  });

  it('stops going out when the circuit opens again, and loses nothing', async () => {
    const shop = mailer();
    const { provider, clock, breaker } = shop;
    for (let n = 0; n < 100; n += 1) await shop.sendMail(mail(n));
    provider.down = false;
    while (provider.sent.length < 20) await clock.advanceAsync(500);
    provider.down = true;
    await fail(breaker, 5);
    const { length } = provider.sent;
    const calls = provider.calls;
    await clock.advanceAsync(4_000); // before the circuit may be asked again
    expect(breaker.state).toBe('open');
    expect(provider.calls).toBe(calls);
    expect(provider.sent).toHaveLength(length);
    provider.down = false;
    await drain(shop);
    expect(new Set(provider.sent.map(({ n }) => n)).size).toBe(100);
    expect(provider.sent).toHaveLength(100);
  });

  it('lets other lanes pass an entry that fails, and keeps that entry and those behind it', async () => {
    const done: string[] = [];
    const { breaker, clock } = breakerWith({ consecutive: false, minimumCalls: 1_000 });
    const queue = new LaterQueue<[string]>({
      breaker,
      clock,
      run: ({ key }, what) => {
        if (what === 'poison' && done.length < 4) throw failure;
        done.push(key);
      },
    });
    const add = (key: string, lane: string, what: string) => queue.add({ key, lane, args: [what] });
    add('a1', 'a', 'poison');
    add('a2', 'a', 'fine');
    for (const key of ['b1', 'b2', 'c1', 'd1']) add(key, key[0] as string, 'fine');
    await clock.advanceAsync(1_100);
    expect(done).toEqual(['b1', 'c1', 'd1', 'b2']);
    expect(queue.size).toBe(2);
    await clock.advanceAsync(10_000);
    expect(done).toEqual(['b1', 'c1', 'd1', 'b2', 'a1', 'a2']);
  });

  it('shows an entry that never ends well, and goes on behind it once that is taken out', async () => {
    const done: string[] = [];
    const started: (() => void)[] = [];
    const { breaker, clock } = breakerWith({ consecutive: false, minimumCalls: 1_000 });
    const broken = new Error('no such address');
    const queue = new LaterQueue<[string]>({
      breaker,
      clock,
      run: async ({ key }, what) => {
        if (what === 'poison') throw broken;
        if (what === 'slow') await new Promise<void>((resolve) => started.push(resolve));
        done.push(key);
      },
    });
    const add = (key: string, lane: string, what: string) => queue.add({ key, lane, args: [what] });
    add('b1', 'b', 'fine');
    await clock.advanceAsync(500);
    for (const key of ['a1', 'a2', 'a3']) add(key, 'a', key === 'a1' ? 'poison' : 'fine');
    expect(queue.snapshot()).toEqual({ size: 4, underWay: 0, oldestMs: 500, failing: [] });
    await clock.advanceAsync(3_600_000);
    expect(queue.size).toBe(3);
    const [failing, ...others] = queue.snapshot().failing;
    expect(others).toEqual([]);
    expect(failing).toMatchObject({ key: 'a1', lane: 'a', ageMs: 3_600_000, behind: 2 });
    expect(failing?.error).toBe(broken);
    expect(failing?.failures).toBeGreaterThan(50); // once a minute

    expect(queue.remove('nobody')).toBeUndefined();
    expect(queue.remove('a2')).toEqual({ key: 'a2', lane: 'a', args: ['fine'] });
    expect(queue.remove('a1')).toEqual({ key: 'a1', lane: 'a', args: ['poison'] });
    await clock.advanceAsync(0); // at once, not when the wait of the failed one is over
    expect(done).toEqual(['b1', 'a3']);
    expect(queue.snapshot()).toEqual({ size: 0, underWay: 0, oldestMs: 0, failing: [] });

    add('a1', 'a', 'poison'); // the last of its lane
    await clock.advanceAsync(1_500);
    const drained = queue.drained();
    expect(queue.remove('a1')).toBeDefined();
    await drained;
    await clock.advanceAsync(10_000); // its wait was ended with it

    add('c1', 'c', 'slow');
    await clock.advanceAsync(1_500);
    expect(queue.snapshot()).toMatchObject({ size: 1, underWay: 1 });
    expect(queue.remove('c1')).toBeUndefined(); // it may have had its effect
    for (const end of started) end();
    await clock.advanceAsync(0);
    expect(done).toEqual(['b1', 'a3', 'c1']);
    expect(queue.size).toBe(0);
  });

  it('takes out what was not tried yet, also of a lane that is about to be', async () => {
    const shop = mailer();
    for (let n = 0; n < 3; n += 1) await shop.sendMail(mail(n, 'one'));
    expect(shop.queue.remove('mail-0')?.args).toEqual([mail(0, 'one')]);
    expect(shop.queue.remove('mail-1')).toBeDefined();
    expect(shop.queue.remove('mail-1')).toBeUndefined();
    await shop.sendMail(mail(1, 'one'));
    shop.provider.down = false;
    await drain(shop);
    expect(shop.provider.sent.map(({ n }) => n)).toEqual([2, 1]);
  });

  it('is refused when the queue is full, and the next step answers', async () => {
    const shop = mailer({ maxEntries: 2 });
    const later = queueForLater(shop.queue, { key: (one: Mail) => one.id });
    await fail(shop.breaker, 5);
    const ask = (n: number, last: FallbackStep<never>[] = []) =>
      shop.breaker.outcome(() => 'never', { fallback: [later, ...last], args: [mail(n)] });
    expect(await ask(1)).toMatchObject({ source: 'queueForLater', value: { accepted: true } });
    await ask(2);
    expect(await ask(3, [value('sorry') as FallbackStep<never>])).toMatchObject({
      source: 'value',
      value: 'sorry',
    });
    const refusal = await ask(3).catch((error) => error);
    expect(refusal).toBeInstanceOf(CircuitOpenError); // the primary error, the others attached
    expect(refusal.fallbackErrors[0]).toBeInstanceOf(LaterQueueFullError);
  });

  it('comes after a stale value in a chain, and says who answered', async () => {
    const { breaker, clock } = breakerWith({ consecutive: 2 });
    const added: unknown[] = [];
    const sink = { add: (entry: unknown) => added.push(entry) };
    const cache = staleCache({ maxStaleMs: 1_000 });
    const fallback = [cache, queueForLater(sink, { key: (id: string) => id })];
    const ask = (action: () => string) =>
      breaker.outcome(action, { fallback, key: 'k', args: ['k'] });
    expect((await ask(() => 'fresh')).source).toBe('call');
    await fail(breaker, 2);
    expect((await ask(() => 'never')).source).toBe('staleCache');
    clock.advance(1_001);
    expect((await ask(() => 'never')).source).toBe('queueForLater');
    expect(added).toEqual([{ key: 'k', lane: 'k', args: ['k'] }]);
  });

  it('needs no listener: removeAllListeners() does not keep it from going out', async () => {
    const shop = mailer();
    await shop.sendMail(mail(1));
    shop.breaker.removeAllListeners();
    shop.provider.down = false;
    await drain(shop);
    expect(shop.provider.sent).toHaveLength(1);
  });

  it('keeps its place while the bulkhead is full: that is no failure of the entry', async () => {
    const { breaker, clock } = breakerWith({ bulkhead: { concurrency: 1 }, slow: false });
    const work = hang(breaker);
    const done: string[] = [];
    const queue = new LaterQueue<[]>({ breaker, clock, run: ({ key }) => done.push(key) });
    for (const key of ['a1', 'a2']) queue.add({ key, lane: 'a', args: [] });
    await clock.advanceAsync(5_000); // five tries, all a second apart
    expect(done).toEqual([]);
    work.resolve('done');
    await clock.advanceAsync(1_000);
    expect(done).toEqual(['a1', 'a2']);
  });

  it('gives back what is left when it is closed, and starts nothing more', async () => {
    const shop = mailer();
    for (let n = 0; n < 3; n += 1) await shop.sendMail(mail(n, 'one'));
    const left = shop.queue.close();
    expect(left.map(({ key }) => key)).toEqual(['mail-0', 'mail-1', 'mail-2']);
    shop.provider.down = false;
    const { calls } = shop.provider;
    await shop.clock.advanceAsync(120_000);
    expect(shop.provider.calls).toBe(calls);
    expect(() => shop.queue.add({ key: 'x', lane: 'x', args: [mail(9)] })).toThrow(
      LaterQueueClosedError,
    );
    expect(shop.clock.pendingTimers).toBe(0);
  });

  it('tells when all is out, or gives up waiting when the signal aborts', async () => {
    const shop = mailer();
    await shop.queue.drained();
    await shop.sendMail(mail(1));
    const controller = new AbortController();
    const given = shop.queue.drained({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    shop.provider.down = false;
    const all = shop.queue.drained();
    await drain(shop);
    await all;
  });

  it.each([
    ['an unknown option', { concurency: 1 }, 'Unknown option `concurency`'],
    ['no breaker', { breaker: undefined }, 'Expected `breaker` to be a CircuitBreaker'],
    ['no run', { run: 'send' }, "Expected `run` to be a function, got 'send'"],
    ['concurrency 0', { concurrency: 0 }, 'Expected `concurrency` an integer in [1, 10000], got 0'],
    ['maxEntries 1.5', { maxEntries: 1.5 }, 'Expected `maxEntries` an integer'],
    ['retryMs NaN', { retryMs: Number.NaN }, 'Expected `retryMs` in (0, 2147483647], got NaN'],
    ['maxRetryMs -1', { maxRetryMs: -1 }, 'Expected `maxRetryMs` in (0, 2147483647], got -1'],
    ['no clock', { clock: {} }, 'Expected `clock.now` to be a function'],
  ])('refuses %s', (_name, wrong, message) => {
    expect(() => mailer(wrong as never)).toThrow(message);
  });

  it('refuses a sink, a key and a lane of the wrong type', async () => {
    expect(() => queueForLater({} as never, { key: String })).toThrow('Expected `sink`');
    const sink = { add() {} };
    expect(() => queueForLater(sink, {} as never)).toThrow('Expected `key` to be a function');
    expect(() => queueForLater(sink, { key: String, lane: 1 as never })).toThrow('`lane`');
    const { breaker } = breakerWith();
    const wrong = await breaker
      .execute(() => Promise.reject(failure), {
        fallback: queueForLater(sink, { key: () => 7 as never }),
      })
      .catch((error) => error);
    expect(wrong).toBe(failure);
    expect(String(wrong.fallbackErrors[0])).toContain('a function that returns a string, got 7');
  });
});
