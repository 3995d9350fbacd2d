"""The life of a section: order and copies do not matter, and every section ends."""

import pytest

from orchestrator.core.facts import FeedChanged, PolicyChanged, Restored, SectionEnded, SectionWoke, Swept
from orchestrator.core.model import EndCause, EndedSection, FeedState
from orchestrator.core.notices import (
    SectionClosed,
    SectionExpiring,
    SectionIgnored,
    SectionOpened,
    SectionRenewed,
)
from orchestrator.core.policy import Policy
from orchestrator.core.sections import wakes_at
from orchestrator.core.state import State
from tests.core.world import T0, World, dialing, extension, talking


def wake(world: World, section_id: str = "pay") -> None:
    world.learn(SectionWoke(section_id))


def why(world: World) -> str:
    notice = world.of(SectionIgnored)[-1]
    assert isinstance(notice, SectionIgnored)
    return notice.why


def test_a_section_without_max_seconds_lasts_as_the_policy_says() -> None:
    world = World()
    world.starts("pay", on="s1")
    assert world.state.sections["pay"].expires_at == T0 + 900


def test_max_seconds_are_bounded_by_the_policy() -> None:
    world = World()
    world.starts("pay", on="s1", max_seconds=1e9)
    assert world.state.sections["pay"].expires_at == T0 + 3600


def test_a_section_expires_after_a_notice() -> None:
    world = World()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1", max_seconds=100)
    world.settle()
    assert wakes_at(world.state.sections["pay"], world.policy) == T0 + 70
    world.passes(69)
    wake(world)
    assert world.of(SectionExpiring) == []
    world.passes(1)
    wake(world)
    wake(world)
    assert len(world.of(SectionExpiring)) == 1
    assert wakes_at(world.state.sections["pay"], world.policy) == T0 + 100
    world.passes(30)
    wake(world)
    assert world.state.ended["pay"].cause is EndCause.EXPIRED
    assert world.settle() == [("c1", False)]
    wake(world)


def test_a_section_shorter_than_the_notice_expires_without_one() -> None:
    world = World()
    world.starts("pay", on="s1", max_seconds=20)
    assert wakes_at(world.state.sections["pay"], world.policy) == T0 + 20


def test_a_repeated_started_renews() -> None:
    world = World()
    world.starts("pay", on="s1", max_seconds=100)
    world.passes(80)
    wake(world)
    world.starts("pay", on="s1", max_seconds=100)
    assert world.state.sections["pay"].expires_at == T0 + 180
    assert world.state.sections["pay"].started_at == T0
    assert not world.state.sections["pay"].warned
    assert len(world.of(SectionRenewed)) == 1


def test_renewals_in_any_order_come_to_the_same() -> None:
    forth, back = World(), World()
    forth.now = back.now = T0 + 50
    forth.starts("pay", on="s1", max_seconds=100, occurred_at=T0 + 10)
    forth.starts("pay", on="s1", max_seconds=70, occurred_at=T0 + 40)
    back.starts("pay", on="s1", max_seconds=70, occurred_at=T0 + 40)
    back.starts("pay", on="s1", max_seconds=100, occurred_at=T0 + 10)
    assert forth.state == back.state
    assert forth.state.sections["pay"].expires_at == T0 + 110


def test_a_copy_of_a_message_does_not_renew() -> None:
    world = World()
    world.starts("pay", on="s1", max_seconds=100, message_id="m1")
    world.passes(50)
    world.starts("pay", on="s1", max_seconds=100, message_id="m1")
    assert world.state.sections["pay"].expires_at == T0 + 100
    assert "copy" in why(world)
    world.starts("pay", on="s1", max_seconds=100, message_id="m2")
    assert world.state.sections["pay"].messages == ("m1", "m2")


def test_ended_before_started_never_runs() -> None:
    world = World()
    world.sees("s1", talking("c1"))
    world.ends("pay")
    world.starts("pay", on="s1")
    assert world.state.sections == {}
    assert world.settle() == []
    assert "ended already" in why(world)


def test_ended_ids_are_kept_for_an_hour() -> None:
    world = World()
    world.ends("pay")
    world.passes(3599)
    world.learn(Swept())
    world.starts("pay", on="s1")
    assert world.state.sections == {}
    world.passes(1)
    assert world.learn(Swept()).sections == {"pay"}
    world.starts("pay", on="s1")
    assert "pay" in world.state.sections


def test_ended_twice_is_ended_once() -> None:
    world = World()
    world.starts("pay", on="s1")
    world.ends("pay")
    world.passes(9)
    world.ends("pay")
    assert world.state.ended["pay"].at == T0
    assert len(world.of(SectionClosed)) == 1


def test_a_started_that_is_past_on_arrival_never_runs() -> None:
    world = World()
    world.starts("pay", on="s1", max_seconds=60, occurred_at=T0 - 60)
    assert world.state.sections == {}
    assert "expired on arrival" in why(world)


