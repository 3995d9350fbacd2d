"""What libraries log, and exceptions that nobody took, go the way of our own lines.

Guarantees: no text of a library's log record comes out, only its logger, level, place in code and exception
types; the same place is told at most once in 10 s; and what was set on the process is set back on leaving.
"""

import logging
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TextIO

from orchestrator.telemetry.events import LIBRARY_LOG, Event, Level
from orchestrator.telemetry.faults import Fault, fault, short
from orchestrator.telemetry.lines import Field

_QUIET_S = 10.0

_SELF_MADE_HANDLERS = ("socketio.client", "socketio.server", "engineio.client", "engineio.server")
"""Loggers that get a handler of their own to stderr, texts and all, unless their level was set before."""


class Write(Protocol):
    def __call__(self, event: Event, *, level: Level | None = None, **fields: Field) -> None: ...


class Failed(Protocol):
    def __call__(self, error: BaseException | None, /) -> None: ...


@dataclass(slots=True)
class _Told:
    at: float
    repeats: int = 0


class Libraries(logging.Handler):
    """Takes what libraries log at warning or worse, and Python's own warnings."""

    def __init__(self, write: Write) -> None:
        super().__init__(logging.WARNING)
        self._write = write
        self._told: dict[str, _Told] = {}
        """By place in code, so it is bounded."""

    def emit(self, record: logging.LogRecord) -> None:
        found = fault(record.exc_info[1]) if record.exc_info and record.exc_info[1] else Fault((), ())
        level = Level.ERROR if record.levelno >= logging.ERROR else Level.WARNING
        place = f"{short(record.pathname)}:{record.lineno}"
        self._tell(level, record.name, record.levelname.lower(), place, found)

    def warn(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        """Stands in for `warnings.showwarning`."""
        self._tell(
            Level.WARNING, "warnings", "warning", f"{short(filename)}:{lineno}", Fault((category.__name__,), ())
        )

    def _tell(self, level: Level, logger: str, library_level: str, place: str, found: Fault) -> None:
        told = self._told.get(place)
        at = time.monotonic()
        if told and at < told.at + _QUIET_S:
            told.repeats += 1
            return
        self._told[place] = _Told(at)
        self._write(
            LIBRARY_LOG,
            level=level,
            logger=logger,
            library_level=library_level,
            where=(place, *found.where),
            error=found.errors or None,
            repeats=told.repeats if told and told.repeats else None,
        )


@contextmanager
def libraries_into(write: Write, failed: Failed) -> Iterator[None]:
    libraries = Libraries(write)
    with _handling(libraries), _hooked(libraries, failed):
        yield


@contextmanager
def _handling(handler: logging.Handler) -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    levels = {name: logging.getLogger(name).level for name in _SELF_MADE_HANDLERS}
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in levels:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield
    finally:
        for name, former in levels.items():
            logging.getLogger(name).setLevel(former)
        root.setLevel(level)
        root.handlers = handlers


@contextmanager
def _hooked(libraries: Libraries, failed: Failed) -> Iterator[None]:
    """What Python would print to stderr, values and all."""
    threads, unraisable, shown = threading.excepthook, sys.unraisablehook, warnings.showwarning
    threading.excepthook = lambda args: failed(args.exc_value)
    sys.unraisablehook = lambda args: failed(args.exc_value)
    warnings.showwarning = libraries.warn
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook, warnings.showwarning = threads, unraisable, shown
