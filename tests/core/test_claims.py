"""What a claim says of itself."""

from msgspec.structs import replace

from orchestrator.core.claims import Blind
from orchestrator.core.facts import Restored
from tests.core.world import T0, World, in_sight, talking


def test_the_next_process_must_know_of_a_claim_by_extension_for_which_something_was_asked() -> None:
    claim = Blind("s1", T0)
    assert not claim.asked
    for asked in (replace(claim, muted=True), replace(claim, in_flight=True), replace(claim, open_lands_by=T0)):
        assert asked.asked


def test_after_a_restart_a_call_is_open_since_it_was_and_not_since_what_covers_it_now() -> None:
    world = in_sight()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    world.passes(3)
    world.starts("more", on="s1")
    world.ends("pay")
    before, after = world.state, World()
    after.learn(Restored(dict(before.sections), dict(before.ended), dict(before.mutes)))
    assert after.state.mutes["c1"].due_since == T0
