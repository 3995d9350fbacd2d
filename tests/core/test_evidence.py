"""What the feed and the polls show of recordings: it verifies, it shows drift, or it says nothing."""

import pytest

from orchestrator.core.claims import Mute, Recording, Verdict
from orchestrator.core.facts import Restored
from orchestrator.core.notices import CallUnmuted, CallVerified, MuteDoubted, MuteDrifted, MuteForeign, MuteReaffirmed
from orchestrator.core.reconcile import Ask, Later, Settled
from tests.core.world import T0, World, extension, in_sight, talking


def muted() -> World:
    world = in_sight()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    world.passes(1)
    world.settle()
    return world


def released() -> World:
    world = muted()
    world.passes(10)
    world.ends("pay")
    world.settle()
    return world


def test_a_mute_is_confirmed_by_the_api_and_verified_by_what_is_seen() -> None:
    world = muted()
    assert world.state.mutes["c1"].verified_at is None
    world.passes(3)
    world.sees("s1", talking("c1", muted=True))
    assert world.of(CallVerified) == [CallVerified("c1", True, 3.0)]
    assert world.state.mutes["c1"].verified_at == world.now


def test_it_is_verified_once() -> None:
    world = muted()
    for _ in range(3):
        world.passes(3)
        world.sees("s1", talking("c1", muted=True))
    assert len(world.of(CallVerified)) == 1


def test_what_is_older_than_the_confirmation_verifies_nothing() -> None:
    world = muted()
    world.passes(0.9)  # an event may be a second old
    world.sees("s1", talking("c1", muted=True))
    assert world.of(CallVerified) == []


def test_a_mute_that_is_seen_open_is_asked_for_anew() -> None:
    world = muted()
    world.passes(3)
    world.sees("s1", talking("c1", muted=False))
    assert world.of(MuteDrifted) == [MuteDrifted("c1", False, 1.0, 1, 3.0)]
    assert world.state.mutes["c1"].recording is Recording.UNKNOWN
    assert world.state.mutes["c1"].due_since == world.now - 1
    assert world.settle() == [("c1", True)]


def test_a_release_that_is_seen_muted_is_asked_for_anew() -> None:
    world = released()
    world.passes(3)
    world.sees("s1", talking("c1", muted=True))
    assert world.of(MuteDrifted) == [MuteDrifted("c1", True, 1.0, 1, 3.0)]
    assert world.settle() == [("c1", False)]


def test_no_longer_wrong_than_something_else_is_wanted() -> None:
    """Its release fails, and an event shows that it has run since before that was wanted."""
    world = muted()
    world.passes(5)
    world.ends("pay")
    world.attempt("c1", Verdict.NOT_FOUND)
    ended_at = world.now
    world.passes(0.5)
    world.sees("s1", talking("c1", muted=False))
    assert len(world.of(MuteDrifted)) == 1
    assert world.state.mutes["c1"].due_since == ended_at


def test_each_drift_is_counted() -> None:
    world = muted()
    for _ in range(3):
        world.passes(4)
        world.sees("s1", talking("c1", muted=False))
        world.settle()
    assert [notice.drifts for notice in world.of(MuteDrifted) if isinstance(notice, MuteDrifted)] == [1, 2, 3]


def test_a_mute_that_was_verified_and_is_seen_open_has_drifted() -> None:
    world = muted()
    world.passes(3)
    world.sees("s1", talking("c1", muted=True))
    world.passes(3)
    world.sees("s1", talking("c1", muted=False))
    assert world.settle() == [("c1", True)]
    assert world.state.mutes["c1"].verified_at is None


@pytest.mark.parametrize("after_s", [0.1, 2.9])
def test_for_two_seconds_the_state_before_may_still_be_shown(after_s: float) -> None:
    """And an event may be a second old."""
    world = muted()
    world.passes(after_s)
    world.sees("s1", talking("c1", muted=False))
    assert world.of(MuteDrifted) == []
    assert world.decision("c1") == Settled("as wanted")


def test_an_event_is_as_old_as_it_was_under_way() -> None:
    world = muted()
    world.passes(5)
    world.sees("s1", talking("c1", muted=False), lag_s=3.0)
    assert world.of(MuteDrifted) == []
    world.sees("s1", talking("c1", muted=False), lag_s=1.0)
    assert world.of(MuteDrifted) == [MuteDrifted("c1", False, 2.0, 1, 5.0)]


