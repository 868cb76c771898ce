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
import { LetterReader } from './letter-reader.ts';
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
 * not shown and not replayed again. One process at a time works; a second waits for it.
 */
export class DeadLetters {
  readonly #queue: JobQueue;
  readonly #topic: string;
  readonly #origin: string;

  constructor(queue: JobQueue, name: string) {
    this.#queue = queue;
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

  /** Puts matching letters back where they came from, with their job ids and no attempts behind them, and returns how many. */
  async replay(filter: DeadLetterFilter = {}, options: ReplayOptions = {}): Promise<number> {
    const rate = integer('ratePerSecond', options.ratePerSecond ?? 500, 1, 1_000_000);
    const batchSize = Math.min(BATCH, Math.max(1, Math.floor(rate / 10)));
    const { clock, transport } = this.#queue;
    let batch: { letter: DeadLetter; done: () => void }[] = [];
    let dueAt = clock.now();
    const flush = async (): Promise<void> => {
      if (batch.length === 0) return;
      await sleep(clock, dueAt - clock.now(), options.signal);
      dueAt = Math.max(dueAt, clock.now()) + (batch.length * 1_000) / rate;
      await transport.send(
        batch.map(({ letter }) => replayed(letter, this.#origin)),
        SEND_MS,
      );
      for (const { done } of batch) done();
      batch = [];
    };
    return this.#work(filter, options, {
      take: async (letter, done) => {
        batch.push({ letter, done });
        if (batch.length >= batchSize) await flush();
      },
      end: flush,
    });
  }

  /** Puts matching letters away for good, and returns how many. */
  async purge(filter: DeadLetterFilter = {}, work: DeadLetterWork = {}): Promise<number> {
    return this.#work(filter, work, {
      take: async (_, done) => done(),
      end: async () => {},
    });
  }

  async #work(
    filter: DeadLetterFilter,
    options: ReplayOptions,
    {
      take,
      end,
    }: { take(letter: DeadLetter, done: () => void): Promise<void>; end(): Promise<void> },
  ): Promise<number> {
    const { limit = Number.POSITIVE_INFINITY, signal, onProgress } = options;
    const reader = new LetterReader(this.#queue, this.#topic, { group: this.#topic });
    let taken = 0;
    let seen = 0;
    try {
      for await (const { record, done } of reader.read(signal)) {
        seen++;
        const letter = letterOf(record);
        if (matches(letter, filter)) {
          await take(letter, done);
          taken++;
        }
        if (seen % BATCH === 0) onProgress?.({ seen, total: reader.total });
        if (taken >= limit) break;
      }
      await end();
      onProgress?.({ seen: reader.total, total: reader.total });
    } finally {
      await reader.close();
    }
    return taken;
  }
}
