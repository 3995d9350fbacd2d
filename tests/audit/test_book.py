"""The daily files: chained, whole, taken up after whatever ended their writer; and what `verify` finds in them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.audit.book import Book, Found, InUse, days, path_of
from orchestrator.audit.records import Draft, Link, sealed
from orchestrator.audit.verify import verify

NOON = 1_795_435_200.0  # 2026-11-23T12:00:00Z
DAY_S = 86_400.0
TODAY = "2026-11-23"


def drafts(count: int, at: float = NOON) -> list[Draft]:
    return [Draft(at + number, "call.gone", "main", {"ivrid": f"ivr-{number}"}) for number in range(count)]


def written(folder: Path, *batches: list[Draft]) -> Path:
    """A folder that a process wrote these in, one fsync each, and left."""
    book = Book.open(folder)
    for batch in batches:
        book.write(batch, batch[-1].at)
    book.close()
    return path_of(folder, TODAY)


def reopened(folder: Path) -> Found:
    book = Book.open(folder)
    book.close()
    return book.found


def test_the_chain_holds_over_processes_and_days(tmp_path: Path) -> None:
    written(tmp_path, drafts(3), drafts(2, NOON + 10))
    written(tmp_path, drafts(3, NOON + DAY_S))
    verdict = verify(tmp_path)
    assert (verdict.records, verdict.bad) == (9, ())  # one tells that a day is over
    assert days(tmp_path) == [TODAY, "2026-11-24"]
    first = json.loads(path_of(tmp_path, "2026-11-24").read_text().splitlines()[0])
    assert (first["event"], first["day"], first["last_hash"]) == ("audit.day", TODAY, first["prev"])


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "audit", drafts(1))
    assert {each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_one_process_at_a_time_writes_in_a_folder(tmp_path: Path) -> None:
    book = Book.open(tmp_path)
    with pytest.raises(InUse, match="another process"):
        Book.open(tmp_path)
    book.close()
    reopened(tmp_path)


def test_what_a_crash_tore_off_is_kept_apart_and_told(tmp_path: Path) -> None:
    path = written(tmp_path, drafts(2))
    with path.open("ab") as file:
        file.write(b'{"v":1,"seq":3,"at"')
    found = reopened(tmp_path)
    assert (found.torn_bytes, found.missing) == (19, 0)
    assert path.with_suffix(".torn").read_bytes() == b'{"v":1,"seq":3,"at"\n'
    written(tmp_path, drafts(1, NOON + 60))
    assert verify(tmp_path).bad == ()


def test_the_time_at_which_it_was_last_alive_is_known(tmp_path: Path) -> None:
    book = Book.open(tmp_path)
    book.write(drafts(1), NOON)
    book.note_alive(NOON + 42.5)
    book.close()
    assert reopened(tmp_path).alive_at == NOON + 42.5


def test_records_that_were_cut_off_while_nobody_ran_are_missed(tmp_path: Path) -> None:
    path = written(tmp_path, drafts(5))
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    assert reopened(tmp_path).missing == 2
    written(tmp_path, drafts(1, NOON + 60))
    (bad,) = verify(tmp_path).bad
    assert str(bad) == f"audit-{TODAY}.jsonl:4: record 6 follows 3: 2 removed between them"


def forged(folder: Path, count: int, more: int = 0) -> None:
    """The last records made anew by hand, with hashes that fit, and some after them; the head is left as it was."""
    path = path_of(folder, TODAY)
    lines = path.read_bytes().splitlines(keepends=True)
    kept = lines[: len(lines) - count]
    link = Link(len(kept), json.loads(kept[-1])["hash"])
    for number in range(count + more):
        line, link = sealed(Draft(NOON + number, "audit.alive"), link)
        kept.append(line + b"\n")
    path.write_bytes(b"".join(kept))


@pytest.mark.parametrize(("count", "more"), [(1, 0), (3, 0), (3, 2)])
def test_a_forged_end_is_not_believed_because_a_process_came_after_it(tmp_path: Path, count: int, more: int) -> None:
    written(tmp_path, drafts(5))
    forged(tmp_path, count, more)
    assert reopened(tmp_path).damaged
    written(tmp_path, drafts(2, NOON + 60))
    written(tmp_path, drafts(2, NOON + 70))
    (bad,) = verify(tmp_path).bad
    next_one = 6 + more
    assert str(bad).startswith(f"audit-{TODAY}.jsonl:{next_one}: record {next_one} does not name the one before it")


def test_what_was_written_just_before_a_crash_is_ahead_of_the_head_and_no_damage(tmp_path: Path) -> None:
    written(tmp_path, drafts(3))
    head = (tmp_path / "head.json").read_bytes()
    written(tmp_path, drafts(2, NOON + DAY_S))
    (tmp_path / "head.json").write_bytes(head)
    found = reopened(tmp_path)
    assert (found.missing, found.damaged) == (0, False)
    written(tmp_path, drafts(1, NOON + DAY_S + 60))
    assert verify(tmp_path).bad == ()


def test_that_nothing_tells_how_the_end_was_is_told(tmp_path: Path) -> None:
    written(tmp_path, drafts(3))
    (tmp_path / "head.json").unlink()
    assert reopened(tmp_path).damaged


def changed(lines: list[bytes]) -> list[bytes]:
    return [*lines[:4], lines[4].replace(b"ivr-4", b"ivr-9"), *lines[5:]]


def rehashed(lines: list[bytes]) -> list[bytes]:
    """Changed, by somebody who knows how a record's own hash is made."""
    line, _ = sealed(Draft(NOON, "call.gone", "main", {"ivrid": "other"}), Link(4, json.loads(lines[3])["hash"]))
    return [*lines[:4], line + b"\n", *lines[5:]]


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (changed, "jsonl:5: says something else than when it was written"),
        (rehashed, "jsonl:6: record 6 does not name the one before it"),
        (lambda lines: [*lines[:4], *lines[5:]], "jsonl:5: record 6 follows 4: 1 removed between them"),
        (lambda lines: [*lines[:4], lines[2], *lines[4:]], "jsonl:5: record 3 follows 4: added, moved or repeated"),
        (lambda lines: [*lines[:4], b'{"event":"call.muted"}\n', *lines[4:]], "jsonl:5: does not end in a hash"),
        (lambda lines: lines[:-1], "jsonl:7: record 8 is missing: the files end at 7 (head.json)"),
        (lambda lines: lines[2:], "jsonl:1: the first record that is left is number 3"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "jsonl:1: the first record that is left is number 2"),
        (lambda lines: [*lines[:-1], lines[-1][:40]], "jsonl:8: does not end in a hash: it was cut"),
    ],
    ids=[
        "changed",
        "changed and hashed anew",
        "removed",
        "repeated",
        "added",
        "the last",
        "the first",
        "moved",
        "cut",
    ],
)
def test_what_was_done_by_hand_is_found_and_named(
    tmp_path: Path, tamper: Callable[[list[bytes]], list[bytes]], told: str
) -> None:
    path = written(tmp_path, drafts(8))
    path.write_bytes(b"".join(tamper(path.read_bytes().splitlines(keepends=True))))
    assert told in str(verify(tmp_path).bad[0])


