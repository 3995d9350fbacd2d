"""A call that the API does not know by its own id is asked for by its extension, with whatever is up beside it."""

import pytest

from orchestrator.core.claims import Recording, Verdict
from orchestrator.core.facts import (
    FeedChanged,
)
from orchestrator.core.model import FeedState
from orchestrator.core.notices import MuteForeign
from orchestrator.core.reconcile import BESIDE_S, Ask, Later
from tests.core.world import World, extension, in_sight, muted_blindly, ringing, talking


def not_found() -> World:
    world = in_sight()
    world.sees("s1", talking("c1"), ringing("c2"))
    world.starts("pay", on="s1")
    world.attempt("c1", Verdict.NOT_FOUND)
    world.passes(1)
    return world


def test_not_found_for_a_live_call_is_asked_by_extension_if_a_section_covers_that_extension() -> None:
    world = not_found()
    assert world.decision("c1") == Ask(True, "s1")


def test_and_by_its_own_id_every_other_time() -> None:
    world = not_found()
    world.attempt("c1", Verdict.NOT_FOUND)
    world.passes(1)
    assert world.decision("c1") == Ask(True)
    world.attempt("c1", Verdict.NOT_FOUND)
    world.passes(1)
    assert world.decision("c1") == Ask(True, "s1")


def test_not_found_where_no_section_covers_the_extension_is_asked_by_its_own_id() -> None:
    world = in_sight()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    world.sees("s2", talking("c1"))
    world.sees("s1")
    world.attempt("c1", Verdict.NOT_FOUND)
    world.passes(1)
    assert world.decision("c1") == Ask(True)


def test_a_call_muted_by_extension_is_confirmed() -> None:
    world = not_found()
    world.attempt("c1")
    assert world.state.mutes["c1"].recording is Recording.MUTED


def test_the_calls_beside_it_are_opened_again_if_nothing_covers_them() -> None:
    world = not_found()
    world.attempt("c1")
    assert world.settle() == [("c2", False)]


def test_a_lost_request_for_one_call_may_reach_those_that_come_after_it() -> None:
    world = not_found()
    world.attempt("c1", Verdict.LOST)
    world.sees("s1", talking("c1"), ringing("c2"), ringing("c3"))
    world.passes(5)
    world.sweeps()
    assert world.settle() == [("c1", True), ("c2", False), ("c3", False)]
    assert not world.state.blind["s1"].may_hold


def test_it_may_reach_those_that_are_up_and_not_seen_yet() -> None:
    """They are muted by us, though no claim by extension was made: not somebody else's."""
    world = not_found()
    world.attempt("c1")
    world.settle()
    world.passes(2)
    world.polled("s1", extension("s1", talking("c1", muted=True), ringing("c2"), talking("c3", muted=True)))
    assert world.of(MuteForeign) == []
    world.ends("pay")
    world.settle()
    assert world.state.mutes["c3"].recording is Recording.OPEN


def test_a_request_that_reached_nobody_puts_nothing_beside_it_in_doubt() -> None:
    world = not_found()
    world.attempt("c1", Verdict.NOT_FOUND)
    assert world.state.mutes.keys() == {"c1"}


def test_not_found_on_release_is_asked_by_extension_unless_something_on_it_must_stay_muted() -> None:
    world = not_found()
    world.attempt("c1")
    world.settle()
    world.ends("pay")
    world.attempt("c1", Verdict.NOT_FOUND)
    world.passes(1)
    assert world.decision("c1") == Ask(False, "s1")
    world.starts("other", call="c2")
    assert world.decision("c1") == Ask(False)
    world.ends("other")
    world.attempt("c1")
    assert world.state.mutes["c1"].recording is Recording.OPEN


def test_a_lost_release_for_one_call_may_open_those_that_come_after_it() -> None:
    world = not_found()
    world.attempt("c1")
    world.settle()
    world.ends("pay")
    world.attempt("c1", Verdict.NOT_FOUND)
    world.passes(1)
    world.attempt("c1", Verdict.LOST)
    world.sees("s1", talking("c3"))
    world.starts("next", on="s1")
    world.attempt("c3")
    world.passes(world.policy.unseen_s)
    world.sweeps()
    assert ("c3", True) in world.settle()


