/** Part of the pool script: questions, and what an operator changes. */
export const VIEWS = `
function ops.get(id)
  local r = alive(id)
  if not r or r.s == 't' then return { 'none' } end
  return { 'record', r.s, r.token, r.created, r.expires, r.holder, r.items, r.s == 'q' and position(id) or 0 }
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
  return { flat_counts(), seats == 1 and redis.call('HGETALL', O) or 0, queued > 0 and redis.call('HGETALL', W) or 0 }
end

function ops.work()
  local first = redis.call('ZRANGE', X, 0, 0, 'WITHSCORES')
  local next_at = first[2] and first[2] + grace or 0
  local pinned = redis.call('ZRANGE', K, 0, 0, 'WITHSCORES')
  if pinned[2] and (next_at == 0 or tonumber(pinned[2]) < next_at) then next_at = tonumber(pinned[2]) end
  return { next_at, redis.call('ZRANGEBYSCORE', K, '-inf', int(now), 'LIMIT', 0, 32) }
end

function ops.dump()
  local found = {}
  for i, sets in ipairs({ { X, K }, { Q } }) do
    found[i] = {}
    for _, set in ipairs(sets) do
      for _, id in ipairs(redis.call('ZRANGE', set, 0, -1)) do
        table.insert(found[i], id)
        table.insert(found[i], redis.call('HGET', H, id) or '')
      end
    end
  end
  return { flat_counts(), redis.call('HGETALL', O), redis.call('HGETALL', U), found[1], found[2] }
end

function ops.total(sku, total)
  local c = count(sku)
  if not c then return { 'unknown', sku } end
  if c[HELD] + c[SOLD] > total then return { 'too_low', c[HELD] + c[SOLD] } end
  if c[TOTAL] ~= total then
    c[FREE] = total - c[HELD] - c[SOLD]
    c[TOTAL] = total
    dirty[sku] = c
    freed[sku] = true
    touch()
  end
  return { 'ok' }
end

function ops.pause(on)
  paused = on == 1
  redis.call('HSET', M, 'paused', on)
  if not paused then
    for _, sku in ipairs(redis.call('HKEYS', W)) do freed[sku] = true end
  end
  touch()
  return { 'ok' }
end
`;
