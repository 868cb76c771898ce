import { CacheValueError } from './errors.ts';
import type { TieredCacheEvents } from './events.ts';
import type { Flight } from './flights.ts';
import { NO_TAGS, toTags } from './input.ts';
import type { Lease } from './lease.ts';
import { lifetimeOf, localTimes } from './lifetime.ts';
import { LocalEntry, type LocalTier } from './local-tier.ts';
import { type LogId, millisecondsOf } from './log-id.ts';
import type { TagsOf } from './options.ts';
import type { Remote } from './remote.ts';
import type { SafeEmitter } from './safe-emitter.ts';
import type { Settings } from './settings.ts';

/** How what is loaded will be kept. */
export interface Keeping {
  readonly ttlMs: number;
  readonly negativeTtlMs: number;
  readonly tags: TagsOf<unknown>;
}

/** A loaded value: as of when it is, and by what right it may be stored. */
export interface Loaded {
  readonly value: unknown;
  readonly loadMs: number;
  readonly asOf: LogId;
  readonly lease: Lease | undefined;
  /** The key changed shortly before. */
  readonly recent: boolean;
}

/** Keeps what was loaded, in the local tier and in Redis, where nothing speaks against it. */
export class Keeper {
  readonly #settings: Settings;
  readonly #remote: Remote | undefined;
  readonly #local: LocalTier;
  readonly #events: SafeEmitter<TieredCacheEvents>;

  constructor(
    settings: Settings,
    remote: Remote | undefined,
    local: LocalTier,
    events: SafeEmitter<TieredCacheEvents>,
  ) {
    this.#settings = settings;
    this.#remote = remote;
    this.#local = local;
    this.#events = events;
  }

  /** Calls `settle` with what is to be handed out, or `finish` when there is nothing to wait for. */
  async keep(
    flight: Flight,
    keeping: Keeping,
    loaded: Loaded,
    settle: (value: unknown) => void,
    finish: (value: unknown) => void,
  ): Promise<void> {
    const { key } = flight;
    const { lease, asOf } = loaded;
    const { namespace, payloads, maxValueLength } = this.#settings;
    const isNegative = loaded.value === undefined;
    if (isNegative && keeping.negativeTtlMs === 0) {
      void lease?.release();
      return finish(undefined);
    }
    let encoded: ReturnType<typeof payloads.encode>;
    try {
      encoded = payloads.encode(namespace, key, loaded.value);
    } catch (error) {
      if (!(error instanceof CacheValueError)) throw error;
      void lease?.release();
      finish(loaded.value);
      return this.#refused(key, 'not encodable', error);
    }
    const { payload, encoding, value } = encoded;
    const tags = isNegative ? constantTags(keeping.tags) : tagsOf(keeping.tags, value);
    const ttlMs = this.#ttl(isNegative ? keeping.negativeTtlMs : keeping.ttlMs, loaded, tags);
    const { freshUntilMs, lifeMs } = lifetimeOf(this.#settings, ttlMs, value);
    const { loadMs } = loaded;
    const times = localTimes(this.#settings, { freshUntilMs, loadMs, value });
    // the local tier need not wait for Redis: it hears by itself of what changed since `asOf`
    const kept = { value, asOf, tags, length: payload.length };
    this.#local.fill(flight, new LocalEntry(kept, times));
    if (lease === undefined) return finish(value);
    if (payload.length > maxValueLength) {
      void lease.release();
      finish(value);
      return this.#refused(key, 'too long');
    }
    settle(value);
    lease.end();
    const content = { payload, encoding, tags, freshUntilMs, loadMs };
    try {
      if (await this.#remote?.leaseSet(key, lease.token, asOf, content, lifeMs)) return;
      this.#local.refused(key, asOf);
      this.#refused(key, 'changed');
    } catch {
      // the tier has told why; whether it was stored or not, it is as of the lease
    }
  }

  /** A loader that reads a replica may not have seen what changed less than `sourceLagMs` ago. */
  #ttl(ttlMs: number, { recent, asOf }: Loaded, tags: readonly string[]): number {
    const { sourceLagMs } = this.#settings;
    if (sourceLagMs === 0) return ttlMs;
    const changedMs = millisecondsOf(this.#local.lastChangeOf(tags));
    const provisional = recent || changedMs + sourceLagMs > millisecondsOf(asOf);
    return provisional ? Math.min(ttlMs, sourceLagMs) : ttlMs;
  }

  #refused(key: string, reason: TieredCacheEvents['refused']['reason'], error?: unknown): void {
    const event = error === undefined ? { key, reason } : { key, reason, error };
    this.#events.emit('refused', event);
  }
}

function tagsOf(tags: TagsOf<unknown>, value: unknown): readonly string[] {
  return typeof tags === 'function' ? toTags(tags(value)) : tags;
}

/** Of what is not there, only tags that do not depend on the value can be known. */
function constantTags(tags: TagsOf<unknown>): readonly string[] {
  return typeof tags === 'function' ? NO_TAGS : tags;
}
