"""Muting by extension while calls cannot be seen: when, how often, and how it is taken back."""

import pytest

from orchestrator.core.claims import Blind, Recording, Verdict
from orchestrator.core.facts import (
    BacklogBegan,
    BacklogDone,
    ExtensionWithdrawn,
    Restored,
)
from orchestrator.core.model import FeedState
from orchestrator.core.notices import ExtensionSet, MuteForeign
from orchestrator.core.reconcile import HELD_UP_S, Ask, Later, Settled
from orchestrator.core.state import State
from tests.core.world import (
    T0,
    World,
    extension,
    in_sight,
    in_the_dark,
    muted_blindly,
    muted_without_polls,
    ringing,
    talking,
)

# When, and how often


@pytest.mark.parametrize("feed", [FeedState.DOWN, FeedState.SYNCING, FeedState.STALE])
def test_without_a_synced_feed_an_extension_is_asked_for_at_once(feed: FeedState) -> None:
    world = in_sight()
    world.turns(feed)
    world.starts("pay", on="s1")
    assert world.of_extension("s1") == Ask(True)


def test_again_every_five_seconds_while_the_section_lasts() -> None:
    world = in_the_dark()
    for _ in range(3):
        world.attempt_all("s1")
        assert world.of_extension("s1") == Later(world.now + 5, "asked a moment ago, or backing off")
        world.passes(5)
    assert world.of(ExtensionSet) == [ExtensionSet("s1", True, "a1")] * 3


def test_with_a_synced_feed_and_no_way_to_poll_it_is_asked_for_after_five_seconds() -> None:
    """What the feed knows is muted by its own id at once; this is for what the feed does not tell."""
    world = in_sight()
    world.state.polls.possible = False
    world.starts("pay", on="s1")
    assert world.of_extension("s1") == Later(T0 + 5, "asked a moment ago, or backing off")


def test_a_feed_that_is_lost_in_a_section_begins_it_at_once() -> None:
    world = in_sight()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    assert world.of_extension("s1") == Settled("not ours")
    world.turns(FeedState.STALE)
    assert world.of_extension("s1") == Ask(True)


def test_a_feed_on_its_way_back_does_not_hasten_it() -> None:
    """Whatever it connects to and loses again: nothing can be seen that was not seen before, and nothing less."""
    world = in_sight()
    world.starts("pay", on="s1")
    world.turns(FeedState.STALE)
    world.attempt_all("s1")
    for feed in (FeedState.DOWN, FeedState.SYNCING, FeedState.DOWN, FeedState.SYNCING):
        world.turns(feed)
        assert isinstance(world.of_extension("s1"), Later)


def test_polling_that_is_lost_in_a_section_begins_it_too() -> None:
    world = in_sight()
    world.starts("pay", on="s1")
    world.asks_poll("s1")
    world.poll_fails("s1", refused=True)
    assert isinstance(world.of_extension("s1"), Later)
    world.passes(60)
    world.asks_poll("s1")
    world.polled("s1", extension("s1"))
    assert world.of_extension("s1") == Settled("not ours")


def test_a_section_on_a_user_is_muted_where_the_user_was_last_seen() -> None:
    world = World()
    world.sees("s1", user="u1", online="u1")
    world.starts("pay", user="u1")
    assert world.of_extension("s1") == Ask(True)


def test_a_section_on_a_call_mutes_no_extension() -> None:
    world = World()
    world.sees("s1", talking("c1"))
    world.starts("pay", call="c1")
    assert world.state.blind == {}


def test_a_second_section_on_the_extension_asks_for_nothing_more() -> None:
    """The first one covers whatever the second does."""
    world = muted_blindly()
    world.passes(1)
    world.starts("next", on="s1")
    assert world.of_extension("s1") == Later(T0 + 5, "asked a moment ago, or backing off")


def test_one_request_at_a_time_for_an_extension() -> None:
    world = in_the_dark()
    world.ask_all("s1", True)
    assert world.of_extension("s1") == Settled("a request is under way")


