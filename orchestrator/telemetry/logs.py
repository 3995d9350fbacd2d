"""Log lines: one JSON object a line, or columns for a terminal.

Guarantees: a line has `timestamp` (UTC, milliseconds), `level`, `event`, then catalogued fields only; writing one
neither blocks nor raises. What libraries log goes the same way, without its text, which may hold addresses with
tokens; exceptions give types and places, never their texts.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, Self, TextIO

import structlog
from structlog.types import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from orchestrator.clock import utc
from orchestrator.encoding import encoded
from orchestrator.telemetry.allowlist import AllowList
from orchestrator.telemetry.events import DAEMON_CRASHED, LINES_LOST, TASK_FAILED, Event, Level
from orchestrator.telemetry.faults import fault
from orchestrator.telemetry.libraries import libraries_into
from orchestrator.telemetry.lines import Field
from orchestrator.telemetry.writer import Writer

Format = Literal["auto", "json", "console"]

_NUMBERS = {
    Level.DEBUG: logging.DEBUG,
    Level.INFO: logging.INFO,
    Level.WARNING: logging.WARNING,
    Level.ERROR: logging.ERROR,
}


class Log:
    """Writes catalogued events. `bind` gives one whose lines all carry an account."""

    def __init__(self, logger: FilteringBoundLogger, lines: "_Lines") -> None:
        self._logger = logger
        self._lines = lines

    def write(self, event: Event, *, level: Level | None = None, **fields: Field) -> None:
        """Fields that are None are left out."""
        self._pass_on(event, level or event.level, fields)
        lost = self._lines.take_lost()
        if lost:
            self._pass_on(LINES_LOST, Level.WARNING, {"lost": lost})

    def _pass_on(self, event: Event, level: Level, fields: Mapping[str, Field]) -> None:
        if (number := _NUMBERS[level]) >= self._lines.least:
            self._logger.log(number, event.name, **fields)

    def set_level(self, level: str) -> None:
        """The least that is written from now on, here and wherever this log was bound."""
        self._lines.least = _NUMBERS[Level(level)]

    def bind(self, account: str) -> Self:
        return type(self)(self._logger.bind(account=account), self._lines)

    def crash(self, error: BaseException) -> None:
        """The process ends by this exception."""
        found = fault(error)
        self.write(DAEMON_CRASHED, error=found.errors, where=found.where)

    def loop_failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """For `loop.set_exception_handler`: an exception that nobody awaited, or one in a callback."""
        self.failed(context.get("exception"))

    def failed(self, error: BaseException | None) -> None:
        """An exception that nobody took, in the loop or a thread."""
        found = fault(error) if error else None
        self.write(TASK_FAILED, error=found.errors if found else None, where=found.where if found else None)


@contextmanager
def open_log(
    stream: TextIO,
    log_format: Format,
    level: str,
    *,
    strict: bool = False,
    now: Callable[[], float] = time.time,
) -> Iterator[Log]:
    """Logs to `stream` until left; then what is queued is written.

    `log_format` "auto" is "console" on a terminal, else "json". `strict` raises on what the catalogue does not
    name (for tests); without it such a field is left out. `now` gives the lines' time: wall clock, epoch seconds.
    """
    with Writer(stream) as writer:
        lines = _Lines(writer, _NUMBERS[Level(level)])
        processors: list[Processor] = [AllowList(strict), _Stamp(now), _renderer(stream, log_format)]
        log = Log(_logger(lines, processors), lines)
        with libraries_into(log.write, log.failed):
            yield log


def _logger(lines: "_Lines", processors: list[Processor]) -> FilteringBoundLogger:
    wrapper = structlog.make_filtering_bound_logger(logging.DEBUG)  # all: what is written may change
    logger: FilteringBoundLogger = structlog.wrap_logger(lines, processors=processors, wrapper_class=wrapper).bind()
    return logger


def _renderer(stream: TextIO, log_format: Format) -> Processor:
    if log_format == "console" or (log_format == "auto" and stream.isatty()):
        return structlog.dev.ConsoleRenderer(colors=stream.isatty(), sort_keys=False)
    return _json


def _json(_logger: WrappedLogger, _method: str, given: EventDict) -> str:
    return encoded(given).decode()


class _Stamp:
    """Puts time and level in front."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now

    def __call__(self, _logger: WrappedLogger, method: str, given: EventDict) -> EventDict:
        return {"timestamp": utc(self._now()), "level": method, "event": given.pop("event"), **given}


class _Lines:
    """What structlog hands rendered lines to; counts those that the writer had no room for. Knows the least level
    that is written."""

    def __init__(self, writer: Writer, least: int) -> None:
        self.least = least
        self._writer = writer
        self._passed = True
        self._lost = 0

    def msg(self, text: str) -> None:
        self._passed = self._writer.put(text)
        self._lost += not self._passed

    debug = info = warning = error = msg

    def take_lost(self) -> int:
        """How many were lost, once there is room again; 0 until then. The count starts anew."""
        if not self._passed:
            return 0
        lost, self._lost = self._lost, 0
        return lost
