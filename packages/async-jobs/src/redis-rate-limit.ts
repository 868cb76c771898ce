import { integer, name } from './options.ts';
import type { RateLimit, RateLimitOptions } from './rate-limit.ts';
import type { RedisLike } from './redis-status.ts';

/**
 * KEYS[1]  the moments that were given out, a sorted set scored by themselves
 * ARGV[1]  how many in a window, ARGV[2] the window in milliseconds
 * reply    milliseconds until the caller's moment, by Redis' clock
 */
const RESERVE = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local max, per = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. (now - per))
local at = now
local given = redis.call('ZCARD', KEYS[1])
if given >= max then
  local before = redis.call('ZRANGE', KEYS[1], given - max, given - max, 'WITHSCORES')
  at = math.max(now, tonumber(before[2]) + per)
end
local n = redis.call('INCR', KEYS[1] .. ':n')
redis.call('ZADD', KEYS[1], at, n)
redis.call('PEXPIRE', KEYS[1], at - now + per)
redis.call('PEXPIRE', KEYS[1] .. ':n', at - now + per)
return at - now`;

/**
 * A limit shared by all workers that name it, kept in Redis: at most `max` attempts begin within
 * any `perMs` milliseconds. While Redis is away nothing is limited: a job is worth more.
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
  return {
    async reserve() {
      try {
        return Number(await redis.eval(RESERVE, 1, key, max, perMs));
      } catch {
        return 0;
      }
    },
  };
}
