"""The truth of the recordings, whatever the network, the feed and the people do: after everything settles, muted is
what is covered and nothing else, what somebody else muted was never touched, and of what is over nothing is kept.
"""

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.centre import SIPS, Centre

PLACES = st.sampled_from(SIPS)
TIMES = st.sampled_from([0.1, 1.0, 2.5, 6.0, 40.0])
LATE = st.sampled_from([0.5, 2.0, 4.5])
ANSWERS = st.sampled_from(["done", "lost", "done", "lost", "failed", "unsent"])


@dataclass(frozen=True)
class Do:
    """One thing that happens, by the name of the centre's method."""

    name: str
    arguments: tuple[Any, ...] = ()

    def __call__(self, centre: Centre) -> None:
        getattr(centre, self.name)(*self.arguments)

    def __repr__(self) -> str:
        return f"{self.name}{self.arguments}"


def step(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Do]:
    if not arguments:
        return st.just(Do(name))
    return st.tuples(*arguments).map(lambda drawn: Do(name, drawn))


SECTIONS = st.sampled_from([("a", "s1"), ("a", "s1"), ("b", "s1"), ("a", "s2"), ("a", "c1")])
PEOPLE = st.one_of(
    step("starts", SECTIONS),
    step("starts", SECTIONS),
    step("ends", SECTIONS),
    step("ends", SECTIONS),
    step("calls", PLACES, st.booleans()),
    step("rings_too", PLACES, PLACES),
    step("answers", PLACES),
    step("transfers", PLACES, PLACES),
    step("hangs_up", PLACES),
    step("orders_release", PLACES),
)
NETWORK = st.one_of(
    step("passes", TIMES),
    step("works", ANSWERS, LATE, st.sampled_from([0.0, 0.3])),
    step("works", ANSWERS, LATE, st.sampled_from([0.0, 0.3])),
    step("crosses", ANSWERS, LATE, PEOPLE),
    step("asks"),
    step("applied_early"),
    step("answered", ANSWERS, LATE),
    step("polls"),
    step("poll_answers", st.booleans()),
)
IN_SIGHT = st.lists(st.one_of(PEOPLE, NETWORK, NETWORK, step("slips")), min_size=20, max_size=50)


def live(centre: Centre) -> set[str]:
    return set(centre.muted)


def covered(centre: Centre) -> set[str]:
    return {ivrid for section in centre.world.state.sections.values() for ivrid in section.calls}


def check(centre: Centre) -> None:
    centre.settles()
    muted = {ivrid for ivrid, muted in centre.muted.items() if muted}
    assert muted == (covered(centre) & live(centre)) | (centre.foreign & live(centre))
    for section_id in list(centre.world.state.sections):
        centre.world.ends(section_id)
    centre.settles()
    assert {ivrid for ivrid, muted in centre.muted.items() if muted} == centre.foreign & live(centre)
    for sip in SIPS:
        while centre.on[sip]:
            centre.hangs_up(sip)
    centre.settles()
    state = centre.world.state
    kept = (state.mutes, state.calls, state.blind, state.covering, state.watching, state.polls.sent_at)
    assert not any(kept), kept


OUTAGES = st.one_of(step("loses_the_feed"), step("sync"), step("restarts"))
WITH_OUTAGES = st.lists(st.one_of(PEOPLE, NETWORK, NETWORK, OUTAGES), min_size=20, max_size=50)


def play(centre: Centre, history: list[Do]) -> None:
    centre.calls("s1", True)
    centre.starts(("a", "s1"))
    for happens in history:
        happens(centre)


@settings(max_examples=150, deadline=None)
@given(IN_SIGHT)
def test_with_the_feed_up(history: list[Do]) -> None:
    centre = Centre()
    centre.calls("s2", True, muted_by_another=True)
    play(centre, history)
    check(centre)


@settings(max_examples=150, deadline=None)
@given(WITH_OUTAGES)
def test_with_a_feed_that_comes_and_goes_and_processes_that_die(history: list[Do]) -> None:
    centre = Centre()
    play(centre, history)
    check(centre)


@settings(max_examples=150, deadline=None)
@given(WITH_OUTAGES)
def test_with_no_word_of_any_recording(history: list[Do]) -> None:
    """What the API answers is all there is to go by."""
    centre = Centre(silent=True)
    play(centre, history)
    check(centre)
