"""Takes what happened and has it written, without anybody waiting for the disk.

Guarantees: `append` returns at once; records are written in order, many with one fsync, by a thread of its own; while
the disk fails the newest are kept, up to a bound, and it is tried again every second; how long that was, and how many
found no room, is a record of its own (`audit.lost`) as soon as it works again. A time in which the process stood
still is one, too. So what is missing in the files is declared in the files.
"""

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Protocol, TypeVar

from orchestrator.audit.book import Book, Closed, Found
from orchestrator.audit.records import Draft, Value, day_of, utc
from orchestrator.clock import Clock
from orchestrator.engine.notices import AuditBack, AuditDayClosed, AuditLost
from orchestrator.engine.ports import Observer
from orchestrator.lifetimes import lasting

OPENED, CLOSED, ALIVE, LOST, STALLED = (
    "audit.opened",
    "audit.closed",
    "audit.alive",
    "audit.lost",
    "audit.stalled",
)

WAITING = 50_000
"""Most records that wait for the disk."""
AT_ONCE = 200
GATHER_S = 0.2
"""No more than so many are made and written, with one fsync, in so long a time: what they tell of is more pressing,
and the thread that makes them takes processor time from it."""
ALIVE_EVERY_S = 60.0
"""A record says at least so often that the daemon was there."""
NOTED_EVERY_S = 2.0
"""So often the head says so: to that the end of a process that was killed is known."""
STALL_S = 5.0
"""A process that is so late for its own timer stood still."""
AGAIN_S = 1.0
LAST_S = 2.0
"""How long the last records are waited for."""
DAY_S = 86_400.0

T = TypeVar("T")


class Entry(Protocol):
    """What becomes records: made in the journal's thread, so that nobody waits for that either."""

    def drafts(self) -> list[Draft]:
        """Asked once, and in the order of `append`."""


class Journal(Protocol):
    """Where records go."""

    def append(self, entry: Entry) -> None:
        """Returns at once."""

    @property
    def problem(self) -> str | None:
        """Why nothing is kept now; None: all is well."""


class Opens(Protocol):
    """Where a daemon gets its journal; it is closed when the block is left."""

    def __call__(
        self, folder: Path, keep_days: int, clock: Clock, observer: Observer
    ) -> AbstractAsyncContextManager[Journal]: ...


class Keeps(Protocol):
    """What records are written to, as `Book` has it: every call may raise `OSError`."""

    @property
    def found(self) -> Found: ...

    def write(self, drafts: Sequence[Draft], now: float) -> list[Closed]: ...

    def note_alive(self, now: float) -> None: ...

    def expire(self, oldest_kept: str, now: float) -> None: ...

    def close(self) -> None: ...


