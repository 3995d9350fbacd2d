"""Those who watch the daemon at work, wired together: log, newest lines, metrics, history, traces.

Guarantees: they are told in the order of what happened, and nothing is decided by them; what takes its time is told a
moment later, so that no mute waits for it, and in the end all is told.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator import __version__
from orchestrator.clock import Clock
from orchestrator.engine.ports import Observer
from orchestrator.telemetry.counting import MetricsObserver
from orchestrator.telemetry.history import History
from orchestrator.telemetry.logs import Log
from orchestrator.telemetry.metrics import Metrics
from orchestrator.telemetry.observer import Broadcast, Copies, LogObserver, Then, deferred
from orchestrator.telemetry.recent import Recent

if TYPE_CHECKING:
    from orchestrator.telemetry.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Watch:
    observer: Observer
    tell: Callable[[], None]
    """At once, what waits to be told."""


class Watchers:
    """Of the whole process."""

    def __init__(self, log: Log, clock: Clock, tracing: "Tracing | None", stack: AsyncExitStack) -> None:
        self.metrics, self.recent, self.history = Metrics(__version__), Recent(clock), History(clock)
        self.then = Then(clock)  # for those who are told later, and date what they are told of
        self._log = log
        self._tracing = tracing
        self._stack = stack

    def of(self, account: str | None, prompt: Sequence[Observer] = (), later: Sequence[Observer] = ()) -> Watch:
        """All that watch this account (None: the process), with others that hear at once, or a moment later."""
        waiting = self._stack.enter_context(
            deferred(
                self.then,
                self._lines(account),
                MetricsObserver(self.metrics, account),
                self.history,
                *later,
            )
        )
        traces = [self._tracing.of(account)] if self._tracing else []  # they go by the moment of each notice
        return Watch(Broadcast(*traces, *prompt, waiting), waiting.tell)

    def _lines(self, account: str | None) -> LogObserver:
        both = Copies(self._log, self.recent)
        return self._stack.enter_context(LogObserver(both, account, asyncio.get_running_loop().call_later))
