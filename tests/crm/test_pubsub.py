"""Messages from Redis pub/sub, on a real Valkey: in order, whatever the connection goes through."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from orchestrator.clock import SystemClock
from orchestrator.core.facts import SectionEnded
from orchestrator.crm import link, pubsub
from orchestrator.crm.deadletter import DeadLetters
from orchestrator.crm.message import CrmMessage, MessageRefused
from orchestrator.crm.pubsub import PubSubReader
from orchestrator.engine.notices import CrmConnected, CrmGap, CrmLost, MessageRejected, MessageTaken
from orchestrator.redis_clients import reader as waiting_client
from tests.valkey import SOON_S, Heard, Valkey, client_of, entries, running, there, until, valkey_in

CHANNEL = "crm.sensitive"


def ended(section_id: str) -> str:
    return json.dumps({"type": "sensitive_section.ended", "section_id": section_id})


def ignore(_message: CrmMessage) -> None:
    pass


class Listening:
    """A reader and what it has delivered."""

    def __init__(self, reader: PubSubReader, letters: DeadLetters) -> None:
        self.reader = reader
        self.letters = letters
        self.sections: list[str] = []


@asynccontextmanager
async def listening(
    valkey: Valkey,
    heard: Heard,
    channels: Sequence[str] = (CHANNEL,),
    deliver: Callable[[CrmMessage], None] = ignore,
    url: str = "",
) -> AsyncIterator[Listening]:
    client = waiting_client(url or valkey.url)
    try:
        async with client_of(valkey.url) as own:
            letters = DeadLetters(own, "mute", SystemClock())

            def take(message: CrmMessage) -> None:
                deliver(message)
                on.sections.append(message.fact.section_id)

            reader = PubSubReader(client, channels, take, heard, letters, SystemClock(), random.Random(1))
            on = Listening(reader, letters)
            async with running(reader.run(), letters.run()):
                yield on
    finally:
        await client.aclose()


async def connected(on: Listening, redis: Redis) -> None:
    await until(lambda: on.reader.connected)
    await until(lambda: there(redis))


async def test_messages_are_delivered_in_order(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    async with listening(valkey, heard) as on:
        await connected(on, redis)
        for number in range(500):
            await redis.publish(CHANNEL, ended(str(number)))
        await until(lambda: len(on.sections) == 500)
        assert on.sections == [str(number) for number in range(500)]
    assert heard.notices[0] == CrmConnected("pubsub:crm.sensitive")
    assert heard.notices[1] == MessageTaken("pubsub:crm.sensitive", "ended")
    assert not heard.of(CrmGap)


async def test_several_channels_and_patterns(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    async with listening(valkey, heard, ["one", "two", "tenant.*", "shop-[ab]"]) as on:
        await connected(on, redis)
        for channel in ("one", "two", "three", "tenant.7", "shop-a", "shop-c"):
            await redis.publish(channel, ended(channel))
        await until(lambda: on.sections == ["one", "two", "tenant.7", "shop-a"])
    sources = [notice.source for notice in heard.notices if isinstance(notice, MessageTaken)]
    assert sources == ["pubsub:one", "pubsub:two", "pubsub:tenant.*", "pubsub:shop-[ab]"]


async def test_a_channels_name_under_a_pattern_is_kept_but_not_told(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    """The publisher chose it: it may be anything, a phone number too."""
    async with listening(valkey, heard, ["agent.*"]) as on:
        await connected(on, redis)
        await redis.publish("agent.0501234567", b"wrong")
        await until(lambda: _kept(redis, 1))
        (entry,) = await entries(redis, "mute:dead-letters")
    assert entry[b"source"] == b"pubsub:agent.0501234567"
    assert heard.of(MessageRejected) == [MessageRejected("pubsub:agent.*", "message: not JSON")]


async def test_connected_means_that_every_channel_is_subscribed(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    async with listening(valkey, heard, ["one", "tenant.*"]) as on:
        assert not on.reader.connected
        await connected(on, redis)
        assert await redis.pubsub_numsub("one") == [(b"one", 1)]
        assert await redis.pubsub_numpat() == 1


async def test_a_wrong_message_is_told_kept_and_stops_nothing(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    wrong = b'{"type": "sensitive_section.ended", "section_id": 7, "card": "4580000011112222"}'
    async with listening(valkey, heard) as on:
        await connected(on, redis)
        await redis.publish(CHANNEL, wrong)
        await redis.publish(CHANNEL, b"\xff\x00")
        await redis.publish(CHANNEL, ended("good"))
        await until(lambda: on.sections == ["good"])
        await until(lambda: _kept(redis, 2))
        first, second = await entries(redis, "mute:dead-letters")
    assert (first[b"source"], first[b"message"]) == (b"pubsub:crm.sensitive", wrong)
    assert second[b"message"] == b"\xff\x00"
    rejected = heard.of(MessageRejected)
    assert [type(notice) for notice in rejected] == [MessageRejected] * 2
    assert "4580000011112222" not in repr(rejected)


async def _kept(redis: Redis, count: int) -> bool:
    return await redis.xlen("mute:dead-letters") == count


async def test_a_message_that_nobody_wants_is_a_wrong_message(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    def deliver(message: CrmMessage) -> None:
        if message.account is None:
            raise MessageRefused("account: needed where there are several")

    async with listening(valkey, heard, deliver=deliver) as on:
        await connected(on, redis)
        await redis.publish(CHANNEL, ended("lost"))
        await redis.publish(CHANNEL, json.dumps(json.loads(ended("kept")) | {"account": "main"}))
        await until(lambda: on.sections == ["kept"])
    assert heard.of(MessageRejected) == [
        MessageRejected("pubsub:crm.sensitive", "account: needed where there are several")
    ]


async def test_a_bug_in_what_is_delivered_to_is_not_swallowed(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    def broken(_message: CrmMessage) -> None:
        raise ZeroDivisionError

    async def one_message() -> None:
        async with listening(valkey, heard, deliver=broken) as on:
            await connected(on, redis)
            await redis.publish(CHANNEL, ended("a"))
            await until(lambda: _nobody_listens(redis))

    with pytest.raises(ZeroDivisionError):
        await one_message()


async def _nobody_listens(redis: Redis) -> bool:
    return await redis.pubsub_numsub(CHANNEL) == [(CHANNEL.encode(), 0)]


async def test_a_connection_that_is_cut_is_back_at_once_and_the_gap_is_told(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    async with listening(valkey, heard) as on:
        await connected(on, redis)
        await redis.publish(CHANNEL, ended("before"))
        await until(lambda: on.sections == ["before"])
        await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]  # redis-py's
        await until(lambda: bool(heard.of(CrmGap)))
        await redis.publish(CHANNEL, ended("after"))
        await until(lambda: on.sections == ["before", "after"])
    (lost,), (gap,) = heard.of(CrmLost), heard.of(CrmGap)
    assert isinstance(lost, CrmLost)
    assert isinstance(gap, CrmGap)
    assert lost.retry_in_s == 0.0
    assert 0.0 <= gap.for_s < SOON_S
    assert len(heard.of(CrmConnected)) == 2


async def test_a_server_that_is_away_is_told_once_and_asked_until_it_is_back(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    async with listening(valkey, heard) as on:
        await connected(on, redis)
        await valkey.kill()
        await until(lambda: not on.reader.connected)
        away_since = time.monotonic()
        await asyncio.sleep(0.5)
        away_s = time.monotonic() - away_since
        await valkey.start()
        await until(lambda: on.reader.connected)
        await until(lambda: there(redis))
        await redis.publish(CHANNEL, ended("after"))
        await until(lambda: on.sections == ["after"])
    assert len(heard.of(CrmLost)) == 1
    (gap,) = heard.of(CrmGap)
    assert isinstance(gap, CrmGap)
    assert gap.for_s >= away_s


async def test_a_server_that_is_not_there_yet(tmp_path: Path, heard: Heard) -> None:
    valkey = Valkey(tmp_path)
    async with listening(valkey, heard) as on:
        await until(lambda: bool(heard.of(CrmLost)))
        await valkey.start()
        try:
            await until(lambda: on.reader.connected)
        finally:
            await valkey.kill()
    assert not heard.of(CrmGap)  # nobody listened before: nothing is known to be missing


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is noticed in tenths of a second, as it is in seconds outside of tests."""
    monkeypatch.setattr(pubsub, "PING_EVERY_S", 0.1)
    monkeypatch.setattr(pubsub, "ANSWER_S", 0.4)
    monkeypatch.setattr(pubsub, "SUBSCRIBE_WITHIN_S", 0.5)


