import { systemClock } from './clock.ts';
import { integer, name } from './options.ts';
import type { RateLimit, RateLimitOptions } from './rate-limit.ts';
import type { RedisLike } from './redis-status.ts';
import { within } from './within.ts';

/**
 * KEYS[1]  the beginnings of the last window, a sorted set scored by their moments
 * ARGV[1]  how many in a window, ARGV[2] the window in milliseconds
 * reply    0 and one more is counted; else milliseconds until the oldest leaves the window
 */
const TAKE = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local per = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - per)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then
  return redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] + per - now
end
redis.call('ZADD', KEYS[1], now, redis.call('INCR', KEYS[1] .. ':n'))
redis.call('PEXPIRE', KEYS[1], per)
redis.call('PEXPIRE', KEYS[1] .. ':n', per)
return 0`;

const ANSWER_MS = 500;

/**
 * A limit shared by all workers that name it, kept in Redis: at most `max` attempts begin within
 * any `perMs` milliseconds. While Redis is away nothing is limited: a job is worth more. An answer that
 * takes longer than half a second is none, and Redis is not asked again before it has come.
 *
 * @throws RangeError or TypeError naming field, rule and value
 */
export function redisRateLimit(
  redis: RedisLike,
  options: RateLimitOptions & { readonly name: string; readonly prefix?: string },
): RateLimit {
  const max = integer('max', options.max, 1, 100_000);
  const perMs = integer('perMs', options.perMs, 1);
  const key = `{${name('prefix', options.prefix ?? 'jobs')}:limit:${name('name', options.name)}}`;
  let isLate = false;
  const answered = (): void => {
    isLate = false;
  };
  const ask = async (): Promise<unknown> => redis.eval(TAKE, 1, key, max, perMs);
  return {
    async take() {
      if (isLate) return 0;
      const asked = ask();
      try {
        return Number(await within(systemClock, ANSWER_MS, asked, 'Redis'));
      } catch {
        isLate = true;
        asked.then(answered, answered);
        return 0;
      }
    },
  };
}
