/** Part of the pool script: units and seats change hands; what a holder can have of what he asks. */
export const STOCK = `
local function move(id, items, from, to)
  for _, line in ipairs(lines(items)) do
    local c = count(line.sku)
    if c then
      c[from] = c[from] - line.units
      c[to] = c[to] + line.units
      dirty[line.sku] = c
      if to == FREE then freed[line.sku] = true end
    end
    if line.seats then
      if to == FREE then
        redis.call('HDEL', O, unpack(line.seats))
        paint(line, true)
      else
        local owner = (to == HELD and 'h' or 's') .. id
        for _, seat in ipairs(line.seats) do redis.call('HSET', O, seat, owner) end
        if from == FREE then paint(line, false) end
      end
    end
  end
end

local function charge(holder, units)
  if units == 0 then return end
  local has = redis.call('HINCRBY', U, holder, units)
  if has <= 0 then redis.call('HDEL', U, holder) end
end

-- ends what is pending, committing or being returned, or unsells what is sold
local function finish(id, r, state)
  if r.s == 'p' then redis.call('ZREM', X, id) end
  if r.s == 'c' or r.s == 'd' then redis.call('ZREM', K, id) end
  local from, to = COUNTED[r.s], COUNTED[state] or FREE
  if from ~= to then move(id, r.items, from, to) end
  if to == FREE then charge(r.holder, -lines(r.items).units) end
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

local retry_at
local function next_expiry()
  if not retry_at then
    local first = redis.call('ZRANGE', X, 0, 0, 'WITHSCORES')
    retry_at = first[2] and first[2] + grace or 0
  end
  return retry_at
end

local waiters = {}
local function waiting(sku)
  if queued == 0 then return 0 end
  if not waiters[sku] then waiters[sku] = tonumber(redis.call('HGET', W, sku) or 0) end
  return waiters[sku]
end

-- the items with seats named, or nil and why not. \`own\` are units by SKU that were just given back,
-- \`first\` says that nobody who waits comes before
local function choose(holder, items, partial, own, first)
  local list, out, units, exact = lines(items), {}, 0, true
  local refused
  for _, line in ipairs(list) do
    local c = count(line.sku)
    if not c then return nil, { 'unknown', line.sku } end
    local wanted, names, why = line.units, nil, nil
    if line.seats then
      local owners, taken = redis.call('HMGET', O, unpack(line.seats)), {}
      names = {}
      for i, seat in ipairs(line.seats) do
        local list = owners[i] and taken or names
        list[#list + 1] = string.sub(seat, #line.sku + 2)
      end
      if #taken > 0 then
        why = { 'seat_taken', line.sku, taken }
        wanted = #names
      end
    end
    local free = c[FREE]
    if not line.seats and not first and wanted > (own and own[line.sku] or 0) and waiting(line.sku) > 0 then free = 0 end
    if free < wanted then
      why = why or { 'sold_out', line.sku, free, next_expiry() }
      wanted = free
    end
    if line.best and wanted > 0 and (partial or not why) then
      names = place(line.sku, wanted, line.accessible)
      if #names < wanted then
        why = { 'sold_out', line.sku, #names, next_expiry() }
        wanted = #names
      end
    end
    if why and not partial then return nil, why end
    refused = refused or why
    if line.best or why then exact = false end
    if wanted > 0 then
      units = units + wanted
      out[#out + 1] = line.sku .. '=' .. wanted .. (names and '@' .. table.concat(names, ',') or '')
    end
  end
  if units == 0 then return nil, refused end
  if limit > 0 then
    local has = tonumber(redis.call('HGET', U, holder) or 0)
    if has + units > limit then return nil, { 'limit', limit, has + (own and own.units or 0) } end
  end
  return exact and items or table.concat(out, ';')
end
`;
