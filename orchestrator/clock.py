"""The one clock of the process.

Guarantees: `now()` is in epoch seconds (UTC), comparable with what an earlier process wrote to Redis; it never
steps back or jumps with the wall clock, because it is the monotonic clock, anchored to the wall once.
"""

import time
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Epoch seconds; never runs backwards."""


class SystemClock:
    def __init__(self) -> None:
        self._anchor_s = time.time() - time.monotonic()

    def now(self) -> float:
        return self._anchor_s + time.monotonic()
