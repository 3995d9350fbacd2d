"""From notices to records: what stands in them, and which exposure records come of it."""

import json
from collections.abc import Iterable

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from orchestrator.audit.journal import Entry
from orchestrator.audit.recorder import Left, Recorder
from orchestrator.audit.records import START, Draft, Value, epoch_s, sealed
from orchestrator.audit.schema import OWN, document, events, fields_of
from orchestrator.core.claims import Verdict
from orchestrator.core.model import CoverReason, EndCause, FeedState, OnExtension, Section
from orchestrator.core.notices import (
    ApiBack,
    ApiLost,
    CallCovered,
    CallExposed,
    CallGone,
    CallMuted,
    FeedTurned,
    MuteDrifted,
    Notice,
    SectionClosed,
)
from orchestrator.engine.notices import EdgeNotice
from orchestrator.telemetry.audit import KEPT
from tests.audit.documents import PAGE, SCHEMA, page_text, schema_text
from tests.telemetry.notices import EVERY, SECRET

NOON = 1_795_435_200.0
COVERED = CallCovered("i", "s", "A", CoverReason.LEG)
CLOSED = SectionClosed(Section("s", OnExtension("A"), NOON, NOON, NOON + 60.0), EndCause.MESSAGE, NOON)

Known = tuple[float | None, bool | None]


class Kept:
    problem = None

    def __init__(self) -> None:
        self.at = NOON
        self.drafts: list[Draft] = []

    def now(self) -> float:
        return self.at

    def append(self, entry: Entry) -> None:
        self.drafts += entry.drafts()


def kept(
    *story: Notice | EdgeNotice | float, known: Known = (NOON - 100.0, True), left: tuple[Left, ...] = ()
) -> list[Draft]:
    """Notices, and seconds that pass between them."""
    journal = Kept()
    recorder = Recorder(journal, "main", journal, lambda _ivrid: known, lambda _closed: left)
    for each in story:
        if isinstance(each, float):
            journal.at += each
        else:
            recorder.notice(each)
    return journal.drafts


def exposed(*story: Notice | EdgeNotice | float, known: Known = (NOON - 100.0, True)) -> dict[str, Value]:
    (found,) = [draft for draft in kept(*story, known=known) if draft.event == "exposure"]
    return dict(found.fields)


def muted(exposure_s: float | None, attempts: int = 1) -> CallMuted:
    return CallMuted("i", frozenset({"s"}), exposure_s, attempts, "a")


def test_an_exposure_has_its_place_in_time_and_in_the_call() -> None:
    found = exposed(COVERED, 0.25, muted(0.25))
    assert found == {
        "ivrid": "i",
        "section_ids": ["s"],
        "extension": "A",
        "from": "2026-11-23T12:00:00.000Z",
        "to": "2026-11-23T12:00:00.250Z",
        "exposure_ms": 250,
        "from_offset_s": 100.0,
        "to_offset_s": 100.25,
        "cause": "request",
        "ended_by": "muted",
        "answered": True,
    }


def test_where_the_begin_of_the_call_is_not_known_nothing_is_made_up() -> None:
    found = exposed(COVERED, 0.25, muted(0.25), known=(None, None))
    assert found.keys() & {"from_offset_s", "to_offset_s", "answered"} == set()


def test_each_cause_has_its_name() -> None:
    assert exposed(COVERED, 1.0, muted(1.0, attempts=3))["cause"] == "failed_requests"
    assert exposed(COVERED, ApiLost(Verdict.FAILED, "", 5), 1.0, ApiBack(1.0, 5), muted(1.0))["cause"] == "api_down"
    blind = (FeedTurned(FeedState.DOWN, 1, 1), COVERED, 1.0, FeedTurned(FeedState.SYNCED, 1, 1), 1.0, muted(2.0))
    assert exposed(*blind)["cause"] == "feed_blind"
    assert exposed(COVERED, 1.0, muted(5.0))["cause"] == "daemon_down"
    assert exposed(COVERED, 1.0, CallExposed("i", 1.0))["cause"] == "not_confirmed"


