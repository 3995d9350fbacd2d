"""The claims: wanted, asked, confirmed, released; and what belongs to somebody else."""

import pytest

from orchestrator.core.claims import Mute, Recording, Verdict
from orchestrator.core.facts import BacklogBegan, BacklogDone, MuteWithdrawn, Restored, SectionEnded, SectionWoke
from orchestrator.core.notices import (
    CallExposed,
    CallMuted,
    CallUnmuted,
    MuteDrifted,
    MuteFailed,
    MuteForeign,
    SectionClosed,
)
from orchestrator.core.reconcile import Ask, Later, Settled, urgent
from tests.core.world import T0, World, extension, talking

NOT_APPLIED = [Verdict.UNSENT, Verdict.BUSY, Verdict.REFUSED, Verdict.NOT_FOUND]
PERHAPS_APPLIED = [Verdict.LOST, Verdict.FAILED]


def covered(*, muted: bool | None = False) -> World:
    world = World()
    world.sees("s1", talking("c1", muted=muted))
    world.starts("pay", on="s1")
    return world


def test_exposure_counts_from_the_cover_to_the_confirmation() -> None:
    world = covered()
    world.passes(0.25)
    world.ask("c1", True)
    world.passes(0.25)
    world.answer("c1", True)
    assert world.of(CallMuted) == [CallMuted("c1", frozenset({"pay"}), 0.5, 1, "a1")]
    assert world.decision("c1") == Settled("as wanted")


def test_over_mute_counts_from_the_last_cover_to_the_release() -> None:
    world = covered()
    world.settle()
    world.passes(10)
    world.ends("pay")
    world.passes(0.5)
    world.settle()
    assert world.of(CallUnmuted) == [CallUnmuted("c1", 0.5, 1, "a1")]


def test_a_request_under_way_is_not_doubled() -> None:
    world = covered()
    world.ask("c1", True)
    assert world.decision("c1") == Settled("a request is under way")


def test_the_wish_that_changed_under_way_is_asked_next() -> None:
    world = covered()
    world.ask("c1", True)
    world.passes(1)
    world.ends("pay")
    assert world.of(CallExposed) == [CallExposed("c1", 1.0)]
    world.answer("c1", True)
    assert world.of(CallMuted) == [CallMuted("c1", frozenset(), None, 1, "a1")]
    assert world.decision("c1") == Ask(False)


def test_covered_again_while_the_release_is_under_way() -> None:
    world = covered()
    world.settle()
    world.ends("pay")
    world.ask("c1", False)
    world.starts("next", on="s1")
    world.answer("c1", False)
    assert world.of(CallUnmuted) == [CallUnmuted("c1", None, 1, "a1")]
    assert world.decision("c1") == Ask(True)


def test_covered_again_before_the_release_was_asked_costs_no_request() -> None:
    world = covered()
    world.settle()
    world.ends("pay")
    world.starts("next", on="s1")
    assert world.settle() == []


def test_a_cover_that_ended_before_anything_was_asked_leaves_nothing() -> None:
    world = covered()
    world.passes(0.1)
    world.ends("pay")
    assert world.state.mutes == {}
    assert world.decision("c1") == Settled("not ours")
    assert len(world.of(CallExposed)) == 1


def test_a_request_withdrawn_leaves_things_as_they_were() -> None:
    world = covered()
    world.ask("c1", True)
    world.learn(MuteWithdrawn("c1"))
    assert world.decision("c1") == Ask(True)


@pytest.mark.parametrize("verdict", NOT_APPLIED + PERHAPS_APPLIED)
def test_a_failed_mute_is_tried_again_after_a_growing_pause(verdict: Verdict) -> None:
    world = covered()
    pauses = []
    for _ in range(7):
        world.attempt("c1", verdict)
        decision = world.decision("c1")
        assert isinstance(decision, Later)
        pauses.append(round(decision.at - world.now, 6))
        world.now = decision.at
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    told = 7 if verdict in (Verdict.BUSY, Verdict.NOT_FOUND) else 4  # the fifth is told as an API that is down
    assert len(world.of(MuteFailed)) == told
    world.attempt("c1")
    assert world.state.mutes["c1"].attempts == 0


@pytest.mark.parametrize("verdict", NOT_APPLIED)
def test_a_mute_that_was_certainly_not_applied_needs_no_release(verdict: Verdict) -> None:
    world = covered()
    world.attempt("c1", verdict)
    world.ends("pay")
    assert world.settle() == []
    assert world.state.mutes == {}


