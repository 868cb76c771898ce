/**
 * The one script that changes a pool. It takes a batch of requests and decides each by itself.
 *
 * KEYS  m c h x k g u o l (see keys.ts)
 * ARGV  1 epoch the caller believes in
 *       2 highest seq the caller has seen in that epoch
 *       3 clock in ms, or '' for the server's
 *       4 JSON [[ttl, grace, maxHold, commit, replay, limit, sweep], request, ...]
 * Reply JSON ["ok", seq, now, more, result, ...], `more` is 1 when further holds are due
 *       or   ["lost", epoch, seq] when the data is missing, of another epoch or has gone back
 *
 * | request | results |
 * |---|---|
 * | hold id holder items | held token created expires replayed, sold_out sku free retryAt, seat_taken sku seats, limit max has, conflict, closed, ended state, unknown sku |
 * | extend id token ms | held ..., state s |
 * | replace id token items | as hold, state s |
 * | release id token | state s, with the token when this released it |
 * | begin id token | committing holder items, state s |
 * | finish id s or v | ok, with the token when this finished it, wrong state |
 * | get id | record s token created expires holder items, none |
 * | look seats | counts {sku, packed...} owners {field, owner...} |
 * | work | due ms, stuck {id...} |
 * | dump | counts, owners, users, open {id, record...} |
 * | total sku units | ok, too_low held-and-sold, unknown sku |
 * | pause 0 or 1 | ok |
 *
 * States: p pending, c committing, s confirmed, r released, e expired, v void, t tombstone (released
 * before it was held), - unknown, ~ known with another token. Cost: O(requests + swept), O(log holds)
 * for each that changes; look and dump are O(size).
 */