def test_silence_is_noticed_within_20_seconds() -> None:
    assert pubsub.PING_EVERY_S + pubsub.ANSWER_S + pubsub.SUBSCRIBE_WITHIN_S <= 20


@pytest.mark.usefixtures("impatient")
async def test_a_frozen_server_is_noticed_though_the_connection_stands(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    async with listening(valkey, heard) as on:
        await connected(on, redis)
        valkey.freeze()
        await until(lambda: not on.reader.connected)
        valkey.thaw()
        await until(lambda: on.reader.connected)
        await redis.publish(CHANNEL, ended("after"))
        await until(lambda: on.sections == ["after"])
    assert heard.of(CrmLost)[0] == CrmLost("pubsub:crm.sensitive", "Redis did not answer in time", 0.0)
    assert heard.of(CrmGap)


@pytest.mark.usefixtures("impatient")
async def test_a_cut_connection_to_a_server_that_froze_before_the_login(tmp_path: Path, heard: Heard) -> None:
    """redis-py logs in again before it tells of the error, and waits for that answer without end."""
    async with valkey_in(tmp_path, "--requirepass", "hush") as valkey:
        url = f"redis://:hush@127.0.0.1:{valkey.port}/0"
        async with client_of(url) as admin, listening(valkey, heard, url=url) as on:
            await connected(on, admin)
            await admin.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]  # redis-py's
            valkey.freeze()
            await until(lambda: not on.reader.connected)
            valkey.thaw()
            await until(lambda: on.reader.connected)


