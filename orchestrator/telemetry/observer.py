"""Observers: one writes log lines, one hands a notice to several others, one lets what is pressing go first.

Guarantees: notices are passed on in the order given, and nothing is decided by them.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, Self

from orchestrator.clock import Clock
from orchestrator.core.notices import Notice
from orchestrator.engine.notices import EdgeNotice
from orchestrator.engine.ports import Observer
from orchestrator.telemetry.events import Event, Level
from orchestrator.telemetry.lines import Field, Line, line
from orchestrator.telemetry.repeats import Later, Repeats

_PLACE = re.compile(r"\[\d+\]| \(and \d+ more\)")
"""Where in a payload something was wrong, and how much else."""


class Lines(Protocol):
    """Where lines are written: the log, or what keeps the newest of them."""

    def write(self, event: Event, *, level: Level | None = None, **fields: Field) -> None:
        """Fields that are None are left out."""

    def bind(self, account: str) -> "Lines":
        """One whose lines all carry an account."""


class Copies:
    """The same lines for several."""

    def __init__(self, *readers: Lines) -> None:
        self._readers = readers

    def write(self, event: Event, *, level: Level | None = None, **fields: Field) -> None:
        for reader in self._readers:
            reader.write(event, level=level, **fields)

    def bind(self, account: str) -> Self:
        return type(self)(*(reader.bind(account) for reader in self._readers))


class LogObserver:
    """One log line a notice; one now and then for what comes in storms (`Event.limit`).

    `account` is None for what concerns the process. A context manager: in the end what waits is written.
    """

    def __init__(self, log: Lines, account: str | None, later: Later) -> None:
        self._log = log if account is None else log.bind(account)
        self._repeats = Repeats(self._write, later)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._repeats.settle()

    def notice(self, notice: Notice | EdgeNotice) -> None:
        told = line(notice)
        limit = told.event.limit
        if limit is None:
            self._write(told, 0)
        else:
            alike = (_PLACE.sub("", str(told.fields[name])) for name in limit.alike)
            self._repeats.take((told.event.name, *alike), told, limit.every_s)

    def _write(self, told: Line, repeats: int) -> None:
        fields = {**told.fields, "repeats": repeats} if repeats else told.fields
        self._log.write(told.event, level=told.level, **fields)


class Broadcast:
    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def notice(self, notice: Notice | EdgeNotice) -> None:
        for observer in self._observers:
            observer.notice(notice)


TELL_AFTER_S = 0.002


class Then:
    """The clock of those who are told a moment later: while they are told of a notice, it shows when that came."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.at: float | None = None

    def now(self) -> float:
        return self.clock.now() if self.at is None else self.at


class Deferred:
    """Passes notices on a moment later: writing their lines takes as long as sending a request, and must not delay
    the one they tell of."""

    def __init__(self, observer: Observer, then: Then) -> None:
        self._observer = observer
        self._then = then
        self._untold: list[tuple[float, Notice | EdgeNotice]] = []

    def notice(self, notice: Notice | EdgeNotice) -> None:
        if not self._untold:
            asyncio.get_running_loop().call_later(TELL_AFTER_S, self.tell)
        self._untold.append((self._then.clock.now(), notice))

    def tell(self) -> None:
        """Pass on what waits."""
        untold, self._untold = self._untold, []
        try:
            for at, notice in untold:
                self._then.at = at
                self._observer.notice(notice)
        finally:
            self._then.at = None


@contextmanager
def deferred(then: Then, *observers: Observer) -> Iterator[Deferred]:
    """All of these, deferred; nothing is left untold at the end."""
    one = Deferred(Broadcast(*observers), then)
    try:
        yield one
    finally:
        one.tell()
