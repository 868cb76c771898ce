import { randomBytes } from 'node:crypto';
import { sleep } from './clock.ts';
import type { Confirmation } from './confirmation.ts';
import type { Envelope } from './envelope.ts';
import { CacheValueError } from './errors.ts';
import type { TieredCacheEvents } from './events.ts';
import type { Flight } from './flights.ts';
import { toTags } from './input.ts';
import { Lease } from './lease.ts';
import { lifetimeOf, localTimes } from './lifetime.ts';
import { load } from './loading.ts';
import { LocalEntry, type LocalTier } from './local-tier.ts';
import { isNewer, type LogId } from './log-id.ts';
import type { Loader } from './options.ts';
import type { LeaseReply, Remote } from './remote.ts';
import type { SafeEmitter } from './safe-emitter.ts';
import type { Settings } from './settings.ts';
import type { Verdict } from './stamps.ts';
import type { Counters, Source } from './stats.ts';
import type { Tier } from './tier.ts';
import { encodeValue } from './value.ts';

const FIRST_POLL_MS = 15;
const LAST_POLL_MS = 250;
/** How long a stale value stands in while another process loads. */
const BUSY_STALE_MS = 250;

/** A read that the local tier could not answer. */
export interface ReadRequest {
  readonly flight: Flight;
  readonly loader: Loader<unknown>;
  readonly ttlMs: number;
  readonly tags: readonly string[] | ((value: unknown) => readonly string[]);
}

/** What stands in for a loader that fails, is slow, or runs elsewhere. */
type Stale = Pick<LocalEntry, 'value' | 'staleUntilMs' | 'asOf' | 'tags' | 'length'>;

/** Where a load starts from: what may stand in, as of when it is, and the right to store it. */
interface Start {
  readonly stale: Stale | undefined;
  readonly asOf: LogId;
  readonly lease?: Lease;
}

/** The parts of a cache that reading needs. */
export interface ResolverParts {
  readonly settings: Settings;
  readonly remote: Remote;
  readonly local: LocalTier;
  readonly confirmation: Confirmation;
  readonly counters: Counters;
  readonly events: SafeEmitter<TieredCacheEvents>;
  /** Aborted when the cache closes. */
  readonly closing: AbortSignal;
}

/** Brings a value from the nearest place that has it: near, global, master, the loader. */
export class Resolver {
  readonly #parts: ResolverParts;
  readonly #settings: Settings;
  readonly #remote: Remote;
  readonly #local: LocalTier;
  #busy = 0;
  #onIdle: (() => void) | undefined;

  constructor(parts: ResolverParts) {
    this.#parts = parts;
    this.#settings = parts.settings;
    this.#remote = parts.remote;
    this.#local = parts.local;
  }