def test_a_failed_request_is_tried_again_after_a_growing_pause() -> None:
    world = in_the_dark()
    pauses = []
    for _ in range(4):
        world.attempt_all("s1", Verdict.UNSENT)
        decision = world.of_extension("s1")
        assert isinstance(decision, Later)
        pauses.append(round(decision.at - world.now, 6))
        world.now = decision.at
    assert pauses == [0.1, 0.2, 0.4, 0.8]


def test_an_extension_without_a_call_is_asked_for_again_all_the_same() -> None:
    world = in_the_dark()
    world.attempt_all("s1", Verdict.NOT_FOUND)
    assert world.of(ExtensionSet) == []
    world.passes(5)
    assert world.of_extension("s1") == Ask(True)


# The end


def test_at_the_end_it_is_released_by_extension() -> None:
    world = muted_blindly()
    world.passes(1)
    world.ends("pay")
    world.attempt_all("s1")
    assert world.asked == [("all of s1", True), ("all of s1", False)]
    assert world.state.blind == {}


def test_what_was_never_asked_for_needs_no_release() -> None:
    world = in_the_dark()
    world.ends("pay")
    assert world.state.blind == {}
    assert world.of_extension("s1") == Settled("not ours")


def test_a_request_withdrawn_needs_no_release() -> None:
    world = in_the_dark()
    world.ask_all("s1", True)
    world.ends("pay")
    world.learn(ExtensionWithdrawn("s1"))
    assert world.state.blind == {}


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.BUSY, Verdict.UNSENT])
def test_a_request_that_reached_nobody_muted_nobody(verdict: Verdict) -> None:
    """So a call that is seen muted there was muted by somebody else."""
    world = in_the_dark()
    world.attempt_all("s1", verdict)
    world.learn_to_see(extension("s1", ringing("c1", muted=True)))
    world.ends("pay")
    world.sees("s1")
    assert world.state.blind == {}
    assert world.state.mutes == {}


def test_one_that_reached_nobody_after_one_that_did_is_to_be_released() -> None:
    world = muted_blindly()
    world.passes(5)
    world.attempt_all("s1", Verdict.BUSY)
    world.ends("pay")
    world.passes(5)
    assert world.of_extension("s1") == Ask(False)


def test_a_call_that_leaves_while_it_is_asked_for_may_have_been_muted() -> None:
    world = in_the_dark()
    world.sees("s1", talking("c1"))
    world.starts("other", on="s2")
    world.ask_all("s1", True)
    world.ends("pay")
    world.sees("s1")
    assert world.state.mutes["c1"].recording is Recording.UNKNOWN


def test_it_is_not_released_while_another_section_is_aimed_at_it() -> None:
    world = muted_blindly()
    world.starts("next", on="s1")
    world.ends("pay")
    world.passes(5)
    world.attempt_all("s1")
    assert world.asked == [("all of s1", True), ("all of s1", True)]


def test_it_is_not_released_while_a_call_on_it_must_stay_muted() -> None:
    world = muted_blindly()
    world.sees("s1", talking("c1"))
    world.starts("other", call="c1")
    world.attempt("c1")
    world.ends("pay")
    assert world.of_extension("s1") == Later(world.now + HELD_UP_S, "a call beside it must stay muted")
    world.ends("other")
    assert world.of_extension("s1") == Ask(False)


def test_it_is_not_released_while_a_foreign_mute_is_on_it() -> None:
    world = World()
    world.sees("s1", talking("c1", muted=True))
    world.starts("pay", on="s1")
    assert world.of(MuteForeign) == [MuteForeign("c1")]
    world.attempt_all("s1")
    world.ends("pay")
    assert isinstance(world.of_extension("s1"), Later)
    world.sees("s1")
    assert world.of_extension("s1") == Ask(False)


