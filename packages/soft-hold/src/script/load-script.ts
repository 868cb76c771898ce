/**
 * Fills an empty or lost pool from PostgreSQL, in steps, so that no call blocks Redis for long.
 * Between `start` and `finish` the pool has no epoch, so every other caller is told `lost`.
 *
 * KEYS  m c h x k g u o l q w r (see keys.ts)
 * ARGV  start  epoch nonce clock    -> "refused" when this epoch or a later one is there already, else now
 *       chunk  nonce JSON {h: [id, record...], x: [score, id...], g: [...], u: [holder, units...], o: [seat, owner...], c: [sku, packed...], r: [field, rows...]}
 *       finish nonce epoch paused   -> "ok"
 * Reply "stale" when another loader has started since
 */
export const LOAD_SCRIPT = `
local M, C, H, X, K, G, U, O, L, Q, W, R = unpack(KEYS)
local step = ARGV[1]
if step == 'start' then
  local meta = redis.call('HMGET', M, 'epoch', 'now')
  if meta[1] and tonumber(meta[1]) >= tonumber(ARGV[2]) then return 'refused' end
  local now = tonumber(ARGV[4])
  if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  now = string.format('%.0f', math.max(now, tonumber(meta[2] or 0)))
  redis.call('DEL', unpack(KEYS))
  redis.call('HSET', M, 'loading', ARGV[3], 'now', now)
  return now
end
if redis.call('HGET', M, 'loading') ~= ARGV[2] then return 'stale' end
if step == 'chunk' then
  local data = cjson.decode(ARGV[3])
  for field, command in pairs({ h = { 'HSET', H }, x = { 'ZADD', X }, g = { 'ZADD', G }, o = { 'HSET', O }, c = { 'HSET', C }, r = { 'HSET', R } }) do
    if data[field] and #data[field] > 0 then redis.call(command[1], command[2], unpack(data[field])) end
  end
  for i = 1, #(data.u or {}), 2 do redis.call('HINCRBY', U, data.u[i], data.u[i + 1]) end
  return 'ok'
end
redis.call('HSET', M, 'epoch', ARGV[3], 'seq', 1, 'n', 0, 'paused', ARGV[4])
redis.call('HDEL', M, 'loading')
redis.call('XADD', L, ARGV[3] .. '-1', 'c', '', 't', '')
return 'ok'
`;
