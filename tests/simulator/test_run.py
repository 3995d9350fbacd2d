"""Whole shifts, played in real time against daemons made by hand: one that does its work and one that does not."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from orchestrator.simulator.crm import Sections
from orchestrator.simulator.floor import Tempo
from orchestrator.simulator.publisher import By, redis_publisher
from orchestrator.simulator.replay import Replay
from orchestrator.simulator.run import Shift, centre_of, run, simulate
from orchestrator.simulator.simulation import Simulation
from orchestrator.simulator.stage import Stage
from orchestrator.simulator.verdict import Verdict
from orchestrator.store.embedded import embedded
from tests.simulator.test_replay import written
from tests.stories.stage import until
from tests.valkey import entries

BRISK = Shift(
    duration_s=1.5,
    settle_s=1.0,
    tempo=Tempo(scale=0.03),
    sections=Sections(every_s=(0.01, 0.05), last_s=(0.05, 0.2), max_seconds=30, run_out_s=1),
)


class AllSeeing:
    """Mutes exactly what the truth says is covered: what a daemon without any delay would do."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.messages: list[dict[str, Any]] = []

    async def publish(self, message: bytes) -> None:
        self.messages.append(json.loads(message))

    async def work(self) -> None:
        truth = self._stage.truth
        while True:
            for ivrid in {leg.ivrid for line in self._stage.lines.values() for leg in line.legs}:
                if truth.covered(ivrid) != truth.muted(ivrid):
                    truth.asked(ivrid, truth.covered(ivrid))
            await asyncio.sleep(0.001)


@asynccontextmanager
async def working(daemon: AllSeeing) -> AsyncIterator[None]:
    work = asyncio.create_task(daemon.work())
    try:
        yield
    finally:
        work.cancel()
        await asyncio.wait([work])


@pytest.mark.alone  # half a second is little for a loop on a machine that is busy with others
async def test_a_daemon_that_does_its_work_is_found_good() -> None:
    async with centre_of(20) as stage:
        daemon = AllSeeing(stage)
        async with working(daemon):
            verdict = await run(stage, BRISK, daemon.publish)
    assert verdict.sections > 10
    assert verdict.calls_covered > 5
    assert verdict.requests.superfluous == verdict.requests.unknown == 0
    assert (verdict.left_muted, verdict.left_open) == ((), ())
    assert verdict.ok(0.5), verdict
    forms = {"specversion" in message for message in daemon.messages}
    assert forms == {True, False}, "plain messages and CloudEvents"


async def test_after_the_verdict_account_and_crm_go_on_for_as_long_as_is_wanted() -> None:
    async with centre_of(20) as stage:
        daemon = AllSeeing(stage)
        judged = 0

        def named(messages: list[dict[str, Any]]) -> set[str]:
            return {message.get("data", message)["section_id"] for message in messages}

        async def look_on(verdict: Verdict) -> None:
            nonlocal judged
            judged = len(daemon.messages)
            assert verdict.sections > 0
            assert not stage.truth.active_sections
            await until(lambda: len(named(daemon.messages[judged:])) > 3)

        async with working(daemon):
            verdict = await run(stage, replace(BRISK, duration_s=0.5), daemon.publish, then=look_on)
        said = len(daemon.messages)
        await asyncio.sleep(0.1)  # longer than any pause of this CRM
    assert not named(daemon.messages[:judged]) & named(daemon.messages[judged:]), "an id that has ended stays so"
    assert len(named(daemon.messages[:judged])) >= verdict.sections
    assert len(daemon.messages) == said


async def test_a_daemon_that_does_nothing_is_found_bad() -> None:
    async def unheard(_message: bytes) -> None:
        return None

    async with centre_of(20) as stage:
        verdict = await run(stage, BRISK, unheard)
    assert verdict.exposures.worst > 0.05
    assert verdict.exposures.total > verdict.exposures.worst
    assert not verdict.ok(0.05)


async def test_a_shift_ends_when_it_is_told_to() -> None:
    stop, stages = asyncio.Event(), list[Stage]()

    def ready(stage: Stage) -> None:
        stages.append(stage)
        stop.set()

    async with asyncio.timeout(5):
        verdict = await simulate(Shift(), agents=3, ready=ready, stop=stop)
    assert verdict.sections == 0
    assert len(stages[0].lines) == 4


async def test_a_replay_ends_with_its_stream() -> None:
    async with asyncio.timeout(5), Replay(written(), speed=1e4) as stage:
        await run(stage, Shift())
        assert not stage.truth.alive("c1")


async def test_a_shift_that_is_cancelled_leaves_nothing_running() -> None:
    before = asyncio.all_tasks()
    async with centre_of(5) as stage:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await run(stage, Shift(), AllSeeing(stage).publish)
    assert asyncio.all_tasks() == before


async def test_a_message_that_cannot_be_published_ends_the_shift_with_that_failure() -> None:
    async def fail(_message: bytes) -> None:
        raise ConnectionResetError

    async with centre_of(20) as stage:
        with pytest.raises(ConnectionResetError):
            await run(stage, BRISK, fail)


async def test_a_publisher_publishes_as_a_crm_does(tmp_path: Path) -> None:
    async with (
        embedded(tmp_path, 0) as url,
        Redis.from_url(url) as other,
        other.pubsub() as listener,
        redis_publisher(url) as publish,
    ):
        await listener.subscribe("crm.sensitive")
        assert (await listener.get_message(timeout=5))["type"] == "subscribe"
        await publish(b"{}")
        message = await listener.get_message(timeout=5)
    assert message["data"] == b"{}"


async def test_a_publisher_speaks_by_stream_and_by_list_too(tmp_path: Path) -> None:
    async with embedded(tmp_path, 0) as url, Redis.from_url(url) as other:
        async with redis_publisher(url, By.STREAM) as publish:
            await publish(b"{}")
        async with redis_publisher(url, By.LIST, "calls") as publish:
            await publish(b"1")
            await publish(b"2")
        assert await entries(other, "crm:sensitive") == [{b"data": b"{}"}]
        assert await other.rpop("calls") == b"1"


async def test_the_view_shows_who_is_busy_and_what_is_covered_and_muted() -> None:
    async with Simulation(2) as sim:
        await sim.ring("c1", ["SIPSIP1", "SIPSIP2"])
        await sim.answer("SIPSIP1", "c1")
        sim.truth.section_started("s", extension="SIPSIP1")
        sim.truth.asked("c1", True)
        first, second = sim.snapshot_view()
    [call] = first.calls
    assert (first.extension, first.busy, second.busy, second.calls) == ("SIPSIP1", True, False, ())
    assert (call.ivrid, call.status, call.covered) == ("c1", "Talking", True)
    assert call.muted_since is not None
