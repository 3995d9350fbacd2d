"""Reads the daily files again and checks the chain from the first record to the last.

Guarantees: a record that was changed, removed, added or moved is found, and the first one is named by file and line;
so is a cut at the end, by the head. The one who owns the files can write all of them anew, head included: only a hash
that was kept elsewhere (an anchor) shows that.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.audit.book import EXPIRED, days, path_of, read_head
from orchestrator.audit.records import GENESIS, Link, NoRecord, Record, parsed


@dataclass(frozen=True, slots=True)
class Bad:
    """A place at which the chain does not hold."""

    file: str
    line: int
    why: str
    since: float | None = None
    """The last record before it that may be believed; None: there is none."""
    until: float | None = None
    """The next one; None: there is none."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.why}"


@dataclass(frozen=True, slots=True)
class Verdict:
    records: int
    first: Record | None
    last: Record | None
    bad: tuple[Bad, ...]
    """In order; empty: the chain holds."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a daily file: a record, or why it is none."""

    file: str
    number: int
    record: Record | NoRecord


def lines(folder: Path) -> Iterator[Line]:
    """Every line of every day, in order."""
    for day in days(folder):
        path = path_of(folder, day)
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                try:
                    found: Record | NoRecord = parsed(raw.rstrip(b"\n"))
                except NoRecord as error:
                    found = error
                yield Line(path.name, number, found)


def verify(folder: Path, anchor: str | None = None, take: Callable[[Record], None] = lambda _: None) -> Verdict:
    """Check all of it. `take` is given every good record; an `anchor` must be the hash of one of them."""
    noted = read_head(folder)  # before the files: whoever writes meanwhile may be ahead of it, never behind
    check = _Check(anchor, noted.link if noted else None)
    for line in lines(folder):
        if check.take(line) and isinstance(line.record, Record):
            take(line.record)
    return check.verdict()


class _Check:
    def __init__(self, anchor: str | None, head: Link | None) -> None:
        self._anchor = anchor
        self._head = head
        self._at_head: str | None = None
        self._anchored = False
        self._end: Link | None = None
        self._records = 0
        self._first: Record | None = None
        self._last: Record | None = None
        self._bad: list[Bad] = []
        self._unread = 0
        """Lines since the last record that are none."""
        self._deleted: set[str] = set()
        self._began = self._at = ("head.json", 1)

    def take(self, line: Line) -> bool:
        """Whether the record may be believed."""
        self._at = (line.file, line.number)
        if isinstance(line.record, NoRecord):
            self._fault(str(line.record), None)
            self._unread += 1
            self._end = None  # what follows is held against itself
            return False
        record = line.record
        self._note(record)
        self._bad = [replace(bad, until=record.at) if bad.until is None else bad for bad in self._bad]
        if self._end is not None and (why := _breaks(record, self._end)):
            self._fault(why, record.at)
        elif self._end is None and self._last is not None and record.seq != self._last.seq + self._unread + 1:
            self._fault(f"record {record.seq} after {self._last.seq} and {self._unread} bad ones", record.at)
        self._unread = 0
        self._end = record.link
        self._last = record
        return True

    def _fault(self, why: str, until: float | None) -> None:
        self._bad.append(Bad(*self._at, why, self._last.at if self._last else None, until))

    def _note(self, record: Record) -> None:
        self._records += 1
        if self._first is None:
            self._first, self._began = record, self._at
        self._anchored |= record.hash == self._anchor
        if self._head is not None and record.seq == self._head.seq:
            self._at_head = record.hash
        if record.event == EXPIRED:
            self._deleted.add(str(record.fields.get("last_hash")))

    def verdict(self) -> Verdict:
        bad, first, head = self._bad, self._first, self._head
        if first is not None and first.prev not in {GENESIS, *self._deleted}:
            why = f"the first record that is left is number {first.seq}, and no record says that older days expired"
            bad.insert(0, Bad(*self._began, why, None, first.at))
        if head is not None and head.seq and self._at_head != head.hash:
            last = self._last.seq if self._last else 0
            what = "is not the one that was written" if last >= head.seq else f"is missing: the files end at {last}"
            bad.append(Bad(*self._at, f"record {head.seq} {what} (head.json)", self._last.at if self._last else None))
        elif head is None and first is not None:
            bad.append(Bad("head.json", 1, "is missing or cannot be read, so a cut at the end would not show"))
        if self._anchor is not None and not self._anchored:
            bad.append(Bad(*self._at, "no record has the anchor's hash: all may have been written anew"))
        return Verdict(self._records, first, self._last, tuple(bad))


def _breaks(record: Record, end: Link) -> str | None:
    """Why it does not follow; None: it does."""
    if record.seq == end.seq + 1 and record.prev == end.hash:
        return None
    if record.seq > end.seq + 1:
        return f"record {record.seq} follows {end.seq}: {record.seq - end.seq - 1} removed between them"
    if record.seq <= end.seq:
        return f"record {record.seq} follows {end.seq}: added, moved or repeated"
    return f"record {record.seq} does not name the one before it: one of the two was changed"