@pytest.mark.usefixtures("impatient")
async def test_a_process_that_was_stopped_reads_what_came_meanwhile(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    """Its waits are over when it wakes up, but the connection is good and holds the message."""
    async with listening(valkey, heard) as on:
        await connected(on, redis)
        for number in range(2):
            await redis.publish(CHANNEL, ended(str(number)))
            time.sleep(2 * (pubsub.PING_EVERY_S + pubsub.ANSWER_S))  # noqa: ASYNC251 - the stop itself
            await until(lambda said=number: len(on.sections) == said + 1)  # type: ignore[misc]  # a bound argument
    assert not heard.of(CrmLost)
    assert on.sections == [str(number) for number in range(2)]


@pytest.mark.usefixtures("impatient")
async def test_an_answer_that_came_while_the_process_was_stopped_is_an_answer(
    valkey: Valkey, redis: Redis, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pubsub, "ANSWER_S", 1.5)
    async with listening(valkey, heard) as on:
        await connected(on, redis)
        valkey.freeze()
        await asyncio.sleep(3 * pubsub.PING_EVERY_S)  # a ping is out now, and has 1.5 s
        valkey.thaw()
        time.sleep(1.6)  # noqa: ASYNC251 - the stop itself
        await redis.publish(CHANNEL, ended("after"))
        await until(lambda: on.sections == ["after"])
    assert not heard.of(CrmLost)


async def test_a_server_that_drops_us_each_time_is_not_hammered(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    async with listening(valkey, heard) as on:
        for losses in range(1, 4):
            await connected(on, redis)
            await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]  # redis-py's
            await until(lambda least=losses: len(heard.of(CrmGap)) == least)  # type: ignore[misc]  # a bound argument
    first, *later = [notice for notice in heard.of(CrmLost) if isinstance(notice, CrmLost)]
    assert first.retry_in_s == 0.0
    assert len(later) == 2
    assert all(lost.retry_in_s >= link.RETRY_FIRST_S for lost in later)


async def test_a_channel_that_is_configured_twice_is_subscribed_once(
    valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    async with listening(valkey, heard, ["one", "one", "a*", "a*"]) as on:
        await connected(on, redis)
        await redis.publish("one", ended("x"))
        await until(lambda: on.sections == ["x"])
    assert heard.notices[0] == CrmConnected("pubsub:one,a*")


async def test_redis_does_not_reconnect_behind_the_readers_back(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    """One subscriber after a cut is one connection: the first one's end is ours to tell."""
    async with listening(valkey, heard) as on:
        await connected(on, redis)
        before = (await redis.info("stats"))["total_connections_received"]
        await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]  # redis-py's
        await until(lambda: bool(heard.of(CrmGap)))
        after = (await redis.info("stats"))["total_connections_received"]
    assert after - before == 1


async def test_a_second_confirmation_tells_of_a_gap(valkey: Valkey, heard: Heard) -> None:
    """It is the only sign of a reconnection that somebody else made (a proxy, a library)."""
    confirmation = b"*3\r\n$9\r\nsubscribe\r\n$13\r\ncrm.sensitive\r\n:1\r\n"
    ends: list[asyncio.StreamWriter] = []

    async def twice(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"crm.sensitive\r\n")
        out.write(confirmation * (2 if not ends else 1))
        ends.append(out)

    async with await asyncio.start_server(twice, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with listening(valkey, heard, url=f"redis://127.0.0.1:{port}/0"):
            await until(lambda: bool(heard.of(CrmGap)))
        for end in ends:
            end.close()
            with contextlib.suppress(ConnectionError):
                await end.wait_closed()
    assert [type(notice) for notice in heard.notices] == [CrmConnected, CrmLost, CrmConnected, CrmGap]


@pytest.mark.usefixtures("impatient")
async def test_a_quiet_channel_is_no_silent_connection(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    async with listening(valkey, heard) as on:
        await connected(on, redis)
        await asyncio.sleep(4 * (pubsub.PING_EVERY_S + pubsub.ANSWER_S))
        assert on.reader.connected
    assert heard.notices == [CrmConnected("pubsub:crm.sensitive")]


async def test_a_burst_leaves_room_for_others(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    """What the first message asks for must not wait for the last one."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    turns_at: list[int] = []
    async with listening(valkey, heard, deliver=lambda _message: turns_at.append(turns)) as on:
        await connected(on, redis)
        async with running(others()):
            pipe = redis.pipeline(transaction=False)
            for number in range(300):
                pipe.publish(CHANNEL, ended(str(number)))
            await pipe.execute()
            await until(lambda: len(on.sections) == 300)
    assert len(set(turns_at)) == 300


async def test_it_ends_when_cancelled_at_any_moment(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    for steps in range(60):
        client = waiting_client(valkey.url)
        letters = DeadLetters(redis, "mute", SystemClock())
        reader = PubSubReader(client, [CHANNEL, "a*"], ignore, heard, letters, SystemClock(), random.Random(1))
        task = asyncio.ensure_future(reader.run())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(SOON_S):
            await asyncio.wait([task])
        assert task.cancelled()
        await client.aclose()


async def test_delivery_is_the_fact_itself(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    got: list[CrmMessage] = []
    async with listening(valkey, heard, deliver=got.append) as on:
        await connected(on, redis)
        await redis.publish(CHANNEL, ended("a"))
        await until(lambda: got == [CrmMessage(None, SectionEnded("a"))])
