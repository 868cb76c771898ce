/**
 * Part of the pool script: named seats, and the best of those that lie in rows.
 *
 * Fields of r: `s/SKU` the longest free run of each row as a digit, `c/SKU` as a letter for which
 * sizes of party it has room that leaves no single seat, `a/SKU` its free accessible seats as a digit,
 * `k/SKU/i` row i as `distance focus cells`, `n/SKU/i` its seats' names, `i/SKU/seat` where a seat lies
 * as `i position`. Rows are numbered by their distance from the focal point. Cells: 0 free, 1 taken,
 * a free and accessible, b taken and accessible, ! no seat.
 *
 * The best block lies in one row, leaves no single seat beside it, and its middle is nearest to the
 * focal point; then single seats may be left; then the party is split, the largest part first. Digits
 * and letters skip rows, distances end the search: rows further away than the best are not read.
 */
export const SEATS = `
local maps = {}
local function map_of(sku)
  local map = maps[sku]
  if map == nil then
    local s = redis.call('HMGET', R, 's/' .. sku, 'a/' .. sku, 'c/' .. sku)
    map = s[1] and { sku = sku, runs = s[1], access = s[2], clean = s[3], rows = {} } or false
    maps[sku] = map
  end
  return map
end

local function row_of(map, i)
  local row = map.rows[i]
  if not row then
    local dist, focus, cells = string.match(redis.call('HGET', R, 'k/' .. map.sku .. '/' .. i), '^(%S+) (%S+) (%S+)$')
    row = { i = i, dist = dist, focus = focus, cells = cells }
    map.rows[i] = row
  end
  return row
end

local AFTER = { [true] = { ['1'] = '0', b = 'a' }, [false] = { ['0'] = '1', a = 'b' } }
local function paint(line, free)
  local map = map_of(line.sku)
  if not map then return end
  local fields = {}
  for i, seat in ipairs(line.seats) do fields[i] = 'i/' .. seat end
  for _, at in ipairs(redis.call('HMGET', R, unpack(fields))) do
    local i, p = string.match(at, '^(%d+) (%d+)$')
    local row = row_of(map, tonumber(i))
    p = tonumber(p)
    local cell = string.sub(row.cells, p, p)
    row.cells = string.sub(row.cells, 1, p - 1) .. (AFTER[free][cell] or cell) .. string.sub(row.cells, p + 1)
    row.dirty, map.dirty = true, true
  end
end

local function digits(map)
  for i, row in pairs(map.rows) do
    if row.dirty then
      local longest, access, clean = 0, 0, {}
      for run in string.gmatch(row.cells, '0+') do
        longest = math.max(longest, #run)
        for size = 1, 6 do clean[size] = clean[size] or #run == size or #run >= size + 2 end
      end
      for _ in string.gmatch(row.cells, 'a') do access = access + 1 end
      map.runs = string.sub(map.runs, 1, i - 1) .. math.min(longest, 9) .. string.sub(map.runs, i + 1)
      map.access = string.sub(map.access, 1, i - 1) .. math.min(access, 9) .. string.sub(map.access, i + 1)
      local mask = 64
      for size = 1, 6 do if clean[size] then mask = mask + 2 ^ (size - 1) end end
      map.clean = string.sub(map.clean, 1, i - 1) .. string.char(mask) .. string.sub(map.clean, i + 1)
      row.dirty, row.unsaved = false, true
    end
  end
  map.dirty, map.unsaved = false, true
end

local function save_maps()
  for sku, map in pairs(maps) do
    if map and map.dirty then digits(map) end
    if map and map.unsaved then
      local fields = { 's/' .. sku, map.runs, 'a/' .. sku, map.access, 'c/' .. sku, map.clean }
      for i, row in pairs(map.rows) do
        if row.unsaved then
          fields[#fields + 1] = 'k/' .. sku .. '/' .. i
          fields[#fields + 1] = row.dist .. ' ' .. row.focus .. ' ' .. row.cells
        end
      end
      redis.call('HSET', R, unpack(fields))
    end
  end
end

-- the rows that may do, nearest first, until visit(row, distance squared) says enough
local function scan(map, summary, class, visit)
  local i = 0
  while true do
    i = string.find(summary, class, i + 1)
    if not i then return end
    local row = row_of(map, i)
    if visit(row, row.dist * row.dist) then return end
  end
end

local function at_least(size)
  return '[' .. math.min(size, 9) .. '-9]'
end

-- the letters of rows in which a party of this size leaves nobody alone
local classes = {}
local function clean_for(size)
  if not classes[size] then
    local letters = {}
    for mask = 0, 63 do
      if math.floor(mask / 2 ^ (size - 1)) % 2 == 1 then
        letters[#letters + 1] = string.gsub(string.char(64 + mask), '%W', '%%%0')
      end
    end
    classes[size] = '[' .. table.concat(letters) .. ']'
  end
  return classes[size]
end

-- the better of the best so far and of \`size\` seats from \`from\`; \`bound\` is the row's distance squared
local function nearer(best, row, bound, from, size)
  local off = from + (size - 1) / 2 - row.focus
  local cost = bound + off * off
  if best and cost >= best.cost then return best end
  return { cost = cost, row = row, from = from, size = size }
end

local function nearest_block(map, size, single)
  local best
  local summary, class = map.runs, at_least(size)
  if not single and size <= 6 then summary, class = map.clean, clean_for(size) end
  scan(map, summary, class, function(row, bound)
    if best and bound >= best.cost then return true end
    for from, run in string.gmatch(row.cells, '()(0+)') do
      local spare = #run - size
      if spare >= 0 then
        local ideal = math.floor(row.focus - (size - 1) / 2 + 0.5) - from
        ideal = math.max(0, math.min(spare, ideal))
        for _, o in ipairs({ ideal, ideal - 1, ideal + 1, 0, spare }) do
          if o >= 0 and o <= spare and (o == 1 or spare - o == 1) == single then
            best = nearer(best, row, bound, from + o, size)
          end
        end
      end
    end
  end)
  return best
end

local function best_block(map, size)
  return nearest_block(map, size, false) or nearest_block(map, size, true)
end

local function accessible_block(map, size)
  local best
  scan(map, map.access, at_least(1), function(row, bound)
    if best and bound >= best.cost then return true end
    for from, run in string.gmatch(row.cells, '()([0a]+)') do
      for o = 0, #run - size do
        if string.find(string.sub(run, o + 1, o + size), 'a', 1, true) then
          best = nearer(best, row, bound, from + o, size)
        end
      end
    end
  end)
  return best
end

-- the names of the best seats, fewer when there are not as many; nothing is taken yet
local function place(sku, size, accessible)
  local map = map_of(sku)
  if not map then return {} end
  if map.dirty then digits(map) end
  local names, undo, left = {}, {}, size
  local function take(block)
    local row, i = block.row, 0
    for name in string.gmatch(redis.call('HGET', R, 'n/' .. sku .. '/' .. row.i), '[^,]+') do
      i = i + 1
      if i >= block.from and i < block.from + block.size then names[#names + 1] = name end
    end
    undo[#undo + 1] = { row, row.cells }
    row.cells = string.sub(row.cells, 1, block.from - 1) .. string.rep('1', block.size) .. string.sub(row.cells, block.from + block.size)
    left = left - block.size
  end
  if accessible then
    local block = accessible_block(map, size) or accessible_block(map, 1)
    if not block then return {} end
    take(block)
  end
  local part = left
  while left > 0 and part > 0 do
    local block = best_block(map, part)
    if block then
      take(block)
      part = math.min(part, left)
    else
      part = part - 1
    end
  end
  for i = #undo, 1, -1 do undo[i][1].cells = undo[i][2] end
  return names
end
`;
