"""The daily files of the audit: `audit-2026-11-24.jsonl`, one record a line, chained across the days.

Guarantees: `write` returns when its records are on the disk (fsync) and in the file of their day, or raises
`OSError`; one process at a time writes in a folder; what a crash tore off in the middle of a line is kept apart, in
`audit-<day>.torn`, and told. `head.json` holds the chain's last link and when the writer was last alive, so a cut at
the end shows too. All files are readable by their owner alone.

Everything here waits for the disk: it is called from a thread of its own.
"""

import fcntl
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from orchestrator.audit.records import START, Draft, Link, NoRecord, Value, day_of, epoch_s, parsed, sealed, utc

_NAME = re.compile(r"audit-(\d{4}-\d{2}-\d{2})\.jsonl")
_ONLY_OURS = 0o600
_TAIL_BYTES = 1 << 20

DAY, EXPIRED = "audit.day", "audit.expired"


class InUse(OSError):
    """Another process writes in this folder."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain as its writer last noted it."""

    link: Link = START
    alive_at: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What an earlier process left."""

    alive_at: float | None
    """When it last said that it was alive; None: there was none."""
    torn_bytes: int = 0
    missing: int = 0
    """Records that its head knows and the files do not have any more."""
    damaged: bool = False
    """The end is not as it was written, or nothing tells any more how that was."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A day that is over: to be kept elsewhere, so that nobody can write the days anew unnoticed."""

    day: str
    link: Link


class Book:
    """Open it, write, close it. After an `OSError` it must be closed and opened anew."""

    def __init__(self, folder: Path, lock: int, link: Link, day: str | None, found: Found) -> None:
        self.folder, self.link, self.found = folder, link, found
        self._lock = lock
        self._day = day
        self._file: int | None = None

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Take up where an earlier process stopped. Raises `InUse`, or another OSError."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _ONLY_OURS)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InUse(f"another process writes in {folder.name}") from None
            return cls(folder, lock, *_taken_up(folder))
        except BaseException:
            os.close(lock)
            raise

    def write(self, drafts: Sequence[Draft], now: float) -> list[Closed]:
        """Append them. Returns the days that are over with that."""
        closed: list[Closed] = []
        rest = list(drafts)
        while rest:
            day = max(day_of(rest[0].at), self._day or "")  # never back: a day that is over stays as it is
            of_day = next((at for at, draft in enumerate(rest) if day_of(draft.at) > day), len(rest))
            if self._day is not None and day > self._day:
                closed.append(Closed(self._day, self.link))
                told: dict[str, Value] = {"day": self._day, "records": self.link.seq, "last_hash": self.link.hash}
                rest.insert(0, Draft(rest[0].at, DAY, None, told))
                of_day += 1
            self._append(rest[:of_day], self._file_of(day))
            rest = rest[of_day:]
        self.note_alive(now)
        return closed

    def note_alive(self, now: float) -> None:
        """Say in the head that the writer was alive at `now`, without a record. Raises OSError also where the day's
        file is not in its place any more: what is written to it is nowhere."""
        if self._file is not None and not _is_at(self._file, path_of(self.folder, str(self._day))):
            raise OSError(f"audit-{self._day}.jsonl was removed or replaced")
        head = {"v": 1, "seq": self.link.seq, "hash": self.link.hash, "alive_at": utc(now)}
        fresh = self.folder / "head.json.new"
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _ONLY_OURS)
        try:
            os.write(file, json.dumps(head).encode())
            os.fsync(file)  # else a power cut may leave an empty one, and with it nothing to hold the end against
        finally:
            os.close(file)
        fresh.replace(self.folder / "head.json")

    def expire(self, oldest_kept: str, now: float) -> None:
        """Remove the days before this one; a record says so first, and how the chain goes on after them."""
        written = days(self.folder)
        over = [day for day in written if day < oldest_kept and day != self._day]
        if over:
            rest = written[len(over) :]
            after = _first_prev(path_of(self.folder, rest[0])) if rest else self.link.hash
            self.write([Draft(now, EXPIRED, None, {"day": over[-1], "days": len(over), "last_hash": after})], now)
        for day in over:
            for kind in ("jsonl", "torn"):
                (self.folder / f"audit-{day}.{kind}").unlink(missing_ok=True)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        os.close(self._lock)

    def _file_of(self, day: str) -> int:
        if self._file is not None and day == self._day:
            return self._file
        if self._file is not None:
            os.close(self._file)
        path = path_of(self.folder, day)
        self._file = file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _ONLY_OURS)
        self._day = day
        _sync_folder(self.folder)
        return file

    def _append(self, drafts: Sequence[Draft], file: int) -> None:
        link, lines = self.link, []
        for draft in drafts:
            line, link = sealed(draft, link)
            lines.append(line + b"\n")
        before = os.fstat(file).st_size
        try:
            rest = memoryview(b"".join(lines))
            while rest:
                rest = rest[os.write(file, rest) :]
            os.fsync(file)
        except OSError:
            os.ftruncate(file, before)
            raise
        self.link = link


