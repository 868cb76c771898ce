import { randomBytes } from 'node:crypto';
import { Answers, type Stale } from './answers.ts';
import { sleep } from './clock.ts';
import type { Confirmation } from './confirmation.ts';
import type { Envelope } from './envelope.ts';
import type { Flight } from './flights.ts';
import { Lease } from './lease.ts';
import { type LoadRequest, Loads, type LoadsParts, type Start } from './loads.ts';
import type { LocalEntry, LocalTier } from './local-tier.ts';
import { isNewer } from './log-id.ts';
import type { LeaseReply, Remote } from './remote.ts';
import type { Settings } from './settings.ts';
import type { Verdict } from './stamps.ts';
import type { Tier } from './tier.ts';

const FIRST_POLL_MS = 15;
const LAST_POLL_MS = 250;
/** How long a stale value stands in while another process loads. */
const BUSY_STALE_MS = 250;

/** A read that the local tier could not answer. */
export interface ReadRequest extends LoadRequest {
  /** Told when another process loads the key, and there is nothing to do but wait. */
  readonly onWait: (() => void) | undefined;
}

/** The parts of a cache that reading needs. */
export interface ResolverParts extends LoadsParts {
  readonly confirmation: Confirmation;
}

/** Brings a value from the nearest place that has it: near, global, master, the loader. */
export class Resolver {
  readonly #settings: Settings;
  readonly #remote: Remote | undefined;
  readonly #local: LocalTier;
  readonly #confirmation: Confirmation;
  readonly #closing: AbortSignal;
  readonly #answers: Answers;
  readonly #loads: Loads;
  #busy = 0;
  #onIdle: (() => void) | undefined;

  constructor(parts: ResolverParts) {
    const { settings, remote, local, confirmation, counters, events, closing } = parts;
    this.#settings = settings;
    this.#remote = remote;
    this.#local = local;
    this.#confirmation = confirmation;
    this.#closing = closing;
    this.#answers = new Answers(settings, local, counters, events);
    this.#loads = new Loads(parts, this.#answers);
  }

  /** Settles the flight, and goes on until what it loaded is stored. */
  resolve(flight: Flight, request: ReadRequest): void {
    const remote = this.#remote;
    this.#busy++;
    if (remote === undefined) {
      const start = { stale: this.#answers.localStale(flight.key), asOf: this.#local.cursor };
      void this.#ending(flight, this.#loads.run(flight, request, start));
      return;
    }
    if (this.#local.withholds(flight.key)) {
      // a replica's answer of now could be judged after the change is delivered and heard, and would seem valid
      const start = { stale: undefined, asOf: this.#local.cursor, recent: true };
      void this.#ending(flight, this.#loads.run(flight, request, start));
      return;
    }
    if (!remote.near.up || !this.#confirmation.mayServe(this.#now())) {
      void this.#ending(flight, this.#goOn(flight, request, remote));
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
          void this.#ending(flight, this.#goOn(flight, request, remote, { envelope }));
          return;
        }
        const entry = this.#answers.entryOf(envelope);
        this.#local.fill(flight, entry);
        this.#answers.settle(flight, entry.value, 'near');
        if (this.#now() < entry.hitUntilMs) this.#end(flight);
        else void this.#ending(flight, this.#renew(flight, request, entry));
      },
      () => void this.#ending(flight, this.#goOn(flight, request, remote)),
    );
  }

  /** Loads a value anew that is still fresh; its flight is settled already. */
  refresh(flight: Flight, request: ReadRequest, entry: LocalEntry): void {
    this.#busy++;
    void this.#ending(flight, this.#renew(flight, request, entry));
  }

  async #renew(flight: Flight, request: ReadRequest, entry: LocalEntry): Promise<void> {
    if (this.#remote === undefined) {
      const start = { stale: entry, asOf: this.#local.cursor };
      return this.#loads.run(flight, request, start);
    }
    const token = newToken();
    const reply = await this.#leaseGet(this.#remote, flight.key, token, true);
    const envelope = reply?.state === 'hit' ? reply.envelope : reply?.stale;
    const isRenewed = envelope !== undefined && this.#renewed(envelope, entry);
    if (reply?.state === 'lease') {
      const start = this.#leased(flight, token, reply);
      if (!isRenewed) return this.#loads.run(flight, request, start);
      void start.lease.release();
    }
    if (isRenewed) {
      const verdict = this.#local.check(flight.key, envelope.asOf, envelope.tags);
      if (verdict !== 'invalid') this.#local.fill(flight, this.#answers.entryOf(envelope));
    } else this.#answers.postpone(flight, entry, this.#settings.backoffMs);
  }

  /** Whether another process has loaded it since this one took its copy. */
  #renewed(envelope: Envelope, entry: LocalEntry): boolean {
    if (!this.#fresh(envelope)) return false;
    const { staleUntilMs } = this.#answers.entryOf(envelope);
    return envelope.asOf !== entry.asOf || staleUntilMs > entry.staleUntilMs;
  }

  /** Asks whom near leaves to be asked. */
  async #goOn(
    flight: Flight,
    request: ReadRequest,
    remote: Remote,
    near?: { envelope: Envelope | undefined },
  ): Promise<void> {
    const replica = near
      ? await this.#judge(remote, remote.near, flight, near.envelope)
      : await this.#fromGlobal(remote, flight);
    if (flight.settled) return;
    const stale = replica ? this.#answers.withGrace(replica) : this.#answers.localStale(flight.key);
    await this.#fromMaster(flight, request, remote, stale);
  }

