import { randomBytes } from 'node:crypto';
import { sleep } from './clock.ts';
import type { Confirmation } from './confirmation.ts';
import type { Envelope } from './envelope.ts';
import type { TieredCacheEvents } from './events.ts';
import type { Flight } from './flights.ts';
import { Keeper, type Keeping } from './keeper.ts';
import { Lease } from './lease.ts';
import { localTimes } from './lifetime.ts';
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

const FIRST_POLL_MS = 15;
const LAST_POLL_MS = 250;
/** How long a stale value stands in while another process loads. */
const BUSY_STALE_MS = 250;

/** A read that the local tier could not answer. */
export interface ReadRequest extends Keeping {
  readonly flight: Flight;
  readonly loader: Loader<unknown>;
  /** Told when another process loads the key, and there is nothing to do but wait. */
  readonly onWait: (() => void) | undefined;
}

/** What stands in for a loader that fails, is slow, or runs elsewhere. */
type Stale = Pick<LocalEntry, 'value' | 'staleUntilMs' | 'asOf' | 'tags' | 'length'>;

/** Where a load starts from: what may stand in, as of when it is, and the right to store it. */
interface Start {
  readonly stale: Stale | undefined;
  readonly asOf: LogId;
  readonly lease?: Lease;
  readonly recent?: boolean;
}

/** The parts of a cache that reading needs. */
export interface ResolverParts {
  readonly settings: Settings;
  /** `undefined`: memory only. */
  readonly remote: Remote | undefined;
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
  readonly #remote: Remote | undefined;
  readonly #local: LocalTier;
  readonly #keeper: Keeper;
  #busy = 0;
  #onIdle: (() => void) | undefined;

  constructor(parts: ResolverParts) {
    const { settings, remote, local, events } = parts;
    this.#parts = parts;
    this.#settings = settings;
    this.#remote = remote;
    this.#local = local;
    this.#keeper = new Keeper(settings, remote, local, events);
  }

  /** Settles the flight, and goes on until what it loaded is stored. */
  resolve(request: ReadRequest): void {
    const { flight } = request;
    const remote = this.#remote;
    this.#busy++;
    if (remote === undefined) {
      const start = { stale: this.#localStale(flight.key), asOf: this.#local.cursor };
      void this.#ending(flight, this.#load(request, start));
      return;
    }
    if (!remote.near.up || this.#now() >= this.#parts.confirmation.trustedUntilMs) {
      void this.#ending(flight, this.#goOn(request, remote));
      return;
    }
    remote.read(
      remote.near,
      flight.key,
      (envelope) => {
        // most reads end here, so there is no promise on this way but the callers'
        if (
          envelope === undefined ||
          !this.#fresh(envelope) ||
          this.#usable(flight, envelope) !== 'valid'
        ) {
          void this.#ending(flight, this.#goOn(request, remote, { envelope }));
          return;
        }
        const entry = this.#entryOf(envelope);
        this.#local.fill(flight, entry);
        this.#settle(flight, entry.value, 'near');
        if (this.#now() < entry.hitUntilMs) this.#end(flight);
        else void this.#ending(flight, this.#renew(request, entry));
      },
      () => void this.#ending(flight, this.#goOn(request, remote)),
    );
  }

  /** Loads a value anew that is still fresh; its flight is settled already. */
  refresh(request: ReadRequest, entry: LocalEntry): void {
    this.#busy++;
    void this.#ending(request.flight, this.#renew(request, entry));
  }

  async #renew(request: ReadRequest, entry: LocalEntry): Promise<void> {
    const { flight } = request;
    if (this.#remote === undefined) {
      return this.#load(request, { stale: entry, asOf: this.#local.cursor });
    }
    const token = newToken();
    const reply = await this.#leaseGet(this.#remote, flight.key, token, true);
    if (reply?.state === 'lease') return this.#load(request, this.#leased(flight, token, reply));
    if (reply?.state === 'hit' && reply.envelope.asOf !== entry.asOf) {
      const { envelope } = reply;
      const verdict = this.#local.check(flight.key, envelope.asOf, envelope.tags);
      if (verdict !== 'invalid') this.#local.fill(flight, this.#entryOf(envelope));
    } else this.#postpone(flight, entry, this.#settings.backoffMs);
  }

  /** Asks whom near leaves to be asked. */
  async #goOn(
    request: ReadRequest,
    remote: Remote,
    near?: { envelope: Envelope | undefined },
  ): Promise<void> {
    const { flight } = request;
    const replica = near
      ? await this.#judge(remote, remote.near, flight, near.envelope)
      : await this.#fromGlobal(remote, flight);
    if (!flight.settled) await this.#fromMaster(remote, request, this.#staleOf(flight, replica));
  }

