import { EventEmitter } from 'eventemitter3';
import type { JobQueue } from './async-jobs.ts';
import { type Clock, sleep } from './clock.ts';
import { JobsUnhealthyError } from './errors.ts';
import { knownOptions } from './known-options.ts';
import { integer, show } from './options.ts';
import type { Outbox } from './outbox.ts';

/** What `queue.relay` takes. */
export interface RelayOptions {
  /** Jobs moved per transaction. Default 500. */
  readonly batchSize?: number;
  /** Milliseconds between looks at an idle outbox when no notification comes. Default 500. */
  readonly pollMs?: number;
  /** Milliseconds Kafka has to acknowledge a batch. Default 10,000. */
  readonly sendTimeoutMs?: number;
  /** Shards moved at the same time, each with one connection. Default 2. */
  readonly concurrency?: number;
  /** Milliseconds an inbox row is kept. Default 7 days. */
  readonly inboxWindowMs?: number;
}

/** Figures of a relay since it was made. */
export interface RelaySnapshot {
  readonly running: boolean;
  readonly sent: number;
  readonly batches: number;
  readonly failuresInARow: number;
}

interface RelayEvents {
  /** A batch is on Kafka and gone from the outbox. */
  sent: (count: number) => void;
  /** A round failed; it is repeated. */
  error: (error: unknown) => void;
}

// Autovacuum looks once a minute: at 20,000 jobs a second that leaves a million dead rows
const TIDY_EVERY = 25_000;
// Then the other shards have their turn, and delayed jobs that have become due
const BATCHES_A_TURN = 20;
const PRUNE_MS = 600_000;
// So long the outbox waits for its vacuum
const PRUNE_TURN_MS = 5_000;
// How long `queue.flow(id)` and a flow's idempotency key know of one that has ended
const FLOWS_WINDOW_MS = 30 * 86_400_000;
const PROMOTE_BATCH = 1_000;
const UNHEALTHY_AFTER = 5;

/**
 * Moves jobs from the outbox to Kafka: a batch per transaction, deleted only after Kafka has
 * acknowledged all of it. Any number of relays may run; an advisory lock per shard keeps the
 * order. A crash between acknowledgement and commit sends a batch twice, with the same job ids.
 *
 *     wake (NOTIFY, or a look every 5, 10, 20 ... pollMs) -> waiting shards -> take, send, commit
 *
 * Emits `sent` and `error`.
 */
export class OutboxRelay extends EventEmitter<RelayEvents> {
  readonly #queue: JobQueue;
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  readonly #batchSize: number;
  readonly #pollMs: number;
  readonly #sendTimeoutMs: number;
  readonly #concurrency: number;
  readonly #inboxWindowMs: number;
  readonly #closing = new AbortController();
  #starting: Promise<void> | null = null;
  #loop: Promise<void> | null = null;
  #unlisten: (() => Promise<void>) | null = null;
  #wake: () => void = () => {};
  #woken = false;
  #housework: Promise<void> | null = null;
  #prunedAt = 0;
  #promoteAt = 0;
  #sent = 0;
  #sentAtTidying = 0;
  #batches = 0;
  #failures = 0;
  #lastError: unknown = null;

  constructor(queue: JobQueue, options: RelayOptions = {}) {
    super();
    if (!queue.outbox) throw new TypeError('Expected `outbox` in the queue: a relay needs one');
    knownOptions(options, {
      ...{ batchSize: true, pollMs: true, sendTimeoutMs: true, concurrency: true },
      inboxWindowMs: true,
    });
    this.#queue = queue;
    this.#outbox = queue.outbox;
    this.#clock = queue.clock;
    this.#batchSize = integer('batchSize', options.batchSize ?? 500, 1, 10_000);
    this.#pollMs = integer('pollMs', options.pollMs ?? 500, 5);
    this.#sendTimeoutMs = integer('sendTimeoutMs', options.sendTimeoutMs ?? 10_000, 1);
    this.#concurrency = integer('concurrency', options.concurrency ?? 2, 1, 64);
    this.#inboxWindowMs = integer('inboxWindowMs', options.inboxWindowMs ?? 7 * 86_400_000, 1_000);
  }

  /** Starts; resolves once it listens and is connected. Works until `close()`, whatever the database or Kafka do. */
  async run(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#starting ??= this.#start();
    await this.#starting;
  }

  /** Figures since it was made. */
  snapshot(): RelaySnapshot {
    return {
      running: this.#loop !== null && !this.#closing.signal.aborted,
      sent: this.#sent,
      batches: this.#batches,
      failuresInARow: this.#failures,
    };
  }

  /** Age of the oldest waiting job in milliseconds, 0 when none waits: one query. */
  async oldestMs(): Promise<number> {
    return this.#outbox.oldestMs();
  }

  /** Unwell when not running, or when five rounds in a row have failed. */
  healthCheck(): { name: string; check(signal: AbortSignal): Promise<unknown> } {
    return {
      name: 'outbox-relay',
      check: async () => {
        const figures = this.snapshot();
        if (figures.running && figures.failuresInARow < UNHEALTHY_AFTER) return { ...figures };
        const why = figures.running ? `it fails: ${show(this.#lastError)}` : 'it is not running';
        throw new JobsUnhealthyError(
          `Outbox relay is unwell: ${why}`,
          { ...figures },
          this.#lastError,
        );
      },
    };
  }

