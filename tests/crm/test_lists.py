"""Messages from Redis lists, on real servers: moved, delivered, saved, and only then removed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from orchestrator.clock import SystemClock
from orchestrator.crm.durable import AT_ONCE
from orchestrator.crm.lists import List
from orchestrator.crm.wire import Wire
from orchestrator.engine.notices import CrmConnected, CrmLost, MessageRejected
from orchestrator.redis_clients import reader
from tests.crm.durable import LETTERS, LIST, Taken, a_list, blocked, ended, make, reading, started
from tests.crm.servers import SERVERS, binary_of
from tests.valkey import SOON_S, Heard, Valkey, client_of, entries, pump, serving, until, valkey_in

TAKEN = f"{LIST}:taken"
SOURCE = f"list:{LIST}"


@pytest.fixture(params=SERVERS)
async def valkey(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Valkey]:
    async with valkey_in(tmp_path, binary=binary_of(request)) as server:
        yield server


async def says(redis: Redis, *messages: str) -> None:
    for message in messages:
        await redis.lpush(LIST, message)


async def standing(redis: Redis, key: str, count: int) -> bool:
    return await redis.llen(key) == count


async def test_messages_are_delivered_in_the_order_of_pushing(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    await says(redis, *(ended(str(number)) for number in range(250)))
    async with reading(valkey.url, heard, a_list) as (_, taken):
        await until(lambda: len(taken.sections) == 250)
        await says(redis, *(ended(str(number)) for number in range(250, 300)))
        await until(lambda: len(taken.sections) == 300)
        await until(lambda: standing(redis, TAKEN, 0))
    assert taken.sections == [str(number) for number in range(300)]
    assert heard.of(CrmConnected) == [CrmConnected(SOURCE)]
    assert not heard.of(CrmLost)


async def test_of_messages_that_are_acknowledged_nothing_is_kept(valkey: Valkey, redis: Redis) -> None:
    await says(redis, *(ended(str(number)) for number in range(10)))
    client = reader(valkey.url)
    source = List(Wire(client), LIST)
    await source.open()
    await source.acknowledge(await source.waiting())
    assert not source._given
    await client.aclose()


async def test_what_a_predecessor_took_is_delivered_first_oldest_first(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    count = 2 * AT_ONCE + 5
    await says(redis, *(ended(str(number)) for number in range(count)))
    for _ in range(count - 1):
        await redis.lmove(LIST, TAKEN, "RIGHT", "LEFT")
    async with reading(valkey.url, heard, a_list) as (_, taken):
        await until(lambda: len(taken.sections) == count)
        await until(lambda: standing(redis, TAKEN, 0))
    assert taken.sections == [str(number) for number in range(count)]


async def test_a_message_is_removed_only_after_it_is_saved(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    async with reading(valkey.url, heard, a_list) as (_, taken):
        taken.saving.clear()
        await says(redis, started("a"))
        await until(lambda: taken.sections == ["a"])
        assert await redis.lrange(TAKEN, 0, -1) == [started("a").encode()]
    async with reading(valkey.url, heard, a_list) as (_, again):  # the next process
        await until(lambda: again.sections == ["a"])
        await until(lambda: standing(redis, TAKEN, 0))


async def test_two_messages_that_are_alike_are_two(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    await says(redis, started("a"), started("b"), started("a"))
    async with reading(valkey.url, heard, a_list) as (_, taken):
        await until(lambda: taken.sections == ["a", "b", "a"])
        await until(lambda: standing(redis, TAKEN, 0))


async def test_a_wrong_message_is_a_dead_letter_before_it_is_removed_and_stops_nothing(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    taken = Taken()
    taken.saving.clear()
    await says(redis, '{"card": "4580000011112222"}', ended("good"))
    async with reading(valkey.url, heard, a_list, taken):
        await until(lambda: taken.sections == ["good"])
        (letter,) = await entries(redis, LETTERS)
        assert await redis.llen(TAKEN) == 2
        taken.saving.set()
        await until(lambda: standing(redis, TAKEN, 0))
    assert (letter[b"source"], letter[b"message"]) == (SOURCE.encode(), b'{"card": "4580000011112222"}')
    assert len(heard.of(MessageRejected)) == 1
    assert "4580000011112222" not in repr(heard.notices)


async def test_a_dead_letter_that_redis_refuses_keeps_the_message_and_stops_nothing(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    await redis.set(LETTERS, "not a stream")
    await says(redis, "wrong")
    for section_id in ("a", "b"):
        await says(redis, ended(section_id))
        async with reading(valkey.url, heard, a_list) as (_, taken):
            await until(lambda: bool(taken.sections))
            await until(lambda: standing(redis, TAKEN, 1))
        assert taken.sections == [section_id]
    assert await redis.lrange(TAKEN, 0, -1) == [b"wrong"]


async def test_an_answer_that_is_lost_on_the_way_loses_no_message(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    lost = 0

    async def carry(from_us: asyncio.StreamReader, to_us: asyncio.StreamWriter) -> None:
        nonlocal lost
        from_redis, to_redis = await asyncio.open_connection("127.0.0.1", valkey.port)
        up = asyncio.ensure_future(pump(from_us, to_redis))
        while answer := await from_redis.read(4096):
            if b"section_id" in answer and not lost:
                lost += 1
                break
            to_us.write(answer)
        to_us.close()
        to_redis.close()
        await asyncio.wait([up])
        up.exception()

    async with serving(carry) as port, reading(f"redis://127.0.0.1:{port}/0", heard, a_list) as (on, taken):
        await until(lambda: on.connected)
        await says(redis, ended("a"), ended("b"))
        await until(lambda: taken.sections == ["a", "b"])
        await until(lambda: standing(redis, TAKEN, 0))
    assert lost == 1


async def test_what_redis_gives_to_a_dead_connection_is_found(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    """Of a machine that is gone Redis hears nothing, and serves whoever asked first."""
    async with client_of(valkey.url) as dead:
        asked = asyncio.ensure_future(dead.blmove(LIST, TAKEN, 60, "RIGHT", "LEFT"))
        await until(lambda: blocked(redis, 1))
        async with reading(valkey.url, heard, a_list) as (on, taken):
            await until(lambda: on.connected)
            await until(lambda: blocked(redis, 2))
            await says(redis, ended("strayed"))
            await asked  # by nobody who would do anything about it
            await until(lambda: taken.sections == ["strayed"])
            await says(redis, ended("next"))
            await until(lambda: taken.sections == ["strayed", "next"])
            await until(lambda: standing(redis, TAKEN, 0))


async def test_a_key_of_another_type_is_told_once_and_retried(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    await redis.set(LIST, "not a list")
    async with reading(valkey.url, heard, a_list) as (_, taken):
        await until(lambda: bool(heard.of(CrmLost)))
        await asyncio.sleep(0.5)  # several attempts
        await redis.delete(LIST)
        await says(redis, ended("a"))
        await until(lambda: taken.sections == ["a"])
    assert [lost.why for lost in heard.notices if isinstance(lost, CrmLost)] == [
        "the key in Redis is of another type"
    ]


async def test_the_backlog_is_worked_off_when_all_that_stood_there_is_saved(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    await says(redis, *(ended(str(number)) for number in range(AT_ONCE + 1)))
    async with reading(valkey.url, heard, a_list) as (on, taken), asyncio.timeout(SOON_S):
        assert await on.backlog.worked_off()
        assert len(taken.sections) == AT_ONCE + 1
        assert await standing(redis, TAKEN, 0)


async def test_it_ends_when_cancelled_at_any_moment_and_loses_nothing(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    count, told = 20, set[str]()
    await says(redis, *(ended(str(number)) for number in range(count)))
    for steps in range(0, 200, 5):
        client, taken = reader(valkey.url), Taken()
        task = asyncio.ensure_future(make(client, a_list, taken, heard, SystemClock()).run())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(SOON_S):
            await asyncio.wait([task])
        assert task.cancelled()
        await client.aclose()
        told |= set(taken.sections)
    async with reading(valkey.url, heard, a_list) as (_, taken):
        await until(lambda: len(told | set(taken.sections)) == count)
