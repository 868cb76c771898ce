/** Part of the pool script: the Redis side of a sale and of its return; PostgreSQL decides both. */
export const SALES = `
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
  return { 'committing', r.holder, r.items, r.want }
end

-- PostgreSQL has decided; a record that says otherwise proves that data was lost
function ops.finish(id, state)
  local r = record(id)
  local s = r and r.s or '-'
  local open = s == 'p' or s == 'c'
  if state == 'b' and (s == 's' or s == 'd') or state == 's' and (open or s == 'd') or state == 'v' and open then
    finish(id, r, state)
    return { 'ok', r.token }
  end
  if s == state or (state == 'v' and s ~= 's' and s ~= 'd') or (state == 's' and s == 'b') then return { 'ok' } end
  return { 'wrong', s }
end

-- a sale that may have been forgotten is about to be returned; PostgreSQL knows whose it was
function ops.unsell(id, holder, items, want)
  local r = record(id)
  if not r then r = { s = 's', token = '0', created = now, expires = now, holder = holder, items = items, want = want } end
  if r.s == 's' then
    redis.call('ZREM', G, id)
    redis.call('ZADD', K, int(now + commit_ms), id)
    r.s = 'd'
    save(id, r)
    note('d', id, r.items)
  elseif r.s ~= 'd' then
    return { 'state', r.s }
  end
  return { 'returning' }
end
`;
