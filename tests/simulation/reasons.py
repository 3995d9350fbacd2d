"""Whether what the audit says of a story has its reason in what was: offsets, causes, gaps.

Guarantees: an offset counts from the begin of a leg of its call, to what the feed can know; an exposure has the cause
of a fault that was in force, and none that was not; a gap has a fault behind it and ends soon after that, and a fault
that nobody can work through has its gap. What two faults at once may have done is left open.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from orchestrator.audit.figures import Exposure
from orchestrator.audit.gaps import BLIND, DOWN, SILENT, WAITS
from orchestrator.audit.records import epoch_s
from orchestrator.audit.report import LATER
from tests.simulation.loop import WorldClock
from tests.simulation.spans import Span, both, minus

if TYPE_CHECKING:
    from tests.simulation.faults import Fault
    from tests.simulation.proof import Case
    from tests.simulation.world import World

TOLD_TO_S = 2.0
"""The feed tells a begin, and its own time, in whole seconds."""
SOON_S = 1.0
"""From a fault to its gap: by then it is noticed."""
WRITTEN_S = 2.5
"""What was told in the last moments before a kill is not written; the head is, every 2 s."""
BACK_S = 15.0
"""From a fault's end to that of its gap: the longest backoff of whoever connects anew, and what that takes."""
FEED_BACK_S = 33.0
"""Likewise, of a feed that was lost again as soon as it was there: it is tried every 30 s at most."""
STOPS_S = 5.0
"""At the end of a story all processes are asked to stop."""
REFUSED_S = 65.0
"""Credentials that were refused are tried again only after a minute."""
PROCESS = ("killed", "restarted", "frozen", "second_started")
UNDECLARED = (DOWN, "process stood still", WAITS)
"""Gaps in which nobody looked: whatever happens then is declared by them."""

UNVERIFIED = "mutes not verified"
_LEASE = ("redis", *PROCESS)
"""Faults that may end a process: who cannot keep its lease stops."""
_BEHIND: dict[str, tuple[str, ...]] = {
    BLIND: ("feed", "login", *_LEASE),
    UNVERIFIED: ("polls", *_LEASE),
    "mute API down": ("api",),
    "Redis away": ("redis",),
    "CRM not heard": _LEASE,
    "mute in doubt": ("api", *PROCESS),
    DOWN: _LEASE,
    SILENT: ("killed",),
}
"""By gap: the faults that may be behind it. No fault of a story explains damage."""
_MAY_BE = "CRM messages may be missed"
"""It claims nothing."""
_SHUT = {
    "feed_cut": BLIND,
    "feed_refused": BLIND,
    "login_refused": BLIND,
    "login_away": BLIND,
    "redis_away": "Redis away",
    "killed": DOWN,
    "frozen": "process stood still",
}
"""Faults that nobody can work through, and the gap that each must have."""
_NOTICED_S = {"redis_away": 3.0, "frozen": 8.0}
"""What is shorter than that may pass unnoticed."""
_CAUSED: dict[str, tuple[str, ...]] = {
    "api_down": ("api",),
    "failed_requests": ("api",),
    "feed_blind": ("feed", "login", *_LEASE),
    "daemon_down": _LEASE,
    "drift": ("api", *_LEASE),  # or it ended while nobody looked, and came back by a redial
}


def unreasonable(case: "Case", world: "World") -> Iterator[str]:
    yield from _misplaced(case, world)
    for ivrid, exposures in case.exposed.items():
        for each in exposures:
            if why := _miscaused(case, ivrid, each):
                yield f"cause {each.cause}: {ivrid} from {_at(each.at)} to {_at(each.until)}: {why}"
    yield from _groundless(case)
    yield from _undeclared(case)


def _misplaced(case: "Case", world: "World") -> Iterator[str]:
    """Where it says in the call that something was."""
    frozen_s = max((fault.lasts_s for fault in case.script.faults if fault.kind == "frozen"), default=0.0)
    for record in (record for folder in world.archive.folders for record in folder.records):
        fields = record.fields
        for name, moment in (
            ("offset_s", record.at),
            ("from_offset_s", fields.get("from")),
            ("to_offset_s", fields.get("to")),
        ):
            if fields.get(name, 0.0) <= 0.0:  # before the call was up, it may have been covered
                continue
            began_at = (moment if isinstance(moment, float) else epoch_s(str(moment))) - fields[name]
            legs = world.legs_began[fields["ivrid"]]
            # Whoever stood still reads late what was told, and takes it for news.
            if not any(abs(began_at - leg) <= TOLD_TO_S + frozen_s for leg in legs):
                yield f"{name} of {record.event}: {fields['ivrid']} at {_at(record.at)} counts from {_at(began_at)}"


