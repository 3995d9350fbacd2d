"""The wall clock steps; ours goes on, tells of it, and reads what others say by the wall."""

import asyncio
import json
import time
from datetime import UTC, datetime

import pytest

from orchestrator.clock import SystemClock
from orchestrator.core.facts import SectionEnded, SectionStarted
from orchestrator.crm.message import parse
from orchestrator.engine.notices import ClockStepped
from orchestrator.telemetry.clockwatch import LOOK_EVERY_S, watch
from tests.valkey import Heard, running
from tests.virtual_time import VirtualClock, run


class Wall:
    """The machine's wall clock, to be set by the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._true = time.time
        self.off_s = 0.0
        monkeypatch.setattr(time, "time", lambda: self._true() + self.off_s)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    return Wall(monkeypatch)


@pytest.mark.parametrize("step_s", [-86_400.0, -1.5, 1.5, 86_400.0])
def test_our_time_does_not_step_with_the_wall(wall: Wall, step_s: float) -> None:
    clock = SystemClock()
    before = clock.now()
    wall.off_s = step_s
    assert 0.0 <= clock.now() - before < 1.0
    assert clock.ahead_s == pytest.approx(step_s, abs=0.1)
    assert clock.at_wall(time.time()) == pytest.approx(clock.now(), abs=0.1)


def test_a_wall_that_is_disciplined_is_followed_by_nothing(wall: Wall) -> None:
    """So a copy of a message has the very same time as the message."""
    clock = SystemClock()
    for off_s in (0.3, 0.6, 0.9):
        wall.off_s = off_s
        assert clock.ahead_s == 0.0
        assert clock.at_wall(1000.5) == 1000.5


def test_a_daemon_started_before_the_clock_was_set_does_not_take_a_section_for_expired(wall: Wall) -> None:
    wall.off_s = -10 * 365 * 86_400.0
    clock = SystemClock()
    wall.off_s = 0.0
    message = {"type": "sensitive_section.started", "section_id": "pay", "extension": "SIPSIP1"}
    now = datetime.now(UTC).isoformat()  # the CRM's, whose clock was right all the time
    fact = parse(json.dumps(message | {"occurred_at": now}).encode()).fact_by(clock)
    assert isinstance(fact, SectionStarted)
    assert fact.occurred_at == pytest.approx(clock.now(), abs=1.0)


def test_a_message_without_a_time_stays_as_it_is(wall: Wall) -> None:
    clock = SystemClock()
    wall.off_s = 3600.0
    started = parse(b'{"type": "sensitive_section.started", "section_id": "pay", "extension": "S"}').fact_by(clock)
    assert isinstance(started, SectionStarted)
    assert started.occurred_at is None
    ended = parse(b'{"type": "sensitive_section.ended", "section_id": "pay"}').fact_by(clock)
    assert ended == SectionEnded("pay")


class SteppingClock(VirtualClock):
    ahead_s = 0.0

    def at_wall(self, epoch_s: float) -> float:
        return epoch_s - self.ahead_s


def test_each_step_is_told_once_within_seconds() -> None:
    clock, heard = SteppingClock(), Heard()

    async def story() -> None:
        async with running(watch(clock, heard)):
            await asyncio.sleep(10 * LOOK_EVERY_S)
            assert not heard.notices
            clock.ahead_s = 3600.0
            await asyncio.sleep(LOOK_EVERY_S + 0.1)
            clock.ahead_s = 3598.0
            await asyncio.sleep(10 * LOOK_EVERY_S)

    run(story())
    assert heard.notices == [ClockStepped(3600.0), ClockStepped(-2.0)]
