-- Gives the account up, if it is ours. The hash stays, so that the token goes on growing.
if redis.call('HGET', KEYS[1], 'instance') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'until_ms', 0)
end
return 1
