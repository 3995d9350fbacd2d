"""Times of an earlier process on our clock: all of them move, and nothing else."""

from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import fields, replace

from orchestrator.core.claims import Blind, Mute
from orchestrator.core.facts import Restored
from orchestrator.core.model import Cover, CoverReason, EndCause, EndedSection, OnExtension, Section
from orchestrator.store.load import shifted

COVER = Cover(1010.5, CoverReason.LEG, "SIPSIP1")
SECTION = Section("pay", OnExtension("SIPSIP1"), 1000.5, 1020.5, 1320.5, calls={"ivr-1": COVER}, idle_since=1050.5)
ENDED = EndedSection(900.5, EndCause.MESSAGE, 800.5, ("m1",))
MUTE = Mute("ivr-1", 1010.5, asked_at=1011.5, confirmed_at=1012.5, retry_at=1013.5)
BLIND = Blind("SIPSIP1", 1014.5, mute_lands_by=1015.5)
LEFT = Restored({"pay": SECTION}, {"old": ENDED}, {"ivr-1": MUTE}, {"SIPSIP1": BLIND})

Left = TypeVar("Left", bound=Struct)


def with_all_times(value: Left, at: float) -> Left:
    """The same with `at` in every field that is a time: a number that is no duration (`_s`)."""
    times = [each.name for each in fields(value) if "float" in str(each.type) and not each.name.endswith("_s")]
    assert times
    return replace(value, **dict.fromkeys(times, at))


def all_at(at: float) -> Restored:
    section = replace(with_all_times(SECTION, at), calls={"ivr-1": with_all_times(COVER, at)})
    return Restored(
        {"pay": section},
        {"old": with_all_times(ENDED, at)},
        {"ivr-1": with_all_times(MUTE, at)},
        {"SIPSIP1": with_all_times(BLIND, at)},
    )


def test_no_time_is_left_behind() -> None:
    assert shifted(all_at(1000.5), 100.0) == all_at(1100.5)


def test_what_never_was_stays_so() -> None:
    left = Restored(
        {"pay": replace(SECTION, idle_since=None)},
        {"old": replace(ENDED, renewed_at=None)},
        {"ivr-1": Mute("ivr-1", 1010.5)},
        {"SIPSIP1": Blind("SIPSIP1", 1014.5)},
    )
    found = shifted(left, 100.0)
    assert found.sections["pay"].idle_since is None
    assert found.ended["old"].renewed_at is None
    assert found.mutes["ivr-1"] == Mute("ivr-1", 1110.5)
    assert found.blind["SIPSIP1"] == Blind("SIPSIP1", 1114.5)


@given(st.integers(-(10**6), 10**6))
def test_there_and_back_is_the_same(by_s: int) -> None:
    assert shifted(shifted(LEFT, float(by_s)), float(-by_s)) == LEFT
