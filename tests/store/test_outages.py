"""Redis away, frozen, back, back empty: muting is never held up, and Redis is brought up to date."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from orchestrator.clock import SystemClock
from orchestrator.core.claims import Mute
from orchestrator.core.model import EndCause, EndedSection, FeedState, OnExtension, Section
from orchestrator.core.state import State
from orchestrator.engine.notices import StoreBack, StoreDropped, StoreLost
from orchestrator.engine.ports import Marks, StoreUnavailable
from orchestrator.redis_clients import ANSWER_S
from orchestrator.store.lease import Lease
from orchestrator.store.outgoing import WAITING
from orchestrator.store.redis_store import RedisStore
from tests.store.owner import owning
from tests.store.test_redis_store import calls_of, extension
from tests.valkey import (
    SOON_S,
    Heard,
    Valkey,
    client_of,
    entries,
    pump,
    running,
    serving,
    there,
    until,
    valkey_in,
)

SECTIONS, ENDED, MUTES = "mute:{main}:sections", "mute:{main}:ended", "mute:{main}:mutes"
PAY = Section("pay", OnExtension("SIPSIP1"), 10.0, 10.0, 310.0)


@pytest.fixture
def state() -> State:
    return State(feed=FeedState.SYNCED, sections={"pay": PAY})


@pytest.fixture
async def store(valkey: Valkey, lease: Lease, state: State, heard: Heard) -> AsyncIterator[RedisStore]:
    """On a connection of its own."""
    async with client_of(valkey.url) as client:
        yield RedisStore(client, "mute", "main", state, SystemClock(), heard, lease)


def mute(state: State, store: RedisStore, ivrid: str) -> None:
    state.mutes[ivrid] = Mute(ivrid, 1.0)
    store.mark(Marks(mutes={ivrid}))


async def test_an_outage_is_told_once_and_ends_with_everything_in_redis(
    valkey: Valkey, store: RedisStore, state: State, redis: Redis, heard: Heard
) -> None:
    """The server keeps nothing on disk, so it comes back empty."""
    async with running(store.run()):
        mute(state, store, "before")
        store.mark(Marks(sections={"pay"}))
        assert await store.saved(SOON_S)
        await until(lambda: store.healthy)
        await valkey.kill()
        mute(state, store, "during")
        await until(lambda: bool(heard.of(StoreLost)))
        await until(lambda: not store.healthy)
        state.ended["pay"] = EndedSection(20.0, EndCause.MESSAGE)
        del state.sections["pay"]
        store.mark(Marks(sections={"pay"}))
        await valkey.start()
        await until(lambda: bool(heard.of(StoreBack)))
        assert await store.saved(SOON_S)
        await until(lambda: there(redis))
        assert set(await redis.hkeys(MUTES)) == {b"before", b"during"}
        assert await redis.hkeys(ENDED) == [b"pay"]
        assert await redis.exists(SECTIONS) == 0
        await until(lambda: store.healthy)
    assert len(heard.of(StoreLost)) == len(heard.of(StoreBack)) == 1


async def test_while_redis_is_known_to_be_away_nobody_waits_for_it(
    valkey: Valkey, store: RedisStore, state: State, heard: Heard
) -> None:
    async with running(store.run()):
        assert await store.flushed(SOON_S)
        await valkey.kill()
        mute(state, store, "ivr-1")
        await until(lambda: bool(heard.of(StoreLost)))
        took_s = []
        for number in range(20):
            mute(state, store, f"ivr-{number}")
            began = time.monotonic()
            assert not await store.saved(SOON_S)
            took_s.append(time.monotonic() - began)
    assert min(took_s) < 0.005
    assert max(took_s) < SOON_S / 2


async def test_a_frozen_redis_holds_a_request_up_for_the_bound_and_no_longer(
    valkey: Valkey, store: RedisStore, state: State, redis: Redis, heard: Heard
) -> None:
    async with running(store.run()):
        assert await store.flushed(SOON_S)
        valkey.freeze()
        mute(state, store, "ivr-1")
        began = time.monotonic()
        assert not await store.saved(0.05)
        assert time.monotonic() - began < ANSWER_S
        await until(lambda: bool(heard.of(StoreLost)))
        valkey.thaw()
        await until(lambda: store.healthy)
        assert await store.saved(SOON_S)
        assert await redis.hkeys(MUTES) == [b"ivr-1"]


async def test_an_idle_store_notices_that_redis_went_away(valkey: Valkey, store: RedisStore) -> None:
    async with running(store.run()):
        await until(lambda: store.healthy)
        await valkey.kill()
        await until(lambda: not store.healthy)


async def test_those_who_wait_are_told_at_once_when_redis_fails(
    valkey: Valkey, store: RedisStore, state: State, heard: Heard
) -> None:
    async with running(store.run()):
        assert await store.flushed(SOON_S)
        await valkey.kill()
        mute(state, store, "ivr-1")
        began = time.monotonic()
        assert not await store.saved(60.0)
        assert time.monotonic() - began < SOON_S


async def test_loading_says_that_redis_is_away(valkey: Valkey, store: RedisStore, heard: Heard) -> None:
    await valkey.kill()
    with pytest.raises(StoreUnavailable, match="no connection to Redis: connection refused"):
        await store.load()
    assert heard.notices == [StoreLost("no connection to Redis: connection refused")]
    assert not store.healthy


async def test_what_was_not_loaded_yet_is_not_taken_for_left_over(
    valkey: Valkey, store: RedisStore, state: State, redis: Redis
) -> None:
    """Redis was away at the start: the writer runs before the earlier process's sections could be read."""
    await redis.hset(SECTIONS, "earlier", '{"v":1}')
    async with running(store.run()):
        mute(state, store, "ivr-1")
        assert await store.saved(SOON_S)
        assert await redis.hexists(SECTIONS, "earlier")


