"""The daemon's Lua scripts as Python, each registered for the text of its file.

Guarantee: each does what the script does, in the same order and with the same errors: test_redis_data plays random
histories through both.
"""

from importlib import resources

from tests.simulation.redis_data import RedisData, Value, script


def lua(name: str) -> str:
    return resources.files("orchestrator.store").joinpath("lua", f"{name}.lua").read_text("ascii")


@script(lua("commands"))
def commands(redis: RedisData, _keys: list[bytes], args: list[bytes]) -> Value:
    at = 0
    while at < len(args):
        words = int(args[at])
        redis.run(args[at + 1 : at + 1 + words])
        at += words + 1
    return 1


@script(lua("extensions"))
def extensions(redis: RedisData, keys: list[bytes], args: list[bytes]) -> Value:
    at = 0
    for key in keys[1:]:
        sip, number = args[at], int(args[at + 1])
        at += 2
        redis.call("DEL", key)
        for _ in range(number):
            redis.call("HSET", key, args[at], args[at + 1])
            at += 2
        redis.call("SADD" if number > 0 else "SREM", keys[0], sip)
    return len(keys) - 1
