import type { Envelope } from './envelope.ts';
import type { TieredCacheEvents } from './events.ts';
import type { Flight } from './flights.ts';
import { localTimes } from './lifetime.ts';
import { LocalEntry, type LocalTier } from './local-tier.ts';
import type { SafeEmitter } from './safe-emitter.ts';
import type { Settings } from './settings.ts';
import type { Counters, Source } from './stats.ts';

/** What stands in for a loader that fails, is slow, or runs elsewhere. */
export type Stale = Pick<LocalEntry, 'value' | 'staleUntilMs' | 'asOf' | 'tags' | 'length'>;

/** Hands out what was found, loaded, or stands in, and keeps it in the local tier where it may be. */
export class Answers {
  readonly #settings: Settings;
  readonly #local: LocalTier;
  readonly #counters: Counters;
  readonly #events: SafeEmitter<TieredCacheEvents>;

  constructor(
    settings: Settings,
    local: LocalTier,
    counters: Counters,
    events: SafeEmitter<TieredCacheEvents>,
  ) {
    this.#settings = settings;
    this.#local = local;
    this.#counters = counters;
    this.#events = events;
  }

  entryOf(envelope: Envelope): LocalEntry {
    return new LocalEntry(envelope, localTimes(this.#settings, envelope));
  }

  /** What a Redis has, while it may stand in. */
  withGrace(envelope: Envelope): Stale | undefined {
    const { staleUntilMs } = localTimes(this.#settings, envelope);
    return this.#now() < staleUntilMs ? { ...envelope, staleUntilMs } : undefined;
  }

  /** What the local tier has, while it may stand in. */
  localStale(key: string): Stale | undefined {
    const entry = this.#local.valid(key);
    return entry !== undefined && this.#now() < entry.staleUntilMs ? entry : undefined;
  }

  /** Hands out the value of a Redis. */
  answer(flight: Flight, envelope: Envelope, source: Source, fills: boolean): void {
    if (fills) this.#local.fill(flight, this.entryOf(envelope));
    this.finish(flight, envelope.value, source);
  }

  /** Serves a value that could not be refreshed early for `serveMs` more, while it may be served at all. */
  postpone(flight: Flight, stale: Stale, serveMs: number): void {
    const { staleUntilMs } = stale;
    const entry = this.#local.valid(flight.key);
    if (entry?.asOf !== stale.asOf) return;
    const { freshUntilMs } = entry;
    const earlyAtMs = this.#now() + serveMs;
    this.#local.fill(flight, new LocalEntry(stale, { freshUntilMs, staleUntilMs, earlyAtMs }));
  }

  /** Answers with a stale value, and goes on doing so for `serveMs`. */
  standIn(
    flight: Flight,
    stale: Stale,
    reason: TieredCacheEvents['stale']['reason'],
    serveMs: number | undefined,
    error?: unknown,
  ): void {
    const { key } = flight;
    if (serveMs === undefined) {
      this.settle(flight, stale.value, 'stale');
    } else {
      const { staleUntilMs } = stale;
      const freshUntilMs = Math.min(this.#now() + serveMs, staleUntilMs);
      const times = { freshUntilMs, staleUntilMs, earlyAtMs: freshUntilMs };
      this.#local.fill(flight, new LocalEntry(stale, times));
      this.finish(flight, stale.value, 'stale');
    }
    this.#events.emit('stale', error === undefined ? { key, reason } : { key, reason, error });
  }

  /** Hands out the value, and lets who comes later begin anew. */
  finish(flight: Flight, value: unknown, source: Source): void {
    this.#local.flights.end(flight);
    this.settle(flight, value, source);
  }

  /** Hands out the value; who comes later still joins the flight. */
  settle(flight: Flight, value: unknown, source: Source): void {
    if (flight.settled) return;
    this.#counters[source]++;
    flight.resolve(value);
  }

  reject(flight: Flight, error: unknown): void {
    this.#local.flights.end(flight);
    if (flight.settled) return;
    this.#counters.failed++;
    flight.reject(error);
  }

  #now(): number {
    return this.#settings.clock.now();
  }
}