def test_what_is_older_than_what_was_seen_already_says_nothing() -> None:
    world = muted()
    world.passes(10)
    world.sees("s1", talking("c1", muted=True))
    world.polled("s1", extension("s1", talking("c1", muted=False)), sent_at=world.now - 5)
    assert world.of(MuteDrifted) == []


def test_what_is_seen_while_a_request_is_under_way_says_nothing() -> None:
    world = muted()
    world.passes(10)
    world.ends("pay")
    world.ask("c1", False)
    world.sees("s1", talking("c1", muted=False))
    world.answer("c1", False)
    assert world.of(CallVerified) == []


def test_a_leg_that_says_nothing_of_its_recording_is_no_evidence() -> None:
    world = muted()
    world.passes(10)
    world.sees("s1", talking("c1", muted=None))
    assert world.of(MuteDrifted) == world.of(CallVerified) == []


def test_a_poll_verifies_and_shows_drift_as_an_event_does() -> None:
    world = muted()
    world.passes(5)
    world.polled("s1", extension("s1", talking("c1", muted=True)))
    assert world.of(CallVerified) == [CallVerified("c1", True, 5.0)]
    world.passes(5)
    world.polled("s1", extension("s1", talking("c1", muted=True)))
    world.passes(4)
    world.polled("s1", extension("s1", talking("c1", muted=False)))
    assert world.of(MuteDrifted) == [MuteDrifted("c1", False, 0.0, 1, 4.0)]


def test_a_poll_is_as_old_as_its_question() -> None:
    world = muted()
    world.passes(3)
    world.polled("s1", extension("s1", talking("c1", muted=False)), sent_at=world.now - 2)
    assert world.of(MuteDrifted) == []


def test_what_was_known_of_a_call_before_a_poll_that_does_not_show_it_is_no_evidence() -> None:
    """It was hung up, and the feed has not told yet: its leg is as old as it was."""
    world = muted()
    world.passes(10)
    world.polled("s1", extension("s1", talking("c2")))
    world.polled("s1", extension("s1"))
    assert world.of(MuteDrifted) == []


def test_what_an_event_showed_is_not_taken_for_as_young_as_a_poll_that_it_overtook() -> None:
    world = muted()
    world.passes(4)
    sent_at = world.now - 0.5
    world.sees("s1", talking("c1", muted=False), lag_s=3.0)
    world.polled("s1", extension("s1"), sent_at=sent_at)
    assert world.of(MuteDrifted) == []


def test_a_status_event_says_nothing_of_recordings() -> None:
    world = muted()
    world.passes(10)
    world.signs_in("s1", online="u1")
    assert world.of(MuteDrifted) == []


def test_drift_of_what_is_not_ours_is_nobodys_business() -> None:
    world = in_sight()
    world.sees("s1", talking("c1", muted=False))
    world.passes(10)
    world.sees("s1", talking("c1", muted=True))
    world.sees("s1", talking("c1", muted=False))
    assert world.told == []
    assert world.settle() == []


def test_a_foreign_mute_is_left_whatever_is_seen_of_it() -> None:
    world = in_sight()
    world.sees("s1", talking("c1", muted=True))
    world.starts("pay", on="s1")
    for _ in range(3):
        world.passes(5)
        world.sees("s1", talking("c1", muted=True))
        world.polled("s1", extension("s1", talking("c1", muted=True)))
    world.ends("pay")
    assert world.settle() == []
    assert world.of(MuteForeign) == [MuteForeign("c1")]
    assert world.of(MuteDrifted) == []


def test_a_foreign_mute_is_remembered_while_its_call_goes_from_one_extension_to_another() -> None:
    world = in_sight()
    world.sees("s1", talking("c1", muted=True))
    world.sees("s1")
    world.starts("pay", call="c1")
    assert world.settle() == []
    assert world.of(MuteForeign) == [MuteForeign("c1")]


def test_but_not_for_longer() -> None:
    world = in_sight()
    world.sees("s1", talking("c1", muted=True))
    world.sees("s1")
    world.passes(world.policy.unseen_s)
    world.sweeps()
    assert world.state.parted == {}
    world.starts("pay", call="c1")
    assert world.settle() == [("c1", True)]


