-- What lies in Redis for presence. Of each partition one hash, KEYS[1]: `r`, the life of the server that wrote it; `e`, the era
-- that this memory began; `b`, when; `s`, when any process was heard last; `t`, how many times dead ones were told of; and for
-- each process with clients here `n<process>`: `<end of its lease> <number of its last call>`, or `x` while its clients are taken
-- away. `c:<process>` is the set of its channels, `m:<process>:<channel>` a hash of its clients there.
-- ARGV of every script: this server's life, a new era, begin of the names, this process, the lease, PUBLISH or SPUBLISH, for how
-- long what nobody touches is kept.
local all, name, me, lease, verb, idle = KEYS[1], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7]
local function channels(of) return name .. 'c:' .. of end
local function members(of, channel) return name .. 'm:' .. of .. ':' .. channel end

-- The era. A server with another life may have lost the last writes: every process puts its own back.
local function open()
  local held = redis.call('HMGET', all, 'r', 'e')
  if held[1] == ARGV[1] and held[2] then return held[2] end
  redis.call('DEL', all)
  redis.call('HSET', all, 'r', ARGV[1], 'e', ARGV[2], 'b', text(now), 's', text(now))
  redis.call('PEXPIRE', all, idle)
  return ARGV[2]
end

local function piece(kind, channel, client, value)
  return kind .. ' ' .. #channel .. ' ' .. #client .. ' ' .. #value .. '\n' .. channel .. client .. value
end

-- What is told of a client that left a process: another one may have it too, and then knows better what is said of it.
local processes
local function farewell(of, channel, client, value)
  processes = processes or redis.call('HKEYS', all)
  for _, field in ipairs(processes) do
    local other = string.match(field, '^n(.+)')
    local known = other and other ~= of and redis.call('HGET', members(other, channel), client)
    if known then return piece('J', channel, client, known) end
  end
  return piece('Q', channel, client, value)
end

local function tell(stream, number, of, pieces)
  redis.call(verb, name, 'P ' .. stream .. ' ' .. number .. ' ' .. of .. '\n' .. table.concat(pieces))
end

-- Takes up to `most` clients of a process away, and tells of each that it left where `era` is given. Whether none is left.
local function take_away(of, most, era)
  local pieces = {}
  local channel = redis.call('SRANDMEMBER', channels(of))
  while channel and most > 0 do
    local key = members(of, channel)
    local found = redis.call('HRANDFIELD', key, text(most), 'WITHVALUES')
    for i = 1, #found, 2 do
      redis.call('HDEL', key, found[i])
      if era then table.insert(pieces, farewell(of, channel, found[i], found[i + 1])) end
    end
    if redis.call('EXISTS', key) == 0 then redis.call('SREM', channels(of), channel) end
    most = most - 1 - #found / 2
    channel = redis.call('SRANDMEMBER', channels(of))
  end
  if #pieces > 0 then tell(era, text(redis.call('HINCRBY', all, 't', '1')), of, pieces) end
  return not channel
end