def test_nor_while_a_call_that_must_stay_muted_is_not_seen_anywhere_yet() -> None:
    """The CRM names it before the feed, which lags, tells on which extension it is."""
    world = not_found()
    world.attempt("c1")
    world.settle()
    world.starts("other", call="c9")
    world.settle()
    world.ends("pay")
    world.attempt("c1", Verdict.NOT_FOUND)
    world.passes(1)
    assert world.decision("c1") == Ask(False)


def test_a_foreign_call_beside_it_is_not_opened() -> None:
    world = in_sight()
    world.sees("s1", talking("c1"), talking("c2", muted=True))
    world.starts("pay", on="s1")
    world.settle()
    world.ends("pay")
    world.attempt("c1", Verdict.NOT_FOUND)
    world.passes(1)
    assert world.decision("c1") == Ask(False)


def test_when_the_feed_is_lost_an_extension_that_waits_is_asked_for_at_once() -> None:
    """Without polling the claim stands already, but is not due before the feed could be 5 s wrong."""
    world = World()
    world.snapshot(extension("s1", talking("c1")))
    world.starts("pay", on="s1")
    assert isinstance(world.of_extension("s1"), Later)
    world.passes(1)
    world.learn(FeedChanged(FeedState.DOWN))
    assert world.of_extension("s1") == Ask(True)


def test_a_release_that_is_not_found_is_not_asked_by_extension() -> None:
    """Its end was not told, and another call is up there that is not seen."""
    world = World()
    world.snapshot(extension("s1", talking("c1")))
    world.starts("pay", on="s1")
    world.attempt("c1")
    world.ends("pay")
    for _ in range(4):
        world.attempt("c1", Verdict.NOT_FOUND)
        world.passes(3)
        assert world.decision("c1") == Ask(False)


def test_a_poll_sent_before_a_release_by_extension_is_no_evidence_of_a_foreign_mute() -> None:
    world = muted_blindly()
    sent_at = world.now
    world.passes(0.1)
    world.ends("pay")
    world.attempt_all("s1")
    world.passes(0.05)
    world.polled("s1", extension("s1", talking("c1", muted=True)), sent_at=sent_at)
    world.passes(1)
    world.starts("next", on="s1")
    assert world.of(MuteForeign) == []
    assert world.decision("c1") == Ask(True)


def test_a_call_that_we_muted_by_extension_and_that_a_snapshot_shows_ringing_elsewhere_first_is_ours() -> None:
    world = muted_blindly()
    world.snapshot(extension("s0", ringing("c1", muted=True)), extension("s1", talking("c1", muted=True)))
    assert world.of(MuteForeign) == []
    assert world.decision("c1") == Ask(True)


def twice_not_found() -> World:
    """Two calls on one extension, neither of which the API knows by its own id."""
    world = in_sight()
    world.sees("s1", talking("c1"), talking("c2"))
    world.starts("pay", on="s1")
    world.attempt("c1", Verdict.NOT_FOUND)
    world.attempt("c2", Verdict.NOT_FOUND)
    world.passes(2)
    return world


def test_an_extension_is_asked_for_once_at_a_time_for_whichever_call() -> None:
    world = twice_not_found()
    assert world.decision("c1") == Ask(True, "s1") == world.decision("c2")
    world.ask("c1", True, "s1")
    assert world.decision("c2") == Later(world.now + BESIDE_S, "its extension is being asked for")
    world.turns(FeedState.STALE)
    assert world.of_extension("s1") == Later(world.now + BESIDE_S, "it is being asked for, for the sake of a call")
    world.answer("c1", True, Verdict.NOT_FOUND, sip="s1")
    assert world.of_extension("s1") == Ask(True)
    world.ask_all("s1", True)
    assert world.decision("c2") == Later(world.now + BESIDE_S, "its extension is being asked for")


@pytest.mark.parametrize("where", ["there", "elsewhere"])
def test_what_is_seen_muted_while_its_extension_is_being_muted_is_ours(where: str) -> None:
    world = twice_not_found()
    world.ask("c1", True, "s1")
    if where == "there":
        world.sees("s1", talking("c1"), talking("c2"), talking("c3", muted=True))
    else:
        world.sees("s1", talking("c1"), talking("c2"), ringing("c3"))
        world.sees("s1", talking("c1"), talking("c2"))
        world.sees("s2", talking("c3", muted=True))
    assert not world.of(MuteForeign)
    world.answer("c1", True, sip="s1")
    assert ("c3", where == "there") in world.settle()
    assert world.state.asking == {}
