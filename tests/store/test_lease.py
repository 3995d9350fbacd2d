"""Who owns an account, on a real Valkey: taken, kept, given up, lapsed, lost; and what the fence refuses."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

import pytest
from redis.asyncio import Redis

from orchestrator.clock import SystemClock
from orchestrator.core.claims import Mute
from orchestrator.core.model import FeedState
from orchestrator.core.state import State
from orchestrator.engine.notices import OwnerLost, OwnerRefused, OwnerTaken, StoreBack, StoreLost
from orchestrator.engine.ports import Marks
from orchestrator.redis_clients import ANSWER_S
from orchestrator.store.instance import instance_of
from orchestrator.store.lease import LASTS_S, Lease, LeaseLost
from orchestrator.store.redis_store import RedisStore
from tests.store.owner import HERE, OWNER, THERE, lease_of, owning
from tests.store.test_instance import sleeper
from tests.store.test_redis_store import extension, fill
from tests.valkey import SOON_S, Heard, Valkey, client_of, running, until

ELSEWHERE = replace(THERE, host="a-third")


class MovedClock(SystemClock):
    """Another machine's, or one after a standstill."""

    moved_s = 0.0

    def now(self) -> float:
        return super().now() + self.moved_s


@pytest.fixture
async def mine(valkey: Valkey) -> AsyncIterator[Redis]:
    async with client_of(valkey.url) as client:
        yield client


@pytest.fixture
async def theirs(valkey: Valkey) -> AsyncIterator[Redis]:
    async with client_of(valkey.url) as client:
        yield client


async def owner(redis: Redis) -> dict[str, str]:
    raw = cast("dict[bytes, bytes]", await redis.hgetall(OWNER))
    return {name.decode(): value.decode() for name, value in raw.items()}


async def everything(redis: Redis) -> dict[bytes | str, object]:
    return {key: await redis.dump(key) for key in await redis.keys("*")}


async def lapse(redis: Redis) -> None:
    """Redis' clock, a lease later."""
    await redis.hset(OWNER, "until_ms", "1")


async def test_the_first_one_takes_it_at_once(mine: Redis, redis: Redis, heard: Heard) -> None:
    lease = lease_of(mine, HERE, observer=heard)
    assert str(lease.problem) == "not owned yet"
    await lease.take()
    assert lease.problem is None
    found = await owner(redis)
    assert (found["instance"], found["token"]) == (str(HERE), "1")
    assert 0 <= int(found["until_ms"]) / 1000 - time.time() <= LASTS_S
    assert await redis.ttl(OWNER) == -1
    (taken,) = heard.notices
    assert isinstance(taken, OwnerTaken)
    assert (taken.token, taken.shifted_s) == (1, 0.0)


async def test_another_one_waits_says_so_once_and_has_it_when_it_is_given_up(
    mine: Redis, valkey: Valkey, heard: Heard
) -> None:
    second = lease_of(mine, HERE, observer=heard)
    async with owning(valkey.url, THERE), running(second.take()):
        await until(lambda: bool(heard.of(OwnerRefused)))
        await asyncio.sleep(LASTS_S + 1.0)  # more than a lease: it is renewed
        (refused,) = heard.notices
        assert isinstance(refused, OwnerRefused)
        assert refused.why == str(second.problem)
        assert refused.why.startswith(f"process {THERE.pid} on elsewhere works for it since 20")
    began = time.monotonic()
    await second.take()
    assert time.monotonic() - began < LASTS_S
    assert second.problem is None
    assert second.words[1] == 2


async def test_one_that_falls_silent_is_passed_over_within_5_s(mine: Redis, theirs: Redis, heard: Heard) -> None:
    silent, second = lease_of(theirs, THERE), lease_of(mine, HERE, observer=heard)
    await silent.take()
    began = time.monotonic()
    await second.take()
    assert LASTS_S <= time.monotonic() - began < 5.0
    assert second.words[1] == 2


async def test_a_process_of_this_machine_that_was_killed_is_passed_over_at_once(
    mine: Redis, theirs: Redis, heard: Heard
) -> None:
    process = await sleeper()
    await lease_of(theirs, instance_of(process.pid)).take()
    process.kill()
    await process.wait()
    began = time.monotonic()
    await lease_of(mine, HERE, observer=heard).take()
    assert time.monotonic() - began < LASTS_S
    assert not heard.of(OwnerRefused)


