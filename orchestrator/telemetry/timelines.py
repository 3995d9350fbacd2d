"""What happened to each call of one account, in order: its legs, the sections that covered it, what was asked for and
answered, what was seen, and what was done by hand.

Guarantees: it hangs beside the logic, keeps what it hears in mind and writes it a moment later; `MOST_CALLS` calls
are kept, with `MOST_ENTRIES` entries each (the first and the newest, `MOST_LEGS` of them of legs), and one that is
over for an hour at most, so memory is bounded; whether anything is missing is said.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from msgspec import Struct

from orchestrator.clock import Clock
from orchestrator.core.changes import Changes
from orchestrator.core.model import FeedState, Leg
from orchestrator.core.notices import (
    CallCovered,
    CallExposed,
    CallGone,
    CallMuted,
    CallOpen,
    CallUnmuted,
    CallVerified,
    MuteDoubted,
    MuteDrifted,
    MuteFailed,
    MuteForeign,
    MuteReaffirmed,
    Notice,
    SectionClosed,
)
from orchestrator.core.state import State
from orchestrator.engine.notices import AttemptMade, EdgeNotice, HandEnded, HandMuted, HandReleased
from orchestrator.telemetry.allowlist import presentable
from orchestrator.telemetry.lines import line

MOST_CALLS = 4_000
MOST_ENTRIES = 60
MOST_LEGS = 12
"""Of legs no more than these: a call that rings at a large group must not push out its own mute."""
KEEPS_GONE_S = 3_600.0
WRITE_AFTER_S = 0.002

LEG, SECTION, REQUEST, ANSWER = "leg", "section", "request", "answer"
EVIDENCE, HAND, STATE = "evidence", "hand", "state"

_KINDS: Mapping[type, str] = {
    CallCovered: SECTION,
    SectionClosed: SECTION,
    AttemptMade: ANSWER,
    MuteFailed: ANSWER,
    MuteReaffirmed: ANSWER,
    MuteDoubted: EVIDENCE,
    CallVerified: EVIDENCE,
    MuteDrifted: EVIDENCE,
    MuteForeign: EVIDENCE,
    HandMuted: HAND,
    HandReleased: HAND,
    HandEnded: HAND,
    CallMuted: STATE,
    CallUnmuted: STATE,
    CallExposed: STATE,
    CallOpen: STATE,
    CallGone: STATE,
}
"""Which notices stand in a timeline, and as what."""


class Entry(Struct, frozen=True, gc=False):
    """Nothing in it refers back to it, and there are tens of thousands: the garbage collector need not look."""

    at: float
    what: str
    event: str
    """As in docs/logs.md; of a leg `leg.came`, `leg.changed` or `leg.left`, of a request `api.asked`."""
    fields: Mapping[str, object]


@dataclass(slots=True)
class Timeline:
    began_at: float
    complete: bool
    """Whether it tells of the call from its beginning, and of all of it."""
    first: Entry | None = None
    newest: deque[Entry] = field(default_factory=deque)
    asked_at: float = 0.0

    def add(self, entry: Entry) -> None:
        if self.first is None:
            self.first = entry
            return
        legs = [place for place, kept in enumerate(self.newest) if kept.what == LEG] if entry.what == LEG else []
        if len(legs) == MOST_LEGS or len(self.newest) == MOST_ENTRIES - 1:
            self.complete = False
            del self.newest[legs[0] if legs else 0]
        self.newest.append(entry)

    def entries(self) -> list[Entry]:
        """In the order of time. A request is found with what led to it, and comes after it."""
        found = [self.first, *self.newest] if self.first else []
        return sorted(found, key=lambda entry: (entry.at, entry.what == REQUEST))


class Timelines:
    """An observer that also hears, by `heed`, of whatever changed."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._calls: dict[str, Timeline] = {}  # in the order in which they were first heard of
        self._gone: dict[str, float] = {}  # ivrid -> when it was over, in that order
        self._legs: dict[str, Mapping[str, Leg]] = {}  # by SIP id, as they were last written down
        self._heard: list[tuple[float, Changes | Notice | EdgeNotice]] = []
        self._in_sight = False  # whether the feed was synced when it was last looked

    def of(self, ivrid: str) -> Timeline | None:
        self.write()
        return self._calls.get(ivrid)

    def began_at(self, ivrid: str) -> float | None:
        """When the call was first heard of, where that is still known."""
        timeline = self._calls.get(ivrid)
        return None if timeline is None else timeline.began_at

    def heed(self, changes: Changes) -> None:
        if changes.extensions or changes.calls:
            self._keep(changes)

    def notice(self, notice: Notice | EdgeNotice) -> None:
        if type(notice) in _KINDS:
            self._keep(notice)

    def write(self) -> None:
        """Write down what waits."""
        heard, self._heard = self._heard, []
        for at, what in heard:
            if isinstance(what, Changes):
                self._write_changes(what, at)
            else:
                self._write_notice(what, at)
        self._in_sight = self._state.feed is FeedState.SYNCED

    def _keep(self, what: Changes | Notice | EdgeNotice) -> None:
        if not self._heard:
            asyncio.get_running_loop().call_later(WRITE_AFTER_S, self.write)
        self._heard.append((self._clock.now(), what))

    def _write_notice(self, notice: Notice | EdgeNotice, at: float) -> None:
        told = line(notice)
        fields = {name: presentable(value) for name, value in told.fields.items() if value is not None}
        for ivrid in _concerned(notice):
            self._of(ivrid, at).add(Entry(at, _KINDS[type(notice)], told.event.name, fields))

    def _write_changes(self, changes: Changes, at: float) -> None:
        for sip in changes.extensions:
            self._write_legs(sip, at)
        for ivrid in changes.calls:
            self._write_request(ivrid, at)

    def _write_legs(self, sip: str, at: float) -> None:
        before = self._legs.get(sip, {})
        extension = self._state.extensions.get(sip)
        after = extension.legs if extension else {}
        if after:
            self._legs[sip] = after
        else:
            self._legs.pop(sip, None)
        for ivrid, leg in after.items():
            was = before.get(ivrid)
            if was != leg:
                self._of(ivrid, at).add(_leg_entry(at, "leg.changed" if was else "leg.came", sip, leg))
        for ivrid, leg in before.items():
            if ivrid not in after:
                self._of(ivrid, at).add(_leg_entry(at, "leg.left", sip, leg))
                self._look_whether_gone(ivrid, at)

    def _write_request(self, ivrid: str, at: float) -> None:
        mute = self._state.mutes.get(ivrid)
        if mute is None:
            self._look_whether_gone(ivrid, at)
            return
        timeline = self._of(ivrid, at)
        if mute.in_flight and mute.asked_at != timeline.asked_at:
            timeline.asked_at = mute.asked_at
            timeline.add(Entry(mute.asked_at, REQUEST, "api.asked", {"ivrid": ivrid, "muted": mute.asked}))

    def _of(self, ivrid: str, at: float) -> Timeline:
        timeline = self._calls.get(ivrid)
        if timeline is None:
            self._make_room(at)
            timeline = self._calls[ivrid] = Timeline(at, complete=self._in_sight)
        self._gone.pop(ivrid, None)
        return timeline

    def _look_whether_gone(self, ivrid: str, at: float) -> None:
        call = self._state.calls.get(ivrid)
        if ivrid in self._calls and ivrid not in self._state.mutes and (call is None or not call.on):
            self._gone[ivrid] = at

    def _make_room(self, now: float) -> None:
        for ivrid in list(self._spent(now)):
            self._gone.pop(ivrid, None)
            del self._calls[ivrid]

    def _spent(self, now: float) -> Iterator[str]:
        """Those that are over for long; of too many, first those that are over, then the oldest."""
        room = MOST_CALLS - len(self._calls)
        for ivrid, gone_at in self._gone.items():
            if room > 0 and now < gone_at + KEEPS_GONE_S:
                return
            room += 1
            yield ivrid
        if room <= 0:
            yield next(iter(self._calls))


def _concerned(notice: object) -> tuple[str, ...]:
    """The calls that it tells of."""
    match notice:
        case SectionClosed(section):
            return tuple(section.calls)
        case HandEnded(calls=calls):
            return calls
    ivrid = getattr(notice, "ivrid", None)
    return () if ivrid is None else (ivrid,)


def _leg_entry(at: float, event: str, sip: str, leg: Leg) -> Entry:
    fields = {
        "extension": presentable(sip),
        "direction": leg.direction.value,
        "status": leg.status.value,
        "answered": leg.answered,
        "counts": leg.counts,
        "shown": leg.muted,
    }
    return Entry(at, LEG, event, fields)
