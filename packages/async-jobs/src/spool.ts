import type { JobQueue } from './async-jobs.ts';
import { sleep } from './clock.ts';
import type { Durability } from './queue-options.ts';
import type { OutgoingRecord } from './transport.ts';

/** Where directly sent jobs wait while Kafka does not take them. Driver: `redisSpool`. */
export interface Spool {
  /** Adds records at the end, all or none. @throws SpoolFullError */
  push(records: readonly OutgoingRecord[]): Promise<void>;
  /**
   * Gives up to `limit` of the oldest records to `deliver` and removes them once that has
   * resolved. Returns how many, or `busy` when another process is at it.
   */
  take(
    limit: number,
    deliver: (records: readonly OutgoingRecord[]) => Promise<void>,
  ): Promise<number | 'busy'>;
}

const BATCH = 200;
const SEND_MS = 10_000;
const LOOK_MS = 5_000;

/**
 * Sends directly while that works; then puts records into the spool, and everything that follows
 * behind them, until the spool is empty again: a key's order is kept. What another process
 * spooled before it died is sent by whoever looks first.
 */
export class Spooler {
  readonly #spool: Spool;
  readonly #queue: JobQueue;
  readonly #closing = new AbortController();
  #spooling = false;
  /** Counts pushes: an empty spool means nothing when one was made since it was looked at. */
  #pushes = 0;
  #lastError: unknown = null;
  #loop: Promise<void> | null = null;
  #wake = new AbortController();

  constructor(spool: Spool, queue: JobQueue) {
    this.#spool = spool;
    this.#queue = queue;
  }

  /** Why the spool could not be emptied, until it can. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /** True while jobs go to the spool. */
  get spooling(): boolean {
    return this.#spooling;
  }

  async send(records: readonly OutgoingRecord[], budgetMs: number): Promise<Durability> {
    this.watch();
    if (!this.#spooling) {
      try {
        await this.#queue.transport.send(records, budgetMs);
        return 'kafka';
      } catch {
        // it may have arrived all the same: the worker knows the job's id
      }
    }
    this.#spooling = true;
    this.#pushes++;
    await this.#spool.push(records);
    this.#wake.abort();
    return 'spool';
  }

  /** Looks after the spool from now on. */
  watch(): void {
    this.#loop ??= this.#work();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake.abort();
    await this.#loop;
  }

  async #work(): Promise<void> {
    const { signal } = this.#closing;
    for (let tries = 0; !signal.aborted; ) {
      try {
        await this.#empty();
        tries = 0;
        this.#lastError = null;
      } catch (error) {
        this.#lastError = error;
        tries++;
      }
      if (tries > 0) await this.#queue.pause(tries, signal);
      else {
        this.#wake = new AbortController();
        const waitMs = this.#spooling ? 100 : LOOK_MS;
        await sleep(this.#queue.clock, waitMs, AbortSignal.any([signal, this.#wake.signal]));
      }
    }
  }

  async #empty(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const pushes = this.#pushes;
      const taken = await this.#spool.take(BATCH, (records) =>
        this.#queue.transport.send(records, SEND_MS),
      );
      if (taken === 'busy') return;
      if (taken > 0 || pushes !== this.#pushes) continue;
      this.#spooling = false;
      return;
    }
  }
}
