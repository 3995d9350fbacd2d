"""A release by hand: whoever muted the recording, it is asked to run, and is a claim of ours until it does."""

import pytest

from orchestrator.core.claims import Recording, Verdict
from orchestrator.core.facts import BacklogBegan, BacklogDone, FeedChanged, ReleaseOrdered, Restored, SectionWoke
from orchestrator.core.model import FeedState
from orchestrator.core.notices import CallGone, CallUnmuted, CallVerified, MuteDrifted, MuteForeign
from orchestrator.core.policy import Policy
from orchestrator.core.reconcile import Ask, Settled
from orchestrator.core.state import State
from tests.core.world import World, in_sight, talking


def foreign(policy: Policy | None = None) -> World:
    """A call that somebody else muted."""
    world = in_sight(policy)
    world.sees("s1", talking("c1", muted=True))
    return world


def release(world: World, ivrid: str = "c1") -> None:
    world.learn(ReleaseOrdered(ivrid))


def test_what_somebody_else_muted_is_opened_and_seen_to_be_open() -> None:
    world = foreign()
    release(world)
    assert world.settle() == [("c1", False)]
    assert world.of(CallUnmuted) == [CallUnmuted("c1", 0.0, 1, "a1")]
    world.passes(3)
    world.sees("s1", talking("c1", muted=False))
    assert world.of(CallVerified) == [CallVerified("c1", False, 3.0)]
    world.sweeps()
    assert world.state.mutes == {}


def test_it_is_tried_until_it_works() -> None:
    world = foreign()
    release(world)
    for verdict in (Verdict.UNSENT, Verdict.FAILED, Verdict.LOST, Verdict.REFUSED):
        world.attempt("c1", verdict)
        world.passes(10)
    assert world.settle() == [("c1", False)]


def test_that_it_is_still_muted_afterwards_is_acted_on() -> None:
    world = foreign()
    release(world)
    world.settle()
    world.passes(5)
    world.sees("s1", talking("c1", muted=True), talking("c2"))
    assert len(world.of(MuteDrifted)) == 1
    assert world.settle() == [("c1", False)]


def test_without_an_order_it_is_left_alone() -> None:
    world = foreign()
    world.passes(60)
    world.sweeps()
    assert world.decision("c1") == Settled("not ours")


def test_from_then_on_it_is_ours_and_a_section_mutes_it() -> None:
    world = foreign()
    release(world)
    world.starts("pay", on="s1")
    assert world.of(MuteForeign) == []
    assert world.settle() == [("c1", True)]
    world.ends("pay")
    assert world.settle() == [("c1", False)]


def test_a_foreign_mute_that_a_section_found_is_opened_after_its_end() -> None:
    world = foreign()
    world.starts("pay", on="s1")
    release(world)  # covered: no effect
    assert world.decision("c1") == Settled("muted by somebody else")
    world.ends("pay")
    release(world)
    assert world.settle() == [("c1", False)]


def test_what_a_section_covers_stays_muted() -> None:
    world = in_sight()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    world.settle()
    before = world.state.mutes["c1"]
    release(world)
    assert world.state.mutes["c1"] == before
    assert world.decision("c1") == Settled("as wanted")


def test_one_that_is_believed_open_and_is_not_is_asked_for_again() -> None:
    world = in_sight()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    world.settle()
    world.ends("pay")
    world.settle()
    assert world.decision("c1") == Settled("as wanted")
    release(world)
    assert world.settle() == [("c1", False)]


def test_one_that_nobody_is_known_to_have_muted_is_asked_for_too() -> None:
    world = in_sight()
    world.sees("s1", talking("c1", muted=None))
    release(world)
    assert world.settle() == [("c1", False)]


def test_what_is_held_after_its_section_expired_is_opened() -> None:
    world = in_sight(Policy(hold_on_expiry=True))
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1", max_seconds=5)
    world.settle()
    world.passes(5)
    world.learn(SectionWoke("pay"))
    assert world.decision("c1") == Settled("as wanted")
    release(world)
    assert world.settle() == [("c1", False)]


def test_while_a_request_to_mute_is_under_way_the_release_follows_it() -> None:
    world = in_sight()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    world.ask("c1", True)
    world.ends("pay")
    release(world)
    assert world.decision("c1") == Settled("a request is under way")
    world.answer("c1", True)
    assert world.settle() == [("c1", False)]


def test_ordered_twice_it_is_one_release() -> None:
    world = foreign()
    release(world)
    before = world.state.mutes["c1"]
    world.passes(1)
    release(world)
    assert world.state.mutes["c1"] == before


@pytest.mark.parametrize("ivrid", ["c1", "never-seen"])
def test_a_call_that_nobody_sees_is_nothing_to_release(ivrid: str) -> None:
    world = foreign()
    world.sees("s1")
    release(world, ivrid)
    assert world.state.mutes == {}


def test_one_that_ends_meanwhile_is_over() -> None:
    world = foreign()
    release(world)
    world.sees("s1")
    world.attempt("c1", Verdict.NOT_FOUND)
    assert world.of(CallGone) == [CallGone("c1")]
    world.passes(3600)
    world.sweeps()
    assert world.state.mutes == {}
    assert world.state.calls == {}


def test_the_order_survives_a_restart_though_the_feed_shows_somebody_elses_mute() -> None:
    before = foreign()
    release(before)
    state = before.state
    after = World(now=before.now + 2, state=State())
    legs = tuple(state.extensions["s1"].legs.values())
    after.learn(Restored({}, {}, dict(state.mutes), {}, {"s1": legs}))
    after.learn_to_see(*state.extensions.values())
    assert after.settle() == [("c1", False)]


def test_a_request_that_was_under_way_at_the_restart_is_made_again() -> None:
    before = foreign()
    release(before)
    before.ask("c1", False)
    after = World(now=before.now + 2, state=State())
    after.learn(Restored({}, {}, dict(before.state.mutes)))
    after.snapshot(*before.state.extensions.values())
    assert after.settle() == [("c1", False)]


def test_a_backlog_of_the_crm_comes_first() -> None:
    world = foreign()
    world.learn(BacklogBegan())
    release(world)
    assert not isinstance(world.decision("c1"), Ask)
    world.learn(BacklogDone())
    assert world.settle() == [("c1", False)]


def test_it_does_not_need_the_feed() -> None:
    world = foreign()
    world.learn(FeedChanged(FeedState.DOWN))
    release(world)
    assert world.settle() == [("c1", False)]


def test_a_section_that_begins_while_the_release_is_under_way_has_the_last_word() -> None:
    world = foreign()
    release(world)
    world.ask("c1", False)
    world.starts("pay", on="s1")
    world.answer("c1", False)
    assert world.decision("c1") == Ask(True)
    assert world.state.mutes["c1"].recording is Recording.OPEN
