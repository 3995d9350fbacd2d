-- Takes the account, if it is free: never owned, released, ours, or as it was when its owner was found to be gone.
-- ARGV[2]    here the token of the owner that we saw last, or 0
-- ARGV[4..6] that owner's instance, until_ms and since_ms, or 0
-- ARGV[7]    1: that owner is gone, if nothing has changed since we saw it
-- Returns    {1, token, Redis' time, now_ms, redis_ms of the owner before} or {0, instance, token, until_ms, since_ms}
local owner = redis.call('HMGET', KEYS[1], 'instance', 'token', 'until_ms', 'since_ms', 'now_ms', 'redis_ms')
local instance, token, until_ms = owner[1], number(owner[2]), number(owner[3])
local seen_token, is_gone = number(ARGV[2]), ARGV[7] == '1'

if not instance and seen_token > 0 and not is_gone then
  -- Redis came back empty. Whom we saw may be alive, with all in memory: it gets its time to say so.
  write_owner(ARGV[4], ARGV[2], ARGV[6])
  return {0, ARGV[4], seen_token, number(redis.call('HGET', KEYS[1], 'until_ms')), number(ARGV[6])}
end

local gone_unchanged = is_gone and token == seen_token and until_ms == number(ARGV[5])
if instance and instance ~= ARGV[1] and until_ms > 0 and not gone_unchanged then
  return {0, instance, token, until_ms, number(owner[4])}
end

local now_ms = redis_ms()
token = math.max(token, seen_token) + 1
write_owner(ARGV[1], token, now_ms)
return {1, token, now_ms, number(owner[5]), number(owner[6])}
