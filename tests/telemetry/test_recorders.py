"""What is remembered for people who look on: minutes, lines, and the story of each call. All of it is bounded."""

import asyncio
from dataclasses import dataclass

import pytest

from orchestrator.core.facts import ExtensionSeen, FeedChanged, SnapshotTaken
from orchestrator.core.fold import fold
from orchestrator.core.model import FeedState, Leg
from orchestrator.core.notices import CallExposed, CallGone, CallMuted, CallUnmuted, FeedTurned
from orchestrator.core.policy import Policy
from orchestrator.core.state import State
from orchestrator.telemetry import events, recent, timelines
from orchestrator.telemetry.events import Level
from orchestrator.telemetry.history import KEEPS, History
from orchestrator.telemetry.observer import LogObserver
from orchestrator.telemetry.recent import Recent
from orchestrator.telemetry.timelines import Timelines
from orchestrator.telemetry.turned import Turned
from tests.core.world import extension, talking
from tests.telemetry.notices import EVERY, SECRET


@dataclass
class Hand:
    at: float = 6_000_000.0

    def now(self) -> float:
        return self.at


def muted(exposure_s: float | None) -> CallMuted:
    return CallMuted("c1", frozenset({"pay"}), exposure_s, 1, "a1")


class TestHistory:
    def test_a_minute_has_how_many_how_long_and_the_worst(self) -> None:
        history = History(Hand())
        for notice in (muted(0.05), muted(0.2), CallExposed("c1", 3.0), CallUnmuted("c1", 0.1, 1, "a1")):
            history.notice(notice)
        minute = history.this_minute
        assert history.figures(minute, minute) == [(3, 3250, 3000, 1, 100, 100)]

    def test_what_was_neither_is_not_counted(self) -> None:
        history = History(Hand())
        for notice in (muted(None), CallUnmuted("c1", None, 1, ""), CallGone("c1")):
            history.notice(notice)
        assert history.figures(history.this_minute, history.this_minute) == [(0, 0, 0, 0, 0, 0)]

    def test_six_hours_are_kept(self) -> None:
        clock = Hand()
        history = History(clock)
        began = history.first
        for _ in range(2 * KEEPS):
            history.notice(muted(0.05))
            clock.at += 60
        clock.at -= 60
        assert history.first == began + KEEPS
        assert len(history.figures(history.first, history.this_minute)) == KEEPS
        assert history.figures(began, began) == [(0, 0, 0, 0, 0, 0)]

    def test_minutes_without_anything_are_there_all_the_same(self) -> None:
        clock = Hand()
        history = History(clock)
        clock.at += 180
        assert len(history.figures(history.first, history.this_minute)) == 4


class TestRecent:
    def test_lines_are_numbered_over_all_accounts_and_the_newest_are_kept(self) -> None:
        lines = Recent(Hand())
        main = lines.bind("main")
        for number in range(recent.KEEPS):
            (main if number % 2 else lines).write(events.CALL_GONE, ivrid=f"c{number}")
        lines.write(events.STORE_BACK, after_s=1.0)
        kept = list(lines.after(0))
        assert [told.number for told in kept] == list(range(2, recent.KEEPS + 2))
        assert {told.account for told in kept} == {None, "main"}
        assert list(main.after(recent.KEEPS)) == kept[-1:]

    def test_what_is_for_who_looks_for_a_fault_is_left_out(self) -> None:
        lines = Recent(Hand())
        lines.write(events.CALL_VERIFIED, ivrid="c1")
        lines.write(events.CALL_GONE, level=Level.DEBUG, ivrid="c1")
        assert list(lines.after(0)) == []

    def test_they_hold_catalogued_fields_only_in_a_form_that_does_no_harm(self) -> None:
        lines = Recent(Hand())
        with LogObserver(lines, "main", lambda _after_s, _call: None) as observer:
            for notice in EVERY:
                observer.notice(notice)
        for told in lines.after(0):
            assert told.fields.keys() <= set(events.CATALOGUE[told.event].fields)
            for value in told.fields.values():
                text = str(value)
                assert SECRET not in text
                assert text.isprintable()
                assert len(text) < 20_000


def test_the_feed_is_as_it_is_since_it_turned() -> None:
    clock = Hand()
    turned = Turned(clock)
    clock.at += 5
    turned.notice(CallGone("c1"))
    assert turned.at == clock.at - 5
    turned.notice(FeedTurned(FeedState.DOWN, 0, 0))
    assert turned.at == clock.at


