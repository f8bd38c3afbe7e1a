-- Who is in a channel by the other processes. Further ARGV: the channel; how many are looked at; 1 for their people only.
-- Answers: 1 when every process had the time to say who is there; how many there are; then each client and what is said of it,
-- or the different people. A dead process's clients are there until it was told that they left.
local channel, room, people = ARGV[8], tonumber(ARGV[9]), ARGV[10] == '1'
open()
local whole = now - tonumber(redis.call('HGET', all, 'b')) >= lease and 1 or 0
local count, found, known = 0, {}, {}
for _, field in ipairs(redis.call('HKEYS', all)) do
  local of = string.match(field, '^n(.+)')
  local key = of and of ~= me and members(of, channel)
  local held = key and redis.call('HLEN', key) or 0
  count = count + held
  if held > 0 and room > 0 then
    local some = redis.call('HRANDFIELD', key, text(room), 'WITHVALUES')
    room = room - #some / 2
    for i = 1, #some, 2 do
      local bytes, begin = string.match(some[i + 1], '^(%d+):()')
      local person = bytes and string.sub(some[i + 1], begin, begin + bytes - 1)
      if not people then
        table.insert(found, some[i])
        table.insert(found, some[i + 1])
      elseif person and not known[person] then
        known[person] = true
        table.insert(found, person)
      end
    end
  end
end
return { whole, count, found }