def test_it_is_not_released_while_a_call_that_must_stay_muted_may_be_anywhere() -> None:
    """After a restart nothing is seen yet, and the call that another section covers may be on this extension."""
    world = World()
    world.learn(Restored({}, {}, {}, {"s1": Blind("s1", T0, muted=True)}))
    world.starts("other", call="c1")
    assert isinstance(world.of_extension("s1"), Later)
    world.attempt("c1")
    world.sees("s2", talking("c1"))
    assert world.of_extension("s1") == Ask(False)


def test_a_call_that_is_over_holds_no_release_up() -> None:
    world = muted_blindly()
    world.starts("other", call="c1")
    for _ in range(2):
        world.attempt("c1", Verdict.NOT_FOUND)
        world.passes(10)
    world.ends("pay")
    assert world.of_extension("s1") == Ask(False)


def test_a_call_that_no_extension_shows_holds_a_release_up_for_a_moment_only() -> None:
    """Over, most likely: its end was not told, or it is one that no extension ever shows."""
    world = muted_blindly()
    world.starts("other", call="c1")
    world.attempt("c1")
    world.ends("pay")
    assert isinstance(world.of_extension("s1"), Later)
    world.passes(world.policy.unseen_s)
    assert world.of_extension("s1") == Ask(False)


def test_one_that_left_its_extension_a_moment_ago_holds_a_release_up() -> None:
    world = muted_blindly()
    world.starts("other", call="c1")
    world.sees("s2", talking("c1"))
    world.attempt("c1")
    world.passes(60)
    world.sees("s2")
    world.ends("pay")
    assert isinstance(world.of_extension("s1"), Later)
    world.passes(world.policy.unseen_s)
    assert world.of_extension("s1") == Ask(False)


def test_a_call_that_was_seen_open_since_the_request_is_not_ours_when_it_is_muted() -> None:
    world = muted_blindly()
    world.passes(3)
    world.sees("s1", talking("c3"), lag_s=-1.0)
    world.passes(1)
    world.sees("s1", talking("c3", muted=True))
    world.ends("pay")
    assert "c3" not in world.state.mutes
    assert isinstance(world.of_extension("s1"), Later)


def test_a_section_that_begins_just_after_a_release_is_muted_at_once() -> None:
    world = in_the_dark()
    world.starts("pay", on="s1")
    world.attempt_all("s1", Verdict.LOST)
    world.passes(0.2)
    world.attempt_all("s1")
    world.ends("pay")
    world.attempt_all("s1")
    world.passes(0.1)
    world.starts("next", on="s1")
    assert world.of_extension("s1") == Ask(True)


def test_after_a_restart_a_users_section_is_aimed_where_it_covered_last() -> None:
    world = in_sight()
    world.sees("s1", talking("c1"), user="u1", online="u1")
    world.starts("pay", user="u1")
    world.settle()
    restored = Restored(dict(world.state.sections), {}, dict(world.state.mutes))
    world.state = State()
    world.learn(restored)
    assert world.of_extension("s1") == Ask(True)
    world.snapshot(extension("s1"), extension("s2", talking("c2"), user="u2", online="u1"))
    assert world.settle()[:1] == [("c2", True)]
    assert "s1" not in world.state.watching


def test_the_backlog_comes_before_a_release() -> None:
    world = muted_blindly()
    world.learn(BacklogBegan())
    world.ends("pay")
    assert world.of_extension("s1") == Settled("the CRM's backlog comes first")
    assert world.learn(BacklogDone()).blind == {"s1"}
    assert world.of_extension("s1") == Ask(False)


def test_a_section_that_begins_while_the_release_is_under_way_is_muted_next() -> None:
    world = muted_blindly()
    world.ends("pay")
    world.ask_all("s1", False)
    world.starts("next", on="s1")
    world.answer_all("s1", False)
    assert world.of_extension("s1") == Ask(True)


def test_a_section_that_ends_while_the_request_is_under_way_is_released_next() -> None:
    world = in_the_dark()
    world.ask_all("s1", True)
    world.ends("pay")
    world.answer_all("s1", True)
    assert world.of_extension("s1") == Ask(False)


