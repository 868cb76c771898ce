import { setMaxListeners } from 'node:events';
import { type CacheHealth, examine } from './cache-health.ts';
import { abortable } from './clock.ts';
import { Confirmation } from './confirmation.ts';
import { CacheClosedError, CacheValueError, MasterUnavailableError } from './errors.ts';
import type { TieredCacheEvents } from './events.ts';
import { Follower } from './follower.ts';
import { NO_TAGS, toStorageKey, toTags } from './input.ts';
import { lifetimeOf, localTimes } from './lifetime.ts';
import { LocalEntry, LocalTier } from './local-tier.ts';
import { isLogId, isNewer, type LogId } from './log-id.ts';
import type {
  GetOptions,
  InvalidateOptions,
  InvalidateResult,
  Loader,
  SetOptions,
  TieredCacheOptions,
} from './options.ts';
import { Remote } from './remote.ts';
import { type ReadRequest, Resolver } from './resolver.ts';
import { SafeEmitter } from './safe-emitter.ts';
import { type Settings, toSettings, toTtl } from './settings.ts';
import { Counters, type TieredCacheStats } from './stats.ts';
import { Undelivered } from './undelivered.ts';
import { encodeValue } from './value.ts';

/** How long `after` waits for the near replica before it asks the master. */
const AFTER_WAIT_MS = 50;

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
  readonly #remote: Remote;
  readonly #undelivered: Undelivered;
  readonly #local: LocalTier;
  readonly #confirmation: Confirmation;
  readonly #follower: Follower;
  readonly #resolver: Resolver;
  readonly #counters = new Counters();
  readonly #events = new SafeEmitter<TieredCacheEvents>();
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  /**
   * Does no I/O.
   *
   * @throws TypeError when an option has the wrong type
   * @throws RangeError when an option is out of range
   */
  constructor(options: TieredCacheOptions) {
    const settings = toSettings(options);
    const events = this.#events;
    setMaxListeners(0, this.#closing.signal); // one for each load under way
    this.#settings = settings;
    this.#remote = new Remote(
      settings,
      (tier, cause) => {
        if (!tier.up) return events.emit('tierDown', { tier: tier.name, cause });
        events.emit('tierUp', { tier: tier.name });
        if (tier.name === 'master') void this.#undelivered.deliver();
      },
      (key) => events.emit('undecodable', { key }),
    );
    this.#undelivered = new Undelivered(this.#remote, {
      key: (key, id) => this.#local.changed(key, id),
      tags: (tags, id) => this.#local.tagsChanged(tags, id),
      all: (id) => this.#local.cleared(id),
      done: (count) => events.emit('delivered', { count }),
    });
    this.#local = new LocalTier(settings.maxEntries, settings.maxBytes, this.#undelivered);
    this.#confirmation = new Confirmation(this.#remote, settings, () => this.#local.cursor, {
      degraded: (silentMs) => events.emit('degraded', { silentMs }),
      recovered: (silentMs) => events.emit('recovered', { silentMs }),
    });
    const { nearClient, logKey, genKey } = this.#remote;
    this.#follower = new Follower(nearClient, logKey, genKey, {
      follow: (cursor, cleared) => this.#local.follow(cursor, cleared),
      heard: (entry) => this.#local.heard(entry),
      reached: (entries) => {
        this.#local.reached();
        if (entries > 0) this.#confirmation.heard();
      },
      missed: (from, to, cleared, reset) => {
        this.#local.missed(to, cleared, reset);
        events.emit('gap', { from, to });
      },
    });
    this.#resolver = new Resolver({
      settings,
      remote: this.#remote,
      local: this.#local,
      confirmation: this.#confirmation,
      counters: this.#counters,
      events,
      closing: this.#closing.signal,
    });
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
    // the way of a hit: no allocation, no validation (what is wrong was never let in)
    const entry = this.#local.get(key);
    if (entry !== undefined && entry.version === this.#local.version) {
      const now = this.#settings.clock.now();
      if (
        now < entry.freshUntilMs &&
        now < this.#confirmation.trustedUntilMs &&
        options?.after === undefined
      ) {
        this.#counters.hits++;
        return entry.promise as Promise<T>;
      }
    }
    try {
      return this.#getSlowly(key, loader, options ?? {});
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #getSlowly<T>(rawKey: string, loader: Loader<T>, options: GetOptions<T>): Promise<T> {
    const key = this.#enter(rawKey);
    if (typeof loader !== 'function') {
      throw new TypeError(`Expected \`loader\` to be a function, got ${typeof loader}`);
    }
    const { ttlMs, tags = NO_TAGS, after, signal } = options;
    const request: Omit<ReadRequest, 'flight'> = {
      loader: loader as Loader<unknown>,
      ttlMs: this.#ttl(ttlMs),
      tags: typeof tags === 'function' ? (tags as (value: unknown) => string[]) : toTags(tags),
    };
    if (after !== undefined && !isLogId(after)) {
      throw new TypeError('Expected `after` to be the id of a write, such as 1700000000000-0');
    }
    const promise =
      after !== undefined && isNewer(after, this.#local.cursor)
        ? this.#readAfter(key, request, after)
        : this.#read(key, request);
    return (signal ? abortable(promise, signal) : promise) as Promise<T>;
  }

  async #readAfter(key: string, request: Omit<ReadRequest, 'flight'>, after: LogId) {
    const entry = this.#local.get(key);
    if (entry === undefined || isNewer(after, entry.asOf)) {
      const reached = await this.#follower.reaches(after, AFTER_WAIT_MS);
      if (!reached) this.#local.changed(key, after);
    }
    return await this.#read(key, request);
  }

  #read(key: string, request: Omit<ReadRequest, 'flight'>): Promise<unknown> {
    const now = this.#settings.clock.now();
    const entry = this.#local.valid(key);
    if (entry !== undefined && now < entry.freshUntilMs && this.#mayServeLocal(now)) {
      this.#counters.hits++;
      return entry.promise;
    }
    const { flights, fences } = this.#local;
    const joined = flights.get(key);
    if (joined !== undefined) {
      this.#counters.joined++;
      return joined.promise;
    }
    this.#counters.flights++;
    const flight = flights.begin(key, fences.of(key));
    this.#resolver.resolve({ ...request, flight });
    return flight.promise;
  }

  #mayServeLocal(now: number): boolean {
    if (now < this.#confirmation.trustedUntilMs) return true;
    const { master, global } = this.#remote;
    return this.#settings.onPartition === 'stale' && !master.up && !global?.up;
  }

  /**
   * Stores a value everywhere, now; the source must have it already. Gives the id of the write.
   *
   * @throws CacheValueError when JSON cannot carry it, or it is longer than `maxValueLength`
   * @throws MasterUnavailableError when the master did not confirm; then the key will be invalidated
   */
  async set(key: string, value: unknown, options: SetOptions = {}): Promise<{ id: LogId }> {
    const name = this.#enter(key);
    const { namespace, maxValueLength } = this.#settings;
    const tags = toTags(options.tags ?? NO_TAGS);
    const lifetime = lifetimeOf(this.#settings, this.#ttl(options.ttlMs));
    const encoded = encodeValue(namespace, name, value);
    const { length } = encoded.payload;
    if (length > maxValueLength) {
      const rule = `must have at most ${maxValueLength} characters as JSON, has ${length}`;
      throw new CacheValueError(namespace, name, rule);
    }
    this.#local.changing(name);
    try {
      const id = await this.#remote.set(name, tags, encoded.payload, lifetime);
      this.#undelivered.drop(name);
      const times = localTimes(this.#settings, lifetime.freshUntilMs);
      const written = { value: encoded.value, asOf: id, tags, length };
      this.#local.wrote(name, new LocalEntry(written, times));
      return { id };
    } catch (cause) {
      this.#withholdKey(name);
      throw new MasterUnavailableError(namespace, 'set', cause);
    }
  }

  /**
   * Removes the value everywhere; nothing loaded before comes back. When the master does not
   * confirm, the result is `queued`: this process does not serve the value any more, and delivers
   * the invalidation when the master is back, if it lives so long.
   *
   * @throws MasterUnavailableError instead, when `required`
   */
  async invalidate(key: string, options: InvalidateOptions = {}): Promise<InvalidateResult> {
    const name = this.#enter(key);
    this.#local.changing(name);
    try {
      const id = await this.#remote.invalidate(name);
      this.#undelivered.drop(name);
      this.#local.changed(name, id);
      return { status: 'done', id };
    } catch (cause) {
      this.#withholdKey(name);
      return this.#queued('invalidate', options, cause);
    }
  }

  /**
   * Removes every value that carries one of the tags, whatever their number: O(tags). Otherwise
   * like `invalidate`.
   *
   * @throws MasterUnavailableError instead, when `required`
   */
  async invalidateTags(
    tags: readonly string[],
    options: InvalidateOptions = {},
  ): Promise<InvalidateResult> {
    const names = toTags(tags);
    if (names.length === 0) throw new RangeError('Expected `tags` to have at least one tag, got 0');
    this.#open();
    try {
      const id = await this.#remote.invalidateTags(names);
      this.#local.tagsChanged(names, id);
      return { status: 'done', id };
    } catch (cause) {
      this.#undelivered.addTags(names);
      this.#local.withheld();
      return this.#queued('invalidateTags', options, cause);
    }
  }

  /**
   * Removes every value of the namespace, whatever their number: O(1). Otherwise like `invalidate`.
   *
   * @throws MasterUnavailableError instead, when `required`
   */
  async clear(options: InvalidateOptions = {}): Promise<InvalidateResult> {
    this.#open();
    try {
      const id = await this.#remote.clear();
      this.#local.cleared(id);
      return { status: 'done', id };
    } catch (cause) {
      this.#undelivered.addAll();
      this.#local.withheld();
      return this.#queued('clear', options, cause);
    }
  }

  #withholdKey(key: string): void {
    this.#undelivered.addKey(key);
    this.#local.changing(key);
    if (this.#undelivered.collapsed) this.#local.withheld();
    this.#events.emit('queued', { waiting: this.#undelivered.size });
  }

  #queued(
    operation: MasterUnavailableError['operation'],
    { required = false }: InvalidateOptions,
    cause: unknown,
  ): InvalidateResult {
    if (operation !== 'invalidate') {
      this.#events.emit('queued', { waiting: this.#undelivered.size });
    }
    if (required) throw new MasterUnavailableError(this.#settings.namespace, operation, cause);
    return { status: 'queued', id: undefined };
  }

  /** Calls `listener` at each event of that name; the function that comes back takes it off again. */
  on<Name extends keyof TieredCacheEvents>(
    name: Name,
    listener: (event: TieredCacheEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  /** Counts since the cache was made. */
  stats(): TieredCacheStats {
    const { hits, joined, flights, ...answers } = this.#counters;
    return {
      gets: hits + joined + flights,
      hits,
      joined,
      flights,
      ...answers,
      local: { entries: this.#local.size, bytes: this.#local.sizeBytes },
      undelivered: this.#undelivered.size,
      fenced: this.#local.fences.size,
      cursor: this.#local.cursor,
      confirmed: this.#follower.following && this.#confirmation.confirmed,
    };
  }

  /** Well is a cache whose master and near replica answer and that hears of changes. */
  healthCheck(): { name: string; check(signal: AbortSignal): Promise<CacheHealth> } {
    const { namespace } = this.#settings;
    const check = async (signal: AbortSignal): Promise<CacheHealth> => {
      this.#open();
      const examined = examine(namespace, this.#remote, this.#confirmation, this.#undelivered);
      return await abortable(examined, signal);
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
    this.#confirmation.close();
    this.#local.clear();
    await Promise.all([this.#undelivered.close(), this.#resolver.idle()]);
    await this.#follower.close();
    this.#remote.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #enter(key: string): string {
    this.#open();
    return toStorageKey(key);
  }

  #ttl(ttlMs: number | undefined): number {
    const { graceMs } = this.#settings;
    return ttlMs === undefined ? this.#settings.ttlMs : toTtl('ttlMs', ttlMs, graceMs);
  }

  /** @throws CacheClosedError */
  #open(): void {
    if (this.#closed !== undefined) throw new CacheClosedError(this.#settings.namespace);
    if (this.#follower.started) return;
    this.#follower.start();
    this.#confirmation.start();
  }
}
