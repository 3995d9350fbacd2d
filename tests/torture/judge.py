"""What came of the faults: every stretch of time in which a recording was wrong, and what explains it.

A stretch is excused for the time in which nothing could have been done (the daemon was dead, the API refused every
request); what is left of it is cut into pieces at these times, and no piece may be longer than the bound of the fault
in which it begins. So a bound says: whenever the daemon could act for so long, nothing was wrong any more.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from orchestrator.simulator.recordings import Span, Stretch
from orchestrator.simulator.verdict import Spread, Verdict

FOREVER = float("inf")


@dataclass(slots=True)
class Fault:
    """Something that was broken for a while."""

    name: str
    bound_s: float
    """How long a recording may be wrong from the first moment at which something can be done about it."""
    began_at: float
    ended_at: float = FOREVER
    """When all was well again, after-effects included."""


@dataclass(frozen=True, slots=True)
class Excuse:
    """In this time nothing could be done: about any call, or about this one."""

    span: Span
    ivrid: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """All faults of one name."""

    scenario: str
    fault: str
    times: int
    sections: int
    exposures: Spread
    over_mutes: Spread
    longest_open_s: float
    """Of all pieces that nothing excuses."""
    longest_muted_s: float
    bound_s: float

    @property
    def ok(self) -> bool:
        return max(self.longest_open_s, self.longest_muted_s) <= self.bound_s


@dataclass(slots=True)
class Report:
    """One scenario, judged."""

    scenario: str
    rows: list[Row]
    verdict: Verdict
    problems: list[str] = field(default_factory=list)
    """What is not as promised, in words."""
    notes: list[str] = field(default_factory=list)
    """Figures beside it."""

    @property
    def ok(self) -> bool:
        return not self.problems and all(row.ok for row in self.rows)


def judge(
    scenario: str,
    faults: Sequence[Fault],
    excuses: Sequence[Excuse],
    sections_at: Sequence[float],
    verdict: Verdict,
    usual_bound_s: float,
) -> Report:
    """`sections_at`: when sections started."""
    rows = []
    named = dict.fromkeys(fault.name for fault in faults)
    for name in [*named, "(between)"]:
        own = [fault for fault in faults if fault.name == name]
        bound_s = max((fault.bound_s for fault in own), default=usual_bound_s)

        def within(at: float, name: str = name) -> bool:
            return _name_at(faults, at) == name

        exposures = [stretch for stretch in verdict.exposures.stretches if within(stretch.began_at)]
        over_mutes = [stretch for stretch in verdict.over_mutes.stretches if within(stretch.began_at)]
        row = Row(
            scenario,
            name,
            len(own),
            sum(within(at) for at in sections_at),
            Spread.of(exposures),
            Spread.of(over_mutes),
            _longest(verdict.exposures.stretches, excuses, within),
            _longest(verdict.over_mutes.stretches, excuses, within),
            bound_s,
        )
        if own or exposures or over_mutes:
            rows.append(row)
    report = Report(scenario, rows, verdict)
    if verdict.left_open:
        report.problems.append(f"left open: {len(verdict.left_open)}")
    if verdict.left_muted:
        report.problems.append(f"left muted: {len(verdict.left_muted)}")
    if verdict.requests.trespasses:
        report.problems.append(f"foreign mutes opened: {verdict.requests.trespasses}")
    return report


def _name_at(faults: Sequence[Fault], at: float) -> str:
    """The fault that lasts at this time; of several the one that began last."""
    lasting = [fault for fault in faults if fault.began_at <= at < fault.ended_at]
    return max(lasting, key=lambda fault: fault.began_at).name if lasting else "(between)"


def _longest(stretches: Iterable[Stretch], excuses: Sequence[Excuse], within: object) -> float:
    assert callable(within)
    lengths = (
        until - since for stretch in stretches for since, until in unexcused(stretch, excuses) if within(since)
    )
    return max(lengths, default=0.0)


def unexcused(stretch: Stretch, excuses: Iterable[Excuse]) -> Iterator[Span]:
    """The pieces of the stretch that nothing excuses."""
    for since, until in stretch.spans:
        left = [(since, until)]
        for excuse in excuses:
            if excuse.ivrid in (None, stretch.ivrid) and excuse.span[0] < until and excuse.span[1] > since:
                left = [piece for each in left for piece in _without(each, excuse.span)]
        yield from left


def _without(piece: Span, taken: Span) -> Iterator[Span]:
    since, until = piece
    if since < min(until, taken[0]):
        yield since, min(until, taken[0])
    if max(since, taken[1]) < until:
        yield max(since, taken[1]), until
