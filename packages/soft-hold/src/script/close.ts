/** Part of the pool script: runs the batch, serves those who wait, and writes down what changed. */
export const CLOSE = `
local results = {}
for i, request in ipairs(batch) do
  current = i - 1
  results[i] = ops[request[1]](unpack(request, 2))
  if next(freed) then
    -- before the next request: what it frees is theirs who wait
    if queued > 0 and not paused then promote() end
    freed = {}
  end
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
  save_maps()
  -- some 4,000 steps or lines of them are kept, whichever are fewer
  redis.call('XADD', L, 'MAXLEN', '~', math.max(64, math.floor(4096 / math.max(#log, 1))), epoch .. '-' .. seq, 'c', table.concat(changed, ';'), 't', table.concat(log, '\\n'))
end
return cjson.encode({ 'ok', seq, now, more, promoted, unpack(results) })
`;
