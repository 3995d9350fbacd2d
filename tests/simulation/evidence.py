"""The audit's folders of a story, in memory: what the daemon's own writer would have in its files.

Guarantees: the writer is the real one, only its disk is not: a disk that takes no time, on which one process at a
time writes in a folder; what was handed over and not written yet is lost with a process that is killed, and the
next one finds what was written, and when the head last said that somebody was alive.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

from orchestrator.audit.book import Closed, Found, InUse
from orchestrator.audit.records import START, Draft, Record, parsed, sealed


@dataclass(slots=True, eq=False)
class Folder:
    """One folder of files: its records, its head, and who writes."""

    records: list[Record] = field(default_factory=list)
    size: int = 0
    """Bytes that its files would have."""
    alive_at: float | None = None
    written_by: "MemoryBook | None" = None


class MemoryBook:
    """As `Book`, for a disk that never fails."""

    def __init__(self, folder: Folder) -> None:
        if folder.written_by is not None:
            raise InUse("another process writes there")
        folder.written_by = self
        self.found = Found(folder.alive_at)
        self._folder = folder
        self._dead = False

    def die(self) -> None:
        """Its process is killed: the folder is the next one's, and nothing is written here any more."""
        self.close()
        self._dead = True

    def write(self, drafts: Sequence[Draft], now: float) -> list[Closed]:
        if self._dead:
            return []
        records = self._folder.records
        for draft in drafts:
            line, _ = sealed(draft, records[-1].link if records else START)
            records.append(parsed(line))
            self._folder.size += len(line) + 1
        self.note_alive(now)
        return []

    def note_alive(self, now: float) -> None:
        if not self._dead:
            self._folder.alive_at = now

    def expire(self, oldest_kept: str, now: float) -> None:
        """A story is over before any day is too old."""

    def close(self) -> None:
        if self._folder.written_by is self:
            self._folder.written_by = None


class Archive:
    """The folders: each process takes the first one that nobody writes in, as two daemons need two."""

    def __init__(self) -> None:
        self.folders: list[Folder] = []

    def take(self) -> Folder:
        free = next((folder for folder in self.folders if folder.written_by is None), None)
        if free is None:
            free = Folder()
            self.folders.append(free)
        return free


class AtOnce(Executor):
    """The writer's thread, which takes no time."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except OSError as error:
            done.set_exception(error)
        return done
