"""The simulator's verdict in words."""

from enum import StrEnum

from orchestrator.simulator.verdict import Spread, Verdict

BOUND_S = 1.5
"""How long a call may be open, or muted without cover, before it counts as a failure: what the CRM's user, and
the law, may take for the time of a request over a feed that lags."""


class Judgement(StrEnum):
    GOOD = "GOOD"
    BAD = "BAD"
    NONE = "NONE: no call was covered"


def judgement(verdict: Verdict, bound_s: float) -> Judgement:
    """Good: calls were covered, and nothing stayed open, nothing stayed muted, nobody else's mute was touched."""
    if not verdict.ok(bound_s) or verdict.left_open or verdict.left_muted:
        return Judgement.BAD
    return Judgement.GOOD if verdict.calls_covered else Judgement.NONE


def summary(verdict: Verdict, bound_s: float) -> str:
    requests = verdict.requests
    rows = [
        ("sections", f"{verdict.sections}"),
        ("calls covered", f"{verdict.calls_covered}"),
        ("exposure", _spread(verdict.exposures)),
        ("over-mute", _spread(verdict.over_mutes)),
        (
            "requests",
            f"{requests.total}, of which superfluous {requests.superfluous}, for ended calls {requests.unknown}",
        ),
        ("foreign mutes touched", f"{requests.trespasses}"),
        ("covered calls left open", f"{len(verdict.left_open)}"),
        ("calls left muted", f"{len(verdict.left_muted)}"),
    ]
    lines = [f"  {name:24} {value}" for name, value in rows]
    return "\n".join(
        [
            "",
            "The truth about every recording:",
            *lines,
            f"  {'verdict':24} {judgement(verdict, bound_s)} (no call wrong for over {bound_s:g} s)",
        ]
    )


def _spread(spread: Spread) -> str:
    if not spread.stretches:
        return "none"
    return f"p50 {spread.p50 * 1000:.0f} ms, p99 {spread.p99 * 1000:.0f} ms, worst {spread.worst * 1000:.0f} ms"
