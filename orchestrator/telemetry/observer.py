"""Observers: one writes log lines, one hands a notice to several others.

Guarantees: a notice is passed on at once, in the order given, and nothing is decided by it.
"""

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
