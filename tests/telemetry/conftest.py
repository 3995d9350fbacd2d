import io
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from orchestrator.telemetry import Log, LogObserver, open_log
from orchestrator.telemetry.logs import Format

NOW = 1_795_428_000.1234  # 2026-11-23T10:00:00.123Z


class Written:
    """Opens a log to memory; what was written is there once the log is closed."""

    def __init__(self) -> None:
        self._stream = io.StringIO()

    @contextmanager
    def log(self, log_format: Format = "json", level: str = "debug", *, strict: bool = True) -> Iterator[Log]:
        with open_log(self._stream, log_format, level, strict=strict, now=lambda: NOW) as log:
            yield log

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.text.splitlines()]


def observer_of(log: Log, account: str | None = "main") -> LogObserver:
    """One in a moment that does not pass: what waits to be told goes on waiting."""
    return LogObserver(log, account, lambda _s, _call: None)


@pytest.fixture
def written() -> Written:
    return Written()
