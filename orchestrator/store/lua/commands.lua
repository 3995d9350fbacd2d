-- Runs several commands as one step, in one round trip.
-- KEYS      every key that the commands name
-- ARGV      for each command: the number n of its words, then the words
local at = 1
while at <= #ARGV do
  local n = tonumber(ARGV[at])
  redis.call(unpack(ARGV, at + 1, at + n))
  at = at + n + 1
end
return 1