def _miscaused(case: "Case", ivrid: str, exposure: Exposure) -> str | None:
    span, cause = (exposure.at, exposure.until), exposure.cause
    if (cause == "drift") is (exposure.seen_at is None):
        return "a drift is seen"
    if cause in ("request", "failed_requests") and exposure.ended_by in ("cover_ended", "unknown"):
        return "no request ended it"
    if cause == "not_confirmed" and exposure.ended_by == "muted":
        return "it was confirmed"
    behind = case.faulty(*_CAUSED.get(cause, ()), after_s=REFUSED_S if cause == "feed_blind" else BACK_S)
    unknown = minus([span], case.witness.alive[ivrid])  # Voicenter does not know it, not yet or not any more
    written = (exposure.at, exposure.until + WRITTEN_S)
    explained = both([written], [*behind, _starts()]) or (cause == "failed_requests" and unknown)
    if cause in _CAUSED and not explained:
        return "no fault was in force"
    if both([span], case.faulty(*_LEASE, after_s=BACK_S)):
        return None
    for kind, others in (("api_down", ("api_down", "failed_requests")), ("feed_refused", ("feed_blind", "api_down"))):
        if cause not in (*others, "drift", "not_confirmed") and _inside(case, kind, exposure.at):
            return f"{kind} was in force"
    return None


def _inside(case: "Case", kind: str, at: float) -> bool:
    """Whether such a fault was in force at this moment, and some time before and after."""
    return any(
        since + SOON_S <= at <= until - SOON_S
        for fault, (since, until) in case.in_force()
        if fault.kind == kind and (kind != "feed_refused" or _all_refuse(fault))
    )


def _groundless(case: "Case") -> Iterator[str]:
    claimed = [(kind, span) for kind, span, note in case.gaps if kind not in (_MAY_BE, *UNDECLARED) and note != LATER]
    # Of two processes one may be down or wait: that is a gap of its own folder alone.
    covered = [span for spans in case.told.values() for span in spans]
    for kind, span in (*claimed, *((DOWN, span) for span in case.nobody)):
        name = kind.split(" (")[0]
        back_s = FEED_BACK_S if name == BLIND else BACK_S
        known = case.faulty(*_BEHIND[name], after_s=back_s) if name in _BEHIND else []
        known = [(since - WRITTEN_S, until) for since, until in known]
        if name in (BLIND, UNVERIFIED):
            known += case.faulty("login_refused", "polls_refused", after_s=REFUSED_S)
        if name == SILENT:  # nothing was to be told for a minute, and then it was killed
            known = [(since - 60.0, until) for since, until in known]
        # What nothing asks for is not polled, so that polls work again is not seen:
        claims = both([span], covered) if name == UNVERIFIED else [span]
        for since, until in minus(claims, [*known, _starts(), (case.ends_at - STOPS_S, case.ends_at)]):
            yield f"gap without a fault: {kind} from {_at(since)} to {_at(until)}"


def _undeclared(case: "Case") -> Iterator[str]:
    nobody = case.nobody
    process = [fault for fault in case.script.faults if fault.kind in PROCESS]
    for fault, (since, until) in case.in_force():
        gap, noticed_at = _SHUT.get(fault.kind), since + _NOTICED_S.get(fault.kind, SOON_S)
        if gap is None or (fault.kind in PROCESS and len(process) > 1):  # whom it hit is open
            continue
        known = nobody + case.gap([gap])
        if fault.kind == "feed_cut" or (fault.kind == "feed_refused" and not _all_refuse(fault)):
            missing = [] if both([(since, noticed_at)], known) else [(since, noticed_at)]
        else:
            missing = minus([(noticed_at, until)], known) if noticed_at < until else []
        for begin, end in missing:
            yield f"fault without its gap: {fault.kind} from {_at(begin)} to {_at(end)}"


def _all_refuse(fault: "Fault") -> bool:
    """Whether both servers of the feed do; with one of them a client is back at once."""
    return fault.dice < 0.6


def _starts() -> Span:
    """The story's first second: a process is blind until its first snapshot."""
    return WorldClock.START - 1.0, WorldClock.START + SOON_S


def _at(moment: float) -> str:
    return f"{moment - WorldClock.START:.3f}"
