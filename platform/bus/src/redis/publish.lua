-- Appends to a live stream and tells every process, in one step: so offsets are in the order of delivery.
-- KEYS: the partition's streams (a hash), the channel's ring (a list).
-- ARGV: this server's life, channel, a new epoch, idle_ms, data, size, ttl_ms, streams at most, begin of the rings' names,
-- PUBLISH or SPUBLISH, where to tell it.
local idle, size, ttl = tonumber(ARGV[4]), tonumber(ARGV[6]), tonumber(ARGV[7])
local epoch, known = open()
local top = 0
if known then
  epoch, top = string.match(known, '^(%S+) (%d+)')
else
  redis.call('DEL', ring)
end
top = tonumber(top) + 1
redis.call('HSET', streams, 's' .. channel, epoch .. ' ' .. text(top) .. ' ' .. text(ttl) .. ' ' .. text(now))
redis.call('PEXPIRE', streams, text(idle))
redis.call('RPUSH', ring, text(now) .. ':' .. ARGV[5])
redis.call('LTRIM', ring, text(-size), '-1')
forget_expired(ttl)
redis.call('PEXPIRE', ring, text(ttl))
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
    redis.call('DEL', ARGV[9] .. string.sub(oldest, 2))
    redis.call('HSET', streams, 'e', ARGV[3])
  end
end
local head = 'L ' .. epoch .. ' ' .. text(top) .. ' ' .. text(now) .. ' ' .. #channel .. '\n'
redis.call(ARGV[10], ARGV[11], head .. channel .. ARGV[5])
return { epoch, text(top) }
