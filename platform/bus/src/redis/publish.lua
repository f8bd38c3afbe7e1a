-- Appends to a live stream and tells every process, in one step: so offsets are in the order of delivery.
-- KEYS: the partition's streams (a hash), the channel's ring (a list).
-- ARGV: this server's life, channel, a new epoch, idle_ms, data, size, ttl_ms, streams at most, PUBLISH or SPUBLISH, where to tell it
-- (which the names begin with), what is said of the publisher or ''.
local idle, size, ttl = tonumber(ARGV[4]), tonumber(ARGV[6]), tonumber(ARGV[7])
local epoch, known = open()
local top = 0
if known then
  epoch, top = string.match(known, '^(%S+) (%d+)')
else
  redis.call('DEL', ring)
  redis.pcall('DEL', said)
end
top = tonumber(top) + 1
redis.call('HSET', streams, 's' .. channel, epoch .. ' ' .. text(top) .. ' ' .. text(ttl) .. ' ' .. text(now))
redis.call('PEXPIRE', streams, text(idle))
local info = ARGV[11]
redis.call('RPUSH', ring, (info ~= '' and '0' or '') .. text(now) .. ':' .. ARGV[5])
redis.call('LTRIM', ring, text(-size), '-1')
forget_expired(ttl)
redis.call('PEXPIRE', ring, text(ttl))
if info ~= '' then
  if not asking or redis.pcall('EXISTS', said) == 1 then
    redis.pcall('ZADD', said, text(top), epoch .. ' ' .. text(top) .. ':' .. info)
  end
  redis.pcall('ZREMRANGEBYSCORE', said, '-inf', text(top - redis.call('LLEN', ring)))
  redis.pcall('PEXPIRE', said, text(ttl))
  info = ' ' .. info
end
if not known and redis.call('HLEN', streams) > tonumber(ARGV[8]) + 2 then
  -- Of a few at random the one that nobody used for the longest time goes, and new streams begin with another epoch, so
  -- that it never comes back under the one that it had.
  local sample = redis.call('HRANDFIELD', streams, '8', 'WITHVALUES')
  local oldest, oldest_use
  for i = 1, #sample, 2 do
    local use = tonumber(string.match(sample[i + 1], ' (%d+)$'))
    if use and sample[i] ~= 's' .. channel and (not oldest or use < oldest_use) then
      oldest, oldest_use = sample[i], use
    end
  end
  if oldest then
    redis.call('HDEL', streams, oldest)
    local name = string.sub(oldest, 2)
    redis.call('DEL', ARGV[10] .. 'r:' .. name)
    redis.pcall('DEL', ARGV[10] .. 'i:' .. name)
    redis.call('HSET', streams, 'e', ARGV[3])
  end
end
local head = 'L ' .. epoch .. ' ' .. text(top) .. ' ' .. text(now) .. ' ' .. #channel .. info .. '\n'
redis.call(ARGV[9], ARGV[10], head .. channel .. ARGV[5])
return { epoch, text(top) }
