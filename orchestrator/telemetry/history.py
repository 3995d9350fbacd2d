"""What exposures and over-mutes there were of late, minute by minute, all accounts together.

Guarantees: six hours at most are kept, and of each minute six figures; a minute in which nothing happened costs
nothing.
"""

from collections.abc import Sequence

from orchestrator.clock import Clock
from orchestrator.core.notices import CallExposed, CallMuted, CallUnmuted, Notice
from orchestrator.engine.notices import EdgeNotice

MINUTE_S = 60
KEEPS = 360
"""Minutes."""

EXPOSURES, OVERMUTES = 0, 3
"""Where in a minute's figures these begin: how many, the sum of their milliseconds, the worst."""
_NOTHING = (0, 0, 0, 0, 0, 0)

Figures = Sequence[int]


class History:
    """An observer. Minutes are numbered as they are since the epoch."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.since = clock.now()
        """When it began to count."""
        self._minutes: dict[int, list[int]] = {}

    def notice(self, notice: Notice | EdgeNotice) -> None:
        match notice:
            case CallMuted(exposure_s=float(seconds)) | CallExposed(exposure_s=seconds):
                self._count(EXPOSURES, seconds)
            case CallUnmuted(overmute_s=float(seconds)):
                self._count(OVERMUTES, seconds)

    @property
    def this_minute(self) -> int:
        return int(self._clock.now() // MINUTE_S)

    @property
    def first(self) -> int:
        """The oldest minute that is told of."""
        return max(int(self.since // MINUTE_S), self.this_minute - KEEPS + 1)

    def figures(self, first: int, last: int) -> list[Figures]:
        """Of each minute from `first` to `last`."""
        return [tuple(self._minutes.get(minute, _NOTHING)) for minute in range(first, last + 1)]

    def _count(self, kind: int, seconds: float) -> None:
        of_minute = self._minutes.setdefault(self.this_minute, list(_NOTHING))
        if len(self._minutes) > KEEPS:
            del self._minutes[min(self._minutes)]
        milliseconds = round(seconds * 1000)
        of_minute[kind] += 1
        of_minute[kind + 1] += milliseconds
        of_minute[kind + 2] = max(of_minute[kind + 2], milliseconds)
