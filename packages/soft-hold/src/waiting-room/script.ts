/**
 * The state of a waiting room: one step of its pacing, an admission, or somebody leaving. No call is
 * made by a poll, and none by somebody who only waits.
 *
 * KEYS  r (hash: id, born, opened, admitted, claimed, tick, pace, now), b (hash: arrivals by bucket), a (zset: accounts
 *       with a pass, by its expiry), c (zset: ticks by time, what they admitted)
 * ARGV  tick   clock JSON [[bucket, people]...] JSON {opensAt, everyMs, perSecond, maxActive, claimMs, units, seen, nonce, least}
 *       enter  clock account expiresAt
 *       leave  clock account
 *       read   clock
 * Reply tick   JSON [now, opened, admitted, active, pace, [bucket, people...], born, id]; read the same
 *              or `lost`, and nothing was done: the data are not those that the caller has `seen`
 *       enter  the time at which the account's pass expires, as it was given first
 *       leave  1, or 0 when there was no pass
 *
 * Data have an id from the first tick on, so that their loss is noticed: then every process tells all of its arrivals
 * again, to the new data, and that no fewer than `least` were admitted.
 *
 * A tick within 0.9 of everyMs of the last one only adds arrivals: a timer that is a little early must not make everybody wait
 * for the next one, and then come twice as many at once. People who were admitted and have not
 * come for their pass count as active for claimMs, then their share is given on.
 */
export const ROOM_SCRIPT = `
local R, B, A, C = unpack(KEYS)
local step, now = ARGV[1], tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
now = math.max(now, tonumber(redis.call('HGET', R, 'now') or 0))
local int = function(x) return string.format('%.0f', x) end

if step == 'enter' then
  local has = redis.call('ZSCORE', A, ARGV[3])
  if has and tonumber(has) > now then return has end
  redis.call('ZADD', A, ARGV[4], ARGV[3])
  redis.call('HINCRBY', R, 'claimed', 1)
  return ARGV[4]
elseif step == 'leave' then
  return redis.call('ZREM', A, ARGV[3])
end

local rules = step == 'tick' and cjson.decode(ARGV[4])
local id, born = unpack(redis.call('HMGET', R, 'id', 'born'))
if rules then
  if rules.seen ~= '' and rules.seen ~= id then return 'lost' end
  if not id then
    id, born = rules.nonce, int(now)
    redis.call('HSET', R, 'id', id, 'born', born)
  end
end
redis.call('ZREMRANGEBYSCORE', A, '-inf', int(now))
local room = redis.call('HMGET', R, 'opened', 'admitted', 'tick', 'claimed', 'pace')
local admitted, tick, claimed, pace = tonumber(room[2] or 0), tonumber(room[3] or 0), tonumber(room[4] or 0), tonumber(room[5] or 0)
local opened = room[1]
if rules then
  redis.call('HSET', R, 'now', int(now))
  for _, arrival in ipairs(cjson.decode(ARGV[3])) do redis.call('HINCRBY', B, arrival[1], arrival[2]) end
  if rules.least > admitted then
    -- they were admitted, and whether they came for their pass nobody knows any more
    claimed = claimed + rules.least - admitted
    admitted = rules.least
    redis.call('HSET', R, 'admitted', admitted, 'claimed', claimed)
  end
  if not opened and now >= rules.opensAt then
    opened = int(now)
    tick = now
    redis.call('HSET', R, 'opened', opened, 'tick', int(now))
  end
  if opened and now - tick >= 0.9 * rules.everyMs then
    -- who was admitted lately and has not come yet still may
    redis.call('ZREMRANGEBYSCORE', C, '-inf', int(now - rules.claimMs))
    local lately = 0
    for _, one in ipairs(redis.call('ZRANGE', C, 0, -1)) do lately = lately + tonumber(string.match(one, ':(%d+)$')) end
    local absent = math.max(0, math.min(lately, admitted - claimed))
    -- who comes in this very second is counted when it is over
    local total, present = 0, 1024 + math.floor((now - rules.opensAt) / 1000)
    local people = redis.call('HGETALL', B)
    for i = 1, #people, 2 do
      if tonumber(people[i]) < present then total = total + tonumber(people[i + 1]) end
    end
    local room_for = rules.maxActive
    if rules.units >= 0 then room_for = math.min(room_for, rules.units) end
    room_for = room_for - redis.call('ZCARD', A) - absent
    local rate = rules.perSecond * math.min(now - tick, 10 * rules.everyMs) / 1000
    local allowed = math.max(0, math.floor(math.min(rate, room_for, total - admitted)))
    if allowed > 0 then redis.call('ZADD', C, int(now), int(now) .. ':' .. allowed) end
    local since = now - tick
    -- a rate below one a tick adds up
    if rate >= 1 then tick = now end
    admitted = admitted + allowed
    pace = 0.8 * pace + 0.2 * allowed * 1000 / since
    redis.call('HSET', R, 'admitted', admitted, 'tick', int(tick), 'pace', pace)
  end
end
return cjson.encode({ now, opened and tonumber(opened) or 0, admitted, redis.call('ZCARD', A), pace, redis.call('HGETALL', B), tonumber(born or 0), id or '' })
`;