async def test_a_redis_that_stood_still_passes_nobody_over(valkey: Valkey, mine: Redis, heard: Heard) -> None:
    """The owner could not renew; it lives, and has in memory what came meanwhile."""
    async with owning(valkey.url, THERE) as first:
        second = lease_of(mine, HERE, observer=heard)
        async with running(second.take()):
            await until(lambda: bool(heard.of(OwnerRefused)))
            valkey.freeze()
            await asyncio.sleep(LASTS_S + 1.0)
            valkey.thaw()
            await until(lambda: bool(heard.of(StoreBack)))
            await asyncio.sleep(LASTS_S / 2)
            assert not heard.of(OwnerTaken)
            await first.assured()


async def test_a_redis_that_comes_back_empty_leaves_it_to_its_owner(
    mine: Redis, valkey: Valkey, redis: Redis, heard: Heard
) -> None:
    await redis.hset(OWNER, mapping={"instance": str(ELSEWHERE), "token": "6", "until_ms": "0"})
    async with owning(valkey.url, THERE):
        async with running(lease_of(mine, HERE, observer=heard).take()):
            await until(lambda: bool(heard.of(OwnerRefused)))
            for _ in range(3):
                await redis.flushall()
                await until(lambda: _there(redis))
                found = await owner(redis)
                assert (found["instance"], found["token"]) == (str(THERE), "7")
        assert not heard.of(OwnerTaken)


async def _there(redis: Redis) -> bool:
    return await redis.exists(OWNER) == 1


async def test_tokens_grow_on_after_a_redis_that_came_back_empty(
    mine: Redis, theirs: Redis, redis: Redis, heard: Heard
) -> None:
    """The owner died with it: whoever waits remembers its token, and takes over in time."""
    await redis.hset(OWNER, mapping={"instance": str(THERE), "token": "41", "until_ms": "99", "since_ms": "1"})
    waiting = lease_of(mine, HERE, observer=heard)
    async with running(waiting.take()):
        await until(lambda: bool(heard.of(OwnerRefused)))
        await redis.flushall()
        await until(lambda: bool(heard.of(OwnerTaken)))
    assert waiting.words[1] == 42
    assert len(heard.of(OwnerRefused)) == 1


async def test_while_redis_is_away_nobody_takes_it_and_it_is_told_once(
    valkey: Valkey, mine: Redis, heard: Heard
) -> None:
    await valkey.kill()
    lease = lease_of(mine, HERE, observer=heard)
    async with running(lease.take()):
        await until(lambda: lease.problem == "Redis does not answer")
        await asyncio.sleep(1.2)
        assert [type(notice) for notice in heard.notices] == [StoreLost]
        await valkey.start()
        await until(lambda: lease.problem is None)
    assert [type(notice) for notice in heard.notices] == [StoreLost, StoreBack, OwnerTaken]


@asynccontextmanager
async def full(redis: Redis) -> AsyncIterator[None]:
    """It can be read, and takes no writes."""
    await redis.config_set("maxmemory-policy", "noeviction")
    await redis.config_set("maxmemory", 1)
    try:
        yield
    finally:
        await redis.config_set("maxmemory", 0)


async def test_a_redis_that_takes_no_writes_does_not_keep_the_next_process_from_work(
    mine: Redis, theirs: Redis, redis: Redis, heard: Heard
) -> None:
    """The one before was killed on this machine, and can be seen to be gone."""
    process = await sleeper()
    await lease_of(theirs, instance_of(process.pid)).take()
    process.kill()
    await process.wait()
    async with full(redis):
        lease = lease_of(mine, HERE, observer=heard)
        await asyncio.wait_for(lease.take(), LASTS_S + 2.0)
        assert (lease.problem, lease.words[1]) == (None, 2)
        async with running(lease.run()):
            await asyncio.sleep(LASTS_S / 2)
            await lease.assured()
            await redis.config_set("maxmemory", 0)
            await until(lambda: _is_ours(redis))
    assert (await owner(redis))["token"] == "2"


async def _is_ours(redis: Redis) -> bool:
    return (await owner(redis))["instance"] == str(HERE)


async def test_but_one_who_may_live_is_waited_for(valkey: Valkey, mine: Redis, redis: Redis, heard: Heard) -> None:
    async with owning(valkey.url, THERE), full(redis), running(lease_of(mine, HERE, observer=heard).take()):
        await asyncio.sleep(LASTS_S + 1.0)
        assert not heard.of(OwnerTaken)


# What the fence refuses


@pytest.fixture
async def former(mine: Redis) -> Lease:
    lease = lease_of(mine, THERE)
    await lease.take()
    return lease


def store_of(client: Redis, state: State, lease: Lease) -> RedisStore:
    return RedisStore(client, "mute", "main", state, SystemClock(), Heard(), lease)


