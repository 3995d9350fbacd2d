"""What was refused is kept for people to look at, and stands in nobody's way."""

import asyncio

from redis.asyncio import Redis

from orchestrator.clock import SystemClock
from orchestrator.crm.deadletter import KEPT, WAITING, DeadLetters
from orchestrator.crm.message import MOST_BYTES
from tests.valkey import Valkey, client_of, entries, pump, running, serving, there, until

STREAM = "mute:dead-letters"


class StoppedClock:
    def now(self) -> float:
        return 1795428000.1234


async def test_a_letter_says_whence_why_and_when(redis: Redis) -> None:
    letters = DeadLetters(redis, "mute", StoppedClock())
    async with running(letters.run()):
        letters.keep("pubsub:crm", "message: not JSON", b"\xffraw")
        await until(lambda: _holds(redis, 1))
    assert await entries(redis, STREAM) == [
        {b"at": b"1795428000.123", b"source": b"pubsub:crm", b"why": b"message: not JSON", b"message": b"\xffraw"}
    ]


async def _holds(redis: Redis, count: int) -> bool:
    return await redis.xlen(STREAM) == count


async def test_a_huge_message_is_cut(redis: Redis) -> None:
    letters = DeadLetters(redis, "mute", SystemClock())
    async with running(letters.run()):
        letters.keep("s", "too long", b"x" * (MOST_BYTES * 3))
        await until(lambda: _holds(redis, 1))
    (letter,) = await entries(redis, STREAM)
    assert len(letter[b"message"]) == MOST_BYTES


async def test_the_stream_is_bounded(redis: Redis) -> None:
    letters = DeadLetters(redis, "mute", SystemClock())
    async with running(letters.run()):
        for round_ in range(30):
            for _ in range(WAITING):
                letters.keep("s", "w", str(round_).encode())
            await until(lambda: not letters._letters)
        newest = (await entries(redis, STREAM))[-1]
        assert await redis.xlen(STREAM) < KEPT + 200  # "roughly" costs Redis less than exactly
    assert newest[b"message"] == b"29"


async def test_what_waits_for_redis_is_bounded_and_the_newest_are_kept(valkey: Valkey, redis: Redis) -> None:
    async with client_of(valkey.url) as own:
        letters = DeadLetters(own, "mute", SystemClock())
        await valkey.kill()
        for number in range(WAITING + 50):
            letters.keep("s", "w", str(number).encode())
        await valkey.start()
        async with running(letters.run()):
            await until(lambda: there(redis))
            await until(lambda: _holds(redis, WAITING))
        kept = [int(letter[b"message"]) for letter in await entries(redis, STREAM)]
        assert kept == list(range(50, WAITING + 50))


async def test_an_answer_that_never_comes_costs_a_bound_and_no_letter(valkey: Valkey, redis: Redis) -> None:
    """The first connection leads nowhere; nothing closes it either."""
    connections = 0

    async def carry(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        if connections == 1:
            await reader.read()
            out.close()
            return
        server_in, server_out = await asyncio.open_connection("127.0.0.1", valkey.port)
        await asyncio.gather(pump(reader, server_out), pump(server_in, out))

    async with serving(carry) as port, client_of(f"redis://127.0.0.1:{port}/0") as own:
        letters = DeadLetters(own, "mute", SystemClock())
        async with running(letters.run()):
            letters.keep("s", "w", b"first")
            letters.keep("s", "w", b"second")
            await until(lambda: _holds(redis, 2))
    assert [letter[b"message"] for letter in await entries(redis, STREAM)] == [b"first", b"second"]
