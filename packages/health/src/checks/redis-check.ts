import { randomBytes } from 'node:crypto';
import type { CheckSource } from '../check.ts';
import { UnexpectedDataError } from '../errors.ts';
import { knownOptions } from '../known-options.ts';
import { requireMethods, requireText } from '../options.ts';

/** What is called of an ioredis client (or Cluster, or iovalkey). */
export interface RedisLike {
  set(key: string, value: string, mode: 'PX', ttlMs: number): Promise<unknown>;
  get(key: string): Promise<string | null>;
  del(key: string): Promise<unknown>;
}

/** Where `redisCheck` writes. */
export interface RedisCheckOptions {
  /** What its key begins with; default `evenkeel:health`. Every instance adds a random part of its own. */
  readonly keyPrefix?: string;
}

/** Should the delete get lost, Redis forgets the key by itself. */
const KEY_TTL_MS = 10_000;

/**
 * Writes a value, reads it back and deletes it, through the caller's own client: this finds a replica that took over
 * read-only, a full memory and a proxy that answers PING for a dead master, none of which PING does.
 * Scope `shared`. Resolves with `{ roundTrips: 3 }`.
 * A command that the client queues while it is offline cannot be taken back; the check then stays unwell and is not
 * repeated until the client has answered.
 * @throws TypeError when `redis` lacks `set`, `get` or `del`.
 */
export function redisCheck(redis: RedisLike, options: RedisCheckOptions = {}): CheckSource {
  requireMethods('redis', redis, ['set', 'get', 'del']);
  knownOptions(options, { keyPrefix: true });
  const prefix = requireText(
    'keyPrefix',
    options.keyPrefix ?? 'evenkeel:health',
    /\S/,
    'not to be empty',
  );
  const key = `${prefix}:${randomBytes(8).toString('hex')}`;
  let round = 0;
  return {
    name: 'redis',
    scope: 'shared',
    async check(signal) {
      const written = `round ${++round}`;
      await redis.set(key, written, 'PX', KEY_TTL_MS);
      signal.throwIfAborted();
      const read = await redis.get(key);
      if (read !== written) {
        const what = read === null ? 'nothing' : 'another value';
        throw new UnexpectedDataError('redis', `wrote a value and read ${what} back`);
      }
      signal.throwIfAborted();
      await redis.del(key);
      return { roundTrips: 3 };
    },
  };
}
