/**
 * Passwords are hashed by scrypt in libuv's threads, a few at a time: a login storm queues here for
 * moments and is then refused, instead of taking the memory and the threads of the whole process.
 * The parameters and what they cost are chosen in docs/decisions/0061.
 */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { ProblemError } from '../problem.ts';

const keyBytes = 32;
const blockSize = 8;

export type PasswordOptions = {
  /** log2 of scrypt's N. Memory of one hash = 1 KiB x 2^costLog2. */
  costLog2: number;
  /** scrypt's p: how often that work is done, one after another. Default 5 */
  passes?: number;
  /** hashes computed at once; default: the processors, at most 3 of libuv's 4 threads */
  concurrency?: number;
  /** callers that may wait; one more is refused. Default 200 */
  maxQueue?: number;
};

export class Passwords {
  readonly #costLog2: number;
  readonly #passes: number;
  readonly #concurrency: number;
  readonly #maxQueue: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #decoy: Promise<string> | undefined;

  constructor(options: PasswordOptions) {
    this.#costLog2 = options.costLog2;
    this.#passes = options.passes ?? 5;
    this.#concurrency = options.concurrency ?? Math.min(3, availableParallelism());
    this.#maxQueue = options.maxQueue ?? 200;
  }

  /** `scrypt$<log2 N>$<p>$<salt>$<key>`: the cost is stored, so it can rise without a reset. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(16);
    const key = await this.#derive(password, salt, this.#costLog2, this.#passes);
    const text = [salt, key].map((bytes) => bytes.toString('base64url'));
    return ['scrypt', this.#costLog2, this.#passes, ...text].join('$');
  }

  /**
   * `stored` undefined means that there is no such account: the same work is done for it, so that
   * the time of the answer does not tell which addresses have one.
   */
  async verify(password: string, stored: string | undefined): Promise<boolean> {
    this.#decoy ??= this.hash(randomBytes(16).toString('hex'));
    const [, costLog2, passes, salt, key] = (stored ?? (await this.#decoy)).split('$');
    if (!costLog2 || !passes || !salt || !key) {
      throw new Error('A stored password hash is not of our making');
    }
    const bytes = Buffer.from(salt, 'base64url');
    const derived = await this.#derive(password, bytes, Number(costLog2), Number(passes));
    return timingSafeEqual(derived, Buffer.from(key, 'base64url')) && stored !== undefined;
  }

  async #derive(password: string, salt: Buffer, costLog2: number, parallelization: number) {
    await this.#enter();
    try {
      const cost = 2 ** costLog2;
      const maxmem = 2 * 128 * cost * blockSize;
      return await scryptAsync(password, salt, { cost, blockSize, parallelization, maxmem });
    } finally {
      this.#leave();
    }
  }

  #enter(): Promise<void> {
    if (this.#running < this.#concurrency) {
      this.#running += 1;
      return Promise.resolve();
    }
    if (this.#waiting.length >= this.#maxQueue) {
      const message = 'Very many people are logging in. Please try again in a moment.';
      return Promise.reject(new ProblemError('unavailable', message, { retryAfterMs: 2_000 }));
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The slot is handed to the next in line; it is free only when nobody waits. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running -= 1;
  }
}

function scryptAsync(password: string, salt: Buffer, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // NFKC: the same password typed on another keyboard is the same password
    scrypt(password.normalize('NFKC'), salt, keyBytes, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
