"""Active Calls: who is asked for, when, and what an answer may change."""

import pytest

from orchestrator.core.facts import PollingConfigured
from orchestrator.core.model import FeedState
from orchestrator.core.notices import PollingBack, PollingLost
from orchestrator.core.policy import Policy
from orchestrator.core.polls import ALL
from tests.core.world import World, dialing, extension, in_sight, ringing, talking


def covered() -> World:
    world = in_sight()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    world.settle()
    return world


def test_nothing_is_polled_without_a_code() -> None:
    world = World()
    world.starts("pay", on="s1")
    assert (world.polls_due(), world.polls_next()) == ([], None)
    world.learn(PollingConfigured())
    assert world.polls_due() == ["s1"]


def test_nothing_is_polled_while_nothing_is_sensitive() -> None:
    world = in_sight()
    world.sees("s1", talking("c1"))
    assert (world.polls_due(), world.polls_next()) == ([], None)


def test_the_extension_of_a_section_is_polled_at_once_and_every_five_seconds() -> None:
    world = covered()
    world.asks_poll("s1")
    world.polled("s1", extension("s1", talking("c1", muted=True)))
    assert (world.polls_due(), world.polls_next()) == ([], 5.0)
    world.passes(5)
    assert world.polls_due() == ["s1"]


def test_a_section_that_covers_no_call_is_polled_at_once_and_every_two_seconds() -> None:
    world = in_sight()
    world.sees("s1", ringing("c1"))
    world.starts("pay", on="s1")
    world.asks_poll("s1")
    world.polled("s1", extension("s1"))
    assert world.polls_next() == 2.0
    world.passes(2)
    world.asks_poll("s1")
    world.polled("s1", extension("s1", talking("c1")))
    assert world.settle() == [("c1", True)]
    assert world.polls_next() == 5.0


def test_a_section_whose_calls_all_went_is_suspect_again() -> None:
    world = covered()
    world.asks_poll("s1")
    world.polled("s1", extension("s1", talking("c1", muted=True)))
    world.sees("s1")
    assert world.polls_next() == 2.0


def test_one_of_two_sections_on_an_extension_being_suspect_is_enough() -> None:
    world = covered()
    world.sees("s1", ringing("c1"))
    world.starts("next", on="s1")
    world.asks_poll("s1")
    world.polled("s1", extension("s1", ringing("c1")))
    assert world.polls_next() == 2.0


def test_a_section_on_a_user_polls_where_the_user_works() -> None:
    world = in_sight()
    world.sees("s1", user="u1", online="u1")
    world.starts("pay", user="u1")
    assert world.polls_due() == ["s1"]


def test_a_user_who_was_not_seen_to_sign_in_is_looked_for_everywhere() -> None:
    world = in_sight()
    world.starts("pay", user="u1")
    world.starts("other", on="s2")
    assert world.polls_due() == [ALL]
    world.asks_poll(ALL)
    world.polled(ALL, extension("s1", talking("c1"), online="u1"), extension("s2"))
    assert world.settle() == [("c1", True)]
    assert world.polls_due() == ["s1", "s2"]


def test_wherever_a_covered_call_went_it_is_polled_there() -> None:
    world = covered()
    world.sees("s2", talking("c1"))
    world.sees("s1")
    assert world.polls_due() == ["s1", "s2"]


def test_a_call_that_the_crm_names_is_polled_where_it_is() -> None:
    world = in_sight()
    world.starts("pay", call="c1")
    assert world.polls_due() == []
    world.sees("s1", talking("c1"))
    assert world.polls_due() == ["s1"]


def test_a_release_is_polled_until_it_is_verified() -> None:
    world = covered()
    world.ends("pay")
    world.settle()
    assert world.polls_due() == ["s1"]
    world.asks_poll("s1")
    world.polled("s1", extension("s1", talking("c1")))
    assert (world.polls_due(), world.polls_next()) == ([], None)


def test_a_key_is_not_asked_for_twice_at_once() -> None:
    world = covered()
    world.asks_poll("s1")
    world.passes(60)
    assert (world.polls_due(), world.polls_next()) == ([], None)


def test_with_more_than_twenty_extensions_one_request_asks_for_all() -> None:
    world = in_sight()
    for number in range(20):
        world.starts(f"pay{number}", on=f"s{number}")
    assert len(world.polls_due()) == 20
    world.starts("one more", on="s20")
    assert world.polls_due() == [ALL]
    world.asks_poll(ALL)
    world.passes(0.1)
    world.polled(ALL, *(extension(f"s{number}", talking(f"c{number}")) for number in range(21)), sent_at=world.now)
    assert world.polls_next() == 4.9
    assert len(world.settle()) == 21


def test_one_suspect_among_many_hastens_the_request_for_all() -> None:
    world = in_sight(Policy(poll_singly=1))
    world.sees("s1", talking("c1"))
    world.starts("a", on="s1")
    world.starts("b", on="s2")
    world.asks_poll(ALL)
    world.polled(ALL, extension("s1", talking("c1")), extension("s2"))
    assert world.polls_next() == 2.0


def test_a_large_answer_is_not_asked_for_again_before_three_times_the_time_it_took() -> None:
    world = covered()
    world.asks_poll("s1")
    sent_at = world.now
    world.passes(4)
    world.polled("s1", extension("s1", talking("c1", muted=True)), sent_at=sent_at)
    assert world.polls_next() == 8.0


def test_a_poll_adds_calls_and_takes_nothing_away_while_synced() -> None:
    world = covered()
    world.passes(1)
    world.polled("s1", extension("s1", talking("c2")))
    assert world.state.extensions["s1"].legs.keys() == {"c1", "c2"}
    assert world.settle() == [("c2", True)]
    world.polled("s1", extension("s1"))
    assert world.state.extensions["s1"].legs.keys() == {"c1", "c2"}
    assert world.state.calls["c1"].on == {"s1"}


