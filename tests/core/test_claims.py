"""What a claim says of itself."""

from msgspec.structs import replace

from orchestrator.core.claims import Blind
from tests.core.world import T0


def test_the_next_process_must_know_of_a_claim_by_extension_for_which_something_was_asked() -> None:
    claim = Blind("s1", T0)
    assert not claim.asked
    for asked in (replace(claim, muted=True), replace(claim, in_flight=True), replace(claim, open_lands_by=T0)):
        assert asked.asked
