import { abortable } from './clock.ts';
import { Confirmation } from './confirmation.ts';
import type { TieredCacheEvents } from './events.ts';
import { Follower } from './follower.ts';
import { toStorageKey } from './input.ts';
import { LocalTier } from './local-tier.ts';
import { isNewer, type LogId } from './log-id.ts';
import { OwnLog } from './own-log.ts';
import { Remote } from './remote.ts';
import { type ReadRequest, Resolver } from './resolver.ts';
import type { SafeEmitter } from './safe-emitter.ts';
import type { Settings } from './settings.ts';
import { Counters, type TieredCacheStats } from './stats.ts';
import type { Tiers } from './tiers.ts';
import { Undelivered } from './undelivered.ts';
import { Writer } from './writer.ts';

/** How long `after` waits for the near replica before it asks the master. */
const AFTER_WAIT_MS = 50;

/** What a read asks for. */
export interface Reading extends ReadRequest {
  readonly after: LogId | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What partitions share. */
export interface PartitionParts {
  readonly settings: Settings;
  /** `undefined`: memory only. */
  readonly tiers: Tiers | undefined;
  readonly events: SafeEmitter<TieredCacheEvents>;
  /** Aborted when the cache closes. */
  readonly closing: AbortSignal;
}

/** The keys of one slot, with one log: the whole of a namespace, unless it is spread over a cluster. */
export class Partition {
  readonly remote: Remote | undefined;
  readonly confirmation: Confirmation;
  readonly undelivered: Undelivered;
  readonly writer: Writer;
  readonly #settings: Settings;
  readonly #local: LocalTier;
  readonly #follower: Follower | undefined;
  readonly #resolver: Resolver;
  readonly #counters = new Counters();

  constructor(name: string, { settings, tiers, events, closing }: PartitionParts) {
    const remote =
      tiers && new Remote(name, tiers, settings, (key) => events.emit('undecodable', { key }));
    this.remote = remote;
    this.#settings = settings;
    this.undelivered = new Undelivered(remote, {
      key: (key, id) => this.#local.changed(key, id),
      tags: (tags, id) => this.#local.tagsChanged(tags, id),
      all: (id) => this.#local.cleared(id),
      done: (count) => events.emit('delivered', { count }),
    });
    this.#local = new LocalTier(settings.maxEntries, settings.maxBytes, this.undelivered);
    this.confirmation = new Confirmation(remote, settings, () => this.#local.cursor, {
      degraded: (silentMs) => events.emit('degraded', { silentMs }),
      recovered: (silentMs) => events.emit('recovered', { silentMs }),
    });
    this.#follower =
      remote &&
      new Follower(remote.nearClient, remote.logKey, remote.genKey, {
        follow: (cursor, cleared) => this.#local.follow(cursor, cleared),
        heard: (entry) => this.#local.heard(entry),
        reached: (entries) => {
          this.#local.reached();
          if (entries > 0) this.confirmation.heard();
        },
        missed: (from, to, cleared, reset) => {
          this.#local.missed(to, cleared, reset);
          events.emit('gap', { from, to });
        },
      });
    this.#resolver = new Resolver({
      settings,
      remote,
      local: this.#local,
      confirmation: this.confirmation,
      counters: this.#counters,
      events,
      closing,
    });
    const log = remote ?? new OwnLog(this.#local);
    this.writer = new Writer(settings, log, this.#local, this.undelivered, events);
  }

  start(): void {
    this.#follower?.start();
    this.confirmation.start();
  }

  /** A hit of the local tier; `undefined` when there is more to do. Makes nothing, checks no input: what is wrong was never let in. */
  hit(key: string): Promise<unknown> | undefined {
    const entry = this.#local.get(key);
    if (entry === undefined || entry.version !== this.#local.version) return undefined;
    const now = this.#settings.clock.now();
    if (now >= entry.hitUntilMs || now >= this.confirmation.trustedUntilMs) return undefined;
    this.#counters.hits++;
    return entry.promise;
  }

  get(rawKey: string, reading: Reading): Promise<unknown> {
    const key = toStorageKey(rawKey);
    const { after, signal } = reading;
    const promise =
      after !== undefined && isNewer(after, this.#local.cursor)
        ? this.#readAfter(key, reading, after)
        : this.#read(key, reading);
    return signal ? abortable(promise, signal) : promise;
  }

  async #readAfter(key: string, reading: Reading, after: LogId): Promise<unknown> {
    const now = this.#settings.clock.now();
    const entry = this.#local.valid(key);
    const served =
      entry !== undefined && now < entry.freshUntilMs && this.confirmation.mayServe(now);
    if (!served || isNewer(after, entry.asOf)) {
      const reached = await this.#follower?.reaches(after, AFTER_WAIT_MS);
      // a read under way, which may end with what a lagging replica has, must not be joined
      if (!reached) this.#local.changed(key, after);
    }
    return await this.#read(key, reading);
  }

  #read(key: string, reading: Reading): Promise<unknown> {
    const now = this.#settings.clock.now();
    const entry = this.#local.valid(key);
    const { flights, fences } = this.#local;
    if (entry !== undefined && now < entry.freshUntilMs && this.confirmation.mayServe(now)) {
      this.#counters.hits++;
      if (now >= entry.hitUntilMs && flights.get(key) === undefined) {
        const flight = flights.begin(key, fences);
        flight.resolve(entry.value);
        this.#resolver.refresh(flight, reading, entry);
      }
      return entry.promise;
    }
    const joined = flights.get(key);
    if (joined !== undefined) {
      this.#counters.joined++;
      reading.onWait?.();
      return joined.promise;
    }
    this.#counters.flights++;
    const flight = flights.begin(key, fences);
    this.#resolver.resolve(flight, reading);
    return flight.promise;
  }

  stats(): TieredCacheStats {
    const { hits, joined, flights, ...answers } = this.#counters;
    const { following = true } = this.#follower ?? {};
    return {
      gets: hits + joined + flights,
      hits,
      joined,
      flights,
      ...answers,
      local: { entries: this.#local.size, bytes: this.#local.sizeBytes },
      undelivered: this.undelivered.size,
      fenced: this.#local.fences.size,
      cursor: this.#local.cursor,
      confirmed: following && this.confirmation.confirmed,
    };
  }

  async close(): Promise<void> {
    this.confirmation.close();
    this.#local.clear();
    await Promise.all([this.undelivered.close(), this.#resolver.idle()]);
    await this.#follower?.close();
  }
}