class Told:
    """Timelines, told of the facts that a test learns."""

    def __init__(self) -> None:
        self.state, self.clock = State(), Hand()
        self.timelines = Timelines(self.state, self.clock)
        self.learn(SnapshotTaken((extension("s1"),)))
        self.timelines.write()

    def learn(self, fact: ExtensionSeen | SnapshotTaken | FeedChanged) -> None:
        changes = fold(self.state, fact, self.clock.now(), Policy())
        self.timelines.heed(changes)
        for notice in changes.notices:
            self.timelines.notice(notice)

    def sees(self, sip: str, *legs: Leg) -> None:
        self.learn(ExtensionSeen(extension(sip, *legs)))

    def story(self, ivrid: str) -> list[str]:
        timeline = self.timelines.of(ivrid)
        return [entry.event for entry in timeline.entries()] if timeline else []

    def complete(self, ivrid: str) -> bool:
        timeline = self.timelines.of(ivrid)
        assert timeline is not None
        return timeline.complete


class TestTimelines:
    async def test_a_call_has_a_story_on_each_of_its_extensions(self) -> None:
        told = Told()
        told.sees("s1", talking("c1"))
        told.timelines.write()
        told.sees("s2", talking("c1"))
        told.timelines.write()
        told.sees("s1")
        assert told.story("c1") == ["leg.came", "leg.came", "leg.left"]
        assert told.complete("c1")
        assert told.timelines.began_at("c1") == told.clock.at

    async def test_it_is_written_a_moment_later(self) -> None:
        told = Told()
        told.sees("s1", talking("c1"))
        assert told.timelines.began_at("c1") is None
        await asyncio.sleep(10 * timelines.WRITE_AFTER_S)
        assert told.timelines.began_at("c1") == told.clock.at

    async def test_one_that_was_up_before_us_is_not_complete(self) -> None:
        told = Told()
        told.learn(FeedChanged(FeedState.DOWN))
        told.timelines.write()
        told.learn(SnapshotTaken((extension("s1", talking("c1")),)))
        assert not told.complete("c1")
        told.sees("s2", talking("c2"))
        assert told.complete("c2")

    async def test_of_a_long_story_the_beginning_and_the_newest_are_kept(self) -> None:
        told = Told()
        for number in range(500):
            told.sees("s1", talking("c1", muted=bool(number % 2)))
            told.timelines.notice(muted(0.05))
            told.timelines.write()
        assert len(told.story("c1")) == timelines.MOST_ENTRIES
        assert told.story("c1")[0] == "leg.came"
        assert not told.complete("c1")

    async def test_a_call_that_rings_at_a_large_group_keeps_its_mute(self) -> None:
        told = Told()
        group = [f"g{number}" for number in range(200)]
        told.sees("s1", talking("c1"))
        told.timelines.notice(muted(0.05))
        for sip in group:
            told.sees(sip, talking("c1"))
        told.timelines.write()
        for sip in group:
            told.sees(sip)
        story = told.story("c1")
        assert len(story) == 1 + timelines.MOST_LEGS + 1
        assert "call.muted" in story
        assert story[-1] == "leg.left"
        assert not told.complete("c1")

    async def test_one_that_is_over_is_kept_for_an_hour(self) -> None:
        told = Told()
        told.sees("s1", talking("c1"))
        told.timelines.write()
        told.sees("s1")
        told.timelines.write()
        told.clock.at += timelines.KEEPS_GONE_S - 1
        told.sees("s1", talking("c2"))
        assert told.story("c1") == ["leg.came", "leg.left"]
        told.clock.at += 2
        told.sees("s2", talking("c3"))
        assert told.story("c1") == []
        assert told.story("c2") == ["leg.came"]

    async def test_of_too_many_those_that_are_over_are_forgotten_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(timelines, "MOST_CALLS", 3)
        told = Told()
        told.sees("s1", talking("c1"))
        told.sees("s2", talking("c2"))
        told.timelines.write()
        told.sees("s2")
        told.timelines.write()
        told.sees("s3", talking("c3"))
        told.sees("s4", talking("c4"))
        assert [bool(told.story(ivrid)) for ivrid in ("c1", "c2", "c3", "c4")] == [True, False, True, True]
        told.sees("s5", talking("c5"))
        assert [bool(told.story(ivrid)) for ivrid in ("c1", "c3", "c4", "c5")] == [False, True, True, True]

    async def test_one_that_comes_back_goes_on(self) -> None:
        told = Told()
        for legs in ((talking("c1"),), (), (talking("c1"),)):
            told.sees("s1", *legs)
            told.timelines.write()
        told.clock.at += 2 * timelines.KEEPS_GONE_S
        told.sees("s2", talking("c2"))
        assert told.story("c1") == ["leg.came", "leg.left", "leg.came"]
