"""What was muted by extension, once its calls are seen again: whose mute is whose."""

from orchestrator.core.claims import Blind, Mute, Recording, Verdict
from orchestrator.core.facts import (
    PollingConfigured,
    Restored,
)
from orchestrator.core.model import FeedState
from orchestrator.core.notices import MuteForeign
from orchestrator.core.reconcile import Ask, Later, Settled
from tests.core.world import T0, World, dialing, extension, in_sight, in_the_dark, muted_blindly, ringing, talking


def test_calls_muted_by_extension_and_seen_later_are_ours_and_not_foreign() -> None:
    world = muted_blindly()
    world.passes(2)
    world.snapshot(extension("s1", talking("c1", muted=True)))
    assert world.of(MuteForeign) == []
    assert world.settle() == [("c1", True)]
    world.ends("pay")
    assert world.settle() == [("c1", False)]


def test_so_are_those_that_one_poll_for_all_shows_with_others() -> None:
    world = in_sight()
    world.turns(FeedState.DOWN)
    world.starts("pay", on="s2")
    world.attempt_all("s2")
    world.polled("", extension("s1", ringing("c1", muted=True)), extension("s2", talking("c1", muted=True)))
    assert world.settle() == [("c1", True)]


def test_so_are_those_that_a_poll_shows_meanwhile() -> None:
    world = in_sight()
    world.turns(FeedState.DOWN)
    world.starts("pay", on="s1")
    world.attempt_all("s1")
    world.polled("s1", extension("s1", talking("c1", muted=True)))
    assert world.settle() == [("c1", True)]
    assert world.of(MuteForeign) == []


def test_so_are_those_that_nothing_covers_any_more() -> None:
    world = muted_blindly()
    world.passes(2)
    world.ends("pay")
    world.ask_all("s1", False)
    world.answer_all("s1", False, Verdict.FAILED)
    world.learn_to_see(extension("s1", talking("c1", muted=True)))
    assert world.settle() == [("c1", False)]
    world.passes(5)
    world.sweeps()
    assert_over(world)


def test_so_are_those_of_which_a_snapshot_does_not_know_yet_that_they_are_muted() -> None:
    world = muted_blindly()
    world.ends("pay")
    world.learn_to_see(extension("s1", talking("c1", muted=False)))
    assert world.settle() == [("c1", False)]


def test_a_call_that_merely_rang_there_is_opened_wherever_it_went() -> None:
    """It was muted with the others, and then a colleague answered it."""
    world = in_sight()
    world.state.polls.possible = False
    world.sees("s1", talking("c1"), ringing("c2"))
    world.starts("pay", on="s1")
    world.settle()
    world.passes(5)
    world.attempt_all("s1")
    world.sees("s2", talking("c2"))
    world.sees("s1", talking("c1", muted=True))
    assert world.settle() == [("c2", False)]


def test_a_call_that_was_muted_by_extension_and_whose_event_lags_is_ours_too() -> None:
    """It is seen only after all others were, and with its mute."""
    world = muted_blindly()
    world.learn_to_see(extension("s1", talking("c1")))
    world.ends("pay")
    assert world.settle() == [("c1", False)]
    world.passes(3)
    world.sees("s1", talking("c1"), talking("c2", muted=True))
    assert world.settle() == [("c2", False)]


def test_so_is_one_that_was_seen_open_before_that_and_is_told_so_later() -> None:
    world = muted_blindly()
    world.learn_to_see(extension("s1", talking("c1")))
    world.ends("pay")
    assert world.settle() == [("c1", False)]
    world.sees("s1", talking("c1"), ringing("c2", muted=False))
    world.passes(3)
    world.sees("s1", talking("c1"), talking("c2", muted=True))
    assert world.settle() == [("c2", False)]


def test_so_is_one_that_only_the_next_process_sees() -> None:
    former = muted_blindly()
    former.learn_to_see(extension("s1", talking("c1")))
    former.ends("pay")
    assert former.settle() == [("c1", False)]
    former.passes(9)
    former.sweeps()
    world = World(now=former.now + 60)
    world.learn(Restored({}, {}, {}, former.state.blind))
    world.learn_to_see(extension("s1", talking("c1")))
    world.passes(9)
    world.sees("s1", talking("c1"), talking("c2", muted=True))
    assert world.settle() == [("c2", False)]
    assert_over(world)


def test_in_the_dark_again_it_is_asked_for_at_once() -> None:
    world = muted_blindly()
    world.learn_to_see(extension("s1"))
    world.turns(FeedState.DOWN)
    assert world.of_extension("s1") == Ask(True)
    world.ends("pay")
    assert world.of_extension("s1") == Settled("as wanted")


def test_one_that_is_shown_muted_while_it_rings_is_ours_once_it_is_answered() -> None:
    """An event that lags shows the recording as it is now, and the rest as it was."""
    world = muted_blindly()
    world.learn_to_see(extension("s1", talking("c1"), ringing("c2", muted=True)))
    world.sees("s1", talking("c1"), talking("c2", muted=True))
    world.ends("pay")
    assert world.settle() == [("c1", False), ("c2", False)]