export const POOL_SCRIPT = `
local M, C, H, X, K, G, U, O, L = unpack(KEYS)
local meta = redis.call('HMGET', M, 'epoch', 'seq', 'n', 'now', 'paused')
if meta[1] ~= ARGV[1] or (tonumber(meta[2]) or -1) < tonumber(ARGV[2]) then
  return cjson.encode({ 'lost', meta[1] or '', meta[2] or '0' })
end
local epoch, seq, n, paused = meta[1], tonumber(meta[2]), tonumber(meta[3]), meta[5] == '1'
local now = tonumber(ARGV[3])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
now = math.max(now, tonumber(meta[4]))

local batch = cjson.decode(ARGV[4])
local ttl, grace, max_hold, commit_ms, replay_ms, limit, sweep = unpack(batch[1])
local FREE, HELD, SOLD, TOTAL = 1, 2, 3, 4
local int = function(x) return string.format('%.0f', x) end

local counts, dirty, parsed, records, log = {}, {}, {}, {}, {}
local touched = false

local function count(sku)
  local c = counts[sku]
  if c == nil then
    c = redis.call('HGET', C, sku)
    if c then
      local f, h, s, t = string.match(c, '^(%d+) (%d+) (%d+) (%d+)$')
      c = { tonumber(f), tonumber(h), tonumber(s), tonumber(t) }
    end
    counts[sku] = c
  end
  return c
end

local function lines(items)
  local list = parsed[items]
  if not list then
    list = { units = 0 }
    for sku, quantity, seats in string.gmatch(items, '([^=;]+)=(%d+)@?([^;]*)') do
      local line = { sku = sku, units = tonumber(quantity) }
      if seats ~= '' then
        line.seats = {}
        for seat in string.gmatch(seats, '[^,]+') do
          line.seats[#line.seats + 1] = sku .. '/' .. seat
        end
      end
      list.units = list.units + line.units
      list[#list + 1] = line
    end
    parsed[items] = list
  end
  return list
end

local function record(id)
  local r = records[id]
  if r == nil or type(r) == 'string' then
    local text = r or redis.call('HGET', H, id)
    r = false
    if text then
      local s, token, created, expires, holder, items = string.match(text, '^(%a) (%d+) (%d+) (%d+) (%S+) (%S+)$')
      r = { s = s, token = token, created = tonumber(created), expires = tonumber(expires), holder = holder, items = items }
    end
    records[id] = r
  end
  return r
end

local function save(id, r)
  records[id] = r
  redis.call('HSET', H, id, table.concat({ r.s, r.token, int(r.created), int(r.expires), r.holder, r.items }, ' '))
end

local function note(kind, id, items)
  touched = true
  log[#log + 1] = kind .. ' ' .. id .. ' ' .. items
end

local function move(id, items, from, to)
  for _, line in ipairs(lines(items)) do
    local c = count(line.sku)
    if c then
      c[from] = c[from] - line.units
      c[to] = c[to] + line.units
      dirty[line.sku] = c
    end
    if line.seats then
      if to == FREE then
        redis.call('HDEL', O, unpack(line.seats))
      else
        local owner = (to == HELD and 'h' or 's') .. id
        for _, seat in ipairs(line.seats) do redis.call('HSET', O, seat, owner) end
      end
    end
  end
end

-- ends a hold that is pending or committing
local function finish(id, r, state)
  redis.call('ZREM', r.s == 'p' and X or K, id)
  if state == 's' then
    move(id, r.items, HELD, SOLD)
  else
    move(id, r.items, HELD, FREE)
    local left = redis.call('HINCRBY', U, r.holder, -lines(r.items).units)
    if left <= 0 then redis.call('HDEL', U, r.holder) end
  end
  r.s = state
  save(id, r)
  redis.call('ZADD', G, int(math.max(now, r.expires) + replay_ms), id)
  note(state, id, r.items)
end

-- the record as of now: a pending hold past its grace has expired, swept or not
local function alive(id)
  local r = record(id)
  if r and r.s == 'p' and r.expires + grace <= now then finish(id, r, 'e') end
  return r
end

local due = redis.call('ZRANGEBYSCORE', X, '-inf', int(now - grace), 'LIMIT', 0, sweep)
for _, id in ipairs(due) do alive(id) end
local old = redis.call('ZRANGEBYSCORE', G, '-inf', int(now), 'LIMIT', 0, sweep)
if #old > 0 then
  redis.call('HDEL', H, unpack(old))
  redis.call('ZREM', G, unpack(old))
end
local more = #due == sweep and 1 or 0

local ids = {}
for i = 2, #batch do
  local id = batch[i][2]
  if type(id) == 'string' and records[id] == nil then ids[#ids + 1] = id end
end
if #ids > 0 then
  local found = redis.call('HMGET', H, unpack(ids))
  for i, id in ipairs(ids) do records[id] = found[i] end
end

local retry_at
local function next_expiry()
  if not retry_at then
    local first = redis.call('ZRANGE', X, 0, 0, 'WITHSCORES')
    retry_at = first[2] and first[2] + grace or 0
  end
  return retry_at
end

local function held(r, replayed)
  return { 'held', r.token, r.created, r.expires, replayed, r.holder, r.items }
end
local function next_token()
  n = n + 1
  return int(epoch * 4294967296 + n)
end

-- why the holder cannot have the items; \`own\` are items that the same hold would give back for them
local function refusal(id, holder, items, own)
  local mine, units = {}, 0
  if own then
    for _, line in ipairs(lines(own)) do mine[line.sku] = line.units end
    units = lines(own).units
  end
  local list = lines(items)
  for _, line in ipairs(list) do
    local c = count(line.sku)
    if not c then return { 'unknown', line.sku } end
    if line.seats then
      local owners = redis.call('HMGET', O, unpack(line.seats))
      local taken = {}
      for i, seat in ipairs(line.seats) do
        if owners[i] and owners[i] ~= 'h' .. id then
          taken[#taken + 1] = string.sub(seat, #line.sku + 2)
        end
      end
      if #taken > 0 then return { 'seat_taken', line.sku, taken } end
    end
    if c[FREE] + (mine[line.sku] or 0) < line.units then
      return { 'sold_out', line.sku, c[FREE], next_expiry() }
    end
  end
  if limit > 0 then
    local has = tonumber(redis.call('HGET', U, holder) or 0)
    if has - units + list.units > limit then return { 'limit', limit, has } end
  end
end

local ops = {}

function ops.hold(id, holder, items)
  local r = alive(id)
  if r then
    if r.s == 't' then return { 'ended', 't' } end
    if r.holder ~= holder or r.items ~= items then return { 'conflict' } end
    if r.s == 'p' or r.s == 'c' or r.s == 's' then return held(r, 1) end
    return { 'ended', r.s }
  end
  if paused then return { 'closed' } end
  local refused = refusal(id, holder, items)
  if refused then return refused end
  r = { s = 'p', token = next_token(), created = now, expires = now + ttl, holder = holder, items = items }
  move(id, items, FREE, HELD)
  redis.call('HINCRBY', U, holder, lines(items).units)
  redis.call('ZADD', X, int(r.expires), id)
  save(id, r)
  note('p', id, items)
  return held(r, 0)
end

-- the hold that was meant, or why there is none
local function meant(id, token)
  local r = alive(id)
  if not r then return nil, '-' end
  -- tombstones and sales refilled from PostgreSQL have token 0: no token is wrong for them
  if token ~= '' and r.token ~= token and r.token ~= '0' then return nil, '~' end
  return r, r.s
end

function ops.extend(id, token, ms)
  local r, s = meant(id, token)
  if s ~= 'p' then return { 'state', s } end
  local to = math.min(now + ms, r.created + max_hold)
  if to > r.expires then
    r.expires = to
    redis.call('ZADD', X, int(to), id)
    save(id, r)
    note('x', id, r.items)
  end
  return held(r, 0)
end

-- a new token, so that nobody can sell what the hold was before
function ops.replace(id, token, items)
  local r, s = meant(id, token)
  if s == '~' and record(id).s == 'p' and record(id).items == items then return held(record(id), 1) end
  if s ~= 'p' then return { 'state', s } end
  if r.items == items then return held(r, 1) end
  if paused then return { 'closed' } end
  local refused = refusal(id, r.holder, items, r.items)
  if refused then return refused end
  move(id, r.items, HELD, FREE)
  move(id, items, FREE, HELD)
  redis.call('HINCRBY', U, r.holder, lines(items).units - lines(r.items).units)
  note('f', id, r.items)
  note('p', id, items)
  r.items = items
  r.token = next_token()
  save(id, r)
  return held(r, 0)
end

function ops.release(id, token)
  local r, s = meant(id, token)
  if s == 'p' then
    finish(id, r, 'r')
    return { 'state', 'r', r.token }
  end
  if s == '-' then
    save(id, { s = 't', token = '0', created = now, expires = now, holder = '-', items = '-' })
    redis.call('ZADD', G, int(now + replay_ms), id)
    note('t', id, '-')
  end
  return { 'state', s }
end

function ops.begin(id, token)
  local r, s = meant(id, token)
  if s == 'p' then
    redis.call('ZREM', X, id)
    redis.call('ZADD', K, int(now + commit_ms), id)
    r.s = 'c'
    save(id, r)
    note('c', id, r.items)
  elseif s ~= 'c' then
    return { 'state', s }
  end
  return { 'committing', r.holder, r.items }
end

-- PostgreSQL has decided; a record that says otherwise proves that data was lost
function ops.finish(id, state)
  local r = record(id)
  if r and (r.s == 'p' or r.s == 'c') then
    finish(id, r, state)
    return { 'ok', r.token }
  end
  local s = r and r.s or '-'
  if s == state or (state == 'v' and s ~= 's') then return { 'ok' } end
  return { 'wrong', s }
end

function ops.get(id)
  local r = alive(id)
  if not r or r.s == 't' then return { 'none' } end
  return { 'record', r.s, r.token, r.created, r.expires, r.holder, r.items }
end

-- the counts as this batch leaves them, in the middle of it too
local function flat_counts()
  local flat = redis.call('HGETALL', C)
  for i = 1, #flat, 2 do
    if dirty[flat[i]] then flat[i + 1] = table.concat(dirty[flat[i]], ' ') end
  end
  return flat
end

function ops.look(seats)
  return { flat_counts(), seats == 1 and redis.call('HGETALL', O) or 0 }
end

function ops.work()
  local first = redis.call('ZRANGE', X, 0, 0, 'WITHSCORES')
  local next_at = first[2] and first[2] + grace or 0
  local pinned = redis.call('ZRANGE', K, 0, 0, 'WITHSCORES')
  if pinned[2] and (next_at == 0 or tonumber(pinned[2]) < next_at) then next_at = tonumber(pinned[2]) end
  return { next_at, redis.call('ZRANGEBYSCORE', K, '-inf', int(now), 'LIMIT', 0, 32) }
end

function ops.dump()
  local open = {}
  for _, set in ipairs({ X, K }) do
    for _, id in ipairs(redis.call('ZRANGE', set, 0, -1)) do
      open[#open + 1] = id
      open[#open + 1] = redis.call('HGET', H, id) or ''
    end
  end
  return { flat_counts(), redis.call('HGETALL', O), redis.call('HGETALL', U), open }
end

function ops.total(sku, total)
  local c = count(sku)
  if not c then return { 'unknown', sku } end
  if c[HELD] + c[SOLD] > total then return { 'too_low', c[HELD] + c[SOLD] } end
  if c[TOTAL] ~= total then
    c[FREE] = total - c[HELD] - c[SOLD]
    c[TOTAL] = total
    dirty[sku] = c
    touched = true
  end
  return { 'ok' }
end

function ops.pause(on)
  paused = on == 1
  redis.call('HSET', M, 'paused', on)
  touched = true
  return { 'ok' }
end

local reply = { 'ok', 0, now, more }
for i = 2, #batch do
  local request = batch[i]
  reply[#reply + 1] = ops[request[1]](unpack(request, 2))
end

if touched then
  seq = seq + 1
  redis.call('HSET', M, 'seq', seq, 'n', n, 'now', int(now))
  local changed = {}
  for sku, c in pairs(dirty) do
    local packed = string.format('%.0f %.0f %.0f %.0f', unpack(c))
    redis.call('HSET', C, sku, packed)
    changed[#changed + 1] = sku .. ' ' .. packed
  end
  redis.call('XADD', L, 'MAXLEN', '~', 5000, epoch .. '-' .. seq, 'c', table.concat(changed, ';'), 't', table.concat(log, '\\n'))
end
reply[2] = seq
return cjson.encode(reply)
`;