def test_a_poll_says_nothing_of_who_works_there_while_the_feed_is_synced() -> None:
    world = in_sight()
    world.sees("s1", user="u1", online="u2")
    world.passes(1)
    world.polled("s1", extension("s1", user="u1", online=None))
    assert world.state.extensions["s1"].online_user_id == "u2"


def test_a_poll_names_somebody_whose_coming_the_feed_has_not_told() -> None:
    world = in_sight()
    world.sees("s1")
    world.passes(10)
    world.starts("pay", user="u1")
    world.asks_poll(ALL)
    world.passes(1)
    world.polled(ALL, extension("s1", talking("c1"), user="u9", online="u1"), sent_at=world.now - 1)
    assert world.settle() == [("c1", True)]


def test_who_works_there_is_not_learned_from_a_poll_that_is_older_than_the_feeds_word() -> None:
    world = in_sight()
    world.sees("s1")
    world.passes(10)
    world.signs_in("s1", "u2")
    world.polled("s1", extension("s1", online="u1"), sent_at=world.now - 1)
    assert world.state.extensions["s1"].online_user_id == "u2"


def test_an_extension_that_the_feed_never_told_of_is_learned_from_a_poll() -> None:
    world = in_sight()
    world.starts("pay", on="s1")
    world.polled("s1", extension("s1", dialing("c1")))
    assert world.settle() == [("c1", True)]


@pytest.mark.parametrize("feed", [FeedState.SYNCED, FeedState.SYNCING])
def test_what_the_feed_told_since_the_question_is_believed(feed: FeedState) -> None:
    world = covered()
    world.turns(feed)
    sent_at = world.now
    world.passes(0.1)
    world.sees("s1", dialing("c2"))
    world.polled("s1", extension("s1", talking("c1"), talking("c3")), sent_at=sent_at)
    assert world.state.extensions["s1"].legs.keys() == {"c2"}


def test_without_the_feed_a_poll_is_all_that_is_known() -> None:
    world = covered()
    world.turns(FeedState.DOWN)
    world.passes(1)
    world.polled("s1", extension("s1", talking("c2")))
    assert world.state.extensions["s1"].legs.keys() == {"c2"}
    world.ends("pay")
    assert ("c1", False) in world.settle()


def test_an_extension_that_is_not_in_an_answer_was_not_told_about() -> None:
    world = covered()
    world.turns(FeedState.DOWN)
    world.passes(1)
    world.polled(ALL, extension("s2"))
    assert world.state.extensions["s1"].legs.keys() == {"c1"}


def test_a_call_that_is_polled_muted_and_was_never_asked_for_is_foreign() -> None:
    world = in_sight()
    world.starts("pay", on="s1")
    world.polled("s1", extension("s1", talking("c1", muted=True)))
    assert world.settle() == []


# Whether polling can be counted on


def test_three_failures_in_a_row_are_told_once_and_so_is_the_first_answer_after_them() -> None:
    world = covered()
    for _ in range(5):
        world.passes(20)
        world.asks_poll("s1")
        world.poll_fails("s1")
    assert world.of(PollingLost) == [PollingLost("no answer", False)]
    world.passes(20)
    world.asks_poll("s1")
    world.polled("s1", extension("s1", talking("c1")))
    assert world.of(PollingBack) == [PollingBack()]


def test_a_failure_now_and_then_is_none() -> None:
    world = covered()
    for number in range(9):
        world.passes(20)
        world.asks_poll("s1")
        if number % 3:
            world.poll_fails("s1")
        else:
            world.polled("s1", extension("s1", talking("c1", muted=True)))
    assert world.of(PollingLost) == []


def test_a_refusal_is_believed_at_once_and_tried_again_in_a_minute() -> None:
    world = covered()
    world.asks_poll("s1")
    world.poll_fails("s1", refused=True)
    assert world.of(PollingLost) == [PollingLost("no answer", True)]
    assert world.polls_next() == 60.0
    world.passes(60)
    assert world.polls_due() == ["s1"]


def test_a_429_is_obeyed_up_to_a_minute() -> None:
    world = covered()
    world.starts("other", on="s2")
    world.asks_poll("s1")
    world.poll_fails("s1", told_s=7.0)
    assert (world.polls_due(), world.polls_next()) == ([], 7.0)
    world.passes(7)
    world.asks_poll("s2")
    world.poll_fails("s2", told_s=86_400.0)
    assert world.polls_next() == 60.0
    assert world.of(PollingLost) == []


def test_an_extension_that_active_calls_does_not_know_is_no_outage_of_it() -> None:
    """A section on an extension that does not exist must not make the daemon believe that it is blind."""
    world = in_sight()
    world.starts("pay", on="mistyped")
    for _ in range(5):
        world.passes(2)
        world.asks_poll("mistyped")
        world.poll_misses("mistyped")
    assert world.of(PollingLost) == []
    assert world.state.polls.possible


# Housekeeping


def test_when_a_key_was_asked_is_kept_no_longer_than_it_matters() -> None:
    world = covered()
    world.asks_poll("s1")
    world.passes(1)
    world.polled("s1", extension("s1", talking("c1")), sent_at=world.now - 1)
    world.passes(3)
    world.sweeps()
    assert world.state.polls.sent_at.keys() == {"s1"}
    world.passes(1)
    world.sweeps()
    assert world.state.polls.sent_at == world.state.polls.took_s == {}
    assert world.polls_due() == ["s1"]


def test_what_is_being_asked_is_not_forgotten() -> None:
    world = covered()
    world.asks_poll("s1")
    world.passes(100)
    world.sweeps()
    assert world.state.polls.sent_at.keys() == {"s1"}
