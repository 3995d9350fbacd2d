"""What stands in Redis after what was marked, on a real Valkey."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from orchestrator.clock import SystemClock
from orchestrator.core.claims import Mute
from orchestrator.core.facts import Restored
from orchestrator.core.model import (
    Call,
    Cover,
    CoverReason,
    Direction,
    EndCause,
    EndedSection,
    Extension,
    FeedState,
    Leg,
    LegStatus,
    OnExtension,
    Section,
)
from orchestrator.core.state import State
from orchestrator.engine.notices import StoreLost, StoreSkipped
from orchestrator.engine.ports import Marks, Store
from orchestrator.store.fields import SchemaTooNew
from orchestrator.store.lease import Lease
from orchestrator.store.redis_store import RedisStore
from tests.store.owner import OWNER
from tests.valkey import SOON_S, Heard, Valkey, client_of, entries, running, until

SECTIONS, ENDED, MUTES = "mute:{main}:sections", "mute:{main}:ended", "mute:{main}:mutes"
EXTENSIONS, AUDIT = "mute:{main}:extensions", "mute:{main}:audit"
PAY = Section(
    "pay", OnExtension("SIPSIP1"), 10.0, 10.0, 310.0, calls={"ivr-1": Cover(10.0, CoverReason.LEG, "SIPSIP1")}
)
MUTE = Mute("ivr-1", 10.0, in_flight=True, asked=True, asked_at=10.1)


@pytest.fixture
def state() -> State:
    return State(feed=FeedState.SYNCED)


@pytest.fixture
async def store(valkey: Valkey, lease: Lease, state: State, heard: Heard) -> AsyncIterator[RedisStore]:
    """On a connection of its own, as it must be."""
    async with client_of(valkey.url) as client:
        yield RedisStore(client, "mute", "main", state, SystemClock(), heard, lease)


def extension(sip: str, *ivrids: str, answered: bool = True) -> Extension:
    legs = {ivrid: Leg(ivrid, Direction.INCOMING, LegStatus.TALKING, answered) for ivrid in ivrids}
    return Extension(sip, legs=legs)


def fill(state: State) -> Marks:
    state.sections["pay"] = PAY
    state.ended["old"] = EndedSection(5.0, EndCause.MESSAGE, 4.0, ("m1",))
    state.mutes["ivr-1"] = MUTE
    return Marks(sections={"pay", "old"}, mutes={"ivr-1"})


async def calls_of(redis: Redis, sip: str) -> set[bytes | str]:
    return set(await redis.hkeys(f"mute:{{main}}:extension:{sip}"))


async def test_it_is_the_store_that_the_engine_wants(store: RedisStore) -> None:
    as_wanted: Store = store
    assert as_wanted is store


async def test_saved_means_that_it_is_in_redis(store: RedisStore, state: State, redis: Redis) -> None:
    async with running(store.run()):
        store.mark(fill(state))
        assert await store.saved(SOON_S)
        assert await redis.hkeys(SECTIONS) == [b"pay"]
        assert await redis.hkeys(ENDED) == [b"old"]
        assert json.loads(await redis.hget(MUTES, "ivr-1") or b"")["stage"] == "asked"


async def test_the_next_process_finds_what_this_one_left(
    store: RedisStore, lease: Lease, state: State, redis: Redis
) -> None:
    async with running(store.run()):
        store.mark(fill(state))
        assert await store.saved(SOON_S)
    following = RedisStore(redis, "mute", "main", State(), SystemClock(), Heard(), lease)
    assert await following.load() == Restored(state.sections, state.ended, state.mutes)
    assert following.healthy


async def test_an_empty_redis_restores_nothing(store: RedisStore) -> None:
    assert await store.load() == Restored({}, {}, {})


async def test_what_left_the_state_leaves_redis(store: RedisStore, state: State, redis: Redis) -> None:
    async with running(store.run()):
        marks = fill(state)
        store.mark(marks)
        assert await store.saved(SOON_S)
        state.ended["pay"] = EndedSection(20.0, EndCause.MESSAGE)
        del state.sections["pay"], state.ended["old"], state.mutes["ivr-1"]
        store.mark(marks)
        assert await store.saved(SOON_S)
        assert await redis.hkeys(ENDED) == [b"pay"]
        assert await redis.exists(SECTIONS, MUTES) == 0


async def test_the_newest_value_is_written_not_the_one_marked(store: RedisStore, state: State, redis: Redis) -> None:
    async with running(store.run()):
        store.mark(fill(state))
        state.mutes["ivr-1"] = Mute("ivr-1", 10.0, attempts=3)
        assert await store.saved(SOON_S)
        assert json.loads(await redis.hget(MUTES, "ivr-1") or b"")["attempts"] == 3


async def test_marks_of_one_moment_are_one_write(store: RedisStore, state: State, redis: Redis) -> None:
    async with running(store.run()):
        assert await store.flushed(SOON_S)
        await redis.config_resetstat()
        for number in range(500):
            state.mutes[f"ivr-{number}"] = Mute(f"ivr-{number}", 1.0)
            store.mark(Marks(mutes={f"ivr-{number}"}))
        assert await store.saved(SOON_S)
        assert await redis.hlen(MUTES) == 500
        hsets = (await redis.info("commandstats"))["cmdstat_hset"]["calls"]
        assert hsets == 2  # all the mutes at once, and the number of the write


async def test_what_redis_holds_already_is_not_written_again(store: RedisStore, state: State, redis: Redis) -> None:
    state.extensions["SIPSIP1"] = extension("SIPSIP1", "ivr-1")
    marks = fill(state)
    marks.extensions.add("SIPSIP1")
    async with running(store.run()):
        store.mark(marks)
        assert await store.flushed(SOON_S)
        await redis.config_resetstat()
        state.extensions["SIPSIP1"] = Extension("SIPSIP1", online_user_id="7", legs=state.extensions["SIPSIP1"].legs)
        store.mark(marks)
        assert await store.saved(SOON_S)
        assert await store.flushed(SOON_S)
        commands = await redis.info("commandstats")
        assert not {"cmdstat_hset", "cmdstat_evalsha"} & commands.keys()


async def test_the_next_process_knows_whose_mute_it_is_not_merely_that_there_is_one(
    store: RedisStore, lease: Lease, state: State, redis: Redis
) -> None:
    """A call that rings while its extension is muted as a whole is muted, and has no claim yet: it is ours."""
    legs = {ivrid: Leg(ivrid, Direction.INCOMING, LegStatus.RINGING, False, True) for ivrid in ("ours", "theirs")}
    state.extensions["SIPSIP1"] = Extension("SIPSIP1", legs=legs)
    state.calls |= {"ours": Call(frozenset({"SIPSIP1"})), "theirs": Call(frozenset({"SIPSIP1"}), muted=True)}
    async with running(store.run()):
        store.mark(Marks(extensions={"SIPSIP1"}))
        assert await store.flushed(SOON_S)
    following = RedisStore(redis, "mute", "main", State(), SystemClock(), Heard(), lease)
    assert (await following.load()).foreign_legs == {"SIPSIP1": (legs["theirs"],)}


async def test_an_event_is_in_redis_within_100_ms(store: RedisStore, state: State, redis: Redis) -> None:
    """The best of ten: this machine has other things to do, the program has not."""
    took_s = []
    async with running(store.run()):
        assert await store.flushed(SOON_S)
        for number in range(10):
            began = time.monotonic()
            state.extensions["SIPSIP1"] = extension("SIPSIP1", f"ivr-{number}")
            store.mark(Marks(extensions={"SIPSIP1"}))
            assert await store.flushed(SOON_S)
            took_s.append(time.monotonic() - began)
            assert await calls_of(redis, "SIPSIP1") == {f"ivr-{number}".encode()}
    assert min(took_s) < 0.1


async def test_a_leg_reads_as_documented(store: RedisStore, state: State, redis: Redis) -> None:
    state.extensions["SIPSIP1"] = extension("SIPSIP1", "ivr-1")
    async with running(store.run()):
        store.mark(Marks(extensions={"SIPSIP1"}))
        assert await store.flushed(SOON_S)
        leg = json.loads(await redis.hget("mute:{main}:extension:SIPSIP1", "ivr-1") or b"")
        assert (leg["v"], leg["status"], leg["answered"], leg["counts"]) == (1, "Talking", True, True)
        assert await redis.smembers(EXTENSIONS) == {b"SIPSIP1"}


async def test_an_extension_without_calls_has_no_hash(store: RedisStore, state: State, redis: Redis) -> None:
    async with running(store.run()):
        for now in (extension("SIPSIP1", "ivr-1", "ivr-2"), extension("SIPSIP1")):
            state.extensions["SIPSIP1"] = now
            store.mark(Marks(extensions={"SIPSIP1"}))
            assert await store.flushed(SOON_S)
        assert await _empty(redis)


async def test_a_reader_never_sees_half_of_a_change(store: RedisStore, state: State, redis: Redis) -> None:
    """Before and after have no call in common: any mixture, and any gap, would show."""
    before, after = {b"a1", b"a2", b"a3"}, {b"b1", b"b2", b"b3"}
    seen = []

    async def read() -> None:
        while True:
            seen.append(frozenset(await calls_of(redis, "SIPSIP1")))

    async with running(store.run()):
        state.extensions["SIPSIP1"] = extension("SIPSIP1", "a1", "a2", "a3")
        store.mark(Marks(extensions={"SIPSIP1"}))
        assert await store.flushed(SOON_S)
        async with running(read()):
            for number in range(200):
                ids = ("b1", "b2", "b3") if number % 2 == 0 else ("a1", "a2", "a3")
                state.extensions["SIPSIP1"] = extension("SIPSIP1", *ids)
                store.mark(Marks(extensions={"SIPSIP1"}))
                assert await store.flushed(SOON_S)
    assert len(seen) > 50
    assert set(seen) <= {frozenset(before), frozenset(after)}


async def test_a_snapshot_of_20000_extensions_does_not_hold_up_a_section(
    store: RedisStore, state: State, redis: Redis
) -> None:
    async with running(store.run()):
        assert await store.flushed(SOON_S)
        state.extensions = {f"S{number}": extension(f"S{number}", f"ivr-{number}") for number in range(20_000)}
        store.mark(Marks(extensions=set(state.extensions)))
        store.mark(fill(state))
        assert await store.saved(SOON_S)
        assert await redis.scard(EXTENSIONS) < 10_000
        assert await store.flushed(6 * SOON_S)
        assert await redis.scard(EXTENSIONS) == 20_000


async def test_an_event_overtakes_a_snapshot(store: RedisStore, state: State, redis: Redis) -> None:
    async with running(store.run()):
        assert await store.flushed(SOON_S)
        state.extensions = {f"S{number}": extension(f"S{number}", f"ivr-{number}") for number in range(5_000)}
        store.mark(Marks(extensions=set(state.extensions)))
        await until(lambda: _some(redis))
        state.extensions["S77"] = extension("S77", "new")
        store.mark(Marks(extensions={"S77"}))
        await until(lambda: _has(redis, "S77", b"new"))
        assert await redis.scard(EXTENSIONS) < 5_000


async def _some(redis: Redis) -> bool:
    return await redis.scard(EXTENSIONS) > 0


async def _has(redis: Redis, sip: str, ivrid: bytes) -> bool:
    return ivrid in await calls_of(redis, sip)


async def test_extensions_of_an_earlier_process_go_once_the_feed_is_synced(
    store: RedisStore, state: State, redis: Redis
) -> None:
    for sip in ("gone", "idle-now"):
        await redis.hset(f"mute:{{main}}:extension:{sip}", "ivr-old", "{}")
        await redis.sadd(EXTENSIONS, sip)
    state.feed = FeedState.SYNCING
    async with running(store.run()):
        assert await store.flushed(SOON_S)
        assert await redis.scard(EXTENSIONS) == 2  # who knows yet what the snapshot will say
        state.feed = FeedState.SYNCED
        state.extensions["idle-now"] = extension("idle-now")
        store.mark(Marks(extensions={"idle-now"}))
        await until(lambda: _empty(redis))


async def test_they_go_too_when_the_snapshot_is_empty_and_marks_nothing(
    store: RedisStore, state: State, redis: Redis
) -> None:
    await redis.hset("mute:{main}:extension:gone", "ivr-old", "{}")
    await redis.sadd(EXTENSIONS, "gone")
    async with running(store.run()):
        await until(lambda: _empty(redis))


async def _empty(redis: Redis) -> bool:
    return set(await redis.keys("*")) <= {OWNER.encode()}


async def test_one_account_leaves_the_others_alone(store: RedisStore, state: State, redis: Redis) -> None:
    await redis.hset("mute:{other}:extension:SIPSIP1", "ivr-1", "{}")
    await redis.sadd("mute:{other}:extensions", "SIPSIP1")
    async with running(store.run()):
        store.mark(fill(state))
        assert await store.flushed(SOON_S)
        assert await redis.exists("mute:{other}:extension:SIPSIP1", "mute:{other}:extensions") == 2


async def test_one_damaged_value_costs_that_value_alone_and_is_told_without_its_content(
    store: RedisStore, lease: Lease, state: State, redis: Redis, heard: Heard
) -> None:
    async with running(store.run()):
        store.mark(fill(state))
        assert await store.saved(SOON_S)
    await redis.hset(MUTES, "broken", b"\xff\x00 secret")
    await redis.hset(MUTES, "misnamed", await redis.hget(MUTES, "ivr-1") or b"")
    following = RedisStore(redis, "mute", "main", State(), SystemClock(), heard, lease)
    restored = await following.load()
    assert (restored.sections, restored.mutes) == (state.sections, state.mutes)
    told = [notice for notice in heard.notices if isinstance(notice, StoreSkipped)]
    assert {(skipped.key, skipped.name) for skipped in told} == {(MUTES, "broken"), (MUTES, "misnamed")}
    assert not any("secret" in skipped.why for skipped in told)


async def test_a_damaged_value_is_left_for_a_person_to_look_at(
    lease: Lease, state: State, redis: Redis, heard: Heard
) -> None:
    await redis.hset(MUTES, "broken", b"not ours")
    store = RedisStore(redis, "mute", "main", state, SystemClock(), heard, lease)
    await store.load()
    async with running(store.run()):
        store.mark(fill(state))
        assert await store.flushed(SOON_S)
        assert await redis.hget(MUTES, "broken") == b"not ours"


async def test_what_a_newer_version_wrote_stops_the_start(store: RedisStore, redis: Redis) -> None:
    await redis.hset(SECTIONS, "pay", json.dumps({"v": 2, "section_id": "pay"}))
    with pytest.raises(SchemaTooNew, match=r"mute:\{main\}:sections: schema version 2"):
        await store.load()


async def test_a_name_with_any_code_point_comes_back(
    store: RedisStore, lease: Lease, state: State, redis: Redis
) -> None:
    odd = "ivr-\ud800\x00 é"
    state.mutes[odd] = Mute(odd, 1.0)
    async with running(store.run()):
        store.mark(Marks(mutes={odd}))
        assert await store.saved(SOON_S)
    following = RedisStore(redis, "mute", "main", State(), SystemClock(), Heard(), lease)
    assert (await following.load()).mutes == state.mutes


async def test_audit_entries_stand_in_order(store: RedisStore, redis: Redis) -> None:
    async with running(store.run()):
        for number in range(450):
            store.record({"event": "call.muted", "number": number, "exposure_ms": 1.5})
        assert await store.flushed(SOON_S)
        assert [int(entry[b"number"]) for entry in await entries(redis, AUDIT)] == list(range(450))


async def test_redis_that_lost_data_while_idle_is_brought_up_to_date(
    store: RedisStore, state: State, redis: Redis
) -> None:
    async with running(store.run()):
        _write_all(store, state)
        assert await store.flushed(SOON_S)
        await redis.flushall()
        await until(lambda: _whole(redis))


@pytest.mark.parametrize("lost", ["everything", "one key"])
async def test_redis_that_lost_data_under_traffic_is_brought_up_to_date(
    store: RedisStore, state: State, redis: Redis, lost: str
) -> None:
    async with running(store.run()):
        _write_all(store, state)
        assert await store.flushed(SOON_S)
        await (redis.flushall() if lost == "everything" else redis.delete(SECTIONS))
        await _stays_busy_until_whole(store, state, redis)


async def test_an_older_copy_is_noticed_also_when_it_holds_as_much(
    store: RedisStore, state: State, redis: Redis
) -> None:
    """As after a failover to a replica that was behind."""
    async with running(store.run()):
        _write_all(store, state)
        assert await store.flushed(SOON_S)
        copy = {key: await redis.dump(key) for key in (MUTES, OWNER)}
        state.mutes["ivr-1"] = Mute("ivr-1", 10.0, attempts=3)
        store.mark(Marks(mutes={"ivr-1"}))
        assert await store.saved(SOON_S)
        for key, value in copy.items():
            await redis.restore(key, 0, value, replace=True)  # type: ignore[arg-type]  # it takes what dump gives

        async def corrected() -> bool:
            attempts: int = json.loads(await redis.hget(MUTES, "ivr-1") or b"")["attempts"]
            return attempts == 3

        await until(corrected)


async def test_a_number_of_writes_that_is_none_stops_nothing(store: RedisStore, state: State, redis: Redis) -> None:
    async with running(store.run()):
        await redis.hset(OWNER, "writes", "many")
        _write_all(store, state)
        assert await store.flushed(SOON_S)
        assert await _whole(redis)


def _write_all(store: RedisStore, state: State) -> None:
    state.extensions["SIPSIP1"] = extension("SIPSIP1", "ivr-1")
    store.mark(fill(state))
    store.mark(Marks(extensions={"SIPSIP1"}))


async def _stays_busy_until_whole(store: RedisStore, state: State, redis: Redis) -> None:
    """An event with each look: the store always has something to write."""
    ivrids = itertools.count()

    async def whole() -> bool:
        state.extensions["SIPSIP2"] = extension("SIPSIP2", str(next(ivrids)))
        store.mark(Marks(extensions={"SIPSIP2"}))
        return await _whole(redis)

    await until(whole)


async def _whole(redis: Redis) -> bool:
    return await redis.exists(SECTIONS, ENDED, MUTES, EXTENSIONS, "mute:{main}:extension:SIPSIP1") == 5


async def test_without_a_writer_saved_gives_up_in_time(store: RedisStore, state: State) -> None:
    store.mark(fill(state))
    began = time.monotonic()
    assert not await store.saved(0.05)
    assert 0.04 < time.monotonic() - began < 1.0


async def test_nothing_marked_is_saved_at_once(store: RedisStore) -> None:
    assert await store.saved(0.0)


async def test_it_can_be_cancelled_at_any_moment(store: RedisStore, state: State, heard: Heard) -> None:
    """Also in the moment in which an answer arrives, which is where a lost cancellation would hang the process."""
    for number in range(100):
        task = asyncio.ensure_future(store.run())
        state.mutes["ivr-1"] = Mute("ivr-1", float(number))
        store.mark(Marks(mutes={"ivr-1"}))
        for _ in range(number % 25):
            await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(SOON_S):
            await asyncio.wait([task])
        assert task.cancelled()
    assert not heard.of(StoreLost)
    async with running(store.run()):
        assert await store.saved(SOON_S)
