import { setMaxListeners } from 'node:events';
import { BulkLoad } from './bulk-load.ts';
import { type CacheHealth, examine } from './cache-health.ts';
import { wrong } from './check.ts';
import { abortable } from './clock.ts';
import { Definition, type DefinitionOptions } from './definition.ts';
import { CacheClosedError } from './errors.ts';
import type { TieredCacheEvents } from './events.ts';
import { NO_TAGS, toStorageKey, toTags } from './input.ts';
import type { Keeping } from './keeper.ts';
import { knownOptions } from './known-options.ts';
import type { LogId } from './log-id.ts';
import type {
  BulkLoader,
  GetOptions,
  InvalidateOptions,
  InvalidateResult,
  KeepOptions,
  Loader,
  SetOptions,
  TieredCacheOptions,
  WriteResult,
} from './options.ts';
import type { Reading } from './partition.ts';
import { Partitions } from './partitions.ts';
import { SafeEmitter } from './safe-emitter.ts';
import { type Settings, toNegativeTtl, toSettings, toTtl } from './settings.ts';
import type { TieredCacheStats } from './stats.ts';
import { Tiers } from './tiers.ts';

const WARM_UP_BATCH = 500;
const KEEP_OPTIONS = { ttlMs: true, negativeTtlMs: true, tags: true } as const;
const GET_OPTIONS = { ...KEEP_OPTIONS, after: true, signal: true } as const;
const INVALIDATE_OPTIONS = { required: true } as const;

/**
 * A cache of tiers: this process, the near Redis replica, upstream ones, the master, the loader.
 *
 * A read takes the nearest value that no known change speaks against. Of all processes one loads a
 * missing key, under a lease that any change of the key takes away, so that no old value is stored
 * after it. A change is written to the master together with an entry of a log; every process
 * follows the log on the very replica it reads, where the entry arrives with the data it speaks of.
 * Until its own change has come back that way, a process reads that key from the master.
 *
 * It opens its connection with the first call and must be closed.
 */
export class TieredCache {
  readonly #settings: Settings;
  readonly #tiers: Tiers | undefined;
  readonly #partitions: Partitions;
  readonly #events: SafeEmitter<TieredCacheEvents>;
  readonly #closing = new AbortController();
  #started = false;
  #closed: Promise<void> | undefined;