class FileJournal:
    """`opens` and what it returns are called in `thread` alone, which is shut down in the end."""

    def __init__(
        self, opens: Callable[[], Keeps], thread: Executor, keep_days: int, clock: Clock, observer: Observer
    ) -> None:
        self._opens = opens
        self._thread = thread
        self._keep_days = keep_days
        self._clock = clock
        self._observer = observer
        self._waiting: deque[Entry] = deque()
        self._news = asyncio.Event()
        self._book: Keeps | None = None
        self._failing_since: float | None = None
        self._why = ""
        self._dropped = 0
        self._wrote_at = clock.now()
        self._swept = ""
        self._ending = False

    def append(self, entry: Entry) -> None:
        self._waiting.append(entry)
        if len(self._waiting) > WAITING:
            self._waiting.popleft()
            self._dropped += 1
        self._news.set()

    @property
    def problem(self) -> str | None:
        return None if self._failing_since is None else f"its files cannot be written ({self._why})"

    async def run(self) -> None:
        """Write until told to end, and then what still waits."""
        while not self._ending:
            if await self._step():
                await self._wait()
            else:
                await asyncio.sleep(AGAIN_S)
        while self._waiting and await self._step():
            pass

    def end(self, why: str) -> None:
        self.append(Draft(self._clock.now(), CLOSED, None, {"why": why}))
        self._ending = True

    async def close(self) -> None:
        """Let go of the folder: whoever comes next may write there at once, unless the disk hangs."""
        if self._book is not None:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(LAST_S):
                    await self._in_thread(self._book.close)
        self._thread.shutdown(wait=False)

    async def _wait(self) -> None:
        """Until there is something to write, or to say that nothing is; declare it if that took far too long."""
        began = self._clock.now()
        try:
            async with asyncio.timeout(NOTED_EVERY_S):
                await self._news.wait()
            if not self._ending:
                await asyncio.sleep(GATHER_S)
        except TimeoutError:
            pass
        now = self._clock.now()
        stood_s = now - began - NOTED_EVERY_S
        if stood_s > STALL_S:
            self._waiting.appendleft(Draft(now, STALLED, None, {"from": utc(began), "for_s": round(stood_s, 2)}))
        elif not self._waiting and now - self._wrote_at >= ALIVE_EVERY_S:
            self.append(Draft(now, ALIVE))

    async def _step(self) -> bool:
        """Write once. False: the disk would not have it."""
        now = self._clock.now()
        try:
            if self._book is None:
                self._book = await self._in_thread(self._opens)
                self._waiting.appendleft(_opened(now, self._book.found))
            await self._write(self._book, now)
        except OSError as error:
            self._lose(error, now)
            return False
        if self._failing_since is not None:
            self._observer.notice(AuditBack(now - self._failing_since))
            self._failing_since = None
        return True

    async def _write(self, book: Keeps, now: float) -> None:
        if self._failing_since is not None or self._dropped:
            since, lost = self._failing_since or now, self._dropped
            fields: dict[str, Value] = {
                "from": utc(since),
                "for_s": round(now - since, 2),
                "lost": lost,
                "why": self._why,
            }
            await self._in_thread(lambda: book.write([Draft(now, LOST, None, fields)], now))
            self._dropped -= lost  # meanwhile more may have found no room
        entries = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        batch = await self._in_thread(lambda: [draft for entry in entries for draft in entry.drafts()])
        if not self._waiting:
            self._news.clear()
        try:
            if batch:
                upto = batch[-1].at if self._waiting else now  # of what still waits nothing is known yet
                for closed in await self._in_thread(lambda: book.write(batch, upto)):
                    self._observer.notice(AuditDayClosed(closed.day, closed.link.seq, closed.link.hash))
                self._wrote_at = now
            else:
                await self._in_thread(lambda: book.note_alive(now))
        except OSError:
            self._waiting.extendleft(reversed(batch))
            raise
        if (today := day_of(now)) != self._swept:
            oldest = day_of(now - self._keep_days * DAY_S)
            await self._in_thread(lambda: book.expire(oldest, now))
            self._swept = today

    def _lose(self, error: OSError, now: float) -> None:
        book, self._book = self._book, None
        if book is not None:
            self._thread.submit(book.close)
        self._why = str(error) if error.errno is None else os.strerror(error.errno)
        if self._failing_since is None:
            self._failing_since = now
            self._observer.notice(AuditLost(self._why))
        self._news.set()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


@asynccontextmanager
async def in_files(folder: Path, keep_days: int, clock: Clock, observer: Observer) -> AsyncIterator[Journal]:
    thread = ThreadPoolExecutor(1, "audit")
    async with kept(FileJournal(lambda: Book.open(folder), thread, keep_days, clock, observer)) as journal:
        yield journal


@asynccontextmanager
async def kept(journal: FileJournal) -> AsyncIterator[Journal]:
    """It writes as long as the block lasts, and says why that ended."""
    writing = asyncio.create_task(journal.run())  # of no group: what ends the others is still to be written
    why = "crashed"
    try:
        async with lasting(_lost_with(writing)):
            yield journal
        why = "stopped"
    finally:
        journal.end(why)
        await asyncio.wait([writing], timeout=LAST_S)
        writing.cancel()
        await journal.close()


async def _lost_with(writing: asyncio.Task[None]) -> None:
    """A bug in there must not go unnoticed."""
    await asyncio.shield(writing)


def _opened(now: float, found: Found) -> Draft:
    fields: dict[str, Value] = {}
    if found.alive_at is not None:
        fields["alive_at"] = utc(found.alive_at)
    fields |= {"torn_bytes": found.torn_bytes, "missing": found.missing, "damaged": found.damaged}
    return Draft(now, OPENED, None, fields)
