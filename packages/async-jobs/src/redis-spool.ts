import { randomUUID } from 'node:crypto';
import { SpoolFullError } from './errors.ts';
import { knownOptions } from './known-options.ts';
import { integer, name } from './options.ts';
import type { RedisLike } from './redis-status.ts';
import type { Spool } from './spool.ts';
import type { OutgoingRecord } from './transport.ts';

/** What `redisSpool` takes beside the client. */
export interface RedisSpoolOptions {
  /** First part of its two keys. Default `jobs`. */
  readonly prefix?: string;
  /** Jobs it holds at most; then `enqueue` rejects. Default 100,000. */
  readonly maxJobs?: number;
}

const LOCK_MS = 30_000;

/** KEYS[1] list; ARGV[1] most entries, ARGV[2...] records; reply 1, or 0 when they do not fit */
const PUSH = `if redis.call('LLEN', KEYS[1]) + #ARGV - 1 > tonumber(ARGV[1]) then return 0 end
for i = 2, #ARGV do redis.call('RPUSH', KEYS[1], ARGV[i]) end
return 1`;

/** KEYS[1] list, KEYS[2] lock; ARGV[1] owner, ARGV[2] its milliseconds, ARGV[3] most records; reply the records, or nil when another has the lock */
const TAKE = `if not redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return nil end
return redis.call('LRANGE', KEYS[1], 0, ARGV[3] - 1)`;

/** KEYS as above; ARGV[1] owner, ARGV[2] records to remove: none when the lock was lost, so that they are sent again rather than lost */
const DONE = `if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('LTRIM', KEYS[1], ARGV[2], -1)
return redis.call('DEL', KEYS[2])`;

/**
 * A bounded spool in a Redis list. As durable as that Redis is: with `appendfsync everysec` a crash
 * of its machine can cost the last second.
 *
 * @throws RangeError or TypeError naming field, rule and value
 */
export function redisSpool(redis: RedisLike, options: RedisSpoolOptions = {}): Spool {
  knownOptions(options, { prefix: true, maxJobs: true });
  const prefix = name('prefix', options.prefix ?? 'jobs');
  const maxJobs = integer('maxJobs', options.maxJobs ?? 100_000, 1);
  const keys = [`{${prefix}:spool}`, `{${prefix}:spool}:lock`] as const;
  return {
    async push(records) {
      const entries = records.map((record) => JSON.stringify(record));
      const fits = await redis.eval(PUSH, 1, keys[0], maxJobs, ...entries);
      if (fits === 0) throw new SpoolFullError(maxJobs);
    },
    async take(limit, deliver) {
      const owner = randomUUID();
      const entries = (await redis.eval(TAKE, 2, ...keys, owner, LOCK_MS, limit)) as
        | string[]
        | null;
      if (entries === null) return 'busy';
      let sent = 0;
      try {
        if (entries.length > 0)
          await deliver(entries.map((one) => JSON.parse(one) as OutgoingRecord));
        sent = entries.length;
      } finally {
        await redis.eval(DONE, 2, ...keys, owner, sent);
      }
      return sent;
    },
  };
}
