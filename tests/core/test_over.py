"""A call that the API does not know: when that is believed, and what brings it back."""

import pytest

from orchestrator.core.claims import Verdict
from orchestrator.core.model import Direction, Leg, LegStatus
from orchestrator.core.notices import (
    CallGone,
)
from orchestrator.core.reconcile import Ask, Settled
from tests.core.test_mutes import covered
from tests.core.world import T0, World, dialing, extension, in_sight, talking


def test_not_found_for_a_live_call_is_asked_again() -> None:
    world = covered()
    for _ in range(20):
        world.attempt("c1", Verdict.NOT_FOUND)
        world.passes(10)
    assert world.decision("c1") == Ask(True)


def test_not_found_for_a_call_that_left_is_the_end_of_it() -> None:
    world = covered()
    world.sees("s1")
    world.attempt("c1", Verdict.NOT_FOUND)
    assert world.decision("c1") == Settled("the call is over")
    assert len(world.of(CallGone)) == 1
    world.ends("pay")
    assert world.state.mutes == {}
    assert world.state.calls == {}


def test_a_call_that_comes_back_after_not_found_is_muted() -> None:
    world = covered()
    world.sees("s1")
    world.attempt("c1", Verdict.NOT_FOUND)
    world.passes(3)
    world.sees("s1", talking("c1"))
    assert world.settle() == [("c1", True)]


def test_a_related_call_that_was_not_found_is_asked_again_when_it_appears() -> None:
    """A Click2Call leg names the customer's call before that call exists."""
    world = World()
    world.sees("s1", talking("c1", "c2"))
    world.starts("pay", on="s1")
    world.attempt("c2", Verdict.NOT_FOUND)
    assert world.decision("c2") == Settled("the call is over")
    world.sees("s1", talking("c1", "c2"), talking("c2"))
    assert world.decision("c2") == Ask(True)


def test_a_call_that_never_showed_is_given_up_only_after_a_while() -> None:
    world = World()
    world.starts("pay", call="c1")
    while world.now < T0 + 10:
        assert world.decision("c1") == Ask(True)
        world.attempt("c1", Verdict.NOT_FOUND)
        world.passes(2)
    world.attempt("c1", Verdict.NOT_FOUND)
    assert world.decision("c1") == Settled("the call is over")
    world.ends("pay")
    assert world.state.mutes == {}


@pytest.mark.parametrize("again", ["renewed", "named by another section"])
def test_one_that_was_given_up_is_asked_for_when_it_is_named_again(again: str) -> None:
    world = World()
    world.starts("pay", call="c1")
    world.attempt("c1", Verdict.NOT_FOUND)
    world.passes(10)
    world.attempt("c1", Verdict.NOT_FOUND)
    assert world.decision("c1") == Settled("the call is over")
    world.passes(60)
    world.starts("pay" if again == "renewed" else "other", call="c1")
    assert world.settle() == [("c1", True)]


def test_a_related_call_that_no_extension_shows_is_asked_for_when_the_leg_that_names_it_is_answered() -> None:
    """As some outgoing calls of the capture name one that is never a leg."""
    world = in_sight()
    world.starts("pay", on="s1")
    world.sees("s1", dialing("c2", "c1"))
    world.attempt("c2")
    world.attempt("c1", Verdict.NOT_FOUND)
    assert world.decision("c1") == Settled("the call is over")
    world.sees("s1", Leg("c2", Direction.OUTGOING, LegStatus.TALKING, True, True, ("c1",)))
    assert world.settle() == [("c1", True)]
    world.sees("s1", Leg("c2", Direction.OUTGOING, LegStatus.HOLD, True, True, ("c1",)))
    assert world.settle() == []


@pytest.mark.parametrize("by", ["feed", "poll"])
def test_a_call_whose_end_was_not_told_is_over_when_neither_the_api_nor_a_poll_knows_it(by: str) -> None:
    world = in_sight()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    world.settle()
    world.passes(1)
    world.polled("s1", extension("s1", talking("c9")))
    world.ends("pay")
    world.attempt("c1", Verdict.NOT_FOUND)
    assert world.decision("c1") != Settled("the call is over")  # it may have begun a moment ago
    world.passes(world.policy.unseen_s)
    world.attempt("c1", Verdict.NOT_FOUND)
    assert world.decision("c1") == Settled("the call is over")
    if by == "feed":
        world.sees("s1", talking("c1", muted=True), talking("c9"))
    else:
        world.polled("s1", extension("s1", talking("c1", muted=True), talking("c9")))
    assert world.settle() == [("c1", False)]


def test_an_older_poll_denies_nothing() -> None:
    world = in_sight()
    world.passes(1)
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    world.polled("s1", extension("s1", talking("c9")), sent_at=world.now - 0.5)
    world.attempt("c1", Verdict.NOT_FOUND)
    assert world.decision("c1") != Settled("the call is over")


def test_a_claim_on_a_call_that_nobody_has_seen_for_an_hour_is_forgotten() -> None:
    """Its release fails, and "not found" is never said."""
    world = in_sight()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    world.settle()
    world.sees("s1")
    world.ends("pay")
    world.attempt("c1", Verdict.FAILED)
    world.passes(world.policy.keep_ended_s - 1)
    world.sweeps()
    assert "c1" in world.state.mutes
    world.passes(1)
    world.sweeps()
    assert world.state.mutes == {} == world.state.calls
    assert world.of(CallGone) == [CallGone("c1")]


def test_not_found_on_release_of_a_call_that_is_over_is_done() -> None:
    world = covered()
    world.settle()
    world.sees("s1")
    world.ends("pay")
    world.attempt("c1", Verdict.NOT_FOUND)
    assert world.settle() == []
    world.passes(world.policy.keep_gone_s)
    world.sweeps()
    assert world.state.mutes == {}
    assert world.state.calls == {}


def test_a_call_that_comes_back_with_our_mute_on_it_is_released() -> None:
    """A redial keeps the ivrid, and while it is between two legs the API may not know it."""
    world = covered()
    world.settle()
    world.sees("s1")
    world.ends("pay")
    world.attempt("c1", Verdict.NOT_FOUND)
    world.passes(20)
    world.sees("s1", talking("c1", muted=True))
    assert world.settle() == [("c1", False)]
