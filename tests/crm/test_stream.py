"""Messages from Redis Streams, on real servers: none lost, none acknowledged before it is saved."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from orchestrator.clock import SystemClock, WallClock
from orchestrator.crm import backlog, wire
from orchestrator.crm.durable import AT_ONCE, Source
from orchestrator.crm.stream import CONSUMER, Stream
from orchestrator.engine.notices import CrmConnected, CrmGap, CrmLost, MessageRejected, MessageTaken
from orchestrator.redis_clients import reader
from tests.crm.durable import GROUP, LETTERS, STREAM, Taken, blocked, ended, make, reading, started, stream
from tests.crm.servers import SERVERS, binary_of
from tests.valkey import SOON_S, Heard, Valkey, client_of, entries, pump, running, serving, there, until, valkey_in

SOURCE = f"stream:{STREAM}"


@pytest.fixture(params=SERVERS)
async def valkey(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Valkey]:
    async with valkey_in(tmp_path, binary=binary_of(request)) as server:
        yield server


async def says(redis: Redis, *messages: str, key: str = STREAM) -> list[bytes]:
    return [cast("bytes", await redis.xadd(key, {"data": message})) for message in messages]


async def pending(redis: Redis, key: str = STREAM) -> int:
    return int((await redis.xpending(key, GROUP))["pending"])


async def all_acknowledged(redis: Redis) -> bool:
    return await pending(redis) == 0


async def read_by_a_predecessor(redis: Redis, consumer: str, count: int) -> None:
    await redis.xreadgroup(GROUP, consumer, {STREAM: ">"}, count=count)


async def cut(redis: Redis) -> None:
    """All connections but ours."""
    await command(redis, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


async def command(redis: Redis, *words: str) -> Any:
    return await redis.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py's


# Order, and what comes first


async def test_what_stood_there_before_the_group_comes_first_and_then_what_comes(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    await says(redis, *(ended(str(number)) for number in range(250)))
    async with reading(valkey.url, heard) as (on, taken):
        await until(lambda: len(taken.sections) == 250)
        await says(redis, *(ended(str(number)) for number in range(250, 300)))
        await until(lambda: len(taken.sections) == 300)
        await until(lambda: all_acknowledged(redis))
        assert on.connected
    assert taken.sections == [str(number) for number in range(300)]
    assert heard.of(CrmConnected) == [CrmConnected(SOURCE)]
    first = heard.of(MessageTaken)[0]
    assert isinstance(first, MessageTaken)
    assert (first.source, first.kind) == (SOURCE, "ended")
    assert first.waited_s is not None
    assert 0 <= first.waited_s < 60
    assert not heard.of(CrmGap)


async def test_what_is_pending_comes_first_whichever_consumer_had_it_in_the_order_of_ids(
    valkey: Valkey, redis: Redis, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.crm.stream.CLAIMED_AT_ONCE", 7)
    await redis.xgroup_create(STREAM, GROUP, "0", mkstream=True)
    await says(redis, *(ended(str(number)) for number in range(260)))
    for consumer, count in (("dead", 120), (CONSUMER, 5), ("deader", 10), ("dead", 5)):
        await read_by_a_predecessor(redis, consumer, count)
    async with reading(valkey.url, heard) as (_, taken):
        await until(lambda: len(taken.sections) == 260)
        await until(lambda: all_acknowledged(redis))
    assert taken.sections == [str(number) for number in range(260)]


async def test_the_group_is_made_where_it_is_missing(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    async with reading(valkey.url, heard) as (on, _):
        await until(lambda: on.connected)
        (group,) = await redis.xinfo_groups(STREAM)
    assert group["name"] == GROUP.encode()
    assert not heard.of(CrmLost)


async def test_several_streams_side_by_side(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    def other(wire: wire.Wire, clock: WallClock) -> Source:
        return Stream(wire, "crm:other", GROUP, clock)

    async with reading(valkey.url, heard) as (_, first), reading(valkey.url, heard, other) as (_, second):
        await says(redis, ended("a"))
        await says(redis, ended("b"), key="crm:other")
        await until(lambda: (first.sections, second.sections) == (["a"], ["b"]))


# Acknowledged after it is saved


async def test_a_message_is_acknowledged_only_after_it_is_saved(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    async with reading(valkey.url, heard) as (_, taken):
        taken.saving.clear()
        await says(redis, ended("a"))
        await until(lambda: taken.sections == ["a"])
        for _ in range(20):
            await redis.ping()
        assert await pending(redis) == 1
        taken.saving.set()
        await until(lambda: all_acknowledged(redis))


async def test_the_wait_for_saving_can_be_cancelled_and_the_next_process_takes_it_over(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    async with reading(valkey.url, heard) as (_, taken):
        taken.saving.clear()
        await says(redis, started("a"))
        await until(lambda: taken.sections == ["a"])
    assert await pending(redis) == 1
    async with reading(valkey.url, heard) as (_, again):
        await until(lambda: again.sections == ["a"])
        await until(lambda: all_acknowledged(redis))
    assert again.starts[0].message_id == taken.starts[0].message_id is not None  # a copy


async def test_killed_before_the_acknowledgement_nothing_has_another_name_the_second_time(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    await command(redis, "ACL", "SETUSER", "default", "-xack")
    (entry_id,) = await says(redis, started("a"))
    async with reading(valkey.url, heard) as (_, taken):
        await until(lambda: len(taken.sections) >= 2)
    await command(redis, "ACL", "SETUSER", "default", "+xack")
    assert {fact.message_id for fact in taken.starts} == {f"{STREAM} {entry_id.decode()}"}


# Wrong messages


async def test_a_wrong_message_is_a_dead_letter_before_it_is_acknowledged_and_stops_nothing(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    taken = Taken()
    taken.saving.clear()  # nothing of the batch is acknowledged yet
    wrong, _ = await says(redis, '{"card": "4580000011112222"}', ended("good"))
    async with reading(valkey.url, heard, taken=taken):
        await until(lambda: taken.sections == ["good"])
        (letter,) = await entries(redis, LETTERS)
        assert await pending(redis) == 2
        taken.saving.set()
        await until(lambda: all_acknowledged(redis))
    assert letter[b"message"] == b'{"card": "4580000011112222"}'
    assert letter[b"source"] == f"{SOURCE} {STREAM} {wrong.decode()}".encode()
    assert len(heard.of(MessageRejected)) == 1
    assert "4580000011112222" not in repr(heard.notices)


async def test_a_wrong_message_is_tried_once(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    await says(redis, "wrong")
    for section_id in ("a", "b"):
        async with reading(valkey.url, heard) as (_, taken):
            await says(redis, ended(section_id))
            await until(lambda: bool(taken.sections))
            await until(lambda: all_acknowledged(redis))
        assert taken.sections == [section_id]
    assert heard.of(MessageRejected) == [MessageRejected(SOURCE, "message: not JSON")]
    assert await redis.xlen(LETTERS) == 1


async def test_a_dead_letter_that_redis_refuses_keeps_the_message_unacknowledged_and_stops_nothing(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    await redis.set(LETTERS, "not a stream")
    await says(redis, "wrong", ended("good"))
    async with reading(valkey.url, heard) as (_, taken):
        await until(lambda: taken.sections == ["good"])
        await until(lambda: _is_pending(redis, 1))
        await redis.delete(LETTERS)
    async with reading(valkey.url, heard):
        await until(lambda: all_acknowledged(redis))
        await until(lambda: _letters(redis, 1))
    first, second = (notice.why for notice in heard.notices if isinstance(notice, MessageRejected))
    assert first == "message: not JSON; no dead letter: the key in Redis is of another type"
    assert second == "message: not JSON"


async def _is_pending(redis: Redis, count: int) -> bool:
    return await pending(redis) == count


async def _letters(redis: Redis, count: int) -> bool:
    return await redis.xlen(LETTERS) == count


@pytest.mark.parametrize("fields", [{"body": "x"}, {"Data": ended("a")}])
async def test_an_entry_without_the_field_is_a_wrong_message(
    valkey: Valkey, redis: Redis, heard: Heard, fields: dict[Any, Any]
) -> None:
    await redis.xadd(STREAM, fields)
    async with reading(valkey.url, heard) as (_, taken):
        await until(lambda: _letters(redis, 1))
        await until(lambda: all_acknowledged(redis))
    assert not taken.sections
    assert heard.of(MessageRejected) == [
        MessageRejected(SOURCE, "entry: 0 fields are called data, exactly one is right")
    ]


# When it happened, and what it is called


class Shifted:
    """A clock that is not that of Redis."""

    def __init__(self, by_s: float) -> None:
        self._clock = SystemClock()
        self._by_s = by_s

    def now(self) -> float:
        return self._clock.now() + self._by_s

    def at_wall(self, epoch_s: float) -> float:
        return epoch_s - self.ahead_s

    @property
    def ahead_s(self) -> float:
        return self._clock.ahead_s


@pytest.mark.parametrize("by_s", [0.0, 500.0, -500.0])
async def test_without_occurred_at_it_happened_when_it_was_written_by_our_clock(
    valkey: Valkey, redis: Redis, heard: Heard, by_s: float
) -> None:
    written_ms = round((time.time() - 100) * 1000)
    await redis.xadd(STREAM, {"data": started("old")}, id=f"{written_ms}-0")
    async with reading(valkey.url, heard, clock=Shifted(by_s)) as (_, taken):
        await until(lambda: taken.sections == ["old"])
    (fact,) = taken.starts
    assert fact.occurred_at == pytest.approx(written_ms / 1000 + by_s, abs=0.5)


async def test_a_slow_redis_does_not_have_messages_dated_otherwise(
    valkey: Valkey, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client_of(valkey.url) as client:
        source = Stream(wire.Wire(client), STREAM, GROUP, SystemClock())
        await source.open()
        valkey.freeze()
        with monkeypatch.context() as patch:
            patch.setattr("orchestrator.crm.stream.MEASURE_EVERY_S", 0.0)
            asks = asyncio.create_task(source.coming(0.1))
            await asyncio.sleep(0.5)
            valkey.thaw()
            await asks
        (entry_id,) = await says(redis, started("a"))
        (entry,) = await source.coming(SOON_S)
    assert entry.happened_at == pytest.approx(int(entry_id.partition(b"-")[0]) / 1000, abs=0.1)


async def test_what_the_message_says_of_its_time_and_name_stands(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    await says(redis, started("a", occurred_at="2026-11-23T10:00:00Z", id="mine"))
    async with reading(valkey.url, heard) as (_, taken):
        await until(lambda: taken.sections == ["a"])
    assert (taken.starts[0].occurred_at, taken.starts[0].message_id) == (1795428000.0, "mine")


async def test_an_id_of_the_crms_own_making_is_no_time(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    await redis.xadd(STREAM, {"data": started("a")}, id="7-1")
    async with reading(valkey.url, heard) as (_, taken):
        await until(lambda: taken.sections == ["a"])
    assert (taken.starts[0].occurred_at, taken.starts[0].message_id) == (None, f"{STREAM} 7-1")


# Losses


async def test_a_group_that_is_gone_is_made_again_and_the_gap_is_told(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    async with reading(valkey.url, heard) as (_, taken):
        await says(redis, ended("before"))
        await until(lambda: all_acknowledged_in(redis, taken, "before"))
        await redis.flushall()
        await says(redis, ended("after"))
        await until(lambda: taken.sections == ["before", "after"])
        await until(lambda: bool(heard.of(CrmGap)))
    (why,) = (lost.why for lost in heard.notices if isinstance(lost, CrmLost))
    assert why in ("the consumer group is not there", "the key in Redis is gone")  # as the server puts it
    assert len(heard.of(CrmGap)) == 1


async def all_acknowledged_in(redis: Redis, taken: Taken, last: str) -> bool:
    return taken.sections[-1:] == [last] and await all_acknowledged(redis)


async def test_a_server_that_is_not_there_yet(tmp_path: Path, heard: Heard) -> None:
    server = Valkey(tmp_path)
    async with reading(server.url, heard) as (on, _):
        await until(lambda: bool(heard.of(CrmLost)))
        await server.start()
        try:
            await until(lambda: on.connected)
            assert len(heard.of(CrmLost)) == 1
        finally:
            await server.kill()
    assert not heard.of(CrmGap)


async def test_redis_back_empty(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    async with reading(valkey.url, heard) as (on, taken):
        await says(redis, ended("before"))
        await until(lambda: all_acknowledged_in(redis, taken, "before"))
        await valkey.kill()
        await until(lambda: not on.connected)
        await valkey.start()
        await until(lambda: there(redis))
        await says(redis, ended("after"))
        await until(lambda: taken.sections == ["before", "after"])
        await until(lambda: bool(heard.of(CrmGap)))
    assert len(heard.of(CrmLost)) == 1
    assert len(heard.of(CrmGap)) == 1


async def test_what_was_trimmed_while_it_was_pending_is_told_as_a_gap(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    await redis.xgroup_create(STREAM, GROUP, "0", mkstream=True)
    await says(redis, *(ended(str(number)) for number in range(5)))
    await read_by_a_predecessor(redis, "dead", 4)
    await redis.xtrim(STREAM, maxlen=2, approximate=False)
    async with reading(valkey.url, heard) as (_, taken):
        await until(lambda: taken.sections == ["3", "4"])
        await until(lambda: all_acknowledged(redis))
    (gap,) = (notice for notice in heard.notices if isinstance(notice, CrmGap))
    assert gap.source == SOURCE
    assert 0 <= gap.for_s < SOON_S
    assert not heard.of(CrmLost)


async def test_what_is_trimmed_after_it_was_taken_over_is_told_as_a_gap(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    """As Redis 6.2 shows all that was trimmed: the entry is there, without content."""
    await says(redis, ended("a"), ended("b"))
    async with reading(valkey.url, heard, run=False) as (on, taken):
        source = on._source
        await source.open()
        await read_by_a_predecessor(redis, CONSUMER, 2)
        await redis.xtrim(STREAM, maxlen=1, approximate=False)
        await on._work_off(await source.pending(), False)
    assert taken.sections == ["b"]
    assert await all_acknowledged(redis)
    assert len(heard.of(CrmGap)) == 1


async def test_a_key_of_another_type_is_told_once_and_retried_and_the_others_go_on(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    def other(wire: wire.Wire, clock: WallClock) -> Source:
        return Stream(wire, "crm:other", GROUP, clock)

    await redis.set(STREAM, "not a stream")
    async with reading(valkey.url, heard) as (on, first), reading(valkey.url, heard, other) as (_, second):
        await says(redis, ended("b"), key="crm:other")
        await until(lambda: second.sections == ["b"])
        await asyncio.sleep(0.5)  # several attempts
        assert not on.connected
        await redis.delete(STREAM)
        await says(redis, ended("a"))
        await until(lambda: first.sections == ["a"])
    assert [lost.why for lost in heard.notices if isinstance(lost, CrmLost)] == [
        "the key in Redis is of another type"
    ]


@pytest.mark.parametrize("needed", ["xreadgroup", "xautoclaim", "xack", "xgroup"])
async def test_a_missing_permission_is_told_once_and_retried(
    valkey: Valkey, redis: Redis, heard: Heard, needed: str
) -> None:
    await command(redis, "ACL", "SETUSER", "default", f"-{needed}")
    await says(redis, ended("a"))
    async with reading(valkey.url, heard) as (on, taken):
        await until(lambda: bool(heard.of(CrmLost)))
        await asyncio.sleep(0.5)  # several attempts
        assert not on.connected
        await command(redis, "ACL", "SETUSER", "default", f"+{needed}")
        await until(lambda: on.connected and set(taken.sections) == {"a"})
        await until(lambda: all_acknowledged(redis))
    assert [lost.why for lost in heard.notices if isinstance(lost, CrmLost)] == ["the Redis user lacks a permission"]


async def test_connections_that_are_cut_lose_nothing_and_leave_no_gap(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    async with reading(valkey.url, heard) as (on, taken):
        for number in range(3):
            await until(lambda: on.connected)
            await cut(redis)
            await says(redis, ended(str(number)))
        await until(lambda: list(dict.fromkeys(taken.sections)) == ["0", "1", "2"])  # one may come twice
        await until(lambda: all_acknowledged(redis))
    assert not heard.of(CrmGap)


async def test_an_answer_that_is_lost_on_the_way_is_read_again(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    """Redis counts the entry as delivered; nobody has seen it."""
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

    async with serving(carry) as port, reading(f"redis://127.0.0.1:{port}/0", heard) as (on, taken):
        await until(lambda: on.connected)
        await says(redis, ended("a"), ended("b"))
        await until(lambda: taken.sections == ["a", "b"])
        await until(lambda: all_acknowledged(redis))
    assert lost == 1


async def test_what_redis_gives_to_a_dead_connection_is_found(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    """Of a machine that is gone Redis hears nothing, and serves whoever asked first."""
    await redis.xgroup_create(STREAM, GROUP, "0", mkstream=True)
    async with client_of(valkey.url) as dead:
        asked = asyncio.ensure_future(dead.xreadgroup(GROUP, CONSUMER, {STREAM: ">"}, block=60_000))
        await until(lambda: blocked(redis, 1))
        async with reading(valkey.url, heard) as (on, taken):
            await until(lambda: on.connected)
            await until(lambda: blocked(redis, 2))
            await says(redis, ended("strayed"))
            await asked  # by nobody who would do anything about it
            await until(lambda: taken.sections == ["strayed"])
            await says(redis, ended("next"))
            await until(lambda: taken.sections == ["strayed", "next"])
            await until(lambda: all_acknowledged(redis))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is noticed in tenths of a second, as it is in seconds outside of tests."""
    monkeypatch.setattr(wire, "ANSWER_S", 0.3)
    monkeypatch.setattr("orchestrator.crm.stream.ANSWER_S", 0.3)
    monkeypatch.setattr("orchestrator.crm.durable.BLOCK_S", 0.1)
    monkeypatch.setattr("orchestrator.crm.durable.FRESH_BLOCK_S", 0.1)


