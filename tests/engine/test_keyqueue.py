"""Each guarantee of the key queue, by its name."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from orchestrator.engine.keyqueue import KeyQueue, QueueClosed
from tests.virtual_time import VirtualClock, run

START = VirtualClock.START


def queue(urgent: Callable[[str], bool] = lambda key: True) -> KeyQueue[str]:
    return KeyQueue(VirtualClock().now, urgent)


def played(story: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    async def whole() -> None:
        await story()

    def test() -> None:
        run(whole())

    test.__name__ = story.__name__
    test.__doc__ = story.__doc__
    return test


async def drain(keys: KeyQueue[str]) -> list[str]:
    got = []
    while len(keys):
        key = await keys.get()
        got.append(key)
        keys.done(key)
    return got


@played
async def test_a_key_is_never_worked_on_twice_at_once() -> None:
    keys = queue()
    at_once: dict[str, int] = {}
    most = 0

    async def work() -> None:
        nonlocal most
        while True:
            key = await keys.get()
            at_once[key] = at_once.get(key, 0) + 1
            most = max(most, at_once[key])
            await asyncio.sleep(0.01)
            at_once[key] -= 1
            keys.done(key)

    async with asyncio.TaskGroup() as tasks:
        workers = [tasks.create_task(work()) for _ in range(8)]
        for beat in range(500):
            keys.add(f"c{beat % 3}")
            await asyncio.sleep(0.001)
        for worker in workers:
            worker.cancel()
    assert most == 1


@played
async def test_a_burst_of_adds_collapses_into_one() -> None:
    keys = queue()
    for _ in range(1000):
        keys.add("c1")
    assert await drain(keys) == ["c1"]


@played
async def test_a_key_added_while_it_is_worked_on_comes_once_more() -> None:
    keys = queue()
    keys.add("c1")
    key = await keys.get()
    assert keys.working == 1
    keys.add("c1")
    keys.add("c1")
    keys.done(key)
    assert await drain(keys) == ["c1"]


@played
async def test_urgent_keys_go_first_and_in_the_order_of_adding() -> None:
    keys = queue(lambda key: key.startswith("mute"))
    for key in ("open1", "mute1", "open2", "mute2"):
        keys.add(key)
    assert await drain(keys) == ["mute1", "mute2", "open1", "open2"]


@played
async def test_a_key_that_became_urgent_moves_up() -> None:
    pressing: set[str] = set()
    keys = queue(lambda key: key in pressing)
    keys.add("c1")
    keys.add("c2")
    pressing.add("c2")
    keys.add("c2")
    assert await drain(keys) == ["c2", "c1"]


@played
async def test_of_several_wakes_the_earliest_wins() -> None:
    keys, clock = queue(), VirtualClock()
    keys.add_at("c1", START + 9)
    keys.add_at("c1", START + 3)
    keys.add_at("c1", START + 6)
    keys.add_at("c2", START + 4)
    assert await keys.get() == "c1"
    assert clock.now() == START + 3
    assert await keys.get() == "c2"
    keys.done("c1")
    keys.done("c2")
    await asyncio.sleep(20)
    assert len(keys) == 0


@played
async def test_an_add_makes_the_wakes_void() -> None:
    keys = queue()
    keys.add_at("c1", START + 3)
    keys.add("c1")
    keys.add_at("c1", START + 1)  # it comes at once anyway
    assert await drain(keys) == ["c1"]
    await asyncio.sleep(20)
    assert len(keys) == 0


@played
async def test_a_wake_in_the_past_comes_at_once() -> None:
    keys = queue()
    keys.add_at("c1", START - 5)
    assert await keys.get() == "c1"


@played
async def test_a_wake_of_a_key_that_is_worked_on_comes_after() -> None:
    keys = queue()
    keys.add("c1")
    key = await keys.get()
    keys.add_at("c1", START + 2)
    await asyncio.sleep(5)
    keys.done(key)
    assert await keys.get() == "c1"


@played
async def test_a_closed_queue_hands_out_nothing_more() -> None:
    keys = queue()

    async def wait() -> None:
        with pytest.raises(QueueClosed):
            await keys.get()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(wait())
        tasks.create_task(wait())
        await asyncio.sleep(1)
        keys.add_at("c1", START + 5)
        keys.close()
    keys.add("c2")
    keys.add_at("c3", START + 9)
    with pytest.raises(QueueClosed):
        await keys.get()


@played
async def test_a_waiter_that_is_cancelled_loses_no_key() -> None:
    keys = queue()
    async with asyncio.TaskGroup() as tasks:
        idle = tasks.create_task(keys.get())
        first = tasks.create_task(keys.get())
        second = tasks.create_task(keys.get())
        await asyncio.sleep(1)
        idle.cancel()
        await asyncio.sleep(1)
        keys.add("c1")  # wakes `first`, which is cancelled before it can take it
        first.cancel()
        assert await second == "c1"