async def test_data_that_came_back_older_is_corrected(tmp_path: Path, state: State, heard: Heard) -> None:
    """As after a restore from a backup: a section stands there that has long ended."""
    async with (
        valkey_in(tmp_path) as valkey,
        client_of(valkey.url) as redis,
        client_of(valkey.url) as own,
        owning(valkey.url) as lease,
    ):
        store = RedisStore(own, "mute", "main", state, SystemClock(), heard, lease)
        await store.load()
        async with running(store.run()):
            assert await store.flushed(SOON_S)
            await redis.hset(SECTIONS, "long-over", '{"v":1}')

            async def corrected() -> bool:
                return await redis.hkeys(SECTIONS) == [b"pay"]

            await until(corrected)


async def test_what_is_durable_in_redis_survives_its_restart(tmp_path: Path, heard: Heard) -> None:
    async with valkey_in(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as valkey:
        async with client_of(valkey.url) as client, owning(valkey.url) as lease:
            state = State(sections={"pay": PAY}, mutes={"ivr-1": Mute("ivr-1", 2.0)})
            store = RedisStore(client, "mute", "main", state, SystemClock(), heard, lease)
            async with running(store.run()):
                store.mark(Marks({"pay"}, {"ivr-1"}))
                assert await store.saved(SOON_S)
        await valkey.kill()
        await valkey.start()
        async with client_of(valkey.url) as client, owning(valkey.url) as lease:
            restored = await RedisStore(client, "mute", "main", State(), SystemClock(), heard, lease).load()
        assert (restored.sections, restored.mutes) == (state.sections, state.mutes)


async def test_a_redis_that_refuses_to_write_counts_as_away(
    valkey: Valkey, store: RedisStore, state: State, redis: Redis, heard: Heard
) -> None:
    async with running(store.run()):
        assert await store.flushed(SOON_S)
        await redis.config_set("min-replicas-to-write", "1")
        mute(state, store, "ivr-secret")
        await until(lambda: bool(heard.of(StoreLost)))
        (lost,) = heard.of(StoreLost)
        assert lost == StoreLost("Redis refused a command")
        await redis.config_set("min-replicas-to-write", "0")
        await until(lambda: store.healthy)
        assert await redis.hexists(MUTES, "ivr-secret")


async def test_streams_are_bounded_while_redis_is_away_keep_the_newest_and_tell_what_is_missing(
    valkey: Valkey, store: RedisStore, redis: Redis, heard: Heard
) -> None:
    async with running(store.run()):
        assert await store.flushed(SOON_S)
        await valkey.kill()
        await until(lambda: bool(heard.of(StoreLost)))
        for number in range(WAITING + 5):
            store.record({"number": number})
            store.announce(b"%d" % number)
        store.announce(b"one more")
        await valkey.start()
        assert await store.flushed(3 * SOON_S)
        await until(lambda: there(redis))
        kept = [int(entry[b"number"]) for entry in await entries(redis, "mute:{main}:audit")]
        assert kept == list(range(5, WAITING + 5))
    told = [notice for notice in heard.notices if isinstance(notice, StoreDropped)]
    assert told == [StoreDropped("mute:{main}:audit", 5), StoreDropped("mute:{main}:status", 6)]


async def test_scripts_forgotten_by_redis_are_sent_again(
    store: RedisStore, state: State, redis: Redis, heard: Heard
) -> None:
    async with running(store.run()):
        for ivrid in ("ivr-1", "ivr-2"):
            state.extensions["SIPSIP1"] = extension("SIPSIP1", ivrid)
            store.mark(Marks(extensions={"SIPSIP1"}))
            assert await store.flushed(SOON_S)
            await redis.script_flush()
        assert await calls_of(redis, "SIPSIP1") == {b"ivr-2"}
    assert not heard.of(StoreLost)


async def test_who_waits_until_it_is_kept_waits_for_redis_to_be_back(
    valkey: Valkey, store: RedisStore, state: State, redis: Redis
) -> None:
    async with running(store.run()):
        await until(lambda: store.healthy)
        await valkey.kill()
        mute(state, store, "during")
        waiting = asyncio.ensure_future(store.kept())
        await until(lambda: not store.healthy)
        assert not waiting.done()
        await valkey.start()
        async with asyncio.timeout(SOON_S):
            await waiting
        await until(lambda: there(redis))
        assert await redis.hexists(MUTES, "during")
        await store.kept()  # nothing new: at once


async def test_the_wait_until_it_is_kept_can_be_given_up(store: RedisStore, state: State) -> None:
    mute(state, store, "never")  # nobody writes
    waiting = asyncio.ensure_future(store.kept())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    async with running(store.run()):
        assert await store.saved(SOON_S)


async def test_after_a_failover_it_finds_the_primary_behind_the_same_address(
    valkey: Valkey, tmp_path: Path, state: State, heard: Heard
) -> None:
    """The address (a name, or a virtual one) moves to the new primary; the old one is up, as its replica."""
    (tmp_path / "other").mkdir()
    primary = valkey.port

    async def lead_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source, to = await asyncio.open_connection("127.0.0.1", primary)
        await asyncio.gather(pump(reader, to), pump(source, writer), return_exceptions=True)

    async with valkey_in(tmp_path / "other") as other, serving(lead_on) as port:
        url = f"redis://127.0.0.1:{port}/0"
        async with client_of(url) as client, owning(url) as lease, client_of(valkey.url) as admin:
            store = RedisStore(client, "mute", "main", state, SystemClock(), heard, lease)
            async with running(store.run()):
                mute(state, store, "before")
                assert await store.saved(SOON_S)
                await admin.execute_command("REPLICAOF", "127.0.0.1", other.port)  # type: ignore[no-untyped-call]
                primary = other.port
                mute(state, store, "after")
                await store.saved(SOON_S)
                async with client_of(other.url) as new:
                    await until(lambda: _has(new, {b"before", b"after"}))
                await until(lambda: store.healthy)
    assert StoreLost("this Redis is a read-only replica") in heard.notices


async def _has(redis: Redis, ivrids: set[bytes]) -> bool:
    return set(await redis.hkeys(MUTES)) == ivrids
