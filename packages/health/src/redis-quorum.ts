import { randomBytes } from 'node:crypto';
import { knownOptions } from './known-options.ts';
import { requireMethods, requireNumber, requireText } from './options.ts';
import type { Quorum, QuorumCount, QuorumVote } from './quorum.ts';

/** What is called of an ioredis client (or Cluster, or iovalkey). */
export interface QuorumRedisLike {
  eval(
    script: string,
    keyCount: number,
    ...keysAndArguments: (string | number)[]
  ): Promise<unknown>;
}

/** How votes are kept. */
export interface RedisQuorumOptions {
  /** How long, in ms, a vote is remembered: longer than the interval of the probes; default 15,000. */
  readonly voteTtlMs?: number;
  /**
   * How long after this instance's first failure, in ms, the others must have had a good run for it to count; default
   * 1,000. It covers answers that were under way when the dependency died: at least the `timeoutMs` of the checks.
   */
  readonly settleMs?: number;
  /** What the keys begin with; default `evenkeel:health`. */
  readonly keyPrefix?: string;
}

/**
 * Casts a vote and counts the others'. Times are the server's, in ms. O(log n) in the instances.
 *
 * KEYS  1 sorted set of instances whose last run was good, by time of the vote;  2 of those whose last run failed
 * ARGV  1 instance  2 "1" well, "0" unwell  3 TTL of a vote  4 when this instance's trouble began, "0" now
 *       5 how long after that a good run must have ended to count
 * reply { time, others well since then, others unwell }
 */
const VOTE = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local ttl = tonumber(ARGV[3])
local isWell = ARGV[2] == '1'
redis.call('ZADD', KEYS[isWell and 1 or 2], now, ARGV[1])
redis.call('ZREM', KEYS[isWell and 2 or 1], ARGV[1])
for i = 1, 2 do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now - ttl)
  -- of a clock that was set back: nobody knows when these were cast
  redis.call('ZREMRANGEBYSCORE', KEYS[i], now + 1, '+inf')
  redis.call('PEXPIRE', KEYS[i], ttl)
end
if isWell then return { now, 0, 0 } end
local since = tonumber(ARGV[4])
if since == 0 or since > now then since = now end
local well = redis.call('ZCOUNT', KEYS[1], '(' .. (since + tonumber(ARGV[5])), '+inf')
return { now, well, redis.call('ZCARD', KEYS[2]) - 1 }
`;

/**
 * Lets the instances of one service compare notes in Redis: an instance that is cut off from a shared dependency while
 * most others reach it leaves the service; when all of them fail, all of them stay (degraded).
 *
 * With Redis dead, slow, or itself the dependency that is cut off, nothing is known of the others and readiness stays
 * up. One short script per run of a shared check, two sorted sets per check; in a Cluster both in one slot.
 * @throws TypeError or RangeError naming field, rule and value.
 */
export function redisQuorum(redis: QuorumRedisLike, options: RedisQuorumOptions = {}): Quorum {
  requireMethods('redis', redis, ['eval']);
  knownOptions(options, { voteTtlMs: true, settleMs: true, keyPrefix: true });
  const settleMs = requireNumber('settleMs', options.settleMs ?? 1_000, 0, 3_600_000);
  const voteTtlMs = requireNumber(
    'voteTtlMs',
    options.voteTtlMs ?? 15_000,
    settleMs + 1,
    86_400_000,
  );
  const prefix = requireText(
    'keyPrefix',
    options.keyPrefix ?? 'evenkeel:health',
    /^[^{}\s]+$/,
    'without space or braces',
  );
  const instance = randomBytes(8).toString('hex');
  /** When the run of failures of each check began, by the server's clock. */
  const troubles = new Map<string, number>();

  return {
    async vote({ service, check, isWell }: QuorumVote): Promise<QuorumCount> {
      const base = `${prefix}:quorum:{${service}:${check}}`;
      if (isWell) troubles.delete(check);
      const since = troubles.get(check) ?? 0;
      const settings = [instance, isWell ? '1' : '0', voteTtlMs, since, settleMs];
      const reply = await redis.eval(VOTE, 2, `${base}:well`, `${base}:unwell`, ...settings);
      const [now, well, unwell] = (reply as unknown[]).map(Number) as [number, number, number];
      if (!isWell && (since === 0 || since > now)) troubles.set(check, now);
      return { well, unwell };
    },
  };
}