def test_what_ended_it_is_told() -> None:
    assert exposed(COVERED, 1.0, CallExposed("i", 1.0))["ended_by"] == "cover_ended"
    assert exposed(COVERED, 1.0, CallGone("i", 1.0))["ended_by"] == "call_over"


DRIFTED = MuteDrifted("i", False, 1.0, 1, 4.0)
"""Seen open as it was a second ago, and muted 3 s before that."""


def test_a_drift_is_an_exposure_from_the_moment_it_was_last_known_to_be_muted() -> None:
    found = exposed(COVERED, 9.0, DRIFTED, 0.5, muted(1.5))
    assert (found["cause"], found["exposure_ms"]) == ("drift", 4500)
    assert (found["from"], found["seen_at"]) == ("2026-11-23T12:00:05.000Z", "2026-11-23T12:00:08.000Z")
    assert found["muted_until"] == found["from"]
    assert (found["from_offset_s"], found["to_offset_s"]) == (105.0, 109.5)


def test_a_drift_from_before_the_cover_counts_from_the_cover() -> None:
    found = exposed(COVERED, 2.0, DRIFTED, 0.5, muted(1.5))
    assert (found["from"], found["muted_until"]) == ("2026-11-23T12:00:00.000Z", "2026-11-23T11:59:58.000Z")


def test_a_drift_ends_with_its_cover_and_says_nothing_of_the_next_one() -> None:
    first, second = [
        draft.fields
        for draft in kept(COVERED, 9.0, DRIFTED, CallExposed("i", 1.0), 5.0, COVERED, 0.5, muted(0.5))
        if draft.event == "exposure"
    ]
    assert (first["cause"], first["exposure_ms"]) == ("drift", 4000)
    assert (second["cause"], second["exposure_ms"]) == ("request", 500)


def test_a_mute_that_came_after_the_cover_and_a_call_that_was_never_open_are_no_exposure() -> None:
    assert not [draft for draft in kept(COVERED, muted(None), CallGone("i")) if draft.event == "exposure"]


@pytest.mark.parametrize("shown", [True, False])
def test_a_call_that_stayed_muted_to_its_end_is_an_over_mute_though_it_may_have_been_over_before(shown: bool) -> None:
    found = kept(COVERED, 0.1, muted(0.1), 5.0, CLOSED, 0.3, CallGone("i"), left=(Left("i", shown),))[-1]
    assert (found.event, found.fields["overmute_ms"], found.fields["ended_by"]) == ("overmute", 300, "call_over")
    assert ("perhaps_over" in found.fields) is not shown


def lines(drafts: Iterable[Draft]) -> list[dict[str, object]]:
    return [json.loads(sealed(draft, START)[0]) for draft in drafts]


def test_every_record_fits_the_schema_and_holds_no_more_than_it_names() -> None:
    drafts = kept(*EVERY)
    validator = Draft202012Validator(document())
    for line in lines(drafts):
        assert [error.message for error in validator.iter_errors(line)] == [], line["event"]
    assert {draft.event for draft in drafts} == {*(event.name for event in KEPT), "exposure"}
    assert SECRET not in str(lines(drafts))
    assert all(draft.fields.keys() <= set(fields_of(draft.event)) for draft in drafts)


def test_the_documents_are_what_the_code_says() -> None:
    assert SCHEMA.read_text("utf-8") == schema_text(), "run: python -m tests.audit.documents"
    assert PAGE.read_text("utf-8") == page_text(PAGE.read_text("utf-8")), "run: python -m tests.audit.documents"
    assert set(OWN) <= set(events())


def test_times_read_back_as_they_were_written() -> None:
    assert epoch_s(str(lines([Draft(NOON + 0.123, "x")])[0]["at"])) == NOON + 0.123