async def test_a_former_owner_changes_nothing_at_all(
    valkey: Valkey, former: Lease, theirs: Redis, redis: Redis
) -> None:
    await former.release()
    async with owning(valkey.url):
        pass
    state = State(feed=FeedState.SYNCED)
    state.extensions["SIPSIP1"] = extension("SIPSIP1", "ivr-1")
    for marks in (fill(state), Marks(extensions={"SIPSIP1"})):
        before = await everything(redis)
        store = store_of(theirs, state, former)
        store.mark(marks)
        store.record({"event": "call.muted"})
        with pytest.raises(LeaseLost, match=f"account 'main': process {HERE.pid} on .* has taken over"):
            await store.run()
        with pytest.raises(LeaseLost):
            await store.saved(0.05)
        with pytest.raises(LeaseLost):
            await former.run()
        await former.release()
        assert await everything(redis) == before


async def test_the_loss_is_told_once(former: Lease, redis: Redis, mine: Redis) -> None:
    heard = Heard()
    lease = lease_of(mine, HERE, observer=heard)
    await former.release()
    await lease.take()
    await redis.hset(OWNER, mapping={"instance": str(THERE), "token": "3", "until_ms": "0"})
    for _ in range(2):
        with pytest.raises(LeaseLost):
            await lease.run()
    assert heard.of(OwnerLost) == [OwnerLost(f"process {THERE.pid} on elsewhere has taken over")]
    assert lease.problem == f"lost to process {THERE.pid} on elsewhere"


async def test_what_stands_in_redis_is_not_repeated(former: Lease, redis: Redis, theirs: Redis) -> None:
    await redis.hset(OWNER, mapping={"instance": "4580458045804580", "token": "9"})
    store = store_of(theirs, State(), former)
    store.record({"event": "call.muted"})
    with pytest.raises(LeaseLost, match="another process has taken over"):
        await store.run()


async def test_a_lease_that_lapsed_and_that_nobody_took_is_still_ours(
    former: Lease, redis: Redis, theirs: Redis
) -> None:
    await lapse(redis)
    await _writes(store_of(theirs, State(), former))


async def test_a_write_into_an_emptied_redis_brings_the_owner_with_it(
    former: Lease, redis: Redis, theirs: Redis
) -> None:
    await redis.flushall()
    await _writes(store_of(theirs, State(), former))
    assert (await owner(redis))["instance"] == str(THERE)


async def test_an_owner_from_before_us_in_a_redis_that_came_back_older_is_put_right(
    former: Lease, redis: Redis, theirs: Redis
) -> None:
    await redis.hset(OWNER, mapping={"instance": str(ELSEWHERE), "token": "0", "until_ms": "1"})
    await _writes(store_of(theirs, State(), former))
    assert (await owner(redis))["instance"] == str(THERE)


async def test_but_not_one_that_lives(former: Lease, redis: Redis, theirs: Redis) -> None:
    """It found Redis empty and took the account while we stood still: whoever lives, wins."""
    await redis.hset(OWNER, mapping={"instance": str(ELSEWHERE), "token": "0"})
    store = store_of(theirs, State(), former)
    store.record({"event": "call.muted"})
    with pytest.raises(LeaseLost):
        await store.run()


async def _writes(store: RedisStore) -> None:
    async with running(store.run()):
        store.record({"event": "call.muted"})
        store.mark(Marks(mutes={"ivr-1"}))
        assert await store.flushed(SOON_S)


# An owner that stood still


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


async def test_after_a_standstill_it_asks_before_it_acts_and_goes_on(mine: Redis, clock: MovedClock) -> None:
    lease = lease_of(mine, HERE, clock)
    await lease.take()
    clock.moved_s = 30.0
    async with asyncio.timeout(SOON_S):
        await asyncio.gather(*(lease.assured() for _ in range(64)))


async def test_after_a_standstill_that_cost_it_the_account_it_must_not_act(
    mine: Redis, valkey: Valkey, theirs: Redis, redis: Redis, clock: MovedClock
) -> None:
    """Whatever was written before: `saved` is what every request waits for."""
    lease, state = lease_of(mine, THERE, clock), State()
    await lease.take()
    store = store_of(theirs, state, lease)
    async with running(store.run()):
        state.mutes["ivr-1"] = Mute("ivr-1", 1.0)
        store.mark(Marks(mutes={"ivr-1"}))
        assert await store.saved(SOON_S)
    clock.moved_s = 30.0
    await redis.hset(OWNER, mapping={"instance": str(ELSEWHERE), "token": "2"})
    for _ in range(2):
        with pytest.raises(LeaseLost):
            await store.saved(0.05)


