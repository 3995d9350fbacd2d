"""From a notice to a log line: which event it is, at which level, with which fields.

Guarantees: every kind of notice has its line (mypy proves it: a new kind does not pass), and the translation is
pure. Durations become whole milliseconds, or seconds to the hundredth.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from orchestrator.core.model import EndCause, FeedState, Section, target_fields
from orchestrator.core.notices import (
    ApiBack,
    ApiLost,
    CallCovered,
    CallExposed,
    CallGone,
    CallMuted,
    CallOpen,
    CallUnmuted,
    CallVerified,
    ExtensionSet,
    FeedTurned,
    MuteDoubted,
    MuteDrifted,
    MuteFailed,
    MuteForeign,
    MuteReaffirmed,
    Notice,
    PollingBack,
    PollingLost,
    SectionClosed,
    SectionExpiring,
    SectionIgnored,
    SectionOpened,
    SectionRenewed,
)
from orchestrator.engine.notices import (
    AttemptMade,
    AuditBack,
    AuditDayClosed,
    AuditLost,
    ClockStepped,
    ConfigRejected,
    ConfigReloaded,
    CrmConnected,
    CrmGap,
    CrmLost,
    EdgeNotice,
    FeedConnected,
    FeedEventRejected,
    FeedLost,
    HandEnded,
    HandMuted,
    HandReleased,
    LoginDone,
    LoginFailed,
    MessageRejected,
    MessageTaken,
    OwnerLost,
    OwnerRefused,
    OwnerReleased,
    OwnerTaken,
    PollMade,
    RequestRefused,
    RequestServed,
    StoreBack,
    StoreDropped,
    StoreLost,
    StoreSkipped,
    StoreSlow,
)
from orchestrator.telemetry import events
from orchestrator.telemetry.events import Event, Level

ATTEMPTS_THAT_ALARM = 5

Field = str | int | float | bool | None | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    event: Event
    fields: Mapping[str, Field] = field(default_factory=dict)
    """A field that is None is left out."""
    level: Level | None = None
    """Where it differs from the event's own."""


_SectionNotice = SectionOpened | SectionRenewed | SectionIgnored | SectionExpiring | SectionClosed
_CallNotice = CallCovered | CallMuted | CallUnmuted | CallExposed | CallGone | CallOpen | CallVerified
_MuteNotice = MuteForeign | MuteFailed | MuteDrifted | MuteReaffirmed | MuteDoubted | ExtensionSet | AttemptMade
_SightNotice = ApiLost | ApiBack | PollingLost | PollingBack | PollMade
_FeedNotice = FeedTurned | LoginDone | LoginFailed | FeedConnected | FeedLost | FeedEventRejected
_CrmNotice = CrmConnected | CrmLost | CrmGap | MessageTaken | MessageRejected
_StoreNotice = StoreLost | StoreBack | StoreSlow | StoreSkipped | StoreDropped
_HandNotice = HandMuted | HandReleased | HandEnded
_OwnerNotice = OwnerRefused | OwnerTaken | OwnerReleased | OwnerLost
_ProcessNotice = ConfigReloaded | ConfigRejected | ClockStepped | AuditLost | AuditBack | AuditDayClosed


def line(notice: Notice | EdgeNotice) -> Line:
    match notice:
        case SectionOpened() | SectionRenewed() | SectionIgnored() | SectionExpiring() | SectionClosed():
            return _section(notice)
        case CallCovered() | CallMuted() | CallUnmuted() | CallExposed() | CallGone() | CallOpen() | CallVerified():
            return _call(notice)
        case (
            MuteForeign()
            | MuteFailed()
            | MuteDrifted()
            | MuteReaffirmed()
            | MuteDoubted()
            | ExtensionSet()
            | AttemptMade()
        ):
            return _mute(notice)
        case ApiLost() | ApiBack() | PollingLost() | PollingBack() | PollMade():
            return _sight(notice)
        case FeedTurned() | LoginDone() | LoginFailed() | FeedConnected() | FeedLost() | FeedEventRejected():
            return _feed(notice)
        case CrmConnected() | CrmLost() | CrmGap() | MessageTaken() | MessageRejected():
            return _crm(notice)
        case StoreLost() | StoreBack() | StoreSlow() | StoreSkipped() | StoreDropped():
            return _store(notice)
        case OwnerRefused() | OwnerTaken() | OwnerReleased() | OwnerLost():
            return _owner(notice)
        case RequestServed() | RequestRefused():
            return _http(notice)
        case HandMuted() | HandReleased() | HandEnded():
            return _hand(notice)
        case ConfigReloaded() | ConfigRejected() | ClockStepped() | AuditLost() | AuditBack() | AuditDayClosed():
            return _process(notice)
        case never:
            assert_never(never)


