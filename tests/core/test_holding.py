"""Calls that stay muted after their section expired, and what an earlier process leaves of that."""

from orchestrator.core.claims import Verdict
from orchestrator.core.facts import Restored, SectionWoke
from orchestrator.core.policy import Policy
from tests.core.world import World, in_sight, talking


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


def test_where_the_feed_told_who_works_there_no_memory_says_otherwise() -> None:
    before = in_sight()
    before.sees("s1", talking("c1"), online="u1")
    before.starts("pay", user="u1")
    world = in_sight()
    world.sees("s1", talking("c1"))
    world.learn(Restored(before.state.sections, {}, before.state.mutes, {}))
    assert world.state.extensions["s1"].online_user_id is None
    assert world.state.users == {}
