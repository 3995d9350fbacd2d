"""Which section covers which call, and why."""

from orchestrator.core.facts import SnapshotTaken
from orchestrator.core.model import Cover, CoverReason, Direction, Leg, LegStatus
from tests.core.world import T0, World, dialing, extension, ringing, talking


def test_a_section_covers_the_call_that_is_up() -> None:
    world = World()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    assert world.state.sections["pay"].calls == {"c1": Cover(T0, CoverReason.LEG, "s1")}
    assert world.settle() == [("c1", True)]
    world.ends("pay")
    assert world.settle() == [("c1", False)]


def test_a_call_that_merely_rings_is_not_covered_until_it_is_answered() -> None:
    world = World()
    world.starts("pay", on="s1")
    world.sees("s1", ringing("c1"))
    assert world.settle() == []
    world.sees("s1", talking("c1"))
    assert world.settle() == [("c1", True)]


def test_a_ring_group_covers_only_the_extension_that_answers() -> None:
    world = World()
    world.starts("pay", on="s1")
    world.sees("s1", ringing("c1"))
    world.sees("s2", ringing("c1"))
    world.sees("s2", talking("c1"))
    world.sees("s1")
    assert world.settle() == []


def test_a_leg_shown_as_talking_counts_although_its_answered_flag_is_0() -> None:
    world = World()
    world.starts("pay", on="s1")
    world.sees("s1", Leg("c1", Direction.INCOMING, LegStatus.TALKING, answered=False))
    assert world.settle() == [("c1", True)]


def test_the_consult_call_is_covered_while_it_still_dials() -> None:
    world = World()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    assert world.settle() == [("c1", True)]
    world.sees("s1", talking("c1"), dialing("c2"))
    assert world.settle() == [("c2", True)]
    world.ends("pay")
    assert world.settle() == [("c1", False), ("c2", False)]


def test_a_click2call_leg_counts_from_the_first_ringing() -> None:
    world = World()
    world.starts("pay", on="s1")
    world.sees("s1", Leg("c1", Direction.CLICK2CALL, LegStatus.RINGING, answered=False))
    assert world.settle() == [("c1", True)]


def test_a_spy_leg_that_was_not_answered_does_not_count() -> None:
    world = World()
    world.starts("pay", on="s1")
    world.sees("s1", Leg("c1", Direction.SPY, LegStatus.RINGING, answered=False))
    assert world.settle() == []


def test_a_covered_call_stays_covered_wherever_it_goes() -> None:
    world = World()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    world.settle()
    world.sees("s1")  # transferred: off this extension …
    assert world.settle() == []
    world.sees("s2", talking("c1", muted=True))  # … onto another
    world.sees("s2", talking("c1", muted=True), dialing("c9"))
    assert world.settle() == []  # the colleague's own consult call is not covered
    world.ends("pay")
    assert world.settle() == [("c1", False)]


def test_related_calls_are_covered_with_the_call_that_names_them() -> None:
    world = World()
    world.sees("s1", talking("c1", "c2"))
    world.starts("pay", on="s1")
    assert world.settle() == [("c1", True), ("c2", True)]
    assert world.state.sections["pay"].calls["c2"].reason is CoverReason.RELATED


def test_a_relation_that_shows_later_and_elsewhere_is_followed() -> None:
    world = World()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    world.settle()
    world.sees("s2", talking("c1", "c3"))
    assert world.settle() == [("c3", True)]


def test_a_relation_that_only_another_extension_shows_is_followed() -> None:
    world = World()
    world.starts("pay", on="s2")
    world.sees("s1", ringing("c1", "c2"))
    world.sees("s2", talking("c1"))
    assert world.settle() == [("c1", True), ("c2", True)]


def test_relations_of_related_calls_are_not_followed() -> None:
    world = World()
    world.sees("s1", talking("c1", "c2"))
    world.sees("s2", talking("c2", "c7"))
    world.starts("pay", on="s1")
    assert world.settle() == [("c1", True), ("c2", True)]


def test_a_related_call_that_gets_a_leg_here_brings_its_own_relations() -> None:
    world = World()
    world.sees("s1", talking("c1", "c2"))
    world.starts("pay", on="s1")
    world.passes(5)
    world.sees("s1", talking("c1", "c2"), talking("c2", "c7"))
    assert world.settle() == [("c1", True), ("c2", True), ("c7", True)]
    assert world.state.sections["pay"].calls["c2"] == Cover(T0, CoverReason.LEG, "s1")


def test_a_section_on_a_call_covers_that_call_alone() -> None:
    world = World()
    world.starts("pay", call="c1")
    world.sees("s1", talking("c1", "c2"), dialing("c3"))
    assert world.settle() == [("c1", True)]
    assert world.state.sections["pay"].calls == {"c1": Cover(T0, CoverReason.TARGET, None)}


def test_a_section_on_a_user_covers_where_the_user_is_signed_in() -> None:
    world = World()
    world.sees("s1", talking("c1"), user="u9", online="u1")
    world.sees("s2", talking("c2"), user="u1", online="u2")
    world.starts("pay", user="u1")
    assert world.settle() == [("c1", True)]