def _process(notice: _ProcessNotice) -> Line:
    match notice:
        case ConfigReloaded(changed, needs_restart, policy):
            return _told(
                events.CONFIG_RELOADED,
                changed=changed or None,
                needs_restart=needs_restart or None,
                policy=policy,
            )
        case ConfigRejected(mistake):
            return _told(events.CONFIG_REJECTED, mistake=mistake)
        case ClockStepped(by_s):
            return _told(events.CLOCK_STEPPED, by_s=_s(by_s))
        case AuditLost(why):
            return _told(events.AUDIT_LOST, why=why)
        case AuditBack(after_s):
            return _told(events.AUDIT_BACK, after_s=_s(after_s))
        case AuditDayClosed(day, records, last_hash):
            return _told(events.AUDIT_DAY, day=day, records=records, last_hash=last_hash)
        case never:
            assert_never(never)


def _http(notice: RequestServed | RequestRefused) -> Line:
    match notice:
        case RequestServed(route, method, status):
            return _told(events.HTTP_REQUEST, route=route, method=method, status=status)
        case RequestRefused(why):
            return _told(events.HTTP_REFUSED, why=why)
        case never:
            assert_never(never)


def _hand(notice: _HandNotice) -> Line:
    whose: dict[str, Field] = {"by": notice.by, "why": notice.why, "ticket": notice.ticket}
    match notice:
        case HandMuted(ivrid, section_id):
            return _told(events.HAND_MUTED, ivrid=ivrid, section_id=section_id, **whose)
        case HandReleased(ivrid):
            return _told(events.HAND_RELEASED, ivrid=ivrid, **whose)
        case HandEnded(section_id, covered):
            return _told(events.HAND_ENDED, section_id=section_id, calls=covered, **whose)
        case never:
            assert_never(never)


def _told(event: Event, level: Level | None = None, /, **fields: Field) -> Line:
    return Line(event, fields, level)


def _section(notice: _SectionNotice) -> Line:
    match notice:
        case SectionOpened(section):
            return _told(events.SECTION_STARTED, max_s=_max_s(section), **_whose(section))
        case SectionRenewed(section):
            return _told(events.SECTION_RENEWED, max_s=_max_s(section), **_whose(section))
        case SectionIgnored(section_id, why):
            return _told(events.SECTION_IGNORED, section_id=section_id, why=why)
        case SectionExpiring(section, left_s):
            return _told(events.SECTION_EXPIRING, expires_in_s=_s(left_s), **_whose(section))
        case SectionClosed(section, cause, at):
            level = Level.WARNING if cause is EndCause.EXPIRED else None
            duration_s, calls = _s(at - section.started_at), tuple(section.calls)
            figures: dict[str, Field] = {"cause": cause.value, "duration_s": duration_s, "calls": calls}
            return _told(events.SECTION_ENDED, level, **_whose(section), **figures)
        case never:
            assert_never(never)


def _whose(section: Section) -> dict[str, str]:
    return {"section_id": section.section_id, **target_fields(section.target)}


def _max_s(section: Section) -> float:
    return _s(section.expires_at - section.renewed_at)


def _call(notice: _CallNotice) -> Line:
    match notice:
        case CallCovered(ivrid, section_id, sip, reason):
            return _told(events.CALL_COVERED, ivrid=ivrid, section_id=section_id, extension=sip, reason=reason.value)
        case CallMuted(ivrid, sections, exposure_s, attempts, action_id):
            return _told(
                events.CALL_MUTED,
                ivrid=ivrid,
                section_ids=tuple(sorted(sections)),
                exposure_ms=_ms(exposure_s),
                attempts=attempts,
                action_id=action_id or None,
            )
        case CallUnmuted(ivrid, overmute_s, attempts, action_id):
            overmute_ms, action = _ms(overmute_s), action_id or None
            return _told(
                events.CALL_UNMUTED, ivrid=ivrid, overmute_ms=overmute_ms, attempts=attempts, action_id=action
            )
        case CallExposed(ivrid, exposure_s):
            return _told(events.CALL_EXPOSED, ivrid=ivrid, exposure_ms=_ms(exposure_s))
        case CallGone(ivrid):
            return _told(events.CALL_GONE, ivrid=ivrid)
        case CallOpen(ivrid, sections, open_s, attempts, error):
            return _told(
                events.SECTION_EXPOSED,
                section_ids=tuple(sorted(sections)),
                ivrid=ivrid,
                open_ms=_ms(open_s),
                attempts=attempts,
                verdict=error or None,
            )
        case CallVerified(ivrid, muted, after_s):
            return _told(events.CALL_VERIFIED, ivrid=ivrid, muted=muted, after_s=_s(after_s))
        case never:
            assert_never(never)