def test_silence_is_noticed_within_20_seconds() -> None:
    assert wire.BLOCK_S + 2 * wire.ANSWER_S <= 20


@pytest.mark.usefixtures("impatient")
async def test_a_half_open_connection_is_noticed(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    async with reading(valkey.url, heard) as (on, taken):
        await until(lambda: on.connected)
        valkey.freeze()
        await until(lambda: not on.connected)
        valkey.thaw()
        await says(redis, ended("after"))
        await until(lambda: taken.sections == ["after"])
    assert not heard.of(CrmGap)


@pytest.mark.usefixtures("impatient")
async def test_silence_is_no_loss(valkey: Valkey, heard: Heard) -> None:
    async with reading(valkey.url, heard) as (on, _):
        await until(lambda: on.connected)
        await asyncio.sleep(1.0)
    assert heard.notices == [CrmConnected(SOURCE)]


async def test_it_ends_when_cancelled_at_any_moment(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    await says(redis, *(ended(str(number)) for number in range(3)))
    for steps in range(0, 200, 3):
        client = reader(valkey.url)
        task = asyncio.ensure_future(make(client, stream, Taken(), heard, SystemClock()).run())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(SOON_S):
            await asyncio.wait([task])
        assert task.cancelled()
        await client.aclose()


async def test_a_bug_in_what_is_delivered_to_is_not_swallowed(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    class Broken(Taken):
        async def kept(self) -> None:
            raise ZeroDivisionError

    await says(redis, ended("a"))
    async with reading(valkey.url, heard, taken=Broken(), run=False) as (on, _), asyncio.timeout(SOON_S):
        with pytest.raises(ZeroDivisionError):
            await on.run()


async def test_a_burst_leaves_room_for_others(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    """What the first message asks for must not wait for the last one."""
    turns, turns_at = 0, list[int]()

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    class Noting(Taken):
        def deliver(self, message: Any) -> Any:
            turns_at.append(turns)
            return super().deliver(message)

    await says(redis, *(ended(str(number)) for number in range(100)))
    async with reading(valkey.url, heard, taken=Noting()) as (_, taken), running(others()):
        await until(lambda: len(taken.sections) == 100)
    assert len(set(turns_at)) == 100


# The backlog


async def test_the_backlog_is_worked_off_when_all_that_stood_there_is_saved(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    await says(redis, *(ended(str(number)) for number in range(AT_ONCE + 1)))
    taken = Taken()
    taken.saving.clear()
    async with reading(valkey.url, heard, taken=taken) as (on, _):
        over = asyncio.ensure_future(on.backlog.worked_off())
        await until(lambda: len(taken.sections) == AT_ONCE)
        assert not over.done()
        taken.saving.set()
        assert await over
        assert len(taken.sections) == AT_ONCE + 1
        assert await all_acknowledged(redis)


async def test_a_source_that_cannot_be_read_is_not_waited_for_without_end(
    valkey: Valkey, redis: Redis, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "STANDSTILL_S", 0.3)
    await redis.set(STREAM, "not a stream")
    async with reading(valkey.url, heard) as (on, _), asyncio.timeout(SOON_S):
        assert not await on.backlog.worked_off()
    assert heard.of(CrmLost)


def test_a_standstill_is_waited_for_10_seconds() -> None:
    assert backlog.STANDSTILL_S == 10.0


async def test_a_source_without_any_message_has_no_backlog(valkey: Valkey, heard: Heard) -> None:
    async with reading(valkey.url, heard) as (on, _), asyncio.timeout(SOON_S):
        assert await on.backlog.worked_off()
