-- Says that the owner lives.
-- ARGV[4]   our time in milliseconds, to be kept beside Redis' own; empty: what stands there stays
local refused = refusal()
if refused then return refused end
local now_ms = redis_ms()
redis.call('HSET', KEYS[1], 'until_ms', now_ms + ARGV[3])
if ARGV[4] ~= '' then
  redis.call('HSET', KEYS[1], 'now_ms', ARGV[4], 'redis_ms', now_ms)
end
return 1