async def test_a_standstill_while_it_asked_is_not_taken_for_a_redis_that_is_away(
    valkey: Valkey, mine: Redis, redis: Redis, clock: MovedClock
) -> None:
    lease = lease_of(mine, THERE, clock)
    await lease.take()
    await redis.hset(OWNER, mapping={"instance": str(ELSEWHERE), "token": "2"})
    clock.moved_s = 30.0
    valkey.freeze()
    asking = asyncio.ensure_future(lease.assured())
    await asyncio.sleep(0.1)
    clock.moved_s = 60.0
    await asyncio.sleep(ANSWER_S + 0.1)
    assert not asking.done()
    valkey.thaw()
    with pytest.raises(LeaseLost):
        await asking


async def test_a_connection_that_was_lost_in_a_standstill_is_not_taken_for_a_redis_that_is_away(
    mine: Redis, redis: Redis, clock: MovedClock
) -> None:
    lease = lease_of(mine, THERE, clock)
    await lease.take()
    await redis.hset(OWNER, mapping={"instance": str(ELSEWHERE), "token": "2"})
    await redis.client_kill_filter(skipme=True)
    clock.moved_s = 30.0
    with pytest.raises(LeaseLost):
        await lease.assured()


async def test_while_redis_is_known_to_be_away_nobody_waits_to_be_assured(valkey: Valkey, mine: Redis) -> None:
    lease = lease_of(mine, HERE)
    await lease.take()
    valkey.freeze()
    async with running(lease.run()):
        give_up = time.monotonic() + LASTS_S + 1.5
        while time.monotonic() < give_up:
            with pytest.raises(StopIteration):  # it has nothing to wait for
                lease.assured().send(None)
            await asyncio.sleep(0.02)
        valkey.thaw()


async def test_with_redis_away_it_works_on_from_memory(valkey: Valkey, mine: Redis, clock: MovedClock) -> None:
    lease = lease_of(mine, HERE, clock)
    await lease.take()
    await valkey.kill()
    clock.moved_s = 30.0
    async with asyncio.timeout(SOON_S):
        await lease.assured()
    clock.moved_s = 60.0
    async with asyncio.timeout(SOON_S):
        await lease.assured()
    await valkey.start()
    async with running(lease.run()):
        await until(lambda: _there(mine))


# Clocks that differ


async def test_the_next_owner_learns_how_far_its_clock_is_from_ours(
    mine: Redis, theirs: Redis, redis: Redis, clock: MovedClock
) -> None:
    clock.moved_s = 3600.0
    first = lease_of(theirs, THERE, clock)
    await first.take()
    first.settle()
    async with running(first.run()):
        await until(lambda: _kept(redis))
    await first.release()
    second = lease_of(mine, HERE)
    await second.take()
    assert second.shift_s == pytest.approx(-3600.0, abs=1.0)


async def _kept(redis: Redis) -> bool:
    return await redis.hexists(OWNER, "now_ms")


async def test_until_all_times_are_its_own_it_hands_on_those_of_the_owner_before(
    mine: Redis, theirs: Redis, redis: Redis, clock: MovedClock
) -> None:
    """It died after it took the account and before it had written what it restored."""
    await redis.hset(OWNER, mapping={"instance": str(ELSEWHERE), "token": "1", "until_ms": "0"})
    await redis.hset(OWNER, mapping={"now_ms": "5000000", "redis_ms": "1000000"})
    clock.moved_s = -500.0
    first = lease_of(theirs, THERE, clock)
    await first.take()
    assert first.shift_s == pytest.approx(-4500.0, abs=1.0)
    until_ms = (await owner(redis))["until_ms"]
    async with running(first.run()):
        await until(lambda: _renewed(redis, until_ms))
    await first.release()
    second = lease_of(mine, HERE)
    await second.take()
    assert second.shift_s == pytest.approx(-4000.0, abs=1.0)


async def _renewed(redis: Redis, until_ms: str) -> bool:
    return (await owner(redis))["until_ms"] != until_ms


async def test_a_small_difference_is_none(mine: Redis, theirs: Redis, redis: Redis, clock: MovedClock) -> None:
    clock.moved_s = 0.4
    first = lease_of(theirs, THERE, clock)
    await first.take()
    first.settle()
    async with running(first.run()):
        await until(lambda: _kept(redis))
    await first.release()
    second = lease_of(mine, HERE)
    await second.take()
    assert second.shift_s == 0.0
