import { describe, expect, it } from 'vitest';
import { CircuitBreakerRegistry, RegistryClosedError, TestClock } from '../src/index.ts';
import { fail, flush, hang } from './support.ts';

function hosts(options = {}) {
  const clock = new TestClock();
  return { clock, registry: new CircuitBreakerRegistry({ name: 'hosts', clock, ...options }) };
}

describe('a registry of breakers', () => {
  it('gives the same breaker for the same key, named after both', () => {
    const { registry } = hosts();
    const breaker = registry.get('a.example');
    expect(registry.get('a.example')).toBe(breaker);
    expect(registry.get('b.example')).not.toBe(breaker);
    expect(breaker.name).toBe('hosts/a.example');
    expect(registry.size).toBe(2);
  });

  it('takes options of single keys on top of the defaults', async () => {
    const { registry } = hosts({
      defaults: { consecutive: 3 },
      overrides: (key: string) => (key === 'weak' ? { consecutive: 1 } : undefined),
    });
    await fail(registry.get('weak'), 1);
    await fail(registry.get('strong'), 2);
    expect([registry.get('weak').state, registry.get('strong').state]).toEqual(['open', 'closed']);
  });

  it('drops the one unused longest when there are too many', () => {
    const { registry } = hosts({ maxBreakers: 3 });
    for (const key of ['a', 'b', 'c']) registry.get(key);
    registry.get('a');
    registry.get('d');
    expect([...registry].map(({ name }) => name)).toEqual(['hosts/c', 'hosts/a', 'hosts/d']);
  });

  it('drops what has been idle, at the next new key', () => {
    const { registry, clock } = hosts({ idleMs: 1_000 });
    registry.get('old');
    clock.advance(999);
    registry.get('young');
    expect(registry.size).toBe(2);
    clock.advance(1);
    registry.get('new');
    expect(registry.peek('old')).toBeUndefined();
    expect(registry.size).toBe(2);
  });

  it('never drops a breaker that is not closed, or has calls in flight', async () => {
    const { registry, clock } = hosts({ maxBreakers: 2, idleMs: 1_000 });
    const sick = registry.get('sick');
    await fail(sick, 10);
    const busy = registry.get('busy');
    const call = hang(busy);
    clock.advance(4_000);
    for (let n = 0; n < 100; n += 1) registry.get(`other-${n}`);
    expect(registry.get('sick')).toBe(sick);
    expect(registry.get('busy')).toBe(busy);
    expect(registry.size).toBe(3); // more than asked for, rather than forget an outage
    call.resolve('done');
    await flush();
    registry.get('one-more');
    registry.get('another');
    expect(registry.size).toBe(2);
    expect(registry.peek('busy')).toBeUndefined();
  });

  it('keeps 1,000 open circuits beyond its size, and forgets them once they have closed', async () => {
    const { registry, clock } = hosts({ maxBreakers: 10, defaults: { consecutive: 1 } });
    for (let n = 0; n < 1_000; n += 1) await fail(registry.get(`host-${n}`), 1);
    expect(registry.size).toBe(1_000);
    clock.advance(10_000);
    for (let n = 0; n < 1_000; n += 1) {
      for (let probe = 0; probe < 3; probe += 1) await registry.get(`host-${n}`).execute(() => 1);
    }
    for (let n = 0; n < 100; n += 1) registry.get(`new-${n}`);
    expect(registry.size).toBe(10);
  });

  it('hands out nothing after close(), which waits for what is in flight', async () => {
    const { registry } = hosts();
    const call = hang(registry.get('a'));
    const closed = registry.close();
    expect(() => registry.get('a')).toThrow(RegistryClosedError);
    call.resolve('done');
    await closed;
    await expect(registry.peek('a')?.execute(() => 1)).rejects.toThrow('has been shut down');
  });

  it('shows every breaker as plain data', async () => {
    const { registry } = hosts();
    await fail(registry.get('a'), 10);
    registry.get('b');
    const states = registry.snapshot().map(({ name, state }) => [name, state]);
    expect(states).toEqual([
      ['hosts/a', 'open'],
      ['hosts/b', 'closed'],
    ]);
  });

  it.each([
    ['no name', { name: '' }, 'Expected `name` to be a non-empty string'],
    ['an unknown option', { max: 1 }, 'Unknown option `max`'],
    ['maxBreakers 0', { maxBreakers: 0 }, 'Expected `maxBreakers` an integer in [1, 1000000]'],
    ['idleMs -1', { idleMs: -1 }, 'Expected `idleMs` in (0, 2147483647], got -1'],
    ['defaults of the wrong type', { defaults: 1 }, 'Expected `defaults` to be an object'],
    ['a wrong default', { defaults: { failureRate: 50 } }, 'Expected `failureRate` in (0, 1]'],
    ['overrides of the wrong type', { overrides: {} }, 'Expected `overrides` to be a function'],
  ])('refuses %s', (_name, wrong, message) => {
    expect(() => hosts(wrong)).toThrow(message);
  });

  it('refuses a key that is none, and wrong options of a key, without keeping anything', () => {
    const { registry } = hosts({ overrides: () => ({ consecutive: 0 }) });
    expect(() => registry.get('')).toThrow('Expected `key` to be a non-empty string');
    expect(() => registry.get('a')).toThrow('Expected `consecutive`');
    expect(registry.size).toBe(0);
  });
});
