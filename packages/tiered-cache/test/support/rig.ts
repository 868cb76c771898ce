import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Redis as Redis6 } from 'ioredis6';
import { uniqueName } from '../../../../test/backends.ts';
import type { Clock, RedisLike, RedisTopology } from '../../src/index.ts';
import { TieredCache, type TieredCacheOptions } from '../../src/index.ts';

export { sleep };

/** Clients and caches of one test, all closed at its end. */
export class Rig {
  readonly namespace = uniqueName('cache');
  readonly #clients: { disconnect(): void }[] = [];
  readonly #caches: TieredCache[] = [];

  client(url: string): Redis {
    const client = new Redis(url);
    return this.#keep(client);
  }

  client6(url: string, replyMapping: 'legacy' | 'resp3' = 'legacy'): RedisLike {
    return this.#keep(new Redis6(url, { replyMapping }));
  }

  #keep<C extends { disconnect(): void; on(event: 'error', listener: () => void): unknown }>(
    client: C,
  ): C {
    client.on('error', () => {});
    this.#clients.push(client);
    return client;
  }

  cache(redis: RedisTopology, options: Partial<TieredCacheOptions> = {}) {
    const cache = new TieredCache({ namespace: this.namespace, redis, ...options });
    this.#caches.push(cache);
    return cache;
  }

  /** A cache over one Redis with a client of its own, that follows the log already. */
  async following(url: string, options: Partial<TieredCacheOptions> = {}): Promise<TieredCache> {
    return await followed(this.cache(this.client(url), options));
  }

  /** Waits until what was loaded last is stored: callers get it before. */
  async stored(url: string, ...keys: string[]): Promise<void> {
    const client = this.client(url);
    const names = keys.map((key) => `tc:{${this.namespace}}:e:${key}`);
    await until(async () => (await client.exists(...names)) === keys.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#caches.map((cache) => cache.close()));
    for (const client of this.#clients) client.disconnect();
  }
}

/** Makes the cache open its connection and waits until it has found its place in the log. */
export async function followed(cache: TieredCache): Promise<TieredCache> {
  await cache.get('first', () => undefined);
  await until(() => cache.stats().confirmed);
  await cache.get('first', () => undefined);
  return cache;
}

export async function until(holds: () => boolean | Promise<boolean>, withinMs = 20_000) {
  const end = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`Not within ${withinMs} ms: ${holds}`);
    await sleep(5);
  }
}

/** A loader that must not be called. */
export const never = (): never => {
  throw new Error('The loader was called');
};

/** A loader that counts its calls and gives the count. */
export function counting() {
  const load = Object.assign(
    () => {
      load.calls++;
      return { n: load.calls };
    },
    { calls: 0 },
  );
  return load;
}

/** A wall clock that is moved by hand; its timers are real. */
export class HandClock {
  ms = Date.now();
  now = () => this.ms;
  setTimeout: Clock['setTimeout'] = (callback, delayMs) => setTimeout(callback, delayMs);
  clearTimeout: Clock['clearTimeout'] = (handle) => clearTimeout(handle as NodeJS.Timeout);
}

/** A promise and what settles it. */
export function gate<T = void>() {
  let open!: (value: T) => void;
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}
