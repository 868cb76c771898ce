/** Part of the pool script: is this the data the caller believes in, what time is it, what is asked. */
export const PRELUDE = `
local M, C, H, X, K, G, U, O, L, Q, W, R = unpack(KEYS)
local meta = redis.call('HMGET', M, 'epoch', 'seq', 'n', 'now', 'paused', 'waiting')
if meta[1] ~= ARGV[1] or (tonumber(meta[2]) or -1) < tonumber(ARGV[2]) then
  return cjson.encode({ 'lost', meta[1] or '', meta[2] or '0' })
end
local epoch, seq, n, paused = meta[1], tonumber(meta[2]), tonumber(meta[3]), meta[5] == '1'
local queued = tonumber(meta[6] or 0)
local now = tonumber(ARGV[3])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
now = math.max(now, tonumber(meta[4]))

local ttl, grace, max_hold, commit_ms, replay_ms, limit, sweep, offer_ms, places = unpack(cjson.decode(ARGV[4]))
local batch = cjson.decode(ARGV[5])
local FREE, HELD, SOLD, TOTAL = 1, 2, 3, 4
local COUNTED = { p = HELD, c = HELD, s = SOLD, d = SOLD }
local int = function(x) return string.format('%.0f', x) end

local counts, dirty, parsed, records, log, freed, promoted = {}, {}, {}, {}, {}, {}, {}
local touched = false
-- items -> which result refused them, as long as nothing has changed: of a batch most ask for the same
local refusals, current = {}, 0
local function touch()
  touched = true
  if next(refusals) then refusals = {} end
end
local function note(kind, id, items)
  touch()
  -- the feed tells holds that ran out, offers, and seats; all else is in the counts
  if kind == 'e' or kind == 'o' or string.find(items, '@', 1, true) then
    log[#log + 1] = kind .. ' ' .. id .. ' ' .. items
  end
end
local function next_token()
  n = n + 1
  return int(epoch * 4294967296 + n)
end
local ops = {}
`;
