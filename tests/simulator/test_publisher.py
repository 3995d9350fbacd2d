"""What the CRM that is played does with Redis, and without it."""

import asyncio

import pytest
from redis import RedisError
from redis.asyncio import Redis

from orchestrator.simulator.publisher import By, redis_publisher
from tests.valkey import Valkey, entries


@pytest.mark.parametrize("by", By)
async def test_whoever_is_cancelled_while_it_publishes_ends(valkey: Valkey, by: By) -> None:
    async with redis_publisher(valkey.url, by, "somewhere") as publish:
        await publish(b"{}")
        for turns in range(200):
            task = asyncio.ensure_future(publish(b"{}"))
            for _ in range(turns):
                await asyncio.sleep(0)
            if not task.cancel():
                break  # it was answered before
            with pytest.raises(asyncio.CancelledError):
                await task


async def test_a_redis_that_does_not_answer_is_told_of(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.simulator.publisher.ANSWER_S", 0.2)
    async with redis_publisher(valkey.url) as publish:
        await publish(b"{}")
        valkey.freeze()
        try:
            with pytest.raises(RedisError):
                await publish(b"{}")
        finally:
            valkey.thaw()


async def test_two_at_once_each_say_their_own(valkey: Valkey, redis: Redis) -> None:
    async with redis_publisher(valkey.url, By.STREAM, "said") as publish:
        await asyncio.gather(*(publish(b"%d" % number) for number in range(50)))
    said = [int(fields[b"data"]) for fields in await entries(redis, "said")]
    assert sorted(said) == list(range(50))