def test_a_claim_that_lost_its_cover_again_stays_watched() -> None:
    """The release was confirmed; covered and uncovered once more before anything was asked, it is watched still."""
    world = released()
    world.starts("next", on="s1")
    world.ends("next")
    world.passes(3)
    world.sees("s1", talking("c1", muted=True))
    assert world.settle() == [("c1", False)]


# Rule 9: an answer that never came


def muted_after_a_lost_release() -> World:
    world = muted()
    world.ends("pay")
    world.attempt("c1", Verdict.LOST)
    world.starts("next", on="s1")
    world.attempt("c1")
    return world


def test_a_lost_release_that_is_applied_late_does_not_win() -> None:
    world = muted_after_a_lost_release()
    assert world.decision("c1") == Later(world.now + 5, "once more, when no late request can undo it")
    world.passes(5)
    assert world.settle() == [("c1", True)]
    assert world.of(MuteReaffirmed) == [MuteReaffirmed("c1", True, "a1")]
    assert world.decision("c1") == Settled("as wanted")


def test_where_its_cover_ends_before_that_it_is_told_that_nobody_knows() -> None:
    world = muted_after_a_lost_release()
    world.passes(3)
    world.ends("next")
    assert world.of(MuteDoubted) == [MuteDoubted("c1")]


def test_so_it_is_where_the_call_is_over_before_that() -> None:
    world = muted_after_a_lost_release()
    world.passes(3)
    world.sees("s1")
    world.passes(2)
    world.attempt("c1", Verdict.NOT_FOUND)
    assert world.of(MuteDoubted) == [MuteDoubted("c1")]


def test_covered_again_it_does_not_wait_for_what_its_release_had_to_wait_for() -> None:
    world = muted_after_a_lost_release()
    world.passes(3)
    world.ends("next")
    for _ in range(3):
        world.passes(0.5)
        world.attempt("c1", Verdict.NOT_FOUND)
    world.starts("last", on="s1")
    world.passes(0.5)
    assert world.state.mutes["c1"].due_since == world.now - 0.5
    assert world.decision("c1") == Ask(True)


def test_a_lost_mute_that_is_applied_late_does_not_win() -> None:
    world = in_sight()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    world.attempt("c1", Verdict.LOST)
    world.ends("pay")
    world.attempt("c1")
    assert world.of(CallUnmuted) == [CallUnmuted("c1", 0.0, 1, "a1")]
    world.passes(3)
    world.sees("s1", talking("c1", muted=False))
    world.sweeps()
    assert "c1" in world.state.mutes, "seen open, and yet the lost request may come"
    world.passes(2)
    assert world.settle() == [("c1", False)]
    world.passes(2)
    world.sees("s1", talking("c1", muted=False))
    world.sweeps()
    assert world.state.mutes == {}


def test_an_answer_that_never_came_is_an_unknown_state() -> None:
    world = in_sight()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    world.attempt("c1", Verdict.LOST)
    assert world.state.mutes["c1"].recording is Recording.UNKNOWN
    world.passes(5)
    world.sees("s1", talking("c1", muted=False))  # it proves nothing: it may have been applied since
    assert world.settle() == [("c1", True)]
    assert world.of(MuteDrifted) == []


def test_a_lost_request_for_what_is_confirmed_already_leaves_it_confirmed() -> None:
    world = muted_after_a_lost_release()
    world.passes(5)
    world.attempt("c1", Verdict.LOST)
    assert world.state.mutes["c1"].recording is Recording.MUTED
    world.passes(2)
    assert world.decision("c1") == Ask(True)


def test_what_was_in_flight_when_the_process_died_may_be_applied_late() -> None:
    world = in_sight()
    world.learn(Restored({}, {}, {"c1": Mute("c1", T0, in_flight=True, asked=True)}))
    assert world.settle() == [("c1", False)]
    assert world.decision("c1") == Later(T0 + 5, "once more, when no late request can undo it")


def test_covered_again_while_its_release_is_under_way_exposure_counts_from_the_new_cover() -> None:
    world = muted()
    world.ends("pay")
    world.passes(1)
    world.ask("c1", False)
    world.passes(1)
    world.starts("next", on="s1")
    world.answer("c1", False)
    assert world.state.mutes["c1"].due_since == world.now
