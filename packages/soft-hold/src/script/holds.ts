/** Part of the pool script: the sweep that begins every call, and what a buyer does with a hold. */
export const HOLDS = `
local due = redis.call('ZRANGEBYSCORE', X, '-inf', int(now - grace), 'LIMIT', 0, sweep)
for _, id in ipairs(due) do alive(id) end
local old = redis.call('ZRANGEBYSCORE', G, '-inf', int(now), 'LIMIT', 0, sweep)
if #old > 0 then
  redis.call('HDEL', H, unpack(old))
  redis.call('ZREM', G, unpack(old))
end
local more = #due == sweep and 1 or 0
if next(freed) and queued > 0 and not paused then promote() end
freed = {}

local ids = {}
for _, request in ipairs(batch) do
  local id = request[2]
  if type(id) == 'string' and records[id] == nil then ids[#ids + 1] = id end
end
if #ids > 0 then
  local found = redis.call('HMGET', H, unpack(ids))
  for i, id in ipairs(ids) do records[id] = found[i] end
end

local function held(r, replayed)
  return { 'held', r.token, r.created, r.expires, replayed, r.holder, r.items, r.want }
end

-- may the items wait? counted or best seats, not more than there ever are, and the list is not full
local function may_wait(items)
  if queued >= places then return false end
  for _, line in ipairs(lines(items)) do
    if line.seats or line.units > count(line.sku)[TOTAL] then return false end
  end
  return true
end

function ops.hold(id, holder, items, flags)
  local r = alive(id)
  if not r and flags == '' and refusals[items] then return refusals[items] end
  local partial, queue = string.find(flags, 'p', 1, true), string.find(flags, 'q', 1, true)
  local want = partial and items .. '!p' or items
  if r then
    if r.s == 't' then return { 'ended', 't' } end
    if r.holder ~= holder or (r.want ~= '' and r.want or r.items) ~= want then return { 'conflict' } end
    if COUNTED[r.s] then return held(r, 1) end
    if r.s == 'q' then return { 'queued', position(id) } end
    return { 'ended', r.s }
  end
  if paused then return { 'closed' } end
  local chosen, refused = choose(holder, items, partial)
  if chosen then return held(grant(id, holder, chosen, want, ttl), 0) end
  if queue and refused[1] == 'sold_out' and may_wait(items) then
    return join(id, holder, items, want ~= items and want or '')
  end
  if refused[1] ~= 'limit' and flags == '' then refusals[items] = current end
  return refused
end

-- the hold that was meant, or why there is none
local function meant(id, token)
  local r = alive(id)
  if not r then return nil, '-' end
  -- tombstones, waiters and sales refilled from PostgreSQL have token 0: no token is wrong for them
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
  local known = record(id)
  local same = known and known.s == 'p' and (known.want ~= '' and known.want or known.items) == items
  if s == '~' and same then return held(known, 1) end
  if s ~= 'p' then return { 'state', s } end
  if same then return held(r, 1) end
  if paused then return { 'closed' } end
  local own = { units = lines(r.items).units }
  for _, line in ipairs(lines(r.items)) do own[line.sku] = line.units end
  move(id, r.items, HELD, FREE)
  charge(r.holder, -own.units)
  local chosen, refused = choose(r.holder, items, false, own)
  if not chosen then
    move(id, r.items, FREE, HELD)
    charge(r.holder, own.units)
    freed = {}
    return refused
  end
  move(id, chosen, FREE, HELD)
  charge(r.holder, lines(chosen).units)
  for _, line in ipairs(lines(chosen)) do
    if line.units >= (own[line.sku] or 0) then freed[line.sku] = nil end
  end
  note('f', id, r.items)
  note('p', id, chosen)
  r.items, r.want = chosen, chosen ~= items and items or ''
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
  if s == 'q' then
    leave(id, r)
    r.s, r.expires = 'r', now
    save(id, r)
    redis.call('ZADD', G, int(now + replay_ms), id)
    note('r', id, r.items)
  end
  if s == '-' then
    save(id, { s = 't', token = '0', created = now, expires = now, holder = '-', items = '-', want = '' })
    redis.call('ZADD', G, int(now + replay_ms), id)
    note('t', id, '-')
  end
  return { 'state', s == 'q' and 'r' or s }
end
`;