  /**
   * Does no I/O.
   *
   * @throws TypeError when an option has the wrong type or is unknown
   * @throws RangeError when an option is out of range
   */
  constructor(options: TieredCacheOptions) {
    const settings = toSettings(options);
    const { namespace, clients, partitions } = settings;
    const closing = this.#closing.signal;
    setMaxListeners(0, closing); // one for each load under way
    const events = new SafeEmitter<TieredCacheEvents>(namespace);
    this.#settings = settings;
    this.#events = events;
    this.#tiers =
      clients &&
      new Tiers(clients, settings, (tier, cause) => {
        if (!tier.up) return events.emit('tierDown', { tier: tier.name, cause });
        events.emit('tierUp', { tier: tier.name });
        if (tier.name !== 'master') return;
        for (const { undelivered } of this.#partitions.all) void undelivered.deliver();
      });
    const parts = { settings, tiers: this.#tiers, events, closing };
    this.#partitions = new Partitions(namespace, partitions, parts);
  }

  /**
   * Gives the value of `key`, from the nearest tier that has it or else from the loader, which runs
   * once however many callers and processes want the key. O(1).
   *
   * @throws LoaderTimeoutError when the loader took too long and there is no stale value
   * @throws CacheClosedError when the cache is closed
   * @throws whatever the loader throws, when there is no stale value
   */
  get<T>(key: string, loader: Loader<T>, options?: GetOptions<T>): Promise<T> {
    const partition = this.#partitions.of(key);
    if (options?.after === undefined) {
      const hit = partition.hit(key);
      if (hit !== undefined) return hit as Promise<T>;
    }
    try {
      this.#open();
      if (typeof loader !== 'function') {
        throw new TypeError(`Expected \`loader\` to be a function, got ${typeof loader}`);
      }
      if (options !== undefined) knownOptions(options, GET_OPTIONS);
      const reading = this.#reading(key, loader as Loader<unknown>, options, undefined);
      return partition.get(key, reading) as Promise<T>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #reading<T>(
    key: string,
    loader: Loader<unknown>,
    options: GetOptions<T> | undefined,
    onWait: (() => void) | undefined,
  ): Reading {
    if (options === undefined) {
      const { ttlMs, negativeTtlMs } = this.#settings;
      const [signal, after] = [undefined, undefined];
      return { ttlMs, negativeTtlMs, tags: NO_TAGS, loader, onWait, signal, after };
    }
    const { ttlMs, negativeTtlMs, tags } = this.#keeping(options);
    const { after, signal } = options;
    if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
      throw wrong('signal', 'to be an AbortSignal', signal);
    }
    const id = after === undefined ? undefined : this.#partitions.idFor(key, after);
    return { ttlMs, negativeTtlMs, tags, loader, onWait, signal, after: id };
  }

  #keeping<T>(options: KeepOptions<T>): Keeping {
    const { tags = NO_TAGS, ttlMs, negativeTtlMs: negative } = options;
    const { graceMs, negativeTtlMs } = this.#settings;
    return {
      ttlMs: this.#ttl(ttlMs),
      negativeTtlMs: negative === undefined ? negativeTtlMs : toNegativeTtl(negative, graceMs),
      tags: typeof tags === 'function' ? (tags as (value: unknown) => string[]) : toTags(tags),
    };
  }

  /**
   * Gives the values of many keys, in their order, duplicates included: one round trip to near, and
   * one call of `loadMany` for those that no tier has and nobody else loads. O(keys).
   *
   * @throws like `get`, when any of the keys would
   * @throws TypeError when `loadMany` gives neither a Map nor an array as long as the keys it was given
   */
  async getMany<T>(
    keys: readonly string[],
    loadMany: BulkLoader<T>,
    options: GetOptions<T> = {},
  ): Promise<(T | undefined)[]> {
    this.#open();
    if (!Array.isArray(keys)) throw wrong('keys', 'to be an array', keys);
    if (typeof loadMany !== 'function') {
      throw new TypeError(`Expected \`loadMany\` to be a function, got ${typeof loadMany}`);
    }
    knownOptions(options, GET_OPTIONS);
    for (const key of keys) toStorageKey(key); // before anything is begun
    const distinct = new Set(keys);
    const bulk = new BulkLoad(distinct, loadMany as BulkLoader<unknown>);
    const found = new Map<string, unknown>();
    const read = async (key: string): Promise<void> => {
      try {
        const onWait = () => bulk.decided(key);
        const reading = this.#reading(key, bulk.loaderOf(key), options, onWait);
        found.set(key, await this.#partitions.of(key).get(key, reading));
      } finally {
        bulk.decided(key);
      }
    };
    await Promise.all(Array.from(distinct, read));
    return keys.map((key) => found.get(key) as T | undefined);
  }

  /** Loads what is missing of the keys, 500 at a time, before anybody asks for it. */
  async warmUp<T>(
    keys: readonly string[],
    loadMany: BulkLoader<T>,
    options: KeepOptions<T> = {},
  ): Promise<void> {
    if (!Array.isArray(keys)) throw wrong('keys', 'to be an array', keys);
    for (let i = 0; i < keys.length; i += WARM_UP_BATCH) {
      await this.getMany(keys.slice(i, i + WARM_UP_BATCH), loadMany, options);
    }
  }

  /** A kind of value with its own keys, loader and times: the same calls by argument instead of key. */
  define<A, T>(options: DefinitionOptions<A, T>): Definition<A, T> {
    return new Definition(this, options);
  }

  /**
   * Stores a value everywhere, now; the source must have it already. Gives the id of the write.
   *
   * @throws CacheValueError when the codec cannot carry it, or it is longer than `maxValueLength`
   * @throws MasterUnavailableError when the master did not confirm; then the key will be invalidated
   */
  async set(key: string, value: unknown, options: SetOptions = {}): Promise<{ id: LogId }> {
    this.#open();
    const name = toStorageKey(key);
    const { tags: names = NO_TAGS, ttlMs } = knownOptions(options, { ttlMs: true, tags: true });
    const tags = toTags(names);
    const { writer } = this.#partitions.of(key);
    const { id } = await writer.set(name, value, this.#ttl(ttlMs), tags);
    return { id: this.#partitions.token(key, id) };
  }

  /**
   * Calls `write`, which changes the source, and stores what it gives. Who reads meanwhile waits for
   * it. When anything else changed the key during the write, or it fails, the key is invalidated.
   *
   * @throws whatever `write` throws
   * @throws CacheValueError when what it gives cannot be stored; it has been written all the same
   */
  async writeThrough<T>(
    key: string,
    write: () => T | Promise<T>,
    options: KeepOptions<T> = {},
  ): Promise<WriteResult<T>> {
    this.#open();
    const name = toStorageKey(key);
    if (typeof write !== 'function') {
      throw new TypeError(`Expected \`write\` to be a function, got ${typeof write}`);
    }
    const { ttlMs, tags } = this.#keeping(knownOptions(options, KEEP_OPTIONS));
    const tagsOf = (value: unknown) => (typeof tags === 'function' ? toTags(tags(value)) : tags);
    const { writer } = this.#partitions.of(key);
    const result = await writer.writeThrough(name, write, ttlMs, tagsOf);
    return { ...this.#partitions.named(key, result), value: result.value as T };
  }

  /**
   * Removes the value everywhere; nothing loaded before comes back. When the master does not
   * confirm, the result is `queued`: this process does not serve the value any more, and delivers
   * the invalidation when the master is back, if it lives so long.
   *
   * @throws MasterUnavailableError instead, when `required`
   */
  async invalidate(key: string, options: InvalidateOptions = {}): Promise<InvalidateResult> {
    this.#open();
    const name = toStorageKey(key);
    return this.#partitions.named(
      key,
      await this.#partitions
        .of(key)
        .writer.invalidate(name, knownOptions(options, INVALIDATE_OPTIONS)),
    );
  }

  /**
   * Ends the time of the value everywhere; it may still stand in for a loader that fails or is slow.
   * What the master does not confirm becomes an invalidation.
   *
   * @throws MasterUnavailableError instead, when `required`
   */
  async expire(key: string, options: InvalidateOptions = {}): Promise<InvalidateResult> {
    this.#open();
    const name = toStorageKey(key);
    return this.#partitions.named(
      key,
      await this.#partitions.of(key).writer.expire(name, knownOptions(options, INVALIDATE_OPTIONS)),
    );
  }

  /**
   * Removes every value that carries one of the tags, whatever their number: O(tags), in each
   * partition. Otherwise like `invalidate`.
   *
   * @throws MasterUnavailableError instead, when `required`
   */
  async invalidateTags(
    tags: readonly string[],
    options: InvalidateOptions = {},
  ): Promise<InvalidateResult> {
    const names = toTags(tags);
    if (names.length === 0) throw new RangeError('Expected `tags` to have at least one tag, got 0');
    knownOptions(options, INVALIDATE_OPTIONS);
    this.#open();
    return await this.#partitions.everywhere(({ writer }) => writer.invalidateTags(names, options));
  }

  /**
   * Removes every value of the namespace, whatever their number: O(1), in each partition. Otherwise
   * like `invalidate`.
   *
   * @throws MasterUnavailableError instead, when `required`
   */
  async clear(options: InvalidateOptions = {}): Promise<InvalidateResult> {
    knownOptions(options, INVALIDATE_OPTIONS);
    this.#open();
    return await this.#partitions.everywhere(({ writer }) => writer.clear(options));
  }

  /** Calls `listener` at each event of that name; the function that comes back takes it off again. */
  on<Name extends keyof TieredCacheEvents>(
    name: Name,
    listener: (event: TieredCacheEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  get namespace(): string {
    return this.#settings.namespace;
  }

  /** Counts since the cache was made. */
  stats(): TieredCacheStats {
    return this.#partitions.stats();
  }

  /** Well is a cache whose master and near replica answer and that hears of changes. */
  healthCheck(): { name: string; check(signal: AbortSignal): Promise<CacheHealth> } {
    const { namespace } = this.#settings;
    const check = async (signal: AbortSignal): Promise<CacheHealth> => {
      this.#open();
      return await abortable(examine(namespace, this.#partitions.all), signal);
    };
    return { name: `tiered-cache:${namespace}`, check };
  }

  /**
   * Aborts loads, tries once more to deliver what is queued, closes our connection. Reads and
   * writes reject from then on. Calling it again waits for the same.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort(new CacheClosedError(this.#settings.namespace));
    await Promise.all(this.#partitions.all.map((partition) => partition.close()));
    this.#tiers?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #ttl(ttlMs: number | undefined): number {
    const { graceMs } = this.#settings;
    return ttlMs === undefined ? this.#settings.ttlMs : toTtl('ttlMs', ttlMs, graceMs);
  }

  /** @throws CacheClosedError */
  #open(): void {
    if (this.#closed !== undefined) throw new CacheClosedError(this.#settings.namespace);
    if (this.#started) return;
    this.#started = true;
    for (const partition of this.#partitions.all) partition.start();
  }
}
