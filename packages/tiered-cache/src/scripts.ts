import { createHash } from 'node:crypto';
import type { RedisLike } from './redis-like.ts';

/*
 * Data and log entry are changed by one script, so that they are atomic on the master and arrive on
 * every replica together and in order.
 *
 * | key of namespace N   | holds |
 * |---|---|
 * | tc:{N}:log           | stream of changes; p: id of the entry before, o: what happened, k: to what |
 * | tc:{N}:gen           | id of the last clear: entries as of before it do not exist |
 * | tc:{N}:e:KEY         | entry: `tc2 <as of> <fresh until, ms> <load, ms> <shape> <encoding> <tags, JSON>\n<value>` |
 * | tc:{N}:l:KEY         | lease: token of the one who loads the key now |
 * | tc:{N}:r:KEY         | the key changed less than `sourceLagMs` ago |
 * | tc:{N}:t:TAG         | id of the last invalidation of the tag |
 *
 * "As of" is the newest id of the log before the load began: the value knows of every change up to it.
 * The entry of the log names its predecessor, so that a follower sees exactly whether it missed one.
 */

const COMMON = `
local function last()
  local newest = redis.call('XREVRANGE', LOG, '+', '-', 'COUNT', 1)
  return newest[1] and newest[1][1] or '0-0'
end
local function append(length, op, key)
  return redis.call('XADD', LOG, 'MAXLEN', '~', length, '*', 'p', last(), 'o', op, 'k', key)
end
local function newer(a, b)
  local am, as = string.match(a, '^(%d+)-(%d+)$')
  local bm, bs = string.match(b, '^(%d+)-(%d+)$')
  am, bm = tonumber(am), tonumber(bm)
  if am ~= bm then return am > bm end
  return tonumber(as) > tonumber(bs)
end
local function valid(as_of, tags)
  local gen = redis.call('GET', GEN)
  if gen and newer(gen, as_of) then return false end
  if tags ~= '[]' then
    local base = string.sub(GEN, 1, -4)
    for _, tag in ipairs(cjson.decode(tags)) do
      local stamp = redis.call('GET', base .. 't:' .. tag)
      if stamp and newer(stamp, as_of) then return false end
    end
  end
  return true
end
`;

/** A Lua script, run by its hash and sent whole only when the server does not know it. */
export class Script {
  readonly #source: string;
  readonly #sha: string;

  constructor(body: string) {
    this.#source = body;
    this.#sha = createHash('sha1').update(body).digest('hex');
  }

