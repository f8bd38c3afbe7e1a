-- Reads a live stream. KEYS: the partition's streams, the channel's ring.
-- ARGV: this server's life, channel, a new epoch, idle_ms, after (or before) which offset or '', the epoch that goes with it
-- or '', limit, 1 for newest first.
-- Answers: epoch, top, offset of the first that is returned, these, oldest first, and what is said of their publishers. A channel that was never published to
-- keeps nothing: it has the partition's epoch.
local since, limit, newest_first = tonumber(ARGV[5]), tonumber(ARGV[7]), ARGV[8] == '1'
local epoch, known = open()
if not known then return { epoch, '0', '1', {}, {} } end
local top, ttl
epoch, top, ttl = string.match(known, '^(%S+) (%d+) (%d+)')
forget_expired(tonumber(ttl))
local held = redis.call('LLEN', ring)
local first = tonumber(top) - held + 1
local from, to = 0, held - 1
if newest_first then
  if since then to = math.min(to, since - 1 - first) end
  from = math.max(from, to - limit + 1)
else
  if since then from = math.max(from, since + 1 - first) end
  to = math.min(to, from + limit - 1)
end
local found, by = {}, {}
if to >= from and (ARGV[6] == '' or ARGV[6] == epoch) then
  found = redis.call('LRANGE', ring, text(from), text(to))
  for _, entry in ipairs(found) do
    if string.sub(entry, 1, 1) == '0' then
      by = redis.pcall('ZRANGEBYSCORE', said, text(first + from), text(first + to))
      if by['err'] then by = {} end
      break
    end
  end
end
return { epoch, top, text(first + from), found, by }