  /** Settles the flight, and goes on until what it loaded is stored. */
  resolve(request: ReadRequest): void {
    const { flight } = request;
    const { near } = this.#remote;
    this.#busy++;
    if (!near.up || this.#now() >= this.#parts.confirmation.trustedUntilMs) {
      void this.#goOn(request);
      return;
    }
    this.#remote.read(
      near,
      flight.key,
      (envelope) => {
        // most reads end here, so there is no promise on this way but the callers'
        if (
          envelope !== undefined &&
          this.#fresh(envelope) &&
          this.#usable(flight, envelope) === 'valid'
        ) {
          this.#answer(flight, envelope, 'near', true);
          this.#end(flight);
        } else {
          void this.#goOn(request, { envelope });
        }
      },
      () => void this.#goOn(request),
    );
  }

  /** Asks whom near leaves to be asked. Never rejects. */
  async #goOn(request: ReadRequest, near?: { envelope: Envelope | undefined }): Promise<void> {
    const { flight } = request;
    try {
      const replica = near
        ? await this.#judge(this.#remote.near, flight, near.envelope)
        : await this.#fromGlobal(flight);
      if (!flight.settled) await this.#fromMaster(request, this.#staleOf(flight.key, replica));
    } catch (error) {
      this.#reject(flight, error);
    } finally {
      this.#end(flight);
    }
  }

  #end(flight: Flight): void {
    this.#local.flights.end(flight);
    this.#busy--;
    if (this.#busy === 0) this.#onIdle?.();
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    if (this.#busy === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  #now(): number {
    return this.#settings.clock.now();
  }

  #fresh(envelope: Envelope): boolean {
    return this.#now() < envelope.freshUntilMs;
  }

  async #fromGlobal(flight: Flight): Promise<Envelope | undefined> {
    const { global } = this.#remote;
    if (global === undefined || !global.up) return undefined;
    try {
      const envelope = await new Promise<Envelope | undefined>((resolve, reject) => {
        this.#remote.read(global, flight.key, resolve, reject);
      });
      return await this.#judge(global, flight, envelope);
    } catch {
      return undefined; // the tier has told why
    }
  }

  /** Settles the flight with what a replica has, or gives it when it may only stand in. */
  async #judge(
    tier: Tier,
    flight: Flight,
    envelope: Envelope | undefined,
  ): Promise<Envelope | undefined> {
    if (envelope === undefined) return undefined;
    let verdict = this.#usable(flight, envelope);
    if (verdict === 'unknown') verdict = await this.#askStamps(tier, envelope);
    if (verdict !== 'valid') return undefined;
    // only near is followed: what another one has may be older than what was heard
    const followed = tier === this.#remote.near;
    if (this.#fresh(envelope)) this.#answer(flight, envelope, tier.name, followed);
    return envelope;
  }

  #usable({ key, fence }: Flight, { asOf, tags }: Envelope): Verdict {
    return isNewer(fence, asOf) ? 'invalid' : this.#local.check(key, asOf, tags);
  }

  async #askStamps(tier: Tier, { asOf, tags }: Envelope): Promise<Verdict> {
    try {
      const stamps = await this.#remote.stamps(tier, tags);
      const newer = stamps.some((stamp) => stamp !== null && isNewer(stamp, asOf));
      return newer ? 'invalid' : 'valid';
    } catch {
      return 'unknown';
    }
  }

  #staleOf(key: string, replica: Envelope | undefined): Stale | undefined {
    if (replica !== undefined) return this.#withGrace(replica);
    const entry = this.#local.valid(key);
    return entry !== undefined && this.#now() < entry.staleUntilMs ? entry : undefined;
  }

  #withGrace(envelope: Envelope): Stale | undefined {
    const staleUntilMs = envelope.freshUntilMs + this.#settings.graceMs;
    return this.#now() < staleUntilMs ? { ...envelope, staleUntilMs } : undefined;
  }

  async #fromMaster(request: ReadRequest, known: Stale | undefined): Promise<void> {
    const { flight } = request;
    const { key } = flight;
    const { leaseMs, leaseWaitMs, random } = this.#settings;
    const token = randomBytes(12).toString('base64url');
    const until = performance.now() + leaseWaitMs;
    const asOf = this.#local.cursor;
    let stale = known;
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 1.6, LAST_POLL_MS)) {
      // no Redis knows of a change that waits to be delivered
      if (this.#local.withholds(key)) return this.#load(request, { stale: undefined, asOf });
      const reply = await this.#leaseGet(key, token);
      if (reply === undefined) return this.#load(request, { stale, asOf });
      if (reply.state === 'hit') {
        const { envelope } = reply;
        const verdict = this.#local.check(key, envelope.asOf, envelope.tags);
        if (verdict === 'invalid') return this.#load(request, { stale: undefined, asOf });
        return this.#answer(flight, envelope, 'master', true);
      }
      if (reply.stale !== undefined) stale = this.#withGrace(reply.stale);
      if (reply.state === 'lease') {
        const lease = new Lease(this.#remote, key, token, leaseMs);
        return this.#load(request, { stale, asOf: reply.asOf, lease });
      }
      if (stale !== undefined) return this.#standIn(flight, stale, 'busy', BUSY_STALE_MS);
      if (performance.now() >= until) return this.#load(request, { stale, asOf });
      await sleep(pollMs * (0.5 + 0.5 * random()), this.#parts.closing);
    }
  }

  async #leaseGet(key: string, token: string): Promise<LeaseReply | undefined> {
    try {
      return await this.#remote.leaseGet(key, token, this.#now());
    } catch {
      return undefined; // the tier has told why; the loader is asked without a lease
    }
  }

  async #load(request: ReadRequest, start: Start): Promise<void> {
    const { flight, loader } = request;
    const { stale, lease } = start;
    const { namespace, hardTimeoutMs, softTimeoutMs, backoffMs } = this.#settings;
    const { closing, counters } = this.#parts;
    const soft =
      stale && setTimeout(() => this.#standIn(flight, stale, 'slow', undefined), softTimeoutMs);
    counters.loaderCalls++;
    try {
      const { key } = flight;
      const loading = { namespace, key, stale: stale?.value, hardTimeoutMs, closing };
      const value = await load(loader, loading);
      clearTimeout(soft);
      await this.#keep(request, start, value);
    } catch (error) {
      clearTimeout(soft);
      void lease?.release();
      if (stale === undefined || closing.aborted) this.#reject(flight, error);
      else this.#standIn(flight, stale, 'failed', backoffMs, error);
    }
  }

  /** Hands out what was loaded and stores it where it may be stored. */
  async #keep(request: ReadRequest, { asOf, lease }: Start, value: unknown): Promise<void> {
    const { flight } = request;
    const { key } = flight;
    const { namespace, maxValueLength } = this.#settings;
    if (value === undefined) {
      void lease?.release();
      return this.#finish(flight, undefined, 'loads');
    }
    let encoded: ReturnType<typeof encodeValue>;
    try {
      encoded = encodeValue(namespace, key, value);
    } catch (error) {
      if (!(error instanceof CacheValueError)) throw error;
      void lease?.release();
      this.#finish(flight, value, 'loads');
      return this.#refused(key, 'not JSON', error);
    }
    const { payload } = encoded;
    const tags = this.#tagsOf(request, encoded.value);
    const lifetime = lifetimeOf(this.#settings, request.ttlMs);
    const times = localTimes(this.#settings, lifetime.freshUntilMs);
    // the local tier need not wait for Redis: it hears by itself of what changed since `asOf`
    const kept = { value: encoded.value, asOf, tags, length: payload.length };
    this.#local.fill(flight, new LocalEntry(kept, times));
    if (lease === undefined) return this.#finish(flight, encoded.value, 'loads');
    if (payload.length > maxValueLength) {
      void lease.release();
      this.#finish(flight, encoded.value, 'loads');
      return this.#refused(key, 'too long');
    }
    this.#settle(flight, encoded.value, 'loads');
    lease.end();
    try {
      if (await this.#remote.leaseSet(key, lease.token, asOf, tags, payload, lifetime)) return;
      this.#local.refused(key, asOf);
      this.#refused(key, 'changed');
    } catch {
      // the tier has told why; whether it was stored or not, it is as of the lease
    }
  }

  #tagsOf({ tags }: ReadRequest, value: unknown): readonly string[] {
    return typeof tags === 'function' ? toTags(tags(value)) : tags;
  }

  #answer(flight: Flight, envelope: Envelope, source: Source, fills: boolean): void {
    if (fills) {
      const times = localTimes(this.#settings, envelope.freshUntilMs);
      this.#local.fill(flight, new LocalEntry(envelope, times));
    }
    this.#finish(flight, envelope.value, source);
  }

  /** Answers with a stale value, and goes on doing so for `serveMs`. */
  #standIn(
    flight: Flight,
    stale: Stale,
    reason: TieredCacheEvents['stale']['reason'],
    serveMs: number | undefined,
    error?: unknown,
  ): void {
    const { key } = flight;
    if (serveMs === undefined) {
      this.#settle(flight, stale.value, 'stale');
    } else {
      const { staleUntilMs } = stale;
      const freshUntilMs = Math.min(this.#now() + serveMs, staleUntilMs);
      this.#local.fill(flight, new LocalEntry(stale, { freshUntilMs, staleUntilMs }));
      this.#finish(flight, stale.value, 'stale');
    }
    this.#parts.events.emit(
      'stale',
      error === undefined ? { key, reason } : { key, reason, error },
    );
  }

  #refused(key: string, reason: TieredCacheEvents['refused']['reason'], error?: unknown): void {
    const event = error === undefined ? { key, reason } : { key, reason, error };
    this.#parts.events.emit('refused', event);
  }

  /** Hands out the value, and lets who comes later begin anew. */
  #finish(flight: Flight, value: unknown, source: Source): void {
    this.#local.flights.end(flight);
    this.#settle(flight, value, source);
  }

  #settle(flight: Flight, value: unknown, source: Source): void {
    if (flight.settled) return;
    this.#parts.counters[source]++;
    flight.resolve(value);
  }

  #reject(flight: Flight, error: unknown): void {
    this.#local.flights.end(flight);
    if (flight.settled) return;
    this.#parts.counters.failed++;
    flight.reject(error);
  }
}
