"""The newest log lines, for people who look on.

Guarantees: the `KEEPS` newest are kept, numbered in the order in which they were told; they hold what the log does:
catalogued fields only, in the same presentable form, and of a storm one now and then. Whatever `log.level` is, they
are those from info on: debug is for who looks for a fault.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Self

from orchestrator.clock import Clock
from orchestrator.telemetry.allowlist import presentable
from orchestrator.telemetry.events import Event, Level
from orchestrator.telemetry.lines import Field

KEEPS = 200


@dataclass(frozen=True, slots=True)
class Told:
    number: int
    at: float
    account: str | None
    event: str
    level: Level
    fields: Mapping[str, object]


class Recent:
    """What a `LogObserver` writes to, as it does to the log. `bind` gives one whose lines all carry an account."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._account: str | None = None
        self._numbers = count(1)
        self._lines: deque[Told] = deque(maxlen=KEEPS)

    def bind(self, account: str) -> Self:
        bound = type(self)(self._clock)
        bound._account, bound._numbers, bound._lines = account, self._numbers, self._lines
        return bound

    def write(self, event: Event, *, level: Level | None = None, **fields: Field) -> None:
        at = level or event.level
        if at is Level.DEBUG:
            return
        shown = {name: presentable(fields[name]) for name in event.fields if fields.get(name) is not None}
        self._lines.append(Told(next(self._numbers), self._clock.now(), self._account, event.name, at, shown))

    def after(self, number: int) -> Iterable[Told]:
        """Those that were told after the one of this number, oldest first."""
        newer = []
        for told in reversed(self._lines):
            if told.number <= number:
                break
            newer.append(told)
        return reversed(newer)
