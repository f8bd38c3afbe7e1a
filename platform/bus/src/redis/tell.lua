-- Writes which clients of this process came and went, and tells every process, in one step.
-- Further ARGV: the era that it knows, '' at first; the number of the last call that was answered, 0 when it has nothing here; the number of
-- this call; clients that are taken away at most; then changes, each a kind (J joins, K is put back and was told before, Q
-- leaves), a channel, a client and what is said of it.
-- Answers one of: ok, again (there was more to take away), lost (this is another era), reaped, late (a newer call came before);
-- and the era. A call that is sent twice is done once.
local known, after, number, most = ARGV[8], ARGV[9], ARGV[10], tonumber(ARGV[11])
local era = open()
-- What was said in another era is said anew, or not at all.
if known ~= era then return { 'lost', era } end
local record = redis.call('HGET', all, 'n' .. me)
local last = string.match(record or '', '^%d+ (%d+)$')
if last == number then return { 'ok', era } end
if last and tonumber(last) > tonumber(number) then return { 'late', era } end
if after ~= '0' then
  if last ~= after then return { 'reaped', era } end
else
  -- What is left of before: of another era it was not told where there is no record.
  if record then redis.call('HSET', all, 'n' .. me, 'x') end
  if not take_away(me, most, record and era) then return { 'again', era } end
end
local pieces = {}
for i = 12, #ARGV, 4 do
  local kind, channel, client, value = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local key = members(me, channel)
  if kind == 'Q' then
    redis.call('HDEL', key, client)
    if redis.call('EXISTS', key) == 0 then redis.call('SREM', channels(me), channel) end
    table.insert(pieces, farewell(me, channel, client, value))
  else
    redis.call('HSET', key, client, value)
    redis.call('PEXPIRE', key, idle)
    redis.call('SADD', channels(me), channel)
    if kind == 'J' then table.insert(pieces, piece(kind, channel, client, value)) end
  end
end
redis.call('PEXPIRE', channels(me), idle)
if #pieces > 0 then tell(me, number, me, pieces) end
-- At the end: what was broken off (in a slot that is being moved) is done again.
redis.call('HSET', all, 'n' .. me, text(now + lease) .. ' ' .. number)
redis.call('PEXPIRE', all, idle)
return { 'ok', era }
