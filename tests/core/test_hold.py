"""`on_expiry = "hold"`: what a section that expired keeps muted, and until when."""

import pytest

from orchestrator.core.facts import Swept
from orchestrator.core.notices import (
    CallOpen,
)
from orchestrator.core.policy import Policy
from tests.core.test_sections import wake
from tests.core.world import T0, World, talking


def test_with_hold_on_expiry_the_call_stays_muted_until_it_is_over() -> None:
    world = World(Policy(hold_on_expiry=True))
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1", max_seconds=60)
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
    world = World(Policy(hold_on_expiry=True))
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1", max_seconds=60)
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
    world = World(Policy(hold_on_expiry=True))
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1", max_seconds=60)
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
    world = World(Policy(hold_on_expiry=True))
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1", max_seconds=60)
    world.passes(60)
    wake(world)
    world.sweeps()
    (told,) = world.of(CallOpen)
    assert isinstance(told, CallOpen)
    assert (told.ivrid, sorted(told.sections)) == ("c1", ["pay"])


def test_with_hold_a_section_that_ends_by_message_releases() -> None:
    world = World(Policy(hold_on_expiry=True))
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    world.settle()
    world.ends("pay")
    assert world.settle() == [("c1", False)]