def _mute(notice: _MuteNotice) -> Line:
    match notice:
        case MuteForeign(ivrid):
            return _told(events.MUTE_FOREIGN, ivrid=ivrid)
        case MuteFailed(ivrid, muted, verdict, detail, attempts, retry_in_s, open_s):
            return _told(
                events.MUTE_FAILED,
                Level.ERROR if attempts >= ATTEMPTS_THAT_ALARM else None,
                ivrid=ivrid,
                muted=muted,
                verdict=verdict.value,
                detail=detail or None,
                attempts=attempts,
                retry_in_s=_s(retry_in_s),
                open_ms=_ms(open_s),
            )
        case MuteDrifted(ivrid, shown, seen_s, drifts):
            return _told(events.MUTE_DRIFTED, ivrid=ivrid, shown=shown, seen_s=_s(seen_s), drifts=drifts)
        case MuteDoubted(ivrid):
            return _told(events.MUTE_DOUBTED, ivrid=ivrid)
        case MuteReaffirmed(ivrid, muted, action_id):
            return _told(events.MUTE_REAFFIRMED, ivrid=ivrid, muted=muted, action_id=action_id or None)
        case ExtensionSet(sip, muted, action_id):
            event = events.EXTENSION_MUTED if muted else events.EXTENSION_UNMUTED
            return _told(event, extension=sip, action_id=action_id or None)
        case AttemptMade(ivrid, sip, muted, verdict, seconds):
            whose: dict[str, Field] = {"ivrid": ivrid, "extension": sip, "muted": muted}
            return _told(events.API_ATTEMPT, **whose, verdict=verdict.value, duration_ms=_ms(seconds))
        case never:
            assert_never(never)


def _sight(notice: _SightNotice) -> Line:
    match notice:
        case ApiLost(verdict, detail, failures):
            return _told(events.API_DOWN, verdict=verdict.value, detail=detail or None, attempts=failures)
        case ApiBack(after_s, failures):
            return _told(events.API_BACK, after_s=_s(after_s), attempts=failures)
        case PollingLost(why, refused):
            return _told(events.POLLING_LOST, why=why, refused=refused)
        case PollingBack():
            return _told(events.POLLING_BACK)
        case PollMade(extension, ok, why, seconds):
            if ok:
                return _told(events.CALLS_POLLED, extension=extension, duration_ms=_ms(seconds))
            return _told(events.CALLS_POLL_FAILED, extension=extension, why=why, duration_ms=_ms(seconds))
        case never:
            assert_never(never)


def _feed(notice: _FeedNotice) -> Line:
    match notice:
        case FeedTurned(feed, extensions, calls):
            return _told(_FEED[feed], extensions=extensions, calls=calls)
        case LoginDone(refreshed, servers, expires_in_s):
            expires = None if expires_in_s is None else _s(expires_in_s)
            return _told(events.LOGIN_DONE, refreshed=refreshed, servers=servers, expires_in_s=expires)
        case LoginFailed(why, refused, retry_in_s):
            level = Level.ERROR if refused else None
            return _told(events.LOGIN_FAILED, level, why=why, refused=refused, retry_in_s=_s(retry_in_s))
        case FeedConnected(server, engineio):
            return _told(events.FEED_CONNECTED, server=server, engineio=engineio)
        case FeedLost(server, why, retry_in_s):
            return _told(events.FEED_LOST, server=server, why=why, retry_in_s=_s(retry_in_s))
        case FeedEventRejected(name, why):
            return _told(events.FEED_EVENT_REJECTED, name=name, why=why)
        case never:
            assert_never(never)


_FEED: Mapping[FeedState, Event] = {
    FeedState.DOWN: events.FEED_DOWN,
    FeedState.SYNCING: events.FEED_SYNCING,
    FeedState.SYNCED: events.FEED_SYNCED,
    FeedState.STALE: events.FEED_STALE,
}


def _crm(notice: _CrmNotice) -> Line:
    match notice:
        case CrmConnected(source):
            return _told(events.CRM_CONNECTED, source=source)
        case CrmLost(source, why, retry_in_s):
            return _told(events.CRM_LOST, source=source, why=why, retry_in_s=_s(retry_in_s))
        case CrmGap(source, for_s):
            return _told(events.CRM_GAP, source=source, for_s=_s(for_s))
        case MessageTaken(source, kind, waited_s):
            return _told(
                events.CRM_MESSAGE_TAKEN,
                source=source,
                kind=kind,
                waited_s=None if waited_s is None else _s(waited_s),
            )
        case MessageRejected(source, why):
            return _told(events.CRM_MESSAGE_REJECTED, source=source, why=why)
        case never:
            assert_never(never)


def _store(notice: _StoreNotice) -> Line:
    match notice:
        case StoreLost(why):
            return _told(events.STORE_LOST, why=why)
        case StoreBack(after_s):
            return _told(events.STORE_BACK, after_s=_s(after_s))
        case StoreSlow(waited_s):
            return _told(events.STORE_SLOW, waited_s=_s(waited_s))
        case StoreSkipped(key, name, why):
            return _told(events.STORE_SKIPPED, key=key, field=name, why=why)
        case StoreDropped(key, entries):
            return _told(events.STORE_DROPPED, key=key, entries=entries)
        case never:
            assert_never(never)


def _owner(notice: _OwnerNotice) -> Line:
    match notice:
        case OwnerRefused(why):
            return _told(events.OWNER_REFUSED, why=why)
        case OwnerTaken(token, waited_s, shifted_s):
            return _told(events.OWNER_TAKEN, token=token, waited_s=_s(waited_s), shifted_s=_s(shifted_s) or None)
        case OwnerReleased():
            return _told(events.OWNER_RELEASED)
        case OwnerLost(why):
            return _told(events.OWNER_LOST, why=why)
        case never:
            assert_never(never)


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _s(seconds: float) -> float:
    return round(seconds, 2)
