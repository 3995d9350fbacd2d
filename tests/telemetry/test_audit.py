"""What the audit takes, and in what form."""

from collections.abc import Mapping

from orchestrator.core.notices import CallMuted, Notice
from orchestrator.engine.notices import EdgeNotice
from orchestrator.telemetry.audit import AUDITED, AuditObserver
from orchestrator.telemetry.events import CATALOGUE
from orchestrator.telemetry.observer import Then, deferred
from tests.telemetry.notices import EVERY, SECRET

Entry = Mapping[str, str | int | float]


class Still:
    at = 1000.1234

    def now(self) -> float:
        return self.at


def audited(*notices: Notice | EdgeNotice) -> list[Entry]:
    entries: list[Entry] = []
    observer = AuditObserver(entries.append, Still())
    for notice in notices:
        observer.notice(notice)
    return entries


def test_an_entry_is_flat() -> None:
    (entry,) = audited(CallMuted("i", frozenset({"b", "a"}), 0.1815, 1, "act"))
    assert entry == {
        "at": 1000.123,
        "event": "call.muted",
        "ivrid": "i",
        "section_ids": "a,b",
        "exposure_ms": 182,
        "attempts": 1,
        "action_id": "act",
    }


def test_what_proves_nothing_is_not_kept() -> None:
    kept = {str(entry["event"]) for entry in audited(*EVERY)}
    assert kept == {event.name for event in AUDITED}
    assert "store.slow" not in kept


def test_entries_hold_catalogued_fields_only() -> None:
    entries = audited(*EVERY)
    for entry in entries:
        assert entry.keys() <= {"at", "event", *CATALOGUE[str(entry["event"])].fields}
    assert SECRET not in str(entries)


async def test_what_is_told_a_moment_later_is_dated_when_it_was() -> None:
    entries: list[Entry] = []
    clock = Still()
    then = Then(clock)
    with deferred(then, AuditObserver(entries.append, then)) as later:
        later.notice(CallMuted("i", frozenset(), 0.1, 1, ""))
        clock.at += 5
        later.notice(CallMuted("j", frozenset(), 0.1, 1, ""))
        clock.at += 5
        assert entries == []
    assert [entry["at"] for entry in entries] == [1000.123, 1005.123]
    assert then.now() == clock.now()