@pytest.mark.parametrize("verdict", PERHAPS_APPLIED)
def test_a_mute_that_may_have_been_applied_is_released(verdict: Verdict) -> None:
    world = covered()
    world.attempt("c1", verdict)
    world.ends("pay")
    assert world.settle() == [("c1", False)]


def test_a_changed_wish_does_not_wait_for_the_backoff() -> None:
    world = covered()
    world.settle()
    world.ends("pay")
    world.attempt("c1", Verdict.LOST)
    assert isinstance(world.decision("c1"), Later)
    world.starts("next", on="s1")
    assert world.decision("c1") == Ask(True)


def test_the_api_that_asks_to_wait_is_not_asked_before_for_any_call() -> None:
    world = World()
    world.sees("s1", talking("c1"), talking("c2"))
    world.starts("pay", on="s1")
    world.attempt("c1", Verdict.BUSY, told_s=7.0)
    assert world.decision("c2") == Later(T0 + 7, "the API is down, or asked us to wait")
    world.passes(7)
    assert world.decision("c2") == Ask(True)
    assert world.decision("c1") == Later(T0 + 7.1, "backing off")


def test_a_senseless_wait_is_not_obeyed_for_ever() -> None:
    world = covered()
    world.attempt("c1", Verdict.BUSY, told_s=86_400.0)
    assert world.state.api.resumes_at == T0 + 60


def test_a_call_that_the_crm_names_is_asked_again_at_once_when_it_appears() -> None:
    world = World()
    world.starts("pay", call="c1")
    world.attempt("c1", Verdict.NOT_FOUND)
    assert isinstance(world.decision("c1"), Later)
    world.sees("s1", talking("c1"))
    assert world.decision("c1") == Ask(True)


def test_a_late_release_does_not_win_over_the_mute_of_a_section_that_begins_after_it() -> None:
    """Nothing was left to do for the call in between, and yet the release is remembered."""
    world = covered()
    world.settle()
    world.ends("pay")
    world.attempt("c1", Verdict.LOST)
    world.passes(0.1)
    world.attempt("c1")
    world.passes(1)
    world.sees("s1", talking("c1"))
    world.sweeps()
    world.starts("next", on="s1")
    world.attempt("c1")
    assert isinstance(world.decision("c1"), Later)
    world.passes(world.policy.late_s)
    assert world.settle() == [("c1", True)]


def test_a_wish_that_changes_twice_in_one_moment_is_looked_at_twice() -> None:
    """The claim is the same before and after; what is due is not."""
    world = covered()
    world.settle()
    world.ends("pay")
    world.starts("next", on="s1")
    changes = world.learn(SectionEnded("next"))
    assert changes.calls == {"c1"}


def test_so_is_one_whose_section_ended_after_it_was_said_to_be_over() -> None:
    world = covered()
    world.settle()
    world.sees("s1")
    world.starts("again", call="c1")
    world.ends("pay")
    world.ends("again")
    world.attempt("c1", Verdict.NOT_FOUND)
    world.starts("third", call="c1")
    world.ends("third")
    world.sees("s1", talking("c1", muted=True))
    assert world.settle() == [("c1", False)]


def test_a_call_muted_by_somebody_else_is_neither_muted_nor_released() -> None:
    world = covered(muted=True)
    assert world.decision("c1") == Settled("muted by somebody else")
    assert world.of(MuteForeign) == [MuteForeign("c1")]
    world.sees("s1")  # off every extension, in a queue perhaps: what was seen still holds
    world.starts("next", call="c1")
    world.ends("pay")
    world.ends("next")
    assert world.settle() == []
    assert world.state.mutes == {}


def test_a_foreign_mute_seen_between_the_cover_and_our_first_request_is_foreign() -> None:
    world = covered(muted=None)
    world.sees("s1", talking("c1", muted=True))
    assert world.decision("c1") == Settled("muted by somebody else")


def test_a_foreign_mute_that_ends_in_our_section_is_replaced_by_ours() -> None:
    world = covered(muted=True)
    world.sees("s1", talking("c1", muted=False))
    assert world.settle() == [("c1", True)]
    world.ends("pay")
    assert world.settle() == [("c1", False)]


def test_our_own_mute_in_the_feed_is_not_taken_for_somebody_elses() -> None:
    world = covered()
    world.settle()
    world.sees("s1", talking("c1", muted=True))
    world.ends("pay")
    assert world.settle() == [("c1", False)]
    world.passes(2)
    world.sees("s1", talking("c1", muted=True), talking("c2"))  # the feed lags behind the release
    world.passes(60)
    world.sweeps()
    assert world.state.mutes == {}
    world.starts("next", on="s1")
    assert world.settle() == [("c1", True), ("c2", True)]


