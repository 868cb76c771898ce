import {
  checkedClock,
  duration,
  integer,
  isObject,
  object,
  optionalFunction,
  wrongType,
} from './checks.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { type Clock, systemClock } from './clock.ts';
import { RegistryClosedError } from './errors.ts';
import type { CircuitBreakerOptions } from './options.ts';
import type { CircuitBreakerSnapshot } from './snapshot.ts';

/** Options of a breaker of a registry: all but the name, which is made of the registry's and the key. */
export type KeyedBreakerOptions = Omit<CircuitBreakerOptions, 'name'>;

/** Options of {@link CircuitBreakerRegistry}. */
export interface CircuitBreakerRegistryOptions {
  /** Begins the names of the breakers: `hosts/api.example.com`. */
  readonly name: string;
  /** Options of every breaker. */
  readonly defaults?: KeyedBreakerOptions | undefined;
  /** Options of single ones, on top of the defaults. */
  readonly overrides?: ((key: string) => KeyedBreakerOptions | undefined) | undefined;
  /** Breakers kept; beyond it the one unused longest goes, if its circuit is closed and nothing is in flight (default 1,000). */
  readonly maxBreakers?: number | undefined;
  /** A breaker unused for so many ms may go as well (default 600,000). */
  readonly idleMs?: number | undefined;
  /** Handed to the breakers, and tells what is idle (default: the process's). */
  readonly clock?: Clock | undefined;
}

/** Breakers looked at when a key is new. */
const LOOKS = 16;

interface Entry {
  readonly breaker: CircuitBreaker;
  usedAt: number;
}

/**
 * One breaker for each key: a host, a tenant, a shop.
 *
 * A breaker that is not closed, or has calls in flight, is never dropped, or the outage would be forgotten in the middle:
 * so many may be kept beyond `maxBreakers`. There is no timer; what is idle goes when a new key comes.
 */
export class CircuitBreakerRegistry implements AsyncDisposable {
  readonly name: string;
  readonly #defaults: KeyedBreakerOptions;
  readonly #overrides: ((key: string) => KeyedBreakerOptions | undefined) | undefined;
  readonly #maxBreakers: number;
  readonly #idleMs: number;
  readonly #clock: Clock;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  #closed = false;

  /**
   * @throws TypeError when an option has the wrong type or is unknown
   * @throws RangeError when an option is out of range
   */
  constructor(options: CircuitBreakerRegistryOptions) {
    object('options', options, ['name', 'defaults', 'overrides', 'maxBreakers', 'idleMs', 'clock']);
    const { name, defaults = {}, clock = systemClock } = options;
    if (typeof name !== 'string' || name === '') {
      throw wrongType('name', 'a non-empty string', name);
    }
    if (!isObject(defaults)) throw wrongType('defaults', 'an object', defaults);
    this.name = name;
    this.#clock = checkedClock(clock);
    this.#defaults = { clock, ...defaults };
    this.#overrides = optionalFunction('overrides', options.overrides);
    this.#maxBreakers = integer('maxBreakers', options.maxBreakers ?? 1_000, 1_000_000);
    this.#idleMs = duration('idleMs', options.idleMs ?? 600_000);
    new CircuitBreaker({ ...this.#defaults, name }); // wrong defaults are told now, not at the first key
  }

  /** Breakers kept now. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * The breaker of the key, made at its first use. O(1).
   *
   * @throws TypeError when the key is not a non-empty string, or an option from `overrides` has the wrong type
   * @throws RangeError when an option from `overrides` is out of range
   * @throws RegistryClosedError after `close()`
   */
  get(key: string): CircuitBreaker {
    if (typeof key !== 'string' || key === '') throw wrongType('key', 'a non-empty string', key);
    if (this.#closed) throw new RegistryClosedError(this.name);
    const now = this.#clock.now();
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.usedAt = now;
      this.#entries.delete(key); // set again, it is the most recently used
      this.#entries.set(key, known);
      return known.breaker;
    }
    const breaker = new CircuitBreaker({
      ...this.#defaults,
      ...this.#overrides?.(key),
      name: `${this.name}/${key}`,
    });
    this.#evict(now);
    this.#entries.set(key, { breaker, usedAt: now });
    return breaker;
  }

  /** The breaker of the key if there is one; unlike `get` this is not a use. */
  peek(key: string): CircuitBreaker | undefined {
    return this.#entries.get(key)?.breaker;
  }

  /** Every breaker kept, least recently used first. */
  *[Symbol.iterator](): IterableIterator<CircuitBreaker> {
    for (const { breaker } of this.#entries.values()) yield breaker;
  }

  /** Every breaker as plain data. */
  snapshot(): CircuitBreakerSnapshot[] {
    return [...this].map((breaker) => breaker.snapshot());
  }

  /**
   * Gives out no breaker from now on, and resolves when the calls in flight have ended or timed out.
   *
   * @param options.signal ends the waiting; rejects with its reason
   */
  async close(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    this.#closed = true;
    await Promise.all([...this].map((breaker) => breaker.close(options)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Makes room for one more: looks at a few of those unused longest. One that may not go takes its place at the end, so that
   * a thousand open circuits do not make each new key look at all of them; a surplus shrinks with the keys that follow.
   */
  #evict(now: number): void {
    let surplus = this.#entries.size + 1 - this.#maxBreakers;
    let looks = LOOKS;
    for (const [key, entry] of this.#entries) {
      if (looks === 0 || (surplus <= 0 && now - entry.usedAt < this.#idleMs)) return;
      looks -= 1;
      this.#entries.delete(key);
      const { state, inFlight } = entry.breaker.snapshot();
      if (state === 'closed' && inFlight === 0) surplus -= 1;
      else this.#entries.set(key, entry);
    }
  }
}
