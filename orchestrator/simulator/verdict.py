"""What came of it: the figures by which the daemon is judged, frozen at one moment.

An exposure is the time for which a call was covered, alive and yet recorded; an over-mute the time for which the
daemon kept a call muted that nothing covered. There is one figure for each covered stretch of each call, 0
included, so that the percentiles speak of all covered calls and not only of the late ones.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.simulator.recordings import Stretch


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds, over all stretches."""

    stretches: tuple[Stretch, ...]
    p50: float
    p99: float
    worst: float

    @classmethod
    def of(cls, stretches: Iterable[Stretch]) -> "Spread":
        every = tuple(stretches)
        seconds = sorted(stretch.seconds for stretch in every)
        if not seconds:
            return cls((), 0.0, 0.0, 0.0)
        return cls(every, _rank(seconds, 0.50), _rank(seconds, 0.99), seconds[-1])

    @property
    def total(self) -> float:
        return math.fsum(stretch.seconds for stretch in self.stretches)


def _rank(seconds: list[float], share: float) -> float:
    """The smallest figure that at least this share of all does not exceed."""
    return seconds[max(0, math.ceil(share * len(seconds)) - 1)]


@dataclass(frozen=True, slots=True)
class Requests:
    """What was asked of the mute API, as far as it was applied."""

    total: int = 0
    superfluous: int = 0
    """Asked for a state that already held."""
    unknown: int = 0
    """For a call that is over, or an extension without one."""
    trespasses: int = 0
    """Released a mute that somebody else had made."""


@dataclass(frozen=True, slots=True)
class Verdict:
    sections: int
    calls_covered: int
    exposures: Spread
    over_mutes: Spread
    requests: Requests
    left_muted: tuple[str, ...]
    """Calls that the daemon keeps muted at this moment and that nothing covers."""
    left_open: tuple[str, ...]
    """Calls that are covered and recorded at this moment."""

    def ok(self, bound_s: float) -> bool:
        """Whether no call was wrong for longer than the bound, and no foreign mute was touched.

        What is wrong at this very moment counts with the time it has lasted so far: to demand that nothing is
        left at all, look at `left_muted` and `left_open` after a time of quiet.
        """
        return max(self.exposures.worst, self.over_mutes.worst) <= bound_s and not self.requests.trespasses