def test_a_mute_seen_after_our_release_was_seen_to_hold_is_somebody_elses() -> None:
    world = covered()
    world.settle()
    world.ends("pay")
    world.settle()
    world.passes(3)
    world.sees("s1", talking("c1", muted=False))
    world.passes(3)
    world.sees("s1", talking("c1", muted=True))
    world.sweeps()
    world.passes(1)
    world.sees("s1", talking("c1", muted=True), talking("c2"))
    world.starts("next", on="s1")
    assert world.settle() == [("c2", True)]
    assert world.of(MuteDrifted) == []


def test_a_release_is_watched_until_it_is_seen_to_hold() -> None:
    world = covered()
    world.settle()
    world.sweeps()
    world.ends("pay")
    world.ask("c1", False)
    world.sweeps()
    world.answer("c1", False)
    world.passes(3)
    world.sweeps()
    assert "c1" in world.state.mutes
    world.sees("s1", talking("c1", muted=False))
    assert world.sweeps().calls == {"c1"}
    assert world.state.mutes == {}


def test_a_release_that_nothing_shows_is_watched_for_half_a_minute() -> None:
    world = covered()
    world.settle()
    world.ends("pay")
    world.settle()
    world.passes(29.5)
    assert world.sweeps().calls == set()
    world.passes(0.5)
    assert world.sweeps().calls == {"c1"}
    assert world.state.mutes == {}


def test_a_claim_on_a_call_never_shown_is_forgotten_too() -> None:
    world = World()
    world.starts("pay", call="c1")
    world.settle()
    world.ends("pay")
    world.settle()
    world.passes(30)
    world.sweeps()
    assert world.state.mutes == {}


def test_what_was_in_flight_when_the_process_died_is_unknown() -> None:
    world = World()
    world.learn(Restored({}, {}, {"c1": Mute("c1", T0, in_flight=True, asked=True, attempts=3, retry_at=T0 + 9)}))
    assert world.state.mutes["c1"].recording is Recording.UNKNOWN
    assert world.settle() == [("c1", False)]


def test_a_restored_mute_without_a_section_is_released() -> None:
    world = World()
    world.learn(Restored({}, {}, {"c1": Mute("c1", T0, Recording.MUTED)}))
    world.snapshot(extension("s1", talking("c1", muted=True)))
    assert world.settle() == [("c1", False)]


def test_mutes_are_urgent_and_releases_are_not() -> None:
    world = covered()
    assert urgent(world.state, "c1")
    world.settle()
    world.ends("pay")
    assert not urgent(world.state, "c1")


def test_a_release_waits_for_the_backlog_and_a_mute_does_not() -> None:
    world = covered()
    world.settle()
    world.learn(BacklogBegan())
    world.ends("pay")
    assert world.decision("c1") == Settled("the CRM's backlog comes first")
    world.sees("s2", talking("c2"))
    world.starts("other", on="s2")
    assert world.settle() == [("c2", True)]
    assert world.learn(BacklogDone()).calls == {"c1", "c2"}
    assert world.settle() == [("c1", False)]


def test_a_call_that_the_backlog_covers_again_is_not_opened_in_between() -> None:
    world = covered()
    world.settle()
    world.learn(BacklogBegan())
    world.ends("pay")
    world.starts("next", on="s1")
    world.learn(BacklogDone())
    assert world.settle() == []


def test_a_section_expires_during_a_backlog_as_ever() -> None:
    world = covered()
    world.settle()
    world.learn(BacklogBegan())
    world.passes(900)
    world.learn(SectionWoke("pay"))
    assert world.of(SectionClosed)
    assert world.decision("c1") == Settled("the CRM's backlog comes first")


def test_a_request_withdrawn_after_others_leaves_the_claim() -> None:
    world = covered()
    world.settle()
    world.ends("pay")
    world.ask("c1", False)
    world.starts("next", on="s1")
    world.learn(MuteWithdrawn("c1"))
    assert world.state.mutes["c1"].recording is Recording.MUTED
    assert world.decision("c1") == Settled("as wanted")


def test_a_request_withdrawn_because_the_cover_ended_leaves_nothing() -> None:
    world = covered()
    world.ask("c1", True)
    world.ends("pay")
    world.learn(MuteWithdrawn("c1"))
    assert world.state.mutes == {}


def test_a_cover_that_ended_under_a_request_that_was_not_applied_needs_no_release() -> None:
    world = covered()
    world.ask("c1", True)
    world.ends("pay")
    world.answer("c1", True, Verdict.UNSENT)
    assert world.decision("c1") == Settled("as wanted")
    world.passes(30)
    world.sweeps()
    assert world.state.mutes == {}
