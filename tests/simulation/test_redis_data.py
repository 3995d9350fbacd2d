"""The Redis of the simulation against a real Valkey: the same random histories give the same replies and contents."""

import asyncio
import random
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from orchestrator.store import scripts
from tests.simulation.redis_data import RedisData, Refused, Status
from tests.simulation.scripts import SCRIPTS

STEPS = 400
OWNER = b"mute:{main}:owner"
NAMES = ("commands", "extensions", "acquire", "renew", "release")


class Pair:
    """Both servers, given the same commands."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._now_s = 0.0
        self._data = RedisData(lambda: self._now_s)

    async def both(self, *words: bytes | str | int) -> Any:
        raw = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        await self._set_time()
        real = await self._real(raw)
        ours = self._ours(raw)
        assert ours == real, raw
        return real

    async def content(self) -> None:
        assert self._data.content().keys() == set(await self._client.keys("*"))

    async def _set_time(self) -> None:
        while True:
            seconds, micros = await self._client.time()
            self._now_s = seconds + micros / 1e6
            if not 4.7 <= self._now_s % 10 < 5.0:  # else a moment later it may be rounded otherwise
                return
            await asyncio.sleep(0.05)

    async def _real(self, raw: list[bytes]) -> Any:
        connection = self._client.connection
        if connection is None:
            await self._client.initialize()
            connection = self._client.connection
        assert connection is not None
        await connection.send_command(*raw)
        try:
            return _without_order(raw, await connection.read_response())
        except ResponseError as error:
            return str(error).partition(" ")[0]

    def _ours(self, raw: list[bytes]) -> Any:
        try:
            return _without_order(raw, _plain(self._data.run(raw)))
        except Refused as refused:
            return str(refused).partition(" ")[0].removeprefix("ERR") or "ERR"


def _plain(value: Any) -> Any:
    match value:
        case Status(text):
            return text
        case list():
            return [_plain(each) for each in value]
        case _:
            return value


def _without_order(raw: list[bytes], reply: Any) -> Any:
    """A hash and a set have none."""
    match raw[0].upper():
        case b"HKEYS" | b"SMEMBERS":
            return sorted(reply)
        case b"HGETALL":
            return sorted(zip(reply[::2], reply[1::2], strict=True))
        case b"EVALSHA" if isinstance(reply, list):
            return [_rounded(each) for each in reply]
    return reply


def _rounded(value: Any) -> Any:
    """Times of Redis differ by the moment between the two."""
    return round(value, -4) if isinstance(value, int) and value > 10**12 else value


def _step(chance: random.Random) -> list[bytes | str | int]:
    name = chance.choice("abc")
    steps: list[list[bytes | str | int]] = [
        ["HSET", f"h{name}", chance.choice("xyz"), chance.randint(0, 9), "w", "v"],
        ["HDEL", f"h{name}", chance.choice("xyz"), "w"],
        ["HGET", f"h{name}", "x"],
        ["HMGET", f"h{name}", "x", "q"],
        ["HGETALL", f"h{name}"],
        ["HKEYS", f"h{name}"],
        ["HLEN", f"h{name}"],
        ["SADD", f"s{name}", chance.choice("xyz"), "v"],
        ["SREM", f"s{name}", chance.choice("xyz")],
        ["SMEMBERS", f"s{name}"],
        ["SCARD", f"s{name}"],
        ["DEL", f"h{name}", f"s{name}"],
        ["LPUSH", f"l{name}", chance.choice("xyz"), chance.choice("xyz")],
        ["LMOVE", f"l{name}", f"l{chance.choice('abc')}", "RIGHT", "LEFT"],
        ["LRANGE", f"l{name}", chance.randint(0, 3), chance.randint(-2, 5)],
        ["LREM", f"l{name}", chance.randint(-2, 2), chance.choice("xyz")],
        ["LLEN", f"l{name}"],
        ["HSET", f"s{name}", "x", "1"],
        ["LPUSH", f"h{name}", "x"],
        ["XADD", f"x{name}", "*", "data", chance.choice("xyz")],
        ["XLEN", f"x{name}"],
    ]
    return chance.choice(steps)


@pytest.mark.parametrize("seed", range(3))
async def test_commands_reply_as_a_real_server_does(redis: Redis, seed: int) -> None:
    pair, chance = Pair(redis), random.Random(seed)
    for _ in range(STEPS):
        step = _step(chance)
        if step[0] == "XADD":  # ids are times: both are given the same
            step[2] = f"{1000 + _}-0"
        await pair.both(*step)
    await pair.content()


async def test_groups_hand_out_and_take_over_as_a_real_server_does(redis: Redis) -> None:
    pair, chance = Pair(redis), random.Random(1)
    await pair.both("XAUTOCLAIM", "x", "g", "c", 0, "0-0", "COUNT", 10, "JUSTID")
    await pair.both("XGROUP", "CREATE", "x", "g", "0", "MKSTREAM")
    await pair.both("XGROUP", "CREATE", "x", "g", "0", "MKSTREAM")
    read = ("XREADGROUP", "GROUP", "g", "c", "COUNT", 3, "STREAMS", "x")
    for number in range(STEPS):
        entry = f"{1 + chance.randint(0, number)}-0"
        step = chance.choice(
            (
                ("XADD", "x", f"{1000 + number}-0", "data", number),
                (*read, ">"),
                (*read, "0-0"),
                ("XACK", "x", "g", f"{1000 + chance.randint(0, number)}-0"),
                ("XAUTOCLAIM", "x", "g", "c", 0, "0-0", "COUNT", 4, "JUSTID"),
                ("XDEL", "x", entry),
            )
        )
        await pair.both(*step)


async def test_scripts_do_what_their_equivalents_do(redis: Redis) -> None:
    pair, chance = Pair(redis), random.Random(2)
    sha = {name: (await pair.both("SCRIPT", "LOAD", scripts.script(name))).decode() for name in NAMES}
    assert set(sha.values()) == set(SCRIPTS), "each script has its equivalent, and no other has one"
    for number in range(STEPS):
        me, token = chance.choice(("h1/1/b/p/1", "h2/1/b/p/1")), chance.randint(0, 5)
        lease = (me, token, chance.choice((0, 60_000)))
        keys = ("mute:{main}:mutes", "mute:{main}:extension:1")
        step: tuple[Any, ...] = chance.choice(
            (
                (sha["commands"], 2, OWNER, keys[0], *lease, 4, "HSET", keys[0], chance.choice("xy"), number),
                (sha["commands"], 2, OWNER, keys[0], *lease, 3, "HDEL", keys[0], chance.choice("xy")),
                (sha["extensions"], 3, OWNER, "mute:{main}:extensions", keys[1], *lease, "1", 1, "c1", "{}"),
                (sha["extensions"], 3, OWNER, "mute:{main}:extensions", keys[1], *lease, "1", 0),
                (sha["acquire"], 1, OWNER, *lease, "h9/1/b/p/1", 0, 0, chance.choice((0, 0, 1))),
                (sha["renew"], 1, OWNER, *lease, chance.choice(("", 1234))),
                (sha["release"], 1, OWNER, *lease),
                (sha["release"], 1, OWNER, *lease),
            )
        )
        await pair.both("EVALSHA", *step)
        await pair.both("HGETALL", keys[0])
        await pair.both("HGET", OWNER, "instance")
        await pair.both("HGET", OWNER, "token")
    await pair.content()
