/**
 * Part of the pool script: counts, packed items and the records of holds, each read once and kept.
 *
 * Items are `GA=2;STALLS=2@A-1,A-2`; `STALLS=2*` asks for the best two, `*a` with an accessible one.
 * A record is `state token created expires holder items`, and what was asked for where that differs.
 */
export const RECORDS = `
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
    for sku, quantity, kind, rest in string.gmatch(items, '([^=;]+)=(%d+)([@*]?)([^;]*)') do
      local line = { sku = sku, units = tonumber(quantity) }
      if kind == '@' then
        line.seats = {}
        for seat in string.gmatch(rest, '[^,]+') do
          line.seats[#line.seats + 1] = sku .. '/' .. seat
        end
      elseif kind == '*' then
        line.best, line.accessible = true, rest == 'a'
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
      local s, token, created, expires, holder, items, want =
        string.match(text, '^(%a) (%d+) (%d+) (%d+) (%S+) (%S+) ?(%S*)$')
      r = { s = s, token = token, created = tonumber(created), expires = tonumber(expires),
        holder = holder, items = items, want = want }
    end
    records[id] = r
  end
  return r
end

local function save(id, r)
  records[id] = r
  local text = table.concat({ r.s, r.token, int(r.created), int(r.expires), r.holder, r.items }, ' ')
  if r.want ~= '' then text = text .. ' ' .. r.want end
  redis.call('HSET', H, id, text)
end
`;
