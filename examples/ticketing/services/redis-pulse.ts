/**
 * A Redis that is frozen keeps its connections and never answers: each caller would find that out for himself, by waiting. Here
 * one ping after the other finds it out for all of them, those who wait already included. A pool's own deadline
 * (`commandTimeoutMs`) is each call's: as short as this it would also cut those that a rush makes slow.
 */
import type { Redis } from 'ioredis';
import { ProblemError } from './problem.ts';

/** looked at so often within the silence that counts */
const looks = 4;

export class RedisPulse {
  readonly #redis: Pick<Redis, 'ping'>;
  readonly #silenceMs: number;
  readonly #onChange: (isSilent: boolean) => void;
  readonly #timer: NodeJS.Timeout;
  /** those who wait for Redis, to be told when there is no use in it */
  readonly #waiting = new Set<(error: Error) => void>();
  #askedAt: number | undefined;
  #isSilent = false;

  constructor(options: {
    redis: Pick<Redis, 'ping'>;
    /** no answer for so long is silence */
    silenceMs: number;
    onChange: (isSilent: boolean) => void;
  }) {
    this.#redis = options.redis;
    this.#silenceMs = options.silenceMs;
    this.#onChange = options.onChange;
    this.#timer = setInterval(() => this.#look(), this.#silenceMs / looks).unref();
  }

  /**
   * What `work` makes of Redis; it may still be done after this has given up on it.
   * @throws ProblemError `unavailable` as soon as Redis is silent
   */
  guard<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isSilent) return Promise.reject(unavailable());
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      work()
        .then(resolve, reject)
        .finally(() => this.#waiting.delete(reject));
    });
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    if (this.#askedAt === undefined) return void this.#ask();
    if (performance.now() - this.#askedAt < this.#silenceMs) return;
    // after a pause of our own the answer may be there and not read yet
    const askedAt = this.#askedAt;
    setImmediate(() => {
      if (this.#askedAt === askedAt) this.#change(true);
    });
  }

  async #ask(): Promise<void> {
    this.#askedAt = performance.now();
    // a connection that is broken is no silence: whoever uses it is told so
    const isWell = await this.#redis.ping().then(
      () => true,
      () => false,
    );
    this.#askedAt = undefined;
    if (isWell) this.#change(false);
  }

  #change(isSilent: boolean): void {
    if (isSilent === this.#isSilent) return;
    this.#isSilent = isSilent;
    this.#onChange(isSilent);
    if (isSilent) for (const reject of this.#waiting) reject(unavailable());
  }
}

const unavailable = () =>
  new ProblemError('unavailable', 'The ticket office cannot do that right now. Please try again.', {
    retryAfterMs: 1_000,
  });
