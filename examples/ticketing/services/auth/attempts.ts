/** Guessing passwords of one account is cut off, wherever the guesses come from. */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { ProblemError } from '../problem.ts';

/** KEYS[1] counter. ARGV: window ms. Replies {attempts with this one, ms until the window ends}. */
const countScript = `
local attempts = redis.call('INCR', KEYS[1])
if attempts == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {attempts, redis.call('PTTL', KEYS[1])}`;

export class LoginAttempts {
  readonly #redis: Redis;
  readonly #namespace: string;
  readonly #limit: number;
  readonly #windowMs: number;

  /** Default: 10 attempts in 15 minutes, counted from the first; a login that works clears them. */
  constructor(options: { redis: Redis; namespace: string; limit?: number; windowMs?: number }) {
    this.#redis = options.redis;
    this.#namespace = options.namespace;
    this.#limit = options.limit ?? 10;
    this.#windowMs = options.windowMs ?? 15 * 60_000;
  }

  /** Counted before the password is looked at, so that parallel guesses cannot slip through. */
  async count(email: string): Promise<void> {
    const [attempts, retryAfterMs] = (await this.#redis.eval(
      countScript,
      1,
      this.#key(email),
      this.#windowMs,
    )) as [number, number];
    if (attempts <= this.#limit) return;
    const message = 'Too many attempts for this account. Please wait a little.';
    throw new ProblemError('too_many_attempts', message, { retryAfterMs });
  }

  async clear(email: string): Promise<void> {
    await this.#redis.del(this.#key(email));
  }

  #key(email: string): string {
    const account = createHash('sha256').update(email.toLowerCase()).digest('base64url');
    return `${this.#namespace}:attempts:${account}`;
  }
}