def test_a_started_that_was_delayed_counts_from_when_it_happened() -> None:
    world = World()
    world.starts("pay", on="s1", max_seconds=60, occurred_at=T0 - 20)
    assert world.state.sections["pay"].expires_at == T0 + 40


def test_a_clock_of_the_crm_that_runs_ahead_does_not_prolong() -> None:
    world = World()
    world.starts("pay", on="s1", max_seconds=60, occurred_at=T0 + 500)
    assert world.state.sections["pay"].expires_at == T0 + 60


def test_an_expired_section_starts_anew_with_a_fresh_message_but_not_with_a_copy() -> None:
    world = World()
    world.starts("pay", on="s1", max_seconds=60, message_id="m1")
    world.passes(60)
    wake(world)
    world.starts("pay", on="s1", message_id="m1")
    assert world.state.sections == {}
    world.starts("pay", on="s1", message_id="m2")
    assert "pay" in world.state.sections
    assert world.state.ended == {}


def test_a_late_renewal_from_before_the_expiry_does_not_revive() -> None:
    world = World()
    world.starts("pay", on="s1", max_seconds=60)
    world.passes(60)
    wake(world)
    world.starts("pay", on="s1", max_seconds=600, occurred_at=T0 - 1)
    assert world.state.sections == {}
    assert "older" in why(world)


def test_ended_after_expiry_makes_it_final() -> None:
    world = World()
    world.starts("pay", on="s1", max_seconds=60)
    world.passes(60)
    wake(world)
    world.ends("pay")
    world.starts("pay", on="s1")
    assert world.state.sections == {}
    assert world.state.ended["pay"].cause is EndCause.MESSAGE


@pytest.mark.parametrize("first", [{"on": "s1"}, {"user": "s1"}, {"call": "s1"}])
def test_a_running_section_keeps_its_target(first: dict[str, str]) -> None:
    world = World()
    world.starts("pay", **first)  # type: ignore[arg-type]  # three optional strings
    before = world.state.sections["pay"]
    world.starts("pay", on="s2")
    assert world.state.sections["pay"] == before
    assert "s1" in why(world)


def test_no_more_sections_run_than_there_is_room_for() -> None:
    world = World(Policy(sections_most=2))
    for name in ("a", "b", "c", "a"):
        world.starts(name, on="s1")
    assert world.state.sections.keys() == {"a", "b"}
    assert why(world) == "2 sections run already"
    world.ends("b")
    world.starts("c", on="s1")
    assert world.state.sections.keys() == {"a", "c"}


def test_what_came_while_the_end_went_unnoticed_is_covered_by_the_renewal() -> None:
    """The process stood still; the renewal was said in time."""
    world = World()
    world.snapshot(extension("s1", talking("c1")))
    world.starts("pay", on="s1", max_seconds=60)
    world.settle()
    world.passes(65)
    world.sees("s1", talking("c1", muted=True), dialing("c2"))
    assert world.settle() == []
    world.starts("pay", on="s1", max_seconds=60, occurred_at=T0 + 58)
    assert world.settle() == [("c2", True)]


def test_an_end_that_is_said_after_the_expiry_is_kept_as_long_as_any() -> None:
    world = World()
    world.starts("pay", on="s1", max_seconds=60)
    world.passes(60)
    wake(world)
    world.passes(world.policy.keep_ended_s - 10)
    world.ends("pay")
    world.passes(20)
    world.sweeps()
    world.starts("pay", on="s1")
    assert "pay" not in world.state.sections


def test_a_section_that_was_idle_before_a_restart_is_not_ended_before_the_feed_tells() -> None:
    world = World(Policy(end_after_idle_s=30))
    world.snapshot(extension("s1", talking("c1")))
    world.starts("pay", on="s1")
    world.settle()
    world.sees("s1")
    restored = Restored(dict(world.state.sections), {}, dict(world.state.mutes))
    world.state = State()
    world.passes(40)
    world.learn(restored)
    wake(world)
    world.snapshot(extension("s1", talking("c2")))
    assert ("c2", True) in world.settle()


def test_an_idle_section_ends_where_the_policy_says_so() -> None:
    world = World(Policy(end_after_idle_s=20))
    world.snapshot(extension("s1"))
    world.starts("pay", on="s1")
    assert world.state.sections["pay"].idle_since is None  # it has not covered a call yet
    world.sees("s1", talking("c1"))
    world.passes(5)
    world.sees("s1")
    assert wakes_at(world.state.sections["pay"], world.policy) == T0 + 25
    world.passes(10)
    world.sees("s1", talking("c2"))
    assert world.state.sections["pay"].idle_since is None
    world.sees("s1")
    world.passes(20)
    wake(world)
    assert world.state.ended["pay"].cause is EndCause.IDLE


def test_a_policy_that_changes_holds_for_the_sections_that_run() -> None:
    world = World()
    world.snapshot(extension("s1", talking("c1")))
    world.starts("pay", on="s1")
    world.sees("s1")
    assert world.state.sections["pay"].idle_since is None  # nobody asks
    world.passes(5)
    world.policy = Policy(end_after_idle_s=20)
    assert world.learn(PolicyChanged()).sections == {"pay"}
    assert wakes_at(world.state.sections["pay"], world.policy) == T0 + 25
    world.policy = Policy(hold_on_expiry=True)
    world.passes(30)
    wake(world)  # as it was set under the policy before
    assert "pay" in world.state.sections
    world.learn(PolicyChanged())
    assert world.state.sections["pay"].idle_since is None


