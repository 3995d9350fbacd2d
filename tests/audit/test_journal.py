"""The journal: nobody waits for it, and what it could not write it declares."""

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from orchestrator.audit.book import Book, Closed, days, path_of, read_head
from orchestrator.audit.journal import WAITING, FileJournal, in_files
from orchestrator.audit.records import Draft
from orchestrator.audit.verify import verify
from orchestrator.engine.notices import AuditBack, AuditDayClosed, AuditLost
from tests.simulation.evidence import AtOnce, Folder, MemoryBook
from tests.valkey import Heard, until

NOON = 1_795_435_200.0
DAY_S = 86_400.0


class Hand:
    """A clock that goes by hand."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> float:
        return self.at


def written(folder: Path) -> list[dict[str, Any]]:
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_bytes().splitlines()]
    return [json.loads(line) for line in lines]


def events(folder: Path) -> list[str]:
    return [record["event"] for record in written(folder)]


async def test_what_was_told_stands_in_the_files_between_opened_and_closed(tmp_path: Path) -> None:
    async with in_files(tmp_path, 400, Hand(), Heard()) as journal:
        for number in range(300):
            journal.append(Draft(NOON, "call.gone", "main", {"ivrid": str(number)}))
    assert events(tmp_path) == ["audit.opened", *["call.gone"] * 300, "audit.closed"]
    assert verify(tmp_path).bad == ()


async def test_a_disk_that_fails_is_told_once_and_becomes_a_record_when_it_works_again(tmp_path: Path) -> None:
    heard, clock, folder = Heard(), Hand(), tmp_path / "audit"
    folder.write_text("in the way")
    async with in_files(folder, 400, clock, heard) as journal:
        journal.append(Draft(NOON, "call.gone", "main", {"ivrid": "1"}))
        await until(lambda: journal.problem is not None)
        assert "cannot be written" in str(journal.problem)
        clock.at += 7
        folder.unlink()
        await until(lambda: journal.problem is None)
    assert [type(notice) for notice in heard.notices] == [AuditLost, AuditBack]
    lost, opened, gone, _ = written(folder)
    assert (lost["event"], lost["for_s"], lost["lost"]) == ("audit.lost", 7.0, 0)
    assert (opened["event"], gone["ivrid"]) == ("audit.opened", "1")


async def test_memory_is_bounded_and_what_found_no_room_is_counted(tmp_path: Path) -> None:
    journal = FileJournal(lambda: Book.open(tmp_path), ThreadPoolExecutor(1, "audit"), 400, Hand(), Heard())
    for number in range(WAITING + 5):
        journal.append(Draft(NOON, "call.gone", "main", {"ivrid": str(number)}))
    journal.end("stopped")
    await journal.run()
    await journal.close()
    lost, _, first, *_ = written(tmp_path)
    assert (lost["event"], lost["lost"], first["ivrid"]) == ("audit.lost", 6, "6")


async def test_what_finds_no_room_while_the_loss_of_others_is_written_is_counted_too() -> None:
    lost: list[object] = []

    class Full(MemoryBook):
        def write(self, drafts: Sequence[Draft], now: float) -> list[Closed]:
            for draft in drafts:
                if draft.event == "audit.lost":
                    lost.append(draft.fields["lost"])
                    if len(lost) == 1:
                        for _ in range(3):
                            journal.append(Draft(NOON, "call.gone"))
            return []

    journal = FileJournal(lambda: Full(Folder()), AtOnce(), 400, Hand(), Heard())
    for _ in range(WAITING + 5):
        journal.append(Draft(NOON, "call.gone"))
    journal.end("stopped")
    await journal.run()
    assert lost == [6, 3]


async def test_a_file_that_is_removed_by_hand_is_a_disk_that_fails(tmp_path: Path) -> None:
    heard = Heard()
    async with in_files(tmp_path, 400, Hand(), heard) as journal:
        journal.append(Draft(NOON, "call.gone", "main", {}))
        await until(lambda: (head := read_head(tmp_path)) is not None and head.link.seq == 2)
        path_of(tmp_path, "2026-11-23").unlink()
        journal.append(Draft(NOON, "call.gone", "main", {}))
        await until(lambda: journal.problem is not None)
        assert "removed" in str(journal.problem)
        await until(lambda: journal.problem is None)
    assert [type(notice) for notice in heard.notices] == [AuditLost, AuditBack]
    lost, opened, *rest = written(tmp_path)
    assert (lost["event"], opened["missing"], [each["event"] for each in rest]) == (
        "audit.lost",
        2,
        ["call.gone", "audit.closed"],
    )


async def test_a_process_that_stood_still_says_since_when(tmp_path: Path) -> None:
    clock = Hand()
    async with in_files(tmp_path, 400, clock, Heard()):

        def stood_still() -> bool:
            clock.at += 0.1 if "audit.opened" in events(tmp_path) else 0.0  # each 2 ms
            return "audit.stalled" in events(tmp_path)

        await until(stood_still)
    stalled = next(record for record in written(tmp_path) if record["event"] == "audit.stalled")
    assert stalled["for_s"] > 5.0


async def test_a_day_that_is_over_is_told_with_its_last_hash_and_old_ones_go(tmp_path: Path) -> None:
    clock, heard = Hand(), Heard()
    async with in_files(tmp_path, 1, clock, heard) as journal:
        journal.append(Draft(clock.at, "call.gone", "main", {}))
    clock.at += 3 * DAY_S
    async with in_files(tmp_path, 1, clock, heard):
        pass
    (closed,) = heard.of(AuditDayClosed)
    assert isinstance(closed, AuditDayClosed)
    assert closed.day == "2026-11-23"
    assert days(tmp_path) == ["2026-11-26"]
    assert verify(tmp_path, closed.last_hash).bad != ()  # its record is gone with its day
    assert verify(tmp_path).bad == ()


async def test_whoever_comes_after_the_end_writes_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close = Book.close

    def slowly(book: Book) -> None:
        time.sleep(0.2)
        close(book)

    monkeypatch.setattr(Book, "close", slowly)
    for _ in range(2):
        async with in_files(tmp_path, 400, Hand(), Heard()):
            pass
    assert events(tmp_path) == ["audit.opened", "audit.closed"] * 2


async def test_two_processes_on_one_folder_the_second_one_waits(tmp_path: Path) -> None:
    async with in_files(tmp_path, 400, Hand(), Heard()) as first:
        await until(lambda: events(tmp_path) == ["audit.opened"])
        async with in_files(tmp_path, 400, Hand(), Heard()) as second:
            await until(lambda: second.problem is not None)
            assert "another process" in str(second.problem)
        first.append(Draft(NOON, "call.gone", "main", {}))
    assert events(tmp_path) == ["audit.opened", "call.gone", "audit.closed"]
    assert verify(tmp_path).bad == ()
