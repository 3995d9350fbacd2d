"""What a report says, in figures: of a day, of an extension, of all; each exposure; and who is unusual.

Guarantees: who is unusual is said with what and against whom; of few nobody is.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.audit.gaps import Gap
from orchestrator.audit.verify import Verdict

BREACH_MS = 1500
"""An exposure of so many milliseconds or more, or one whose cover ended before any mute, is to be looked into."""
PEERS = 5
"""Of fewer extensions than this none is unusual."""
FACTOR, SPREADS = 3.0, 5.0
"""Unusual: more than so many times the median, and further from it than so many median deviations."""
OVER_MUTED = "seconds over-muted"


@dataclass(frozen=True, slots=True)
class Exposure:
    at: float
    until: float
    account: str
    ivrid: str
    extension: str
    sections: tuple[str, ...]
    seconds: float
    offset: tuple[float, float] | None
    """From and to in the recording, in seconds from the call's begin; None: that is not known."""
    cause: str
    ended_by: str
    answered: bool | None
    seen_at: float | None = None
    """Of a drift: when it was seen open. It ran since some moment between `at`, when it was still muted, and this."""

    @property
    def breach(self) -> bool:
        return self.seconds * 1000 >= BREACH_MS or self.ended_by == "cover_ended"


@dataclass(slots=True)
class Figures:
    """Of a day, or of an extension."""

    sections: int = 0
    section_s: float = 0.0
    expired: int = 0
    covered: int = 0
    exposures: int = 0
    exposure_s: float = 0.0
    p50_s: float = 0.0
    p95_s: float = 0.0
    p99_s: float = 0.0
    worst_s: float = 0.0
    """Of the seconds of all exposures, whatever ended them; 0 for none."""
    breaches: int = 0
    muted_s: float = 0.0
    over_mutes: int = 0
    over_mute_s: float = 0.0
    gap_s: float = 0.0
    """How long evidence was missing or partial; of an extension that is not told, as gaps are its account's."""
    unusual: tuple[str, ...] = ()
    """Why it stands out among its peers."""

    def spread(self, seconds: Iterable[float]) -> None:
        """Work out its percentiles."""
        ordered = sorted(seconds)
        self.p50_s, self.p95_s, self.p99_s, self.worst_s = (rank(ordered, share) for share in (0.5, 0.95, 0.99, 1.0))


@dataclass(frozen=True, slots=True)
class Expired:
    at: float
    account: str
    section_id: str
    target: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    since: float
    until: float
    verdict: Verdict
    total: Figures
    by_day: Mapping[str, Figures]
    by_extension: Mapping[tuple[str, str], Figures]
    """By account and SIP id."""
    exposures: Sequence[Exposure]
    expired: Sequence[Expired]
    gaps: Sequence[Gap]
    events: Mapping[str, int]

    @property
    def breaches(self) -> list[Exposure]:
        return [exposure for exposure in self.exposures if exposure.breach]


@dataclass(frozen=True, slots=True)
class _Measure:
    """By what extensions are held against one another."""

    name: str
    of: Callable[[Figures], float]
    least: float
    """It is not worth a look where it is less above the median."""


def gap_s(gaps: Iterable[Gap], since: float, until: float) -> float:
    """How long at least one of them lasted in this time; they come in order of their begin."""
    covered_s, reached = 0.0, since
    for gap in gaps:
        ends = until if gap.until is None else min(gap.until, until)
        covered_s += max(0.0, ends - max(gap.since, reached))
        reached = max(reached, ends)
    return covered_s


def rank(ordered: Sequence[float], share: float) -> float:
    """The smallest figure that at least this share of all does not exceed; 0 of none."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def mark_unusual(extensions: Mapping[tuple[str, str], Figures]) -> None:
    """Far more or longer than its peers: a mute can be misused, to keep a talk off the record."""
    peers = [figures for (_, extension), figures in extensions.items() if extension]
    for measure in _MEASURES:
        values = [measure.of(figures) for figures in peers if figures.covered or measure.of(figures) > 0]
        if len(values) < PEERS:
            continue
        median = statistics.median(values)
        deviation = statistics.median(abs(value - median) for value in values)
        bound = max(FACTOR * median, median + SPREADS * deviation, median + measure.least)
        for figures in peers:
            if measure.of(figures) > bound:
                figures.unusual += (f"{measure.name}: {measure.of(figures):.0f}, its peers {median:.0f}",)


def _mean_s(figures: Figures) -> float:
    return figures.section_s / figures.sections if figures.sections else 0.0


_MEASURES = (
    _Measure("sections", lambda of: of.sections, 10),
    _Measure("seconds a section", _mean_s, 60),
    _Measure("seconds muted", lambda of: of.muted_s, 60),
    _Measure(OVER_MUTED, lambda of: of.over_mute_s, 10),
)
