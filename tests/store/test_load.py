"""Times of an earlier process on our clock: all of them move, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from orchestrator.core.claims import Mute
from orchestrator.core.facts import Restored
from orchestrator.core.model import Cover, CoverReason, EndCause, EndedSection, OnExtension, Section
from orchestrator.store.load import shifted

COVER = Cover(1010.0, CoverReason.LEG, "SIPSIP1")
SECTION = Section("pay", OnExtension("SIPSIP1"), 1000.0, 1020.0, 1320.0, calls={"ivr-1": COVER}, idle_since=1050.0)
ENDED = EndedSection(900.0, EndCause.MESSAGE, 800.0, ("m1",))
MUTE = Mute("ivr-1", 1010.0, asked_at=1011.0, confirmed_at=1012.0, retry_at=1013.0)
LEFT = Restored({"pay": SECTION}, {"old": ENDED}, {"ivr-1": MUTE})


def test_every_time_is_later_by_as_much() -> None:
    assert shifted(LEFT, 100.0) == Restored(
        {
            "pay": replace(
                SECTION,
                started_at=1100.0,
                renewed_at=1120.0,
                expires_at=1420.0,
                calls={"ivr-1": replace(COVER, since=1110.0)},
                idle_since=1150.0,
            )
        },
        {"old": replace(ENDED, at=1000.0, renewed_at=900.0)},
        {"ivr-1": replace(MUTE, due_since=1110.0, asked_at=1111.0, confirmed_at=1112.0, retry_at=1113.0)},
    )


def test_what_never_was_stays_so() -> None:
    left = Restored(
        {"pay": replace(SECTION, idle_since=None)},
        {"old": replace(ENDED, renewed_at=None)},
        {"ivr-1": Mute("ivr-1", 1010.0)},
    )
    found = shifted(left, 100.0)
    assert found.sections["pay"].idle_since is None
    assert found.ended["old"].renewed_at is None
    assert found.mutes["ivr-1"] == Mute("ivr-1", 1110.0)


@given(st.integers(-(10**6), 10**6))
def test_there_and_back_is_the_same(by_s: int) -> None:
    assert shifted(shifted(LEFT, float(by_s)), float(-by_s)) == LEFT
