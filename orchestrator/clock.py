"""The one clock of the process.

Guarantees: `now()` is in epoch seconds (UTC), comparable with what an earlier process wrote to Redis; it never
steps back or jumps with the wall clock, because it counts on from the moment at which it was set by the wall, once
(through a suspended machine too, where the system can tell). What others say in times of the wall is brought onto
it by `at_wall`, whatever steps the wall took since.
"""

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

STEP_S = 1.0
"""A wall clock that moved against ours by more has stepped; by less, it is being disciplined, and nobody cares."""

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def utc(at: float) -> str:
    """Epoch seconds as a UTC time with milliseconds."""
    second, ms = divmod(round(at * 1e6) // 1000, 1000)
    return f"{_utc(second)}.{ms:03d}Z"


@lru_cache(8)
def _utc(second: int) -> str:
    """Cached, for what is written comes in bursts."""
    return datetime.fromtimestamp(second, UTC).isoformat().removesuffix("+00:00")


class Clock(Protocol):
    def now(self) -> float:
        """Epoch seconds; never runs backwards."""


class WallClock(Clock, Protocol):
    """A clock that knows how far the wall is from it."""

    def at_wall(self, epoch_s: float) -> float:
        """Our time at the moment that the wall, as it goes now, calls `epoch_s`."""

    @property
    def ahead_s(self) -> float:
        """How far the steps of the wall took it ahead of us. Changes by more than `STEP_S`, or not at all."""


class SystemClock:
    def __init__(self) -> None:
        self._anchor_s = time.time() - time.clock_gettime(_STEADY)
        self._ahead_s = 0.0

    def now(self) -> float:
        return self._anchor_s + time.clock_gettime(_STEADY)

    def at_wall(self, epoch_s: float) -> float:
        return epoch_s - self.ahead_s

    @property
    def ahead_s(self) -> float:
        ahead_s = time.time() - self.now()
        if abs(ahead_s - self._ahead_s) > STEP_S:
            self._ahead_s = ahead_s
        return self._ahead_s