def test_a_lost_request_that_is_applied_late_does_not_win() -> None:
    world = in_the_dark()
    world.attempt_all("s1", Verdict.LOST)
    world.ends("pay")
    world.attempt_all("s1")
    assert world.of_extension("s1") == Later(T0 + 5, "asked a moment ago, or backing off")
    world.passes(5)
    world.attempt_all("s1")
    assert world.state.blind == {}


def test_a_lost_release_is_kept_in_mind_while_it_may_reach_calls_that_come_after_it() -> None:
    world = muted_blindly()
    world.ends("pay")
    world.attempt_all("s1", Verdict.LOST)
    world.passes(1)
    world.attempt_all("s1")
    assert world.of_extension("s1") == Settled("as wanted")
    world.sees("s1", talking("c1"))
    world.starts("next", call="c1")
    assert world.settle() == [("c1", True)]
    world.passes(4)
    world.sweeps()
    assert world.state.blind == {}
    assert world.settle() == [("c1", True)]


def test_a_release_that_crosses_a_mute_leaves_that_call_in_doubt() -> None:
    """Whichever of the two was applied last: the call is asked for again."""
    world = muted_blindly()
    world.sees("s1", talking("c1"))
    world.attempt("c1")
    world.ends("pay")
    world.ask_all("s1", False)
    world.starts("next", call="c1")
    world.answer_all("s1", False)
    assert world.state.mutes["c1"].recording is Recording.UNKNOWN
    assert world.settle() == [("c1", True)]


def test_so_does_one_that_crosses_the_request_for_that_call() -> None:
    """And a call that is seen nowhere may be on any extension, this one too."""
    world = muted_blindly()
    world.ends("pay")
    world.ask_all("s1", False)
    world.starts("next", call="c1")
    world.ask("c1", True)
    world.answer_all("s1", False)
    world.answer("c1", True)
    assert world.state.mutes["c1"].recording is Recording.UNKNOWN
    assert world.settle() == [("c1", True)]


def test_a_call_that_is_seen_nowhere_may_have_been_opened_by_it() -> None:
    world = muted_blindly()
    world.ends("pay")
    world.ask_all("s1", False)
    world.starts("next", call="c1")
    world.attempt("c1")
    world.answer_all("s1", False)
    assert world.settle() == [("c1", True)]


def opened_while_c1_is_seen_elsewhere(world: World) -> World:
    """s1 is opened; c1 is covered, and was muted on s2."""
    world.ends("pay")
    world.sees("s2", talking("c1"))
    world.starts("next", call="c1")
    world.settle()
    world.attempt_all("s1")
    return world


def test_one_that_was_seen_elsewhere_may_have_been_transferred_there_unless_the_feed_is_synced() -> None:
    world = opened_while_c1_is_seen_elsewhere(muted_blindly())
    assert world.settle() == [("c1", True)]


def test_a_call_that_turns_out_to_have_been_on_an_extension_when_it_was_opened_is_asked_for_again() -> None:
    """It had moved there, and the feed had not told."""
    world = opened_while_c1_is_seen_elsewhere(muted_without_polls())
    world.passes(1)
    world.sees("s1", talking("c1"))
    assert world.settle() == [("c1", True)]


def test_a_call_that_comes_long_after_that_is_not() -> None:
    world = opened_while_c1_is_seen_elsewhere(muted_without_polls())
    world.passes(world.policy.unseen_s)
    world.sees("s1", talking("c1", muted=True))
    assert world.settle() == []


def test_a_lost_release_that_is_applied_late_does_not_win_over_a_call_that_must_stay_muted() -> None:
    world = muted_blindly()
    world.sees("s1", talking("c1"))
    world.ends("pay")
    world.ask_all("s1", False)
    world.starts("next", call="c1")
    world.ask("c1", True)
    world.answer_all("s1", False, Verdict.LOST)
    world.answer("c1", True)
    assert isinstance(world.decision("c1"), Later)
    world.passes(5)
    assert world.settle() == [("c1", True)]
