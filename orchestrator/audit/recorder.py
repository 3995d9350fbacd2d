"""The observer that hands each notice to the journal, and makes exposure records of what was open.

Guarantees: a record has catalogued fields only, each as a log line would have it; every end of an exposure that the
core tells of (the mute was confirmed, the cover ended, the call was over) is one `exposure` record, with from and to
in UTC and, where the call's begin is known, in seconds from there: the part to delete. An over-mute that no answer
ended, because the call was covered again or over before, is one `overmute` record.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.audit.journal import Journal
from orchestrator.audit.records import Draft, Value, ms, utc
from orchestrator.clock import Clock
from orchestrator.core import mutes
from orchestrator.core.model import FeedState
from orchestrator.core.notices import (
    ApiBack,
    ApiLost,
    CallCovered,
    CallExposed,
    CallGone,
    CallMuted,
    CallUnmuted,
    FeedTurned,
    MuteDrifted,
    Notice,
    SectionClosed,
)
from orchestrator.core.standing import Stage
from orchestrator.core.state import State
from orchestrator.engine.notices import (
    EdgeNotice,
    FeedEventRejected,
    MessageRejected,
    MessageTaken,
    PollMade,
    RequestRefused,
    RequestServed,
)
from orchestrator.telemetry.allowlist import presentable
from orchestrator.telemetry.audit import KEPT
from orchestrator.telemetry.lines import Field, line

EXPOSURE, OVERMUTE = "exposure", "overmute"
_MUTED = (Stage.CONFIRMED, Stage.VERIFIED)
_API, _FEED = "api_down", "feed_blind"
_NEVER = float("-inf")

REMEMBERED = 20_000
"""Most calls of which something is kept between their notices."""


Looks = tuple[float | None, bool | None]
"""When a call began, and whether it was answered anywhere; None: not known."""


@dataclass(frozen=True, slots=True)
class Left:
    """A muted call that nothing covers any more, since its section ended."""

    ivrid: str
    shown: bool
    """Whether an extension still had it up: else it may be over, and no recording runs."""


PASSED_OVER = (PollMade, MessageTaken, MessageRejected, FeedEventRejected, RequestServed, RequestRefused)
"""Notices that come in storms and prove nothing: they must not take the room of others."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Seen open, although it was confirmed as muted."""

    muted_until: float
    """When it was last known to be muted: it has been open since some moment after that."""
    covered_at: float
    seen_at: float


@dataclass(slots=True)
class Known:
    """What notices told of a call so far."""

    sections: tuple[str, ...] = ()
    extension: str | None = None
    covered_at: float | None = None
    """Since when sections cover it, as far as this process was told."""
    drift: Drift | None = None
    began_at: float | None = None
    answered: bool | None = None
    left_at: float | None = None
    """Since when nothing covers it although it is muted."""
    left_shown: bool = False
    """Whether it was up at that moment, as far as the feed told."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """A notice on its way to the journal's thread, where its records are made."""

    recorder: "Recorder"
    notice: Notice | EdgeNotice
    at: float
    looks: Looks
    left: tuple["Left", ...]

    def drafts(self) -> list[Draft]:
        return self.recorder.records(self.notice, self.at, self.looks, self.left)