  async run(
    client: RedisLike,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    try {
      return await client.evalsha(this.#sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return await client.eval(this.#source, keys.length, ...keys, ...args);
    }
  }
}

/**
 * KEYS  entry lease log recent
 * ARGV  key length-of-log source-lag-ms
 * Reply id
 */
export const INVALIDATE = new Script(`
local LOG = KEYS[3]
${COMMON}
redis.call('UNLINK', KEYS[1], KEYS[2])
if ARGV[3] ~= '0' then redis.call('SET', KEYS[4], '', 'PX', ARGV[3]) end
return append(ARGV[2], 'd', ARGV[1])
`);

/**
 * Ends the time of the entry, which may then only stand in.
 *
 * KEYS  entry lease log recent
 * ARGV  key length-of-log source-lag-ms now-ms grace-ms
 * Reply id
 */
export const EXPIRE = new Script(`
local LOG = KEYS[3]
${COMMON}
redis.call('UNLINK', KEYS[2])
if ARGV[3] ~= '0' then redis.call('SET', KEYS[4], '', 'PX', ARGV[3]) end
local envelope = redis.call('GET', KEYS[1])
local head, fresh_until, rest = string.match(envelope or '', '^(tc2 %d+%-%d+ )(%d+)( .*)$')
if head and ARGV[5] ~= '0' then
  if tonumber(fresh_until) > tonumber(ARGV[4]) then
    redis.call('SET', KEYS[1], head .. ARGV[4] .. rest, 'PX', ARGV[5])
  end
else
  redis.call('UNLINK', KEYS[1])
end
return append(ARGV[2], 'x', ARGV[1])
`);

/**
 * KEYS  entry lease log
 * ARGV  key length-of-log life-ms rest-of-envelope
 * Reply id
 */
export const SET = new Script(`
local LOG = KEYS[3]
${COMMON}
local id = append(ARGV[2], 's', ARGV[1])
redis.call('SET', KEYS[1], 'tc2 ' .. id .. ' ' .. ARGV[4], 'PX', ARGV[3])
redis.call('UNLINK', KEYS[2])
return id
`);

/**
 * Removes the entry and takes the lease from whoever has it: who reads meanwhile waits for the write.
 *
 * KEYS  entry lease log
 * ARGV  key length-of-log token lease-ms
 * Reply id
 */
export const BEGIN_WRITE = new Script(`
local LOG = KEYS[3]
${COMMON}
redis.call('UNLINK', KEYS[1])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
return append(ARGV[2], 'd', ARGV[1])
`);

/**
 * Stores what was written to the source, unless anything changed the key or a tag since the write
 * began: which of the two came last there cannot be known, so then the key is invalidated.
 *
 * KEYS  entry lease log gen
 * ARGV  key length-of-log token as-of tags life-ms rest-of-envelope
 * Reply {1 when it was stored or 0, id}
 */
export const END_WRITE = new Script(`
local LOG, GEN = KEYS[3], KEYS[4]
${COMMON}
local alone = redis.call('GET', KEYS[2]) == ARGV[3] and valid(ARGV[4], ARGV[5])
redis.call('UNLINK', KEYS[1], KEYS[2])
if not alone then return { 0, append(ARGV[2], 'd', ARGV[1]) } end
local id = append(ARGV[2], 's', ARGV[1])
redis.call('SET', KEYS[1], 'tc2 ' .. id .. ' ' .. ARGV[7], 'PX', ARGV[6])
return { 1, id }
`);

/**
 * KEYS  log gen
 * ARGV  length-of-log life-of-stamps-ms tag...
 * Reply id
 */
export const INVALIDATE_TAGS = new Script(`
local LOG, GEN = KEYS[1], KEYS[2]
${COMMON}
local id = append(ARGV[1], 't', cjson.encode({ unpack(ARGV, 3) }))
local base = string.sub(GEN, 1, -4)
for i = 3, #ARGV do redis.call('SET', base .. 't:' .. ARGV[i], id, 'PX', ARGV[2]) end
return id
`);

/**
 * KEYS  log gen
 * ARGV  length-of-log
 * Reply id
 */
export const CLEAR = new Script(`
local LOG, GEN = KEYS[1], KEYS[2]
${COMMON}
local id = append(ARGV[1], 'c', '')
redis.call('SET', GEN, id)
return id
`);

/**
 * Reads the entry, or gives the right to load it; with `early` also while it is fresh.
 *
 * KEYS  entry lease log gen recent
 * ARGV  token now-ms lease-ms length-of-log shape early
 * Reply {'HIT', envelope} or {'LEASE' | 'BUSY', envelope past its time or nil, as of, 1 when it changed recently}
 */
export const LEASE_GET = new Script(`
local LOG, GEN = KEYS[3], KEYS[4]
${COMMON}
local envelope = redis.call('GET', KEYS[1])
local fresh = false
if envelope then
  local as_of, fresh_until, shape, tags =
    string.match(envelope, '^tc2 (%d+%-%d+) (%d+) %d+ (%S+) %a ([^\\n]*)\\n')
  if not as_of or shape ~= ARGV[5] or not valid(as_of, tags) then
    envelope = false
  else
    fresh = tonumber(fresh_until) > tonumber(ARGV[2])
  end
end
if fresh and ARGV[6] == '0' then return { 'HIT', envelope } end
local got = redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3], 'NX')
if fresh and not got then return { 'HIT', envelope } end
local as_of = last()
-- an empty log gets an entry, for its loss could not be noticed
if as_of == '0-0' then as_of = append(ARGV[4], 'k', '') end
return { got and 'LEASE' or 'BUSY', envelope, as_of, redis.call('EXISTS', KEYS[5]) }
`);

/**
 * Writes what was loaded under a lease, unless anything has invalidated it since.
 *
 * KEYS  entry lease log gen
 * ARGV  token as-of tags life-ms rest-of-envelope
 * Reply 1 or 0
 */
export const LEASE_SET = new Script(`
local LOG, GEN = KEYS[3], KEYS[4]
${COMMON}
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
if not valid(ARGV[2], ARGV[3]) then return 0 end
redis.call('SET', KEYS[1], 'tc2 ' .. ARGV[2] .. ' ' .. ARGV[5], 'PX', ARGV[4])
return 1
`);

/**
 * KEYS  lease
 * ARGV  token lease-ms
 * Reply 1 or 0
 */
export const LEASE_EXTEND = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

/**
 * KEYS  lease
 * ARGV  token
 * Reply 1 or 0
 */
export const LEASE_RELEASE = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`);

/**
 * Writes a sign of life to the log unless there is a recent entry.
 *
 * KEYS  log
 * ARGV  every-ms length-of-log
 * Reply newest id
 */
export const TICK = new Script(`
local LOG = KEYS[1]
${COMMON}
local time = redis.call('TIME')
local newest = last()
local age = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(string.match(newest, '^%d+'))
if age >= 0 and age < tonumber(ARGV[1]) then return newest end
return append(ARGV[2], 'k', '')
`);

/**
 * KEYS  log
 * Reply newest id
 */
export const NEWEST = new Script(`
local LOG = KEYS[1]
${COMMON}
return last()
`);
