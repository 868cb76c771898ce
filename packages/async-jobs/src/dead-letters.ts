import { randomUUID } from 'node:crypto';
import type { JobQueue } from './async-jobs.ts';
import { sleep } from './clock.ts';
import {
  type DeadLetter,
  type DeadLetterFilter,
  letterOf,
  matches,
  replayed,
} from './dead-letter.ts';
import { LettersScatteredError } from './errors.ts';
import { type Item, LetterReader } from './letter-reader.ts';
import { integer } from './options.ts';
import { deadLetterTopic } from './topics.ts';

/** How letters are worked through. */
export interface DeadLetterWork {
  /** Stops in between; what was done stays done. */
  readonly signal?: AbortSignal;
  /** Stops after so many letters. */
  readonly limit?: number;
}

/** How letters are replayed. */
export interface ReplayOptions extends DeadLetterWork {
  /** Letters a second at most. Default 500: what died once may have died of the load. */
  readonly ratePerSecond?: number;
  /** Told after every batch; `total` counts the letters of the queue, matching or not. */
  readonly onProgress?: (progress: { readonly seen: number; readonly total: number }) => void;
}

const SEND_MS = 10_000;
const BATCH = 100;

/**
 * The dead letters of one queue. A letter stays in its topic until Kafka's retention (14 days); one
 * that was replayed or purged is remembered as such in the offsets of the group `<topic>`, so it is
 * not shown and not replayed again: some 1,100 such letters, or rows of them, between letters that
 * stay. One process at a time works; a second waits for it.
 */
export class DeadLetters {
  readonly #queue: JobQueue;
  readonly #name: string;
  readonly #topic: string;
  readonly #origin: string;

  constructor(queue: JobQueue, name: string) {
    this.#queue = queue;
    this.#name = name;
    this.#topic = deadLetterTopic(queue.topicPrefix, name);
    this.#origin = `${queue.topicPrefix}.${name}`;
  }

  /** The letters that were neither replayed nor purged, oldest first per partition. @throws the transport's error; RangeError naming the filter's field */
  async *list(
    filter: DeadLetterFilter = {},
    work: DeadLetterWork = {},
  ): AsyncGenerator<DeadLetter> {
    const { limit = Number.POSITIVE_INFINITY, signal } = work;
    // A group of its own that commits nothing: looking disturbs nobody, and leaves nothing behind
    const reader = new LetterReader(this.#queue, this.#topic, {
      group: `${this.#topic}.${randomUUID()}`,
      committed: await this.#queue.transport.committed(this.#topic, this.#topic),
    });
    try {
      let found = 0;
      for await (const { record } of reader.read(signal)) {
        const letter = letterOf(record);
        if (!matches(letter, filter)) continue;
        yield letter;
        if (++found >= limit) return;
      }
    } finally {
      await reader.close();
    }
  }

  /**
   * Puts matching letters back where they came from, with their job ids and no attempts behind them,
   * and returns how many.
   *
   * @throws LettersScatteredError when a filter leaves so many pieces between that no more can be remembered
   */
  async replay(filter: DeadLetterFilter = {}, options: ReplayOptions = {}): Promise<number> {
    const rate = integer('ratePerSecond', options.ratePerSecond ?? 500, 1, 1_000_000);
    const batchSize = Math.min(BATCH, Math.max(1, Math.floor(rate / 10)));
    const { clock, transport } = this.#queue;
    let dueAt = clock.now();
    return this.#work(filter, options, batchSize, async (letters) => {
      await sleep(clock, dueAt - clock.now(), options.signal);
      dueAt = Math.max(dueAt, clock.now()) + (letters.length * 1_000) / rate;
      await transport.send(
        letters.map((letter) => replayed(letter, this.#origin)),
        SEND_MS,
      );
    });
  }

  /** Puts matching letters away for good, and returns how many. @throws LettersScatteredError as `replay` */
  async purge(filter: DeadLetterFilter = {}, work: DeadLetterWork = {}): Promise<number> {
    return this.#work(filter, work, BATCH, async () => {});
  }

  async #work(
    filter: DeadLetterFilter,
    { limit = Number.POSITIVE_INFINITY, signal, onProgress }: ReplayOptions,
    batchSize: number,
    act: (letters: readonly DeadLetter[]) => Promise<void>,
  ): Promise<number> {
    const reader = new LetterReader(this.#queue, this.#topic, { group: this.#topic });
    let batch: { readonly item: Item; readonly letter: DeadLetter }[] = [];
    let taken = 0;
    let seen = 0;
    const flush = async (): Promise<void> => {
      const items = batch.map(({ item }) => item);
      // Sent and not remembered it would be replayed again
      if (!reader.canTell(items)) throw new LettersScatteredError(this.#name, taken);
      if (items.length > 0) await act(batch.map(({ letter }) => letter));
      for (const item of items) reader.complete(item);
      taken += items.length;
      batch = [];
    };
    try {
      for await (const item of reader.read(signal)) {
        seen++;
        const letter = letterOf(item.record);
        if (matches(letter, filter)) batch.push({ item, letter });
        if (batch.length >= batchSize) await flush();
        if (seen % BATCH === 0) onProgress?.({ seen, total: reader.total });
        if (taken + batch.length >= limit) break;
      }
      await flush();
      await reader.settle();
      onProgress?.({ seen: reader.total, total: reader.total });
    } finally {
      await reader.close();
    }
    return taken;
  }
}