def test_a_policy_that_changes_moves_no_end_that_was_given() -> None:
    world = World(Policy(default_section_s=900))
    world.starts("before", on="s1")
    world.policy = Policy(default_section_s=60)
    world.learn(PolicyChanged())
    world.starts("after", on="s1")
    ends = {section_id: section.expires_at - T0 for section_id, section in world.state.sections.items()}
    assert ends == {"before": 900, "after": 60}


def test_what_was_noted_as_idle_does_not_end_where_idleness_is_no_cause() -> None:
    """A process before this one had another policy."""
    world = World(Policy(end_after_idle_s=20))
    world.snapshot(extension("s1", talking("c1")))
    world.starts("pay", on="s1")
    world.sees("s1")
    idle = world.state.sections["pay"]
    assert idle.idle_since is not None
    assert wakes_at(idle, Policy()) == idle.expires_at - 30
    world.policy = Policy()
    world.passes(100)
    wake(world)
    assert "pay" in world.state.sections


def test_an_idle_section_on_a_call_ends_when_no_extension_shows_the_call() -> None:
    world = World(Policy(end_after_idle_s=20))
    world.snapshot(extension("s1", talking("c1")))
    world.starts("pay", call="c1")
    assert world.state.sections["pay"].idle_since is None
    world.sees("s1")
    assert world.state.sections["pay"].idle_since == T0


def test_a_section_is_not_idle_while_the_feed_cannot_tell() -> None:
    world = World(Policy(end_after_idle_s=20))
    world.snapshot(extension("s1", talking("c1")))
    world.starts("pay", on="s1")
    world.sees("s1")
    assert world.state.sections["pay"].idle_since == T0
    world.learn(FeedChanged(FeedState.DOWN))
    assert world.state.sections["pay"].idle_since is None


def test_by_default_a_section_is_never_idle() -> None:
    world = World()
    world.snapshot(extension("s1", talking("c1")))
    world.starts("pay", on="s1")
    world.sees("s1")
    assert world.state.sections["pay"].idle_since is None


def test_an_operator_ends_a_section_for_good() -> None:
    world = World()
    world.starts("pay", on="s1")
    world.learn(SectionEnded("pay", EndCause.OPERATOR))
    world.starts("pay", on="s1")
    assert world.state.sections == {}
    assert len(world.of(SectionOpened)) == 1


def test_restored_sections_go_on_and_ended_ones_stay_ended() -> None:
    before = World()
    before.sees("s1", talking("c1"))
    before.starts("pay", on="s1")
    before.starts("over", on="s1")
    before.ends("over")
    before.settle()

    after = World(now=T0 + 10)
    restored = Restored(
        dict(before.state.sections) | {"gone": before.state.sections["pay"]},
        dict(before.state.ended) | {"gone": EndedSection(T0, EndCause.MESSAGE)},
        dict(before.state.mutes),
    )
    after.learn(restored)
    after.learn(restored)
    assert after.settle() == []
    assert set(after.state.sections) == {"pay"}
    after.snapshot(extension("s1", talking("c1", muted=True), talking("c2")))
    assert after.settle() == [("c2", True)]
    after.ends("pay")
    assert after.settle() == [("c1", False), ("c2", False)]
    assert after.state.ended.keys() == {"pay", "over", "gone"}


def test_a_restored_section_covers_again_a_call_whose_claim_was_not_written() -> None:
    before = World()
    before.sees("s1", talking("c1"))
    before.starts("pay", on="s1")
    after = World()
    after.learn(Restored(before.state.sections, {}, {}))
    assert after.settle() == [("c1", True)]


def test_of_the_messages_of_a_section_the_last_hundred_are_remembered() -> None:
    world = World()
    for number in range(250):
        world.starts("pay", on="s1", message_id=f"m{number}")
    assert world.state.sections["pay"].messages == tuple(f"m{number}" for number in range(150, 250))


def test_of_too_many_ended_sections_the_oldest_are_forgotten_first() -> None:
    world = World(Policy(keep_ended_most=3))
    for number in range(5):
        world.passes(1)
        world.ends(f"pay{number}")
    assert world.sweeps().sections == {"pay0", "pay1"}
    assert world.state.ended.keys() == {"pay2", "pay3", "pay4"}


def test_what_an_earlier_process_remembered_is_forgotten_in_its_turn() -> None:
    world = World()
    world.ends("new")
    ended = {f"pay{age}": EndedSection(T0 - age, EndCause.MESSAGE) for age in (100, 3599, 200)}
    world.learn(Restored({}, ended, {}))
    world.passes(1)
    assert world.sweeps().sections == {"pay3599"}
    assert list(world.state.ended) == ["pay200", "pay100", "new"]
