"""`on_expiry = "hold"`: what a section that expired keeps muted, and until when."""

import pytest

from orchestrator.core.claims import Verdict
from orchestrator.core.facts import Restored, SectionWoke, Swept
from orchestrator.core.notices import CallOpen
from orchestrator.core.policy import Policy
from tests.core.test_sections import wake
from tests.core.world import T0, World, in_sight, talking


def covered() -> World:
    world = World(Policy(hold_on_expiry=True))
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1", max_seconds=60)
    return world


def test_with_hold_on_expiry_the_call_stays_muted_until_it_is_over() -> None:
    world = covered()
    world.settle()
    world.passes(60)
    wake(world)
    assert world.settle() == []
    world.starts("next", on="s1")
    world.ends("next")
    assert world.settle() == []  # one expired without its form being closed: nobody knows that it is safe
    world.passes(4000)
    world.learn(Swept())
    assert "c1" in world.state.mutes  # still up
    world.sees("s1")
    world.learn(Swept())
    assert world.state.mutes == {}
    assert world.state.calls == {}


@pytest.mark.parametrize("order", ["expired, ended", "ended, expired"])
def test_with_hold_it_does_not_matter_which_of_two_sections_ends_first(order: str) -> None:
    world = covered()
    world.starts("other", call="c1")
    world.settle()
    world.passes(60)
    for what in order.split(", "):
        wake(world) if what == "expired" else world.ends("other")
    assert world.settle() == []


def test_with_hold_the_end_that_is_said_after_all_releases() -> None:
    world = World(Policy(hold_on_expiry=True))
    world.sees("s1", talking("c1"), talking("c2"))
    world.starts("pay", on="s1", max_seconds=60)
    world.starts("other", call="c2", max_seconds=60)
    world.settle()
    world.passes(60)
    wake(world)
    wake(world, "other")
    world.ends("pay")
    assert world.settle() == [("c1", False)]
    assert world.state.mutes["c2"].held_for == {"other"}
    assert world.state.holding == {"other": {"c2"}}


def test_with_hold_a_section_that_runs_again_releases_at_its_end() -> None:
    """Its renewal was said in time, and came late."""
    world = covered()
    world.settle()
    world.passes(60)
    wake(world)
    world.sees("s1")
    world.sees("s2", talking("c1", muted=True))
    world.passes(2)
    world.starts("pay", on="s1", max_seconds=60, occurred_at=T0 + 55)
    assert world.settle() == []
    world.ends("pay")
    assert world.settle() == [("c1", False)]


def test_with_hold_what_is_held_and_open_is_an_alarm() -> None:
    world = covered()
    world.passes(60)
    wake(world)
    world.sweeps()
    (told,) = world.of(CallOpen)
    assert isinstance(told, CallOpen)
    assert (told.ivrid, sorted(told.sections)) == ("c1", ["pay"])


def test_with_hold_a_section_that_ends_by_message_releases() -> None:
    world = covered()
    world.settle()
    world.ends("pay")
    assert world.settle() == [("c1", False)]


# Of two calls, and of an earlier process


def expired(*section_ids: str, muted: bool = False) -> World:
    """They expired while two calls were up, which are to stay muted; `muted`: by somebody else, all along."""
    world = in_sight(Policy(hold_on_expiry=True))
    world.sees("s1", talking("c1", muted=muted), talking("c2", muted=muted))
    for section_id in section_ids:
        world.starts(section_id, on="s1", max_seconds=60)
    world.settle()
    world.passes(60)
    for section_id in section_ids:
        world.learn(SectionWoke(section_id))
    return world


def test_a_call_that_two_sections_hold_is_released_when_both_ends_are_said() -> None:
    world = expired("a", "b")
    world.ends("a")
    assert world.settle() == []
    world.ends("b")
    assert world.settle() == [("c1", False), ("c2", False)]


def test_of_the_calls_that_are_held_one_that_is_over_is_forgotten_alone() -> None:
    world = expired("pay")
    world.sees("s1", talking("c2", muted=True))
    world.passes(2 * world.policy.keep_ended_s)
    world.sweeps()
    assert world.state.mutes.keys() == {"c2"}
    assert world.state.holding == {"pay": {"c2"}}


def test_of_what_was_held_and_never_muted_nothing_is_left_when_the_end_is_said() -> None:
    world = in_sight(Policy(hold_on_expiry=True))
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1", max_seconds=60)
    world.attempt("c1", Verdict.REFUSED)
    world.passes(60)
    world.learn(SectionWoke("pay"))
    world.ends("pay")
    assert (world.state.mutes, world.state.holding) == ({}, {})


def test_what_somebody_else_muted_is_not_held() -> None:
    world = expired("pay", muted=True)
    assert world.state.holding == {}
    assert world.asked == []


def test_the_next_process_holds_it_until_the_end_is_said() -> None:
    before = expired("pay").state
    world = in_sight(Policy(hold_on_expiry=True))
    world.learn(Restored({}, before.ended, before.mutes, {}))
    world.sees("s1", talking("c1", muted=True), talking("c2", muted=True))
    assert world.settle() == []
    world.ends("pay")
    assert world.settle() == [("c1", False), ("c2", False)]
