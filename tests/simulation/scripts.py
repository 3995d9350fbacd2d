"""The daemon's Lua scripts as Python, each registered for the text of its files.

Guarantee: each does what the script does, in the same order and with the same errors: test_redis_data plays random
histories through both.
"""

from orchestrator.store import scripts
from tests.simulation.redis_data import SCRIPTS as SCRIPTS
from tests.simulation.redis_data import RedisData, Refused, Value, script

Args = list[bytes]


def _number(word: bytes | None) -> int:
    try:
        return int(word or 0)
    except ValueError:
        return 0


def _write_owner(
    redis: RedisData, keys: Args, args: Args, instance: bytes, token: bytes | int, since_ms: object
) -> None:
    until_ms = redis.now_ms() + int(args[2])
    fields = ("instance", instance, "token", token, "since_ms", since_ms, "until_ms", until_ms)
    redis.call("HSET", keys[0], *fields)  # type: ignore[arg-type]  # since_ms is bytes or a number


def _fence(redis: RedisData, keys: Args, args: Args) -> None:
    instance = redis.call("HGET", keys[0], "instance")
    if instance == args[0]:
        return
    if instance:
        token, until_ms = redis.call("HMGET", keys[0], "token", "until_ms")
        if _number(token) >= _number(args[1]) or _number(until_ms) > redis.now_ms():
            raise Refused("FENCED " + instance.decode())
    _write_owner(redis, keys, args, args[0], args[1], redis.now_ms())


def _counted(redis: RedisData, keys: Args) -> int:
    writes = _number(redis.call("HGET", keys[0], "writes")) + 1
    redis.call("HSET", keys[0], "writes", writes)
    return writes


@script(scripts.script("commands"))
def commands(redis: RedisData, keys: Args, args: Args) -> Value:
    _fence(redis, keys, args)
    at = 3
    while at < len(args):
        words = int(args[at])
        redis.run(args[at + 1 : at + 1 + words])
        at += words + 1
    return _counted(redis, keys)


@script(scripts.script("extensions"))
def extensions(redis: RedisData, keys: Args, args: Args) -> Value:
    _fence(redis, keys, args)
    at = 3
    for key in keys[2:]:
        sip, number = args[at], int(args[at + 1])
        at += 2
        redis.call("DEL", key)
        for _ in range(number):
            redis.call("HSET", key, args[at], args[at + 1])
            at += 2
        redis.call("SADD" if number > 0 else "SREM", keys[1], sip)
    return _counted(redis, keys)


@script(scripts.script("acquire"))
def acquire(redis: RedisData, keys: Args, args: Args) -> Value:
    owner = redis.call("HMGET", keys[0], "instance", "token", "until_ms", "since_ms", "now_ms", "redis_ms")
    instance, token, until_ms = owner[0], _number(owner[1]), _number(owner[2])
    seen_token, is_gone = _number(args[1]), args[6] == b"1"
    if not instance and seen_token > 0 and not is_gone:
        _write_owner(redis, keys, args, args[3], args[1], args[5])
        return [0, args[3], seen_token, _number(redis.call("HGET", keys[0], "until_ms")), _number(args[5])]
    gone_unchanged = is_gone and token == seen_token and until_ms == _number(args[4])
    if instance and instance != args[0] and until_ms > 0 and not gone_unchanged:
        return [0, instance, token, until_ms, _number(owner[3])]
    now_ms = redis.now_ms()
    token = max(token, seen_token) + 1
    _write_owner(redis, keys, args, args[0], token, now_ms)
    return [1, token, now_ms, _number(owner[4]), _number(owner[5])]


@script(scripts.script("renew"))
def renew(redis: RedisData, keys: Args, args: Args) -> Value:
    _fence(redis, keys, args)
    now_ms = redis.now_ms()
    redis.call("HSET", keys[0], "until_ms", now_ms + int(args[2]))
    if args[3]:
        redis.call("HSET", keys[0], "now_ms", args[3], "redis_ms", now_ms)
    return 1


@script(scripts.script("release"))
def release(redis: RedisData, keys: Args, args: Args) -> Value:
    if redis.call("HGET", keys[0], "instance") == args[0]:
        redis.call("HSET", keys[0], "until_ms", 0)
    return 1