class Recorder:
    """`look` tells of a call, by ivrid, when it began and whether it was answered, as far as is known;
    `leaving`, which muted calls a section leaves that has ended."""

    def __init__(
        self,
        journal: Journal,
        account: str | None,
        clock: Clock,
        look: Callable[[str], Looks] = lambda _: (None, None),
        leaving: Callable[[SectionClosed], tuple[Left, ...]] = lambda _: (),
    ) -> None:
        self._journal = journal
        self._account = account
        self._clock = clock
        self._look = look
        self._leaving = leaving
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._sick: dict[str, float] = {_API: _NEVER, _FEED: _NEVER}
        """What hinders us -> until when it did; while it does, for ever."""
        self._began_at = clock.now()

    def notice(self, notice: Notice | EdgeNotice) -> None:
        if not isinstance(notice, PASSED_OVER):
            ivrid = getattr(notice, "ivrid", None)
            looks = self._look(ivrid) if isinstance(ivrid, str) else (None, None)
            left = self._leaving(notice) if isinstance(notice, SectionClosed) else ()
            self._journal.append(Noticed(self, notice, self._clock.now(), looks, left))

    def records(
        self, notice: Notice | EdgeNotice, now: float, looks: Looks, left: tuple[Left, ...] = ()
    ) -> list[Draft]:
        """What is to be written of a notice, as it was when it came."""
        self._heed(notice, now)
        for call in left:
            known = self._remember(call.ivrid)
            known.left_at, known.left_shown, known.covered_at = now, call.shown, None
        told = line(notice)
        if told.event not in KEPT:
            return []
        fields = {name: _value(value) for name, value in told.fields.items() if value is not None}
        ivrid = told.fields.get("ivrid")
        if isinstance(ivrid, str):
            known = self._learn(ivrid, notice, now, looks)
            if known.began_at is not None:
                fields["offset_s"] = round(now - known.began_at, 3)
        record = Draft(now, told.event.name, self._account, fields)
        over_mute, exposure = self._over_mute(notice, now), self._exposure(notice, now)
        return [record, *(each for each in (over_mute, exposure) if each is not None)]

    def _heed(self, notice: Notice | EdgeNotice, now: float) -> None:
        match notice:
            case ApiLost():
                self._sick[_API] = float("inf")
            case ApiBack():
                self._sick[_API] = now
            case FeedTurned(feed):
                self._sick[_FEED] = now if feed is FeedState.SYNCED else float("inf")

    def _remember(self, ivrid: str) -> Known:
        known = self._known.get(ivrid) or Known()
        self._known[ivrid] = known
        self._known.move_to_end(ivrid)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return known

    def _learn(self, ivrid: str, notice: Notice | EdgeNotice, now: float, looks: Looks) -> Known:
        known = self._remember(ivrid)
        began_at, answered = looks
        known.began_at = known.began_at if began_at is None else began_at
        known.answered = known.answered if answered is None else answered
        match notice:
            case CallCovered(_, section_id, sip):
                known.sections = (*known.sections[-9:], section_id)
                known.extension = sip or known.extension
                known.covered_at = now if known.covered_at is None else known.covered_at
                if known.left_at is not None:  # it was open before, and nothing covered it
                    known.drift = None
            case MuteDrifted(shown=False, seen_s=seen_s, known_s=known_s) if known.left_at is None:
                known.drift = Drift(now - known_s, known.covered_at or _NEVER, now - seen_s)
        return known

    def _over_mute(self, notice: Notice | EdgeNotice, now: float) -> Draft | None:
        """One that `call.unmuted` does not tell of."""
        match notice:
            case CallCovered(ivrid):
                return self._over_muted(ivrid, now, "covered_again")
            case CallGone(ivrid):
                return self._over_muted(ivrid, now, "call_over")
            case CallMuted(ivrid, exposure_s=None):  # the section had ended before the answer came
                self._known[ivrid].left_at, self._known[ivrid].left_shown = now, True
            case CallUnmuted(ivrid):
                self._known[ivrid].left_at = None
        return None

    def _over_muted(self, ivrid: str, now: float, ended_by: str) -> Draft | None:
        known = self._known[ivrid]
        began, known.left_at = known.left_at, None
        if began is None:
            return None
        fields = {"ivrid": _value(ivrid)} | self._times(known, began, now)
        fields |= {"overmute_ms": ms(now - began), "ended_by": ended_by}
        if not known.left_shown:
            fields["perhaps_over"] = True
        return Draft(now, OVERMUTE, self._account, fields)

    def _times(self, known: Known, began: float, now: float) -> dict[str, Value]:
        fields: dict[str, Value] = {} if known.extension is None else {"extension": _value(known.extension)}
        fields |= {"from": utc(began), "to": utc(now)}
        if known.began_at is not None:
            fields["from_offset_s"] = round(max(0.0, began - known.began_at), 3)
            fields["to_offset_s"] = round(max(0.0, now - known.began_at), 3)
        return fields

    def _exposure(self, notice: Notice | EdgeNotice, now: float) -> Draft | None:
        match notice:
            case CallMuted(ivrid, sections, exposure_s, attempts):
                covering = tuple(sorted(sections))
                ended = (
                    None if exposure_s is None else self._exposed(ivrid, exposure_s, now, "muted", covering, attempts)
                )
                known = self._known[ivrid]
                known.drift, known.sections = None, ()
                return ended
            case CallExposed(ivrid, exposure_s):
                ended = self._exposed(ivrid, exposure_s, now, "cover_ended", (), 0)
                known = self._known[ivrid]
                known.drift, known.covered_at, known.sections = None, None, ()
                return ended
            case CallGone(ivrid, exposure_s):
                ended = None if exposure_s is None else self._exposed(ivrid, exposure_s, now, "call_over", (), 0)
                self._known.pop(ivrid, None)
                return ended
            case _:
                return None

    def _exposed(
        self, ivrid: str, exposure_s: float, now: float, ended_by: str, sections: tuple[str, ...], attempts: int
    ) -> Draft:
        known = self._known[ivrid]
        began, drift, fields = now - exposure_s, known.drift, dict[str, Value]()
        if drift is not None:  # all that may be on record
            began = min(began, max(drift.muted_until, drift.covered_at))
        fields["ivrid"] = _value(ivrid)
        fields["section_ids"] = _value(sections or known.sections)
        fields |= self._times(known, began, now) | {"exposure_ms": ms(now - began)}
        if drift is not None:
            fields |= {"muted_until": utc(drift.muted_until), "seen_at": utc(drift.seen_at)}
        fields["cause"] = self._cause(known, began, ended_by, attempts)
        fields["ended_by"] = ended_by
        if known.answered is not None:
            fields["answered"] = known.answered
        return Draft(now, EXPOSURE, self._account, fields)

    def _cause(self, known: Known, began: float, ended_by: str, attempts: int) -> str:
        """Why the recording ran for that long."""
        if known.drift is not None:
            return "drift"
        if began < self._began_at:
            return "daemon_down"
        hindered = [what for what, until in self._sick.items() if until > began]
        if hindered:
            return hindered[0]
        if attempts > 1:
            return "failed_requests"
        return "request" if ended_by == "muted" else "not_confirmed"


def look_in(state: State) -> Callable[[str], Looks]:
    """When a call began, and whether it was answered anywhere."""

    def look(ivrid: str) -> Looks:
        call = state.calls.get(ivrid)
        if call is None:
            return None, None
        legs = [state.extensions[sip].legs.get(ivrid) for sip in call.on if sip in state.extensions]
        seen = [leg.answered for leg in legs if leg is not None]
        return call.began_at, any(seen) if seen else None

    return look


def left_in(state: State) -> Callable[[SectionClosed], tuple[Left, ...]]:
    """Which muted calls a section leaves that has ended."""

    def leaving(closed: SectionClosed) -> tuple[Left, ...]:
        muted = [call.ivrid for call in closed.calls if call.stage in _MUTED and call.ivrid not in state.covering]
        return tuple(Left(ivrid, mutes.seen(state, ivrid)) for ivrid in muted)

    return leaving


def _value(field: Field) -> Value:
    shown = presentable(field)
    if isinstance(shown, str | int | float | bool):
        return shown
    return [str(each) for each in shown] if isinstance(shown, list) else ""
