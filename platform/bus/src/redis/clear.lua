-- Forgets what a live stream keeps; its position stays. KEYS: the partition's streams, the channel's ring.
-- ARGV: this server's life, channel, a new epoch, idle_ms.
open()
redis.call('DEL', ring)
redis.pcall('DEL', said)
return redis.status_reply('OK')