  /** Finishes the batch and the housework at hand and stops. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake();
    await this.#loop;
    await this.#housework;
    await this.#unlisten?.();
    this.#unlisten = null;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #start(): Promise<void> {
    const connected = this.#queue.transport.send([], this.#sendTimeoutMs);
    await Promise.all([this.#listen(), connected.catch((error) => this.#fail(error))]);
    if (!this.#closing.signal.aborted) this.#loop = this.#work();
  }

  async #work(): Promise<void> {
    const { signal } = this.#closing;
    let idleMs = 5;
    while (!signal.aborted) {
      this.#woken = false;
      try {
        // Jobs of now do not wait for delayed ones, whatever is wrong with those
        const nextInMs = await this.#promote().catch((error) => {
          this.#fail(error);
          return this.#pollMs;
        });
        const moved = await this.#round();
        this.#failures = 0;
        idleMs = moved > 0 ? 5 : Math.min(this.#pollMs, idleMs * 2);
        idleMs = Math.min(idleMs, Math.max(5, nextInMs));
        this.#keepHouse();
      } catch (error) {
        this.#failures++;
        this.#fail(error);
        idleMs = Math.min(5_000, 100 * 2 ** this.#failures);
        this.#woken = false;
      }
      if (!this.#woken && !signal.aborted) await this.#pause(idleMs);
      if (this.#unlisten === null && !signal.aborted) await this.#listen();
    }
  }

  /** Lets what is due join the waiting jobs; milliseconds until more is. */
  async #promote(): Promise<number> {
    const now = this.#clock.now();
    if (now < this.#promoteAt && this.#promoteAt - now <= this.#pollMs) return this.#pollMs;
    const { promoted, nextInMs } = await this.#outbox.promote(PROMOTE_BATCH);
    const waitMs = promoted === PROMOTE_BATCH ? 0 : Math.min(nextInMs ?? Infinity, this.#pollMs);
    this.#promoteAt = now + waitMs;
    return waitMs;
  }

  async #round(): Promise<number> {
    const shards = await this.#outbox.waiting();
    let moved = 0;
    const mover = async (): Promise<void> => {
      for (let shard = shards.shift(); shard !== undefined; shard = shards.shift()) {
        moved += await this.#empty(shard);
      }
    };
    const movers = Array.from({ length: Math.min(this.#concurrency, shards.length) }, mover);
    const failed = (await Promise.allSettled(movers)).find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
    return moved;
  }

  async #empty(shard: number): Promise<number> {
    let moved = 0;
    for (let turn = 0; turn < BATCHES_A_TURN && !this.#closing.signal.aborted; turn++) {
      const count = await this.#outbox.take(shard, this.#batchSize, (jobs) =>
        this.#queue.send(jobs, this.#sendTimeoutMs),
      );
      if (count === 'busy' || count === 0) break;
      moved += count;
      this.#sent += count;
      this.#batches++;
      this.#tell('sent', count);
      this.#keepHouse();
      if (count < this.#batchSize) break;
    }
    return moved;
  }

  /** Prunes and vacuums when it is time, on a connection of its own: no job waits for that. */
  #keepHouse(): void {
    const now = this.#clock.now();
    const shouldPrune = now - this.#prunedAt >= PRUNE_MS;
    const shouldTidy = this.#sent - this.#sentAtTidying >= TIDY_EVERY;
    if (this.#housework !== null || !(shouldPrune || shouldTidy)) return;
    if (shouldPrune) this.#prunedAt = now;
    if (shouldTidy) this.#sentAtTidying = this.#sent;
    const work = async (): Promise<void> => {
      const windows = {
        inboxMs: this.#inboxWindowMs,
        idempotencyMs: this.#queue.idempotencyWindowMs,
        flowsMs: FLOWS_WINDOW_MS,
      };
      const turn = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(PRUNE_TURN_MS)]);
      if (shouldPrune) await this.#outbox.prune(windows, turn);
      if (turn.aborted) this.#prunedAt = 0; // the rest when the outbox has been tidied
      if (shouldTidy) await this.#outbox.tidy();
    };
    this.#housework = work()
      .catch((error) => this.#fail(error))
      .finally(() => {
        this.#housework = null;
      });
  }

  async #listen(): Promise<void> {
    try {
      const unlisten = await this.#outbox.listen(
        () => {
          this.#woken = true;
          this.#wake();
        },
        (error) => {
          this.#unlisten = null;
          this.#fail(error);
        },
      );
      if (this.#closing.signal.aborted) await unlisten();
      else this.#unlisten = unlisten;
    } catch (error) {
      this.#fail(error); // polling goes on, and the next round tries to listen again
    }
  }

  async #pause(delayMs: number): Promise<void> {
    const early = new AbortController();
    this.#wake = () => early.abort();
    await sleep(this.#clock, delayMs, early.signal);
    this.#wake = () => {};
  }

  #fail(error: unknown): void {
    this.#lastError = error;
    this.#tell('error', error);
  }

  #tell<E extends keyof RelayEvents>(event: E, value: Parameters<RelayEvents[E]>[0]): void {
    try {
      (this.emit as (event: string, value: unknown) => boolean).call(this, event, value);
    } catch {
      // a listener's failure is not the relay's
    }
  }
}
