-- Takes one of a quota by GCRA with Redis's own clock. KEYS: the counter. ARGV: what one costs and the period, microseconds.
-- Answers whether it was there, and in how many microseconds the quota is whole again.
local one, period = tonumber(ARGV[1]), tonumber(ARGV[2])
local whole_at = tonumber(redis.call('GET', KEYS[1])) or now_us
whole_at = math.max(now_us, math.min(whole_at, now_us + period))
if whole_at + one - now_us > period then
  return { 0, whole_at - now_us }
end
whole_at = whole_at + one
redis.call('SET', KEYS[1], text(whole_at), 'PX', text(math.ceil((whole_at - now_us) / 1000)))
return { 1, whole_at - now_us }
