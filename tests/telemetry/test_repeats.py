"""Storms, in virtual time: the first is told at once, the rest now and then, and none is lost from the count."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from orchestrator.core.notices import Notice
from orchestrator.engine.notices import EdgeNotice, FeedEventRejected, MessageRejected, PollMade
from orchestrator.telemetry import LogObserver
from orchestrator.telemetry.repeats import MOST_KINDS, Repeats
from tests.telemetry.conftest import Written
from tests.virtual_time import run

Told = list[tuple[float, str, int]]
"""When, what, and for how many it stands."""


def telling(told: Told) -> Repeats[str]:
    loop = asyncio.get_running_loop()
    return Repeats(lambda thing, repeats: told.append((loop.time(), thing, repeats)), loop.call_later)


def told_of(*comings: tuple[float, str], every_s: float = 10.0, until_s: float = 1000.0) -> Told:
    """What is told when these come, each at its time; things are of one kind that begin with the same letter."""

    async def story() -> Told:
        told: Told = []
        repeats = telling(told)
        for at_s, thing in comings:
            await asyncio.sleep(at_s - asyncio.get_running_loop().time())
            repeats.take(thing[0], thing, every_s)
        await asyncio.sleep(until_s - asyncio.get_running_loop().time())
        return told

    return run(story())


def test_what_comes_once_is_told_once_and_at_once() -> None:
    assert told_of((3.0, "a")) == [(3.0, "a", 0)]


def test_what_comes_again_soon_is_told_when_its_time_is_over() -> None:
    assert told_of((0.0, "a1"), (1.0, "a2"), (9.0, "a3")) == [(0.0, "a1", 0), (10.0, "a3", 2)]


def test_a_storm_is_one_line_in_each_time() -> None:
    storm = [(at / 100, "a") for at in range(3000)]  # until 29.99 s
    told = told_of(*storm, every_s=10.003)  # so that nothing comes at the very moment
    assert [(round(at_s), thing, repeats) for at_s, thing, repeats in told] == [
        (0, "a", 0),
        (10, "a", 1000),
        (20, "a", 1000),
        (30, "a", 999),
    ]


def test_after_a_time_without_any_the_next_one_is_a_first_one() -> None:
    assert told_of((0.0, "a1"), (5.0, "a2"), (20.5, "a3")) == [(0.0, "a1", 0), (10.0, "a2", 1), (20.5, "a3", 0)]


def test_kinds_do_not_hide_one_another() -> None:
    assert told_of((0.0, "a"), (1.0, "b"), (2.0, "a")) == [(0.0, "a", 0), (1.0, "b", 0), (10.0, "a", 1)]


def test_ever_new_kinds_are_one_kind_when_there_are_too_many() -> None:
    many = [(kind / 1000, chr(0x4E00 + kind)) for kind in range(MOST_KINDS + 50)]
    told = told_of(*many)
    assert [thing for _, thing, _ in told[: MOST_KINDS + 1]] == [thing for _, thing in many[: MOST_KINDS + 1]]
    assert [(thing, repeats) for _, thing, repeats in told[MOST_KINDS + 1 :]] == [(many[-1][1], 49)]


def test_what_waits_can_be_told_at_once_and_is_not_told_again() -> None:
    async def story() -> Told:
        told: Told = []
        repeats = telling(told)
        for thing in ("a1", "a2", "b1", "a3"):
            repeats.take(thing[0], thing, 10.0)
        repeats.settle()
        await asyncio.sleep(100)
        return told

    assert run(story()) == [(0.0, "a1", 0), (0.0, "b1", 0), (0.0, "a3", 2)]


def test_after_settling_an_old_timer_does_not_cut_a_new_time_short() -> None:
    async def story() -> Told:
        told: Told = []
        repeats = telling(told)
        repeats.take("a", "a1", 10.0)
        await asyncio.sleep(8)
        repeats.settle()
        repeats.take("a", "a2", 10.0)
        repeats.take("a", "a3", 10.0)
        await asyncio.sleep(100)
        return told

    assert run(story()) == [(0.0, "a1", 0), (8.0, "a2", 0), (18.0, "a3", 1)]


# --- as log lines -------------------------------------------------------------------------------------------------


def logging(written: Written, story: Coroutine[Any, Any, None]) -> list[dict[str, object]]:
    run(story)
    kept = ("event", "extension", "name", "source", "why", "repeats")
    return [{name: line[name] for name in kept if name in line} for line in written.lines]


@pytest.mark.parametrize(
    ("notice", "line"),
    [
        (FeedEventRejected("E", "w"), {"event": "feed.event.rejected", "name": "E", "why": "w"}),
        (MessageRejected("s", "w"), {"event": "crm.message.rejected", "source": "s", "why": "w"}),
    ],
)
def test_of_a_storm_of_garbage_a_line_is_written_once_in_10_s(
    written: Written, notice: Notice | EdgeNotice, line: dict[str, object]
) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        with written.log() as log, LogObserver(log, "main", loop.call_later) as observer:
            for _ in range(2_500):
                observer.notice(notice)
                await asyncio.sleep(0.01)

    lines = logging(written, story())
    assert lines[0] == line
    assert [{**line, "repeats": told["repeats"]} for told in lines[1:]] == lines[1:]
    counts = [told["repeats"] for told in lines[1:]]
    assert len(counts) == 3  # at 10 s, at 20 s, and what waits in the end
    assert sum(count for count in counts if isinstance(count, int)) == 2_499


def test_polls_that_fail_one_after_the_other_are_a_line_once_in_60_s(written: Written) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        with written.log(level="info") as log, LogObserver(log, "main", loop.call_later) as observer:
            for second in range(0, 125, 5):
                observer.notice(PollMade(f"SIP{second}", False, "HTTP 503", 0.1))
                observer.notice(PollMade("SIP-OTHER", True, "", 0.1))
                await asyncio.sleep(5)

    common = {"event": "calls.poll.failed", "why": "HTTP 503"}
    assert logging(written, story()) == [
        {**common, "extension": "SIP0"},
        {**common, "extension": "SIP55", "repeats": 11},
        {**common, "extension": "SIP115", "repeats": 12},
        {**common, "extension": "SIP120", "repeats": 1},
    ]


def test_the_place_in_a_payload_makes_no_difference_and_the_reason_does(written: Written) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        with written.log() as log, LogObserver(log, "main", loop.call_later) as observer:
            for at in range(20):
                observer.notice(FeedEventRejected("E", f"calls[{at}].ivrid: expected text (and {at} more)"))
            observer.notice(FeedEventRejected("E", "calls[1]: expected an object"))

    assert [(line["why"], line.get("repeats")) for line in logging(written, story())] == [
        ("calls[0].ivrid: expected text (and 0 more)", None),
        ("calls[1]: expected an object", None),
        ("calls[19].ivrid: expected text (and 19 more)", 19),
    ]
