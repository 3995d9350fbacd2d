"""The truth of the recordings, whatever the network, the feed and the people do: after everything settles, muted is
what is covered and nothing else, what somebody else muted was never touched, and of what is over nothing is kept.
"""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.model import FeedState
from tests.core.centre import SIPS, Centre

Do = Callable[[Centre], None]

PLACES = st.sampled_from(SIPS)
SECTION_IDS = st.sampled_from("ab")
TARGETS = st.sampled_from(["s1", "s1", "s2", "c1"])
TIMES = st.sampled_from([0.1, 1.0, 2.5, 6.0, 40.0])
LATE = st.sampled_from([0.5, 2.0, 4.5])


def _starts(section_id: str, target: str) -> Do:
    name = f"{section_id}-{target}"  # a section keeps its target
    return lambda centre: (
        centre.world.starts(name, on=target) if target in SIPS else centre.world.starts(name, call=target)
    )


def _ends(section_id: str, target: str) -> Do:
    return lambda centre: centre.world.ends(f"{section_id}-{target}")


def _does(name: str, *arguments: object) -> Do:
    return lambda centre: getattr(centre, name)(*arguments)


def _loses_the_feed(centre: Centre) -> None:
    centre.world.turns(FeedState.DOWN)


PEOPLE = st.one_of(
    st.builds(_starts, SECTION_IDS, TARGETS),
    st.builds(_starts, SECTION_IDS, TARGETS),
    st.builds(_ends, SECTION_IDS, TARGETS),
    st.builds(lambda sip, answered: _does("calls", sip, answered), PLACES, st.booleans()),
    st.builds(lambda sip, other: _does("rings_too", sip, other), PLACES, PLACES),
    st.builds(lambda sip: _does("answers", sip), PLACES),
    st.builds(lambda sip, other: _does("transfers", sip, other), PLACES, PLACES),
    st.builds(lambda sip: _does("hangs_up", sip), PLACES),
)
ANSWERS = st.sampled_from(["done", "lost", "done", "lost", "failed", "unsent"])
NETWORK = st.one_of(
    st.builds(lambda seconds: _does("passes", seconds), TIMES),
    st.builds(lambda how, late_s, s: _does("works", how, late_s, s), ANSWERS, LATE, st.sampled_from([0.0, 0.3])),
    st.builds(lambda how, late_s, do: _does("crosses", how, late_s, do), ANSWERS, LATE, PEOPLE),
    st.just(_does("asks")),
    st.just(_does("applied_early")),
    st.builds(lambda how, late_s: _does("answered", how, late_s), ANSWERS, LATE),
    st.just(_does("polls")),
    st.builds(lambda fails: _does("poll_answers", fails), st.booleans()),
)
IN_SIGHT = st.lists(st.one_of(PEOPLE, NETWORK, NETWORK), min_size=20, max_size=50)


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
    assert state.mutes == state.calls == state.blind == state.covering == state.watching == {}
    assert state.polls.sent_at == state.polls.took_s == {}


OUTAGES = st.one_of(st.just(_loses_the_feed), st.just(_does("sync")), st.just(_does("restarts")))
WITH_OUTAGES = st.lists(st.one_of(PEOPLE, NETWORK, NETWORK, OUTAGES), min_size=20, max_size=50)


def play(centre: Centre, history: list[Do]) -> None:
    centre.calls("s1", True)
    centre.world.starts("a-s1", on="s1")
    for step in history:
        step(centre)


@settings(max_examples=400, deadline=None)
@given(IN_SIGHT)
def test_with_the_feed_up(history: list[Do]) -> None:
    centre = Centre()
    centre.calls("s2", True, muted_by_another=True)
    play(centre, history)
    check(centre)


@settings(max_examples=400, deadline=None)
@given(WITH_OUTAGES)
def test_with_a_feed_that_comes_and_goes_and_processes_that_die(history: list[Do]) -> None:
    centre = Centre()
    play(centre, history)
    check(centre)


@settings(max_examples=400, deadline=None)
@given(WITH_OUTAGES)
def test_with_no_word_of_any_recording(history: list[Do]) -> None:
    """What the API answers is all there is to go by."""
    centre = Centre(silent=True)
    play(centre, history)
    check(centre)
