"""What was refused is kept for people to look at, and stands in nobody's way."""

from redis.asyncio import Redis

from orchestrator.clock import SystemClock
from orchestrator.crm import deadletter
from orchestrator.crm.deadletter import KEPT, WAITING, DeadLetters
from orchestrator.crm.message import MOST_BYTES
from tests.store.valkey import Valkey, client_of, entries, running, there, until

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


async def test_redis_that_freezes_or_is_away_delays_a_letter_and_loses_none(valkey: Valkey, redis: Redis) -> None:
    async with client_of(valkey.url) as own:
        await own.ping()
        letters = DeadLetters(own, "mute", SystemClock())
        async with running(letters.run()):
            valkey.freeze()
            letters.keep("s", "w", b"first")
            letters.keep("s", "w", b"second")
            await _longer_than(deadletter.ANSWER_S)
            valkey.thaw()
            await until(lambda: _has(redis, {b"first", b"second"}))


async def _longer_than(seconds: float) -> None:
    """Let the bound of a write pass: that it passes is what the test is about."""
    clock = SystemClock()
    until_at = clock.now() + seconds + 0.2
    await until(lambda: clock.now() > until_at)


async def _has(redis: Redis, messages: set[bytes]) -> bool:
    return {letter[b"message"] for letter in await entries(redis, STREAM)} == messages