def test_a_chain_that_was_written_anew_shows_only_against_an_anchor(tmp_path: Path) -> None:
    path = written(tmp_path, drafts(3))
    anchor = json.loads(path.read_text().splitlines()[-1])["hash"]
    assert verify(tmp_path, anchor).bad == ()
    for each in list(tmp_path.iterdir()):
        each.unlink()
    written(tmp_path, drafts(3, NOON + 1))
    assert verify(tmp_path).bad == ()
    assert "anchor" in str(verify(tmp_path, anchor).bad[0])


def test_a_day_that_expired_is_removed_and_the_chain_says_so(tmp_path: Path) -> None:
    written(tmp_path, drafts(2), drafts(2, NOON + DAY_S), drafts(2, NOON + 2 * DAY_S))
    book = Book.open(tmp_path)
    book.expire("2026-11-25", NOON + 2 * DAY_S)
    book.close()
    assert days(tmp_path) == ["2026-11-25"]
    assert verify(tmp_path).bad == ()


def test_a_file_that_is_removed_or_replaced_under_its_writer_is_noticed(tmp_path: Path) -> None:
    book = Book.open(tmp_path)
    book.write(drafts(2), NOON)
    path = path_of(tmp_path, TODAY)
    path.rename(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="removed or replaced"):
        book.note_alive(NOON + 2)
    path.write_bytes(b"")
    with pytest.raises(OSError, match="removed or replaced"):
        book.write(drafts(1), NOON + 4)
    book.close()
    assert reopened(tmp_path).missing == 2


def test_days_expire_also_where_no_other_is_left(tmp_path: Path) -> None:
    written(tmp_path, drafts(2))
    (tmp_path / "head.json").unlink()
    book = Book.open(tmp_path)
    book.write(drafts(1, NOON + DAY_S), NOON + DAY_S)
    path_of(tmp_path, "2026-11-24").rename(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="removed or replaced"):
        book.expire("2026-11-24", NOON + DAY_S)
    book.close()


def test_a_day_that_somebody_removed_is_missed(tmp_path: Path) -> None:
    written(tmp_path, drafts(2), drafts(2, NOON + DAY_S), drafts(2, NOON + 2 * DAY_S))
    path_of(tmp_path, "2026-11-24").unlink()
    assert "removed between them" in str(verify(tmp_path).bad[0])


def test_a_clock_behind_the_last_record_does_not_open_an_earlier_day_again(tmp_path: Path) -> None:
    written(tmp_path, drafts(1, NOON + DAY_S))
    written(tmp_path, drafts(1))
    assert days(tmp_path) == ["2026-11-24"]
    assert verify(tmp_path).bad == ()
