/**
 * Part of the pool script: the waiting list, first come first served per SKU, and its promotion in
 * the very call that frees units. A waiter who cannot be served holds back everybody behind him who
 * wants the same SKU, so that a large wish does not starve; newcomers come after all of them. One
 * whose holder is at his limit, or who wants more than there ever is, holds back nobody.
 */
export const WAITING = `
local function add_waiter(r, by)
  queued = queued + by
  for _, line in ipairs(lines(r.items)) do
    waiters[line.sku] = redis.call('HINCRBY', W, line.sku, by)
    if waiters[line.sku] <= 0 then redis.call('HDEL', W, line.sku) end
    if by < 0 then freed[line.sku] = true end
  end
  redis.call('HSET', M, 'waiting', queued)
end

local function position(id)
  return redis.call('ZRANK', Q, id) + 1
end

local function join(id, holder, items, want)
  n = n + 1
  local r = { s = 'q', token = '0', created = now, expires = n, holder = holder, items = items, want = want }
  save(id, r)
  redis.call('ZADD', Q, n, id)
  add_waiter(r, 1)
  note('q', id, items)
  return { 'queued', position(id) }
end

local function leave(id, r)
  redis.call('ZREM', Q, id)
  add_waiter(r, -1)
  touch()
end

local function grant(id, holder, items, want, ms)
  local r = { s = 'p', token = next_token(), created = now, expires = now + ms, holder = holder,
    items = items, want = want ~= items and want or '' }
  move(id, items, FREE, HELD)
  charge(holder, lines(items).units)
  redis.call('ZADD', X, int(r.expires), id)
  save(id, r)
  note('p', id, items)
  return r
end

local function promote()
  local open, left = {}, 0
  for sku in pairs(freed) do
    local c = count(sku)
    if c and c[FREE] > 0 and waiting(sku) > 0 then
      open[sku] = true
      left = left + 1
    end
  end
  local from, blocked = 0, {}
  while left > 0 and from < 1000 do
    local ids = redis.call('ZRANGE', Q, from, from + 31)
    if #ids == 0 then return end
    from = from + #ids
    for _, id in ipairs(ids) do
      local r = record(id)
      local list, wanted, held_back = lines(r.items), false, false
      for _, line in ipairs(list) do
        wanted = wanted or open[line.sku]
        held_back = held_back or blocked[line.sku]
      end
      if wanted and left > 0 then
        local items, refused
        if not held_back then items, refused = choose(r.holder, r.items, string.sub(r.want, -2) == '!p', nil, true) end
        if items then
          leave(id, r)
          from = from - 1
          local offer = grant(id, r.holder, items, r.want ~= '' and r.want or r.items, offer_ms)
          promoted[#promoted + 1] = { id, offer.token, offer.created, offer.expires, offer.holder, offer.items, offer.want }
          note('o', id, items)
        end
        for _, line in ipairs(list) do
          local c = count(line.sku)
          if not items and not (refused and (refused[1] ~= 'sold_out' or line.units > c[TOTAL])) then blocked[line.sku] = true end
          if open[line.sku] and (blocked[line.sku] or c[FREE] <= 0 or waiting(line.sku) == 0) then
            open[line.sku] = nil
            left = left - 1
          end
        end
      end
    end
  end
end
`;