  async #ending(flight: Flight, work: Promise<void>): Promise<void> {
    try {
      await work;
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

  async #fromGlobal(remote: Remote, flight: Flight): Promise<Envelope | undefined> {
    const { global } = remote;
    if (global === undefined || !global.up) return undefined;
    try {
      const envelope = await new Promise<Envelope | undefined>((resolve, reject) => {
        remote.read(global, flight.key, resolve, reject);
      });
      return await this.#judge(remote, global, flight, envelope);
    } catch {
      return undefined; // the tier has told why
    }
  }

  /** Settles the flight with what a replica has, or gives it when it may only stand in. */
  async #judge(
    remote: Remote,
    tier: Tier,
    flight: Flight,
    envelope: Envelope | undefined,
  ): Promise<Envelope | undefined> {
    if (envelope === undefined) return undefined;
    let verdict = this.#usable(flight, envelope);
    if (verdict === 'unknown') verdict = await this.#askStamps(remote, tier, envelope);
    if (verdict !== 'valid') return undefined;
    // only near is followed: what another one has may be older than what was heard
    const followed = tier === remote.near;
    if (this.#fresh(envelope)) this.#answer(flight, envelope, tier.name, followed);
    return envelope;
  }

  #usable({ key, fence }: Flight, { asOf, tags }: Envelope): Verdict {
    if (isNewer(fence, asOf) || isNewer(this.#local.fences.floor, asOf)) return 'invalid';
    return this.#local.check(key, asOf, tags);
  }

  async #askStamps(remote: Remote, tier: Tier, { asOf, tags }: Envelope): Promise<Verdict> {
    try {
      const stamps = await remote.stamps(tier, tags);
      const newer = stamps.some((stamp) => stamp !== null && isNewer(stamp, asOf));
      return newer ? 'invalid' : 'valid';
    } catch {
      return 'unknown';
    }
  }

  #staleOf({ key }: Flight, replica: Envelope | undefined): Stale | undefined {
    return replica === undefined ? this.#localStale(key) : this.#withGrace(replica);
  }

  #localStale(key: string): Stale | undefined {
    const entry = this.#local.valid(key);
    return entry !== undefined && this.#now() < entry.staleUntilMs ? entry : undefined;
  }

  #withGrace(envelope: Envelope): Stale | undefined {
    const { staleUntilMs } = localTimes(this.#settings, envelope);
    return this.#now() < staleUntilMs ? { ...envelope, staleUntilMs } : undefined;
  }

  async #fromMaster(remote: Remote, request: ReadRequest, known: Stale | undefined): Promise<void> {
    const { flight } = request;
    const { key } = flight;
    const { leaseWaitMs, random } = this.#settings;
    const token = newToken();
    const until = performance.now() + leaseWaitMs;
    const asOf = this.#local.cursor;
    let stale = known;
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 1.6, LAST_POLL_MS)) {
      // no Redis knows of a change that waits to be delivered
      if (this.#local.withholds(key)) {
        return this.#load(request, { stale: undefined, asOf, recent: true });
      }
      const reply = await this.#leaseGet(remote, key, token, false);
      if (reply === undefined) return this.#load(request, { stale, asOf });
      if (reply.state === 'hit') {
        const { envelope } = reply;
        const verdict = this.#local.check(key, envelope.asOf, envelope.tags);
        if (verdict === 'invalid') return this.#load(request, { stale: undefined, asOf });
        return this.#answer(flight, envelope, 'master', true);
      }
      if (reply.stale !== undefined) stale = this.#withGrace(reply.stale);
      if (reply.state === 'lease') {
        return this.#load(request, { ...this.#leased(flight, token, reply), stale });
      }
      if (stale !== undefined) return this.#standIn(flight, stale, 'busy', BUSY_STALE_MS);
      if (performance.now() >= until) return this.#load(request, { stale, asOf });
      request.onWait?.();
      await sleep(pollMs * (0.5 + 0.5 * random()), this.#parts.closing);
    }
  }

  async #leaseGet(
    remote: Remote,
    key: string,
    token: string,
    early: boolean,
  ): Promise<LeaseReply | undefined> {
    try {
      return await remote.leaseGet(key, token, this.#now(), early);
    } catch {
      return undefined; // the tier has told why; the loader is asked without a lease
    }
  }

  #leased(
    { key }: Flight,
    token: string,
    reply: Exclude<LeaseReply, { state: 'hit' }>,
  ): Start & { lease: Lease } {
    const lease = new Lease(this.#remote as Remote, key, token, this.#settings.leaseMs);
    const stale = reply.stale && this.#withGrace(reply.stale);
    return { stale, asOf: reply.asOf, lease, recent: reply.recent };
  }

  async #load(request: ReadRequest, start: Start): Promise<void> {
    const { flight, loader } = request;
    const { key } = flight;
    const { stale, lease, asOf, recent = false } = start;
    const { namespace, hardTimeoutMs, softTimeoutMs, backoffMs, clock } = this.#settings;
    const { closing, counters, events } = this.#parts;
    const isEarly = flight.settled;
    const soft =
      stale && !isEarly
        ? clock.setTimeout(() => this.#standIn(flight, stale, 'slow', undefined), softTimeoutMs)
        : undefined;
    counters.loaderCalls++;
    const startedMs = clock.now();
    let loadMs = 0;
    const ended = (failure?: { error: unknown }) => {
      loadMs = Math.min(Math.max(0, Math.round(clock.now() - startedMs)), hardTimeoutMs);
      events.emit('loaded', { key, ms: loadMs, ...failure });
    };
    try {
      const loading = { namespace, key, stale: stale?.value, hardTimeoutMs, clock, closing };
      const value = await load(loader, loading).catch((error: unknown) => {
        ended({ error });
        throw error;
      });
      ended();
      clock.clearTimeout(soft);
      await this.#keeper.keep(
        flight,
        request,
        { value, loadMs, asOf, lease, recent },
        (kept) => this.#settle(flight, kept, 'loads'),
        (kept) => this.#finish(flight, kept, 'loads'),
      );
    } catch (error) {
      clock.clearTimeout(soft);
      void lease?.release();
      if (stale === undefined || closing.aborted) this.#reject(flight, error);
      else if (isEarly) this.#postpone(flight, stale, backoffMs);
      else this.#standIn(flight, stale, 'failed', backoffMs, error);
    }
  }

  #entryOf(envelope: Envelope): LocalEntry {
    return new LocalEntry(envelope, localTimes(this.#settings, envelope));
  }

  #answer(flight: Flight, envelope: Envelope, source: Source, fills: boolean): void {
    if (fills) this.#local.fill(flight, this.#entryOf(envelope));
    this.#finish(flight, envelope.value, source);
  }

  /** Serves a value that could not be refreshed early for `serveMs` more, while it may be served at all. */
  #postpone(flight: Flight, stale: Stale, serveMs: number): void {
    const { staleUntilMs } = stale;
    const entry = this.#local.valid(flight.key);
    if (entry?.asOf !== stale.asOf) return;
    const { freshUntilMs } = entry;
    const earlyAtMs = this.#now() + serveMs;
    this.#local.fill(flight, new LocalEntry(stale, { freshUntilMs, staleUntilMs, earlyAtMs }));
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
      const times = { freshUntilMs, staleUntilMs, earlyAtMs: freshUntilMs };
      this.#local.fill(flight, new LocalEntry(stale, times));
      this.#finish(flight, stale.value, 'stale');
    }
    this.#parts.events.emit(
      'stale',
      error === undefined ? { key, reason } : { key, reason, error },
    );
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

/** Random, so that a lease that ran out and was given anew is not mistaken for the old one. */
const newToken = () => randomBytes(12).toString('base64url');
