-- Stands before every script that writes: whether the account is still this process's. Others write nothing at all.
-- KEYS[1]    the owner's hash
-- ARGV[1..3] our instance, our token, how many milliseconds a lease lasts
local function redis_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function number(word)
  return tonumber(word or 0) or 0
end

local function write_owner(instance, token, since_ms)
  redis.call('HSET', KEYS[1], 'instance', instance, 'token', token, 'since_ms', since_ms,
    'until_ms', redis_ms() + ARGV[3])
end

-- The refusal, where somebody else owns the account. Nobody: Redis came back empty. Somebody before us whose lease is
-- over: it came back older. Then we put ourselves back.
local function refusal()
  local instance = redis.call('HGET', KEYS[1], 'instance')
  if instance == ARGV[1] then return nil end
  if instance then
    local its = redis.call('HMGET', KEYS[1], 'token', 'until_ms')
    if number(its[1]) >= number(ARGV[2]) or number(its[2]) > redis_ms() then
      return redis.error_reply('FENCED ' .. instance)
    end
  end
  write_owner(ARGV[1], ARGV[2], redis_ms())
  return nil
end

-- Numbers a write: where its number does not follow the one before, its writer knows that Redis came back empty, or
-- older.
local function counted()
  local writes = number(redis.call('HGET', KEYS[1], 'writes')) + 1
  redis.call('HSET', KEYS[1], 'writes', writes)
  return writes
end