def days(folder: Path) -> list[str]:
    """The days that have a file, the oldest first."""
    names = (_NAME.fullmatch(path.name) for path in folder.iterdir()) if folder.is_dir() else ()
    return sorted(match[1] for match in names if match)


def path_of(folder: Path, day: str) -> Path:
    return folder / f"audit-{day}.jsonl"


def read_head(folder: Path) -> Head | None:
    """The chain's end as last noted; None: nothing was, or it cannot be read."""
    try:
        head = json.loads((folder / "head.json").read_bytes())
        return Head(Link(int(head["seq"]), str(head["hash"])), epoch_s(head["alive_at"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _taken_up(folder: Path) -> tuple[Link, str | None, Found]:
    written = days(folder)
    noted = read_head(folder)
    head = noted or Head()
    torn = _tear_off(folder, written[-1]) if written else 0
    last = next((lines[-1] for day in reversed(written) if (lines := _tail(path_of(folder, day)))), None)
    day = written[-1] if written else None
    if last is None:
        return head.link, day, Found(head.alive_at, torn, head.link.seq, False)
    try:
        record = parsed(last)
    except NoRecord:
        return head.link, day, Found(head.alive_at, torn, 0, True)
    alive_at = max(record.at, head.alive_at or 0.0)
    if noted is None:
        return record.link, day, Found(alive_at, torn, 0, True)
    missing = max(0, head.link.seq - record.seq)
    if missing or _holds(folder, written, head.link):
        return (head.link if missing else record.link), day, Found(alive_at, torn, missing, False)
    # Whoever wrote these did not write the head: what follows must not name them, or they would be believed.
    return Link(record.seq, head.link.hash), day, Found(alive_at, torn, 0, True)


def _holds(folder: Path, written: Sequence[str], link: Link) -> bool:
    """Whether this record stands in the files as the head has noted it: at their end, but for what was written just
    before a crash."""
    for day in reversed(written):
        for line in reversed(_tail(path_of(folder, day))):
            try:
                record = parsed(line)
            except NoRecord:
                return False
            if record.seq <= link.seq:
                return record.link == link
    return link == START


def _tear_off(folder: Path, day: str) -> int:
    """Keep apart what stands after the last whole line. Returns how many bytes that are."""
    path = path_of(folder, day)
    raw = path.read_bytes()
    whole = raw.rfind(b"\n") + 1
    torn = raw[whole:]
    if torn:
        apart = os.open(path.with_suffix(".torn"), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _ONLY_OURS)
        try:
            os.write(apart, torn + b"\n")
            os.fsync(apart)
        finally:
            os.close(apart)
        os.truncate(path, whole)
    return len(torn)


def _tail(path: Path) -> list[bytes]:
    """Its last lines: far more than are written at once."""
    with path.open("rb") as file:
        began = file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return file.read().splitlines()[1 if began else 0 :]


def _is_at(file: int, path: Path) -> bool:
    """Whether the path names this file."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _first_prev(path: Path) -> str:
    """What the first record of the file names as the one before it."""
    with path.open("rb") as file:
        line = file.readline(_TAIL_BYTES).rstrip(b"\n")
    try:
        return parsed(line).prev
    except NoRecord:
        return ""


def _sync_folder(folder: Path) -> None:
    """So that the name of a new file is on the disk, too."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
