"""Observers: one writes log lines, one hands a notice to several others, one lets what is pressing go first.

Guarantees: notices are passed on in the order given, and nothing is decided by them.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.core.notices import Notice
from orchestrator.engine.notices import EdgeNotice
from orchestrator.engine.ports import Observer
from orchestrator.telemetry.lines import line
from orchestrator.telemetry.logs import Log


class LogObserver:
    """One log line a notice. `account` is None for what concerns the process."""

    def __init__(self, log: Log, account: str | None) -> None:
        self._log = log if account is None else log.bind(account)

    def notice(self, notice: Notice | EdgeNotice) -> None:
        told = line(notice)
        self._log.write(told.event, level=told.level, **told.fields)


class Broadcast:
    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def notice(self, notice: Notice | EdgeNotice) -> None:
        for observer in self._observers:
            observer.notice(notice)


TELL_AFTER_S = 0.002


class Deferred:
    """Passes notices on a moment later: writing their lines takes as long as sending a request, and must not delay
    the one they tell of."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._untold: list[Notice | EdgeNotice] = []

    def notice(self, notice: Notice | EdgeNotice) -> None:
        if not self._untold:
            asyncio.get_running_loop().call_later(TELL_AFTER_S, self.tell)
        self._untold.append(notice)

    def tell(self) -> None:
        """Pass on what waits."""
        untold, self._untold = self._untold, []
        for notice in untold:
            self._observer.notice(notice)


@contextmanager
def deferred(*observers: Observer) -> Iterator[Deferred]:
    """All of these, deferred; nothing is left untold at the end."""
    one = Deferred(Broadcast(*observers))
    try:
        yield one
    finally:
        one.tell()