def test_a_call_that_was_seen_open_since_and_is_muted_then_is_foreign() -> None:
    world = muted_blindly()
    world.learn_to_see()
    world.ends("pay")
    world.passes(2)
    world.sees("s1", talking("c1"))
    world.sees("s1", talking("c1", muted=True))
    world.passes(20)
    world.sweeps()
    world.sees("s1", talking("c2", muted=True))
    assert world.settle() == []


def test_a_foreign_mute_that_was_seen_before_stays_foreign() -> None:
    world = in_sight()
    world.sees("s1", talking("c1", muted=True))
    world.turns(FeedState.DOWN)
    world.starts("pay", on="s1")
    world.attempt_all("s1")
    world.passes(2)
    world.snapshot(extension("s1", talking("c1", muted=True), dialing("c2", muted=True)))
    world.ends("pay")
    assert world.settle() == [("c2", False)]


def test_a_foreign_mute_that_an_earlier_process_saw_stays_foreign() -> None:
    """Also where its section ends, or another one begins, before the feed shows it again."""
    theirs = {"s1": (talking("c1", muted=True),), "s2": (talking("c3", muted=True),)}
    world = World()
    world.learn(Restored({}, {}, {"c1": Mute("c1", T0 - 9, foreign=True)}, foreign_legs=theirs))
    for sip in ("s1", "s2"):
        world.starts(f"pay-{sip}", on=sip)
        world.attempt_all(sip)
        world.ends(f"pay-{sip}")
    world.passes(2)
    world.snapshot(
        extension("s1", talking("c1", muted=True), talking("c2", muted=True)),
        extension("s2", talking("c3", muted=True)),
    )
    assert world.settle() == [("c2", False)]


def test_what_an_earlier_process_muted_itself_is_not_taken_for_foreign() -> None:
    world = World()
    ours = Mute("c1", T0 - 9, Recording.MUTED, asked=True, confirmed_at=T0 - 8)
    world.learn(Restored({}, {}, {"c1": ours}, foreign_legs={"s1": (talking("c1", muted=True),)}))
    world.snapshot(extension("s1", talking("c1", muted=True)))
    assert world.settle() == [("c1", False)]


def test_what_an_earlier_process_saw_is_gone_with_the_snapshot() -> None:
    world = World()
    world.learn(Restored({}, {}, {}, foreign_legs={"s1": (talking("c1", muted=True),)}))
    world.snapshot(extension("s1", talking("c1", muted=False)), extension("s2"))
    world.starts("pay", on="s1")
    assert world.settle() == [("c1", True)]
    world.snapshot(extension("s2"))
    world.learn(Restored({}, {}, {}, foreign_legs={"s2": (talking("c9", muted=True),)}))
    assert set(world.state.calls) == {"c1"}


def test_once_the_calls_are_seen_the_claim_by_extension_ends_without_a_request() -> None:
    world = muted_blindly()
    world.learn_to_see()
    assert_over(world)
    assert world.of_extension("s1") == Settled("not ours")


def test_a_way_to_poll_that_is_found_with_a_synced_feed_ends_it_too() -> None:
    world = World()
    world.snapshot()
    world.starts("pay", on="s1")
    world.passes(5)
    world.attempt_all("s1")
    world.learn(PollingConfigured())
    assert_over(world)


def test_a_request_under_way_when_the_calls_are_seen_is_waited_for() -> None:
    world = in_the_dark()
    world.ask_all("s1", True)
    world.learn_to_see(extension("s1", talking("c1"), ringing("c2")))
    assert world.state.blind["s1"].in_flight
    assert world.of_extension("s1") == Settled("a request is under way")
    world.answer_all("s1", True)
    assert world.settle() == [("c1", True), ("c2", False)]
    assert_over(world)


def test_a_lost_request_may_reach_calls_that_come_after_it() -> None:
    world = in_the_dark()
    world.ask_all("s1", True)
    world.learn_to_see(extension("s1", talking("c1")))
    world.answer_all("s1", True, Verdict.LOST)
    assert world.of_extension("s1") == Settled("its calls are seen: each has a claim of its own")
    world.passes(3)
    world.sees("s1", talking("c1"), ringing("c2"), ringing("c3"))
    world.sees("s2", talking("c2"))
    world.sees("s1", talking("c1"), ringing("c3"))
    world.sweeps()
    assert world.settle() == [("c1", True), ("c2", False)]
    world.passes(2)
    world.sweeps()
    assert world.settle() == [("c2", False), ("c3", False)]
    assert_over(world)


def test_a_claim_of_an_earlier_process_is_released() -> None:
    world = World()
    world.learn(Restored({}, {}, {}, {"s1": Blind("s1", T0 - 9, muted=True, in_flight=True, attempts=3)}))
    world.attempt_all("s1")
    assert world.asked == [("all of s1", False)]
    assert isinstance(world.of_extension("s1"), Later), "what was in flight when it died may be applied yet"
    world.learn(Restored({}, {}, {}, {"s1": Blind("s1", T0 - 9)}))
    assert world.state.blind["s1"].muted, "what is known already is newer"


def assert_over(world: World) -> None:
    """The claim by extension asks for nothing more, and in time it explains no mute any more."""
    assert isinstance(world.of_extension("s1"), Settled)
    world.passes(world.policy.unseen_s)
    world.sweeps()
    assert world.state.blind == {}
