import { type Clock, sleep } from './clock.ts';
import { type JobStatus, orderOf, type StatusStore, type StatusUpdate } from './status.ts';
import { within } from './within.ts';

const COALESCE_MS = 10;
const BATCH = 1_000;
const CANCEL_MS = 2_000;
const MAX_PENDING = 50_000;

/**
 * Carries statuses to the store without anyone waiting for them: the latest per job, every 10 ms,
 * one write at a time. While the store is down the latest of up to 50,000 jobs are kept and
 * written when it is back; beyond that the oldest are given up. Jobs never fail by it.
 */
export class StatusReporter {
  readonly #store: StatusStore;
  readonly #clock: Clock;
  #pending = new Map<string, StatusUpdate>();
  #flushing: Promise<void> | null = null;
  #closing = new AbortController();
  #failures = 0;
  #lastError: unknown = null;

  constructor(store: StatusStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Why statuses could not be written, until they can. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /** Takes a status; `sequence` orders those of equal attempt, state and progress. O(1). */
  report(status: JobStatus, sequence = 0): void {
    this.#keep({ status, order: orderOf(status, sequence) });
    this.#flushing ??= this.#flush();
  }

  /** Asks workers not to run a job, while the store is away for at most 2 s. */
  async cancel(id: string): Promise<void> {
    await within(this.#clock, CANCEL_MS, this.#store.cancel(id), 'Cancelling').catch((error) => {
      this.#lastError = error;
    });
  }

  /** Writes what is pending, waiting at most `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    if (this.#flushing === null) return;
    const late = new AbortController();
    await Promise.race([this.#flushing, sleep(this.#clock, timeoutMs, late.signal)]);
    late.abort();
  }

  /** Writes what is pending, waiting at most `timeoutMs`, and takes nothing more. */
  async close(timeoutMs: number): Promise<void> {
    await this.flush(timeoutMs);
    this.#closing.abort();
    this.#pending.clear();
  }

  async #flush(): Promise<void> {
    const { signal } = this.#closing;
    await sleep(this.#clock, COALESCE_MS, signal);
    while (this.#pending.size > 0 && !signal.aborted) {
      const batch: StatusUpdate[] = [];
      for (const [id, update] of this.#pending) {
        batch.push(update);
        this.#pending.delete(id);
        if (batch.length === BATCH) break;
      }
      try {
        await this.#store.write(batch);
        this.#failures = 0;
        this.#lastError = null;
      } catch (error) {
        for (const update of batch) this.#keep(update);
        this.#failures++;
        this.#lastError = error;
        await sleep(this.#clock, Math.min(5_000, 100 * 2 ** this.#failures), signal);
      }
    }
    this.#flushing = null;
  }

  #keep(update: StatusUpdate): void {
    const { id } = update.status;
    const known = this.#pending.get(id);
    if (known && known.order >= update.order) return;
    if (!known && this.#pending.size >= MAX_PENDING) {
      this.#pending.delete(this.#pending.keys().next().value as string);
    }
    this.#pending.set(id, update);
  }
}
