"""What is written reads back as the same value; what is damaged harms nothing else and is not repeated."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.core.claims import Blind, Mute, Recording
from orchestrator.core.model import (
    Cover,
    CoverReason,
    Direction,
    EndCause,
    EndedSection,
    Leg,
    LegStatus,
    OnCall,
    OnExtension,
    OnUser,
    Section,
)
from orchestrator.store import codec
from orchestrator.store.fields import SchemaTooNew, Unreadable

# every code point, lone surrogates too: JSON lets a peer send them
texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)
times = st.floats(allow_nan=False, allow_infinity=False)
targets = st.one_of(st.builds(OnExtension, texts), st.builds(OnUser, texts), st.builds(OnCall, texts))
covers = st.builds(Cover, times, st.sampled_from(CoverReason), st.none() | texts)
sections = st.builds(
    Section,
    texts,
    targets,
    times,
    times,
    times,
    st.none() | texts,
    st.lists(texts, max_size=3).map(tuple),
    st.dictionaries(texts, covers, max_size=3),
    st.none() | times,
    st.booleans(),
)
ended = st.builds(
    EndedSection, times, st.sampled_from(EndCause), st.none() | times, st.lists(texts, max_size=3).map(tuple)
)
mutes = st.builds(
    Mute,
    texts,
    times,
    st.sampled_from(Recording),
    st.booleans(),
    st.frozensets(texts, max_size=3),
    st.booleans(),
    st.booleans(),
    st.none() | st.booleans(),
    times,
    st.none() | times,
    texts,
    st.integers(0, 10**6),
    times,
    texts,
)
legs = st.builds(
    Leg,
    texts,
    st.sampled_from(Direction),
    st.sampled_from(LegStatus),
    st.booleans(),
    st.none() | st.booleans(),
    st.lists(texts, max_size=3).map(tuple),
)

READERS: dict[str, Callable[[bytes], object]] = {
    "leg": codec.leg_from_json,
    "section": codec.section_from_json,
    "ended": codec.ended_from_json,
    "mute": codec.mute_from_json,
}
MUTE = Mute("ivr-1", due_since=5.0)
BLIND = Blind("SIPSIP1", next_at=5.0)


@given(legs, st.booleans())
def test_a_leg_reads_back_exactly(leg: Leg, foreign: bool) -> None:
    assert codec.leg_from_json(codec.leg_to_json(leg, foreign)) == (leg, foreign)


@given(sections)
def test_a_section_reads_back_exactly(section: Section) -> None:
    assert codec.section_from_json(codec.section_to_json(section)) == section


@given(ended)
def test_an_ended_section_reads_back_exactly(value: EndedSection) -> None:
    assert codec.ended_from_json(codec.ended_to_json(value)) == value


@given(mutes)
def test_a_mute_reads_back_exactly(mute: Mute) -> None:
    assert codec.mute_from_json(codec.mute_to_json(mute)) == mute


def test_what_a_version_before_wrote_is_read() -> None:
    """It knew neither for whom a mute is held, nor when a blind request was applied, nor how long that may show."""
    mute, blind = (json.loads(raw) for raw in (codec.mute_to_json(MUTE), codec.blind_to_json(BLIND)))
    del mute["held_for"], blind["applied_by"], blind["late_until"]
    assert codec.mute_from_json(json.dumps(mute).encode()) == MUTE
    assert codec.blind_from_json(json.dumps(blind).encode()) == BLIND


@given(st.sampled_from(sorted(READERS)), st.binary(max_size=60))
@example("mute", b"[" * 100_000)
@example("mute", b'{"v":1,"ivrid":' + b"9" * 5000 + b"}")
@example("section", b'{"v":true}')
@example("section", b"")
def test_any_bytes_are_a_value_or_unreadable(kind: str, raw: bytes) -> None:
    with contextlib.suppress(Unreadable, SchemaTooNew):
        READERS[kind](raw)


@given(mutes, st.data())
def test_a_field_of_another_type_is_named_and_not_repeated(mute: Mute, data: st.DataObject) -> None:
    whole: dict[str, Any] = json.loads(codec.mute_to_json(mute))
    field = data.draw(st.sampled_from(sorted(whole.keys() - {"v", "stage"})))
    whole[field] = [["no such thing"]]
    with pytest.raises(Unreadable) as caught:
        codec.mute_from_json(json.dumps(whole).encode())
    assert field in str(caught.value)
    assert "no such thing" not in str(caught.value)


def test_what_a_newer_version_wrote_is_not_guessed_at() -> None:
    newer = json.dumps(json.loads(codec.mute_to_json(MUTE)) | {"v": 2}).encode()
    with pytest.raises(SchemaTooNew, match=r"schema version 2 is newer than 1"):
        codec.mute_from_json(newer)


@pytest.mark.parametrize("targets", [{}, {"extension": "a", "ivrid": "b"}])
def test_a_section_has_exactly_one_target(targets: dict[str, str]) -> None:
    whole = json.loads(codec.section_to_json(Section("pay", OnUser("7"), 1.0, 1.0, 2.0)))
    del whole["user_id"]
    with pytest.raises(Unreadable, match="exactly one of extension, user_id, ivrid"):
        codec.section_from_json(json.dumps(whole | targets).encode())


def test_a_section_reads_as_a_person_would_write_it() -> None:
    section = Section(
        "pay-81f3", OnExtension("SIPSIP1"), 10.0, 11.0, 310.5, "card_entry", ("m1", "m2"),
        {"ivr-1": Cover(10.0, CoverReason.LEG, "SIPSIP1")},
    )  # fmt: skip
    assert json.loads(codec.section_to_json(section)) == {
        "v": 1,
        "section_id": "pay-81f3",
        "extension": "SIPSIP1",
        "started_at": 10.0,
        "renewed_at": 11.0,
        "expires_at": 310.5,
        "reason": "card_entry",
        "messages": ["m1", "m2"],
        "calls": {"ivr-1": {"since": 10.0, "reason": "leg", "extension": "SIPSIP1", "exposed_before_s": 0.0}},
        "idle_since": None,
        "warned": False,
    }


def test_a_leg_says_whether_it_counts() -> None:
    ringing = Leg("ivr-1", Direction.INCOMING, LegStatus.RINGING, answered=False)
    assert json.loads(codec.leg_to_json(ringing, False)) == {
        "v": 1,
        "ivrid": "ivr-1",
        "direction": "Incoming",
        "status": "Ringing",
        "answered": False,
        "muted": None,
        "foreign": False,
        "related": [],
        "counts": False,
    }


@pytest.mark.parametrize(
    ("mute", "stage"),
    [
        (MUTE, "wanted"),
        (Mute("i", 5.0, in_flight=True, asked=True), "asked"),
        (Mute("i", 5.0, Recording.UNKNOWN, asked=True), "asked"),
        (Mute("i", 5.0, Recording.MUTED, confirmed_at=6.0), "confirmed"),
        (Mute("i", 5.0, Recording.MUTED, confirmed_at=6.0, in_flight=True, asked=False), "asked"),
        (Mute("i", 7.0, Recording.OPEN, confirmed_at=8.0), "released"),
        (Mute("i", 9.0, Recording.OPEN, confirmed_at=8.0), "wanted"),
        (Mute("i", 5.0, foreign=True), "foreign"),
        (Mute("i", 5.0, Recording.UNKNOWN, gone=True, confirmed_at=4.0), "gone"),
    ],
)
def test_the_stage_of_a_mute_in_one_word(mute: Mute, stage: str) -> None:
    assert codec.stage(mute) == stage
