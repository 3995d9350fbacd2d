"""What is kept of what extensions show: when calls began, which calls their legs name, and who works there."""

from orchestrator.core.facts import ExtensionSeen, Restored, SnapshotTaken
from tests.core.world import T0, World, extension, in_sight, talking


def began(world: World, ivrid: str = "c1") -> float | None:
    return world.state.calls[ivrid].began_at


def test_when_a_call_began_is_told_with_its_legs() -> None:
    world = World()
    world.sees("s1", talking("c1"))
    assert began(world) is None
    world.learn(SnapshotTaken((extension("s1", talking("c1")),), {"c1": 30.0}))
    assert began(world) == T0 - 30


def test_of_several_legs_the_earliest_says_when_and_a_second_is_none() -> None:
    world = World()
    for sip, age_s, at in (("s1", 10.0, T0 - 10), ("s2", 5.0, T0 - 10), ("s3", 10.5, T0 - 10), ("s4", 12.0, T0 - 12)):
        world.learn(ExtensionSeen(extension(sip, talking("c1")), 0.0, {"c1": age_s}))
        assert began(world) == at


def test_of_a_call_that_no_extension_has_it_is_not_kept() -> None:
    world = World()
    world.learn(ExtensionSeen(extension("s1", talking("c1")), 0.0, {"c2": 10.0}))
    assert world.state.calls.keys() == {"c1"}


def test_a_call_that_two_extensions_name_is_named_as_long_as_one_does() -> None:
    world = World()
    world.sees("s1", talking("transfer", "c1"))
    world.sees("s2", talking("transfer", "c1"))
    world.sees("s1")
    world.sees("s3", talking("c1"))
    world.starts("pay", on="s3")
    assert world.state.covering.keys() == {"c1", "transfer"}


def test_where_the_feed_told_who_works_there_no_memory_says_otherwise() -> None:
    before = in_sight()
    before.sees("s1", talking("c1"), online="u1")
    before.starts("pay", user="u1")
    world = in_sight()
    world.sees("s1", talking("c1"))
    world.learn(Restored(before.state.sections, {}, before.state.mutes, {}))
    assert world.state.extensions["s1"].online_user_id is None
    assert world.state.users == {}