  async #ending(flight: Flight, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#answers.reject(flight, error);
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
    if (verdict === 'unknown') {
      verdict = await this.#askStamps(remote, tier, envelope);
      if (!flight.mayUse(envelope.asOf)) return undefined; // near went back while it was asked
    }
    if (verdict !== 'valid') return undefined;
    // only near is followed: what another one has may be older than what was heard
    const followed = tier === remote.near;
    if (this.#fresh(envelope)) this.#answers.answer(flight, envelope, tier.name, followed);
    return envelope;
  }

  #usable(flight: Flight, { asOf, tags }: Envelope): Verdict {
    return flight.mayUse(asOf) ? this.#local.check(flight.key, asOf, tags) : 'invalid';
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

  async #fromMaster(
    flight: Flight,
    request: ReadRequest,
    remote: Remote,
    known: Stale | undefined,
  ): Promise<void> {
    const { key } = flight;
    const { leaseWaitMs, random } = this.#settings;
    const load = (start: Start) => this.#loads.run(flight, request, start);
    const token = newToken();
    const until = performance.now() + leaseWaitMs;
    const asOf = this.#local.cursor;
    let stale = known;
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 1.6, LAST_POLL_MS)) {
      // no Redis knows of a change that waits to be delivered
      if (this.#local.withholds(key)) return load({ stale: undefined, asOf, recent: true });
      const reply = await this.#leaseGet(remote, key, token, false);
      if (reply === undefined) return load({ stale, asOf });
      if (reply.state === 'hit') {
        const { envelope } = reply;
        const verdict = this.#local.check(key, envelope.asOf, envelope.tags);
        if (verdict === 'invalid') return load({ stale: undefined, asOf });
        return this.#answers.answer(flight, envelope, 'master', true);
      }
      if (reply.stale !== undefined) stale = this.#answers.withGrace(reply.stale);
      if (reply.state === 'lease') return load({ ...this.#leased(flight, token, reply), stale });
      if (stale !== undefined) return this.#answers.standIn(flight, stale, 'busy', BUSY_STALE_MS);
      if (performance.now() >= until) return load({ stale, asOf });
      request.onWait?.();
      await sleep(pollMs * (0.5 + 0.5 * random()), this.#closing);
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
    const stale = reply.stale && this.#answers.withGrace(reply.stale);
    return { stale, asOf: reply.asOf, lease, recent: reply.recent };
  }
}

/** Random, so that a lease that ran out and was given anew is not mistaken for the old one. */
const newToken = () => randomBytes(12).toString('base64url');
