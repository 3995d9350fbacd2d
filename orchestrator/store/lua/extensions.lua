-- Replaces the hashes of some extensions, each as a whole: a reader sees the calls before or after, never half.
-- Running it twice leaves what running it once does.
-- KEYS[2]   the set of SIP ids that have a hash
-- KEYS[3..] the hash of each extension
-- ARGV[4..] for each extension: its SIP id, the number n of its calls, then n times ivrid, leg JSON
local refused = refusal()
if refused then return refused end
local at = 4
for i = 3, #KEYS do
  local sip, n = ARGV[at], tonumber(ARGV[at + 1])
  at = at + 2
  redis.call('DEL', KEYS[i])
  for _ = 1, n do
    redis.call('HSET', KEYS[i], ARGV[at], ARGV[at + 1])
    at = at + 2
  end
  redis.call(n > 0 and 'SADD' or 'SREM', KEYS[2], sip)
end
return counted()
