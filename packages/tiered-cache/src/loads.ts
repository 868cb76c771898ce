import type { Answers, Stale } from './answers.ts';
import type { TieredCacheEvents } from './events.ts';
import type { Flight } from './flights.ts';
import { Keeper, type Keeping } from './keeper.ts';
import type { Lease } from './lease.ts';
import { load } from './loading.ts';
import type { LocalTier } from './local-tier.ts';
import type { LogId } from './log-id.ts';
import type { Loader } from './options.ts';
import type { Remote } from './remote.ts';
import type { SafeEmitter } from './safe-emitter.ts';
import type { Settings } from './settings.ts';
import type { Counters } from './stats.ts';

/** What is to be loaded how. */
export interface LoadRequest extends Keeping {
  readonly loader: Loader<unknown>;
}

/** Where a load starts from: what may stand in, as of when it is, and the right to store it. */
export interface Start {
  readonly stale: Stale | undefined;
  readonly asOf: LogId;
  readonly lease?: Lease;
  readonly recent?: boolean;
}

/** The parts of a cache that loading needs. */
export interface LoadsParts {
  readonly settings: Settings;
  /** `undefined`: memory only. */
  readonly remote: Remote | undefined;
  readonly local: LocalTier;
  readonly counters: Counters;
  readonly events: SafeEmitter<TieredCacheEvents>;
  /** Aborted when the cache closes. */
  readonly closing: AbortSignal;
}

/** Runs loaders: for so long at most, with what stands in meanwhile or after a failure. */
export class Loads {
  readonly #parts: LoadsParts;
  readonly #answers: Answers;
  readonly #keeper: Keeper;

  constructor(parts: LoadsParts, answers: Answers) {
    const { settings, remote, local, events } = parts;
    this.#parts = parts;
    this.#answers = answers;
    this.#keeper = new Keeper(settings, remote, local, events);
  }

  /** Settles the flight, and ends when what was loaded is stored. */
  async run(flight: Flight, request: LoadRequest, start: Start): Promise<void> {
    const { key } = flight;
    const { stale, lease, asOf, recent = false } = start;
    const { closing, counters, events, settings } = this.#parts;
    const { namespace, hardTimeoutMs, softTimeoutMs, backoffMs, clock } = settings;
    const answers = this.#answers;
    const isEarly = flight.settled;
    const soft =
      stale && !isEarly
        ? clock.setTimeout(() => answers.standIn(flight, stale, 'slow', undefined), softTimeoutMs)
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
      const value = await load(request.loader, loading).catch((error: unknown) => {
        ended({ error });
        throw error;
      });
      ended();
      clock.clearTimeout(soft);
      await this.#keeper.keep(
        flight,
        request,
        { value, loadMs, asOf, lease, recent },
        (kept) => answers.settle(flight, kept, 'loads'),
        (kept) => answers.finish(flight, kept, 'loads'),
      );
    } catch (error) {
      clock.clearTimeout(soft);
      void lease?.release();
      if (stale === undefined || closing.aborted) answers.reject(flight, error);
      else if (isEarly) answers.postpone(flight, stale, backoffMs);
      else answers.standIn(flight, stale, 'failed', backoffMs, error);
    }
  }
}
