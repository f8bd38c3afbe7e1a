-- Renews this process's lease, takes away the clients of one whose lease is over, and looks whether what this one told is there.
-- Further ARGV: the era in which it told it, or '' when it has nothing here; clients that are taken away at most; then channels,
-- each with the number of its clients.
-- Answers: ok, lost (this is another era) or reaped; 1 when there may be more to take away; channels that Redis has lost.
local known, most = ARGV[8], tonumber(ARGV[9])
if known == '' and redis.call('HGET', all, 'r') ~= ARGV[1] then return { 'ok', 0, {} } end
local era = open()
-- While nobody was heard, it was Redis that was away, or everybody's clock was set: this is held against nobody.
local silence = now - tonumber(redis.call('HGET', all, 's')) > lease / 2
redis.call('HSET', all, 's', text(now))
redis.call('PEXPIRE', all, idle)
local here, dead = false, nil
local held = redis.call('HGETALL', all)
for i = 1, #held, 2 do
  local of = string.match(held[i], '^n(.+)')
  if of then
    local ends, number = string.match(held[i + 1], '^(%d+) (%d+)$')
    here = here or ends and of == me
    if ends and (of == me or silence or tonumber(ends) > now + lease) then
      redis.call('HSET', all, held[i], text(now + lease) .. ' ' .. number)
    elseif not ends or tonumber(ends) <= now then
      dead = of
    end
  end
end
if dead then
  redis.call('HSET', all, 'n' .. dead, 'x')
  if take_away(dead, most, era) then redis.call('HDEL', all, 'n' .. dead) end
end
local more = dead and 1 or 0
if known == '' then return { 'ok', more, {} } end
if known ~= era then return { 'lost', more, {} } end
if not here then return { 'reaped', more, {} } end
local damaged = {}
for i = 10, #ARGV, 2 do
  local key = members(me, ARGV[i])
  redis.call('SADD', channels(me), ARGV[i])
  if redis.call('HLEN', key) == tonumber(ARGV[i + 1]) then
    redis.call('PEXPIRE', key, idle)
  else
    redis.call('DEL', key)
    table.insert(damaged, ARGV[i])
  end
end
redis.call('PEXPIRE', channels(me), idle)
return { 'ok', more, damaged }
