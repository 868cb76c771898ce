/**
 * Guessing passwords is cut off: of one account wherever the guesses come from, and from one address
 * whichever accounts it tries.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { ProblemError } from '../problem.ts';

/**
 * KEYS[1], KEYS[2] counters of account and address. ARGV: window ms.
 * Replies {attempts, ms until the window ends} of each, this attempt included.
 */
const countScript = `
local reply = {}
for i, key in ipairs(KEYS) do
  local attempts = redis.call('INCR', key)
  if attempts == 1 then redis.call('PEXPIRE', key, ARGV[1]) end
  reply[2 * i - 1] = attempts
  reply[2 * i] = redis.call('PTTL', key)
end
return reply`;

export type LoginAttemptsOptions = {
  redis: Redis;
  namespace: string;
  /** of one account in a window. Default 10 */
  perAccount?: number;
  /** of one address in a window; offices and phone networks share theirs. Default 300 */
  perAddress?: number;
  /** counted from the first attempt, in ms. Default 15 minutes */
  windowMs?: number;
};

export class LoginAttempts {
  readonly #redis: Redis;
  readonly #namespace: string;
  readonly #perAccount: number;
  readonly #perAddress: number;
  readonly #windowMs: number;

  constructor(options: LoginAttemptsOptions) {
    this.#redis = options.redis;
    this.#namespace = options.namespace;
    this.#perAccount = options.perAccount ?? 10;
    this.#perAddress = options.perAddress ?? 300;
    this.#windowMs = options.windowMs ?? 15 * 60_000;
  }

  /**
   * Counted before the password is looked at, so that parallel guesses cannot slip through.
   * @throws ProblemError `too_many_attempts`
   */
  async count(email: string, address: string): Promise<void> {
    const keys = [this.#key('account', email.toLowerCase()), this.#key('address', address)];
    const [ofAccount, accountMs, ofAddress, addressMs] = (await this.#redis.eval(
      countScript,
      2,
      ...keys,
      this.#windowMs,
    )) as [number, number, number, number];
    if (ofAccount > this.#perAccount) refuse('for this account', accountMs);
    if (ofAddress > this.#perAddress) refuse('from your network', addressMs);
  }

  /** A login that works: the account's guesses are forgotten, the address's are not. */
  async clear(email: string): Promise<void> {
    await this.#redis.del(this.#key('account', email.toLowerCase()));
  }

  /** Hashed: neither addresses of people nor of machines lie about in Redis. */
  #key(kind: 'account' | 'address', text: string): string {
    const hash = createHash('sha256').update(text).digest('base64url');
    return `${this.#namespace}:attempts:${kind}:${hash}`;
  }
}

function refuse(whose: string, retryAfterMs: number): never {
  const message = `Too many attempts ${whose}. Please wait a little.`;
  throw new ProblemError('too_many_attempts', message, { retryAfterMs: Math.max(0, retryAfterMs) });
}