def test_a_section_on_a_user_who_is_signed_in_nowhere_covers_the_users_own_extension() -> None:
    world = World()
    world.sees("s1", talking("c1"), user="u1")
    world.starts("pay", user="u1")
    assert world.settle() == [("c1", True)]


def test_a_users_own_extension_is_not_covered_while_a_colleague_works_there() -> None:
    world = World()
    world.sees("s1", talking("c1"), user="u1", online="u2")
    world.starts("pay", user="u1")
    assert world.settle() == []


def test_a_section_on_a_user_follows_the_sign_in() -> None:
    world = World()
    world.sees("s1", talking("c1"), online="u1")
    world.sees("s2", talking("c2"))
    world.starts("pay", user="u1")
    assert world.settle() == [("c1", True)]
    world.signs_in("s1", None)
    world.signs_in("s2", "u1")
    assert world.settle() == [("c2", True)]
    world.sees("s1", talking("c1"), talking("c3"))  # no longer this user's
    assert world.settle() == []
    world.ends("pay")
    assert world.settle() == [("c1", False), ("c2", False)]
    assert not world.state.watching


def test_two_sections_on_one_call_and_the_end_of_one_opens_nothing() -> None:
    world = World()
    world.sees("s1", talking("c1"))
    world.starts("a", on="s1")
    world.starts("b", call="c1")
    assert world.settle() == [("c1", True)]
    world.ends("a")
    assert world.settle() == []
    world.ends("b")
    assert world.settle() == [("c1", False)]


def test_two_sections_on_one_extension_are_told_apart() -> None:
    world = World()
    world.starts("a", on="s1")
    world.starts("b", on="s1")
    world.ends("a")
    world.sees("s1", talking("c1"))
    assert world.settle() == [("c1", True)]
    assert world.state.covering == {"c1": frozenset({"b"})}


def test_a_snapshot_ends_the_legs_it_does_not_list_but_not_the_cover() -> None:
    world = World()
    world.snapshot(extension("s1", talking("c1")), extension("s2", user="u2"), extension("s3"))
    world.starts("pay", on="s1")
    world.settle()
    world.snapshot(extension("s1"))
    assert world.state.extensions == {"s1": extension("s1")}
    assert world.state.users == {}
    assert world.settle() == []
    world.ends("pay")
    assert world.settle() == [("c1", False)]


def test_the_same_snapshot_twice_changes_nothing() -> None:
    world = World()
    extensions = (extension("s1", talking("c1"), user="u1"), extension("s2", online="u2"))
    world.snapshot(*extensions)
    changes = world.learn(SnapshotTaken(extensions))
    assert not changes.extensions
    assert not changes.calls
    assert not changes.notices


def test_an_extension_that_the_feed_never_named_may_have_a_section() -> None:
    world = World()
    world.starts("pay", on="s1")
    world.snapshot(extension("s1", talking("c1")))
    assert world.settle() == [("c1", True)]


def test_a_user_who_is_at_two_extensions_leaves_one() -> None:
    world = World()
    world.signs_in("s1", "u1")
    world.signs_in("s2", "u1")
    world.signs_in("s1", None)
    assert world.state.users == {"u1": frozenset({"s2"})}


def test_a_section_whose_time_is_up_covers_no_new_call_although_nobody_has_noticed_its_end() -> None:
    """The process stood still: the events that waited are read before the clock is looked at."""
    world = World()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1", max_seconds=60)
    world.passes(60)
    world.sees("s1", talking("c1"), talking("c2"))
    assert world.state.sections["pay"].calls.keys() == {"c1"}


def test_a_call_that_names_a_covered_one_is_what_became_of_it() -> None:
    """As the capture shows an attended transfer: both calls end, and a new one names them at the colleague's."""
    world = World()
    world.sees("s1", talking("caller"), dialing("consult"))
    world.sees("s2", talking("consult"))
    world.starts("pay", on="s1")
    assert world.settle() == [("caller", True), ("consult", True)]
    world.sees("s1")
    world.sees("s2")
    world.sees("s2", talking("joined", "consult", "caller"))
    assert world.settle() == [("joined", True)]
    world.sees("s2", talking("joined", "consult", "caller"), dialing("c9"))
    world.sees("s3", ringing("again", "joined"))
    world.sees("s3", talking("again", "joined"), dialing("c8"))
    assert world.settle() == [("again", True)]
    assert world.state.sections["pay"].calls["joined"].reason is CoverReason.RELATED


def test_what_names_a_call_is_covered_with_it_whatever_was_told_first() -> None:
    world = World()
    world.sees("s3", talking("c3", "c2"))
    world.sees("s2", talking("c2", "c1"))
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    assert world.settle() == [("c1", True), ("c2", True), ("c3", True)]


def test_what_names_the_call_of_a_section_on_a_call_is_not_covered() -> None:
    world = World()
    world.sees("s1", talking("c1"))
    world.starts("pay", call="c1")
    world.sees("s2", talking("c2", "c1"))
    assert world.settle() == [("c1", True)]


def test_a_transfer_that_was_made_while_we_were_away_is_followed() -> None:
    world = World()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    world.settle()
    world.learn(SnapshotTaken((extension("s1"), extension("s2", talking("c2", "c1")))))
    assert world.settle() == [("c2", True)]
    world.learn(SnapshotTaken((extension("s1"),)))
    assert world.state.naming == {}
