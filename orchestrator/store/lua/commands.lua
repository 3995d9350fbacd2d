-- Runs several commands as one step, in one round trip.
-- KEYS[2..] every key that the commands name
-- ARGV[4..] for each command: the number n of its words, then the words
local refused = refusal()
if refused then return refused end
local at = 4
while at <= #ARGV do
  local n = tonumber(ARGV[at])
  redis.call(unpack(ARGV, at + 1, at + n))
  at = at + n + 1
end
return counted()
