-- Forgets what a live stream keeps; its position stays. KEYS: the partition's streams, the channel's ring, what is said of publishers.
-- ARGV: this server's life, channel, a new epoch, idle_ms.
open()
redis.call('DEL', ring, said)
return redis.status_reply('OK')
