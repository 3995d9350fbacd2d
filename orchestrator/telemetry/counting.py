"""The observer that counts: each notice in the metrics it belongs to.

Guarantees: every kind of notice is decided on here, if only to be passed over (mypy proves it).
"""

from typing import assert_never

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
from orchestrator.telemetry.metrics import MESSAGE_RESULTS, Metrics

_SectionNotice = SectionOpened | SectionRenewed | SectionIgnored | SectionClosed
_CallNotice = CallCovered | CallMuted | CallUnmuted | CallExposed | CallGone | MuteForeign
_WatchNotice = CallOpen | CallVerified | MuteDrifted | ExtensionSet | ApiLost | PollingLost
_VoicenterNotice = AttemptMade | PollMade | LoginDone | LoginFailed | FeedLost | FeedEventRejected
_CrmNotice = CrmConnected | CrmLost | CrmGap | MessageTaken | MessageRejected
_StoreNotice = StoreLost | StoreSlow | StoreSkipped | StoreDropped

_ProcessNotice = OwnerTaken | OwnerLost | ClockStepped | AuditLost | AuditBack


class MetricsObserver:
    """`account` is None for what concerns the process."""

    def __init__(self, metrics: Metrics, account: str | None) -> None:
        self._metrics = metrics
        self._account = account or ""
        self._unheard: set[str] = set()  # sources of messages

    def notice(self, notice: Notice | EdgeNotice) -> None:
        match notice:
            case SectionOpened() | SectionRenewed() | SectionIgnored() | SectionClosed():
                self._section(notice)
            case CallCovered() | CallMuted() | CallUnmuted() | CallExposed() | CallGone() | MuteForeign():
                self._call(notice)
            case AttemptMade() | PollMade() | LoginDone() | LoginFailed() | FeedLost() | FeedEventRejected():
                self._voicenter(notice)
            case CrmConnected() | CrmLost() | CrmGap() | MessageTaken() | MessageRejected():
                self._crm(notice)
            case StoreLost() | StoreSlow() | StoreSkipped() | StoreDropped():
                self._store(notice)
            case CallOpen() | CallVerified() | MuteDrifted() | ExtensionSet() | ApiLost() | PollingLost():
                self._watch(notice)
            case OwnerTaken() | OwnerLost() | ClockStepped() | AuditLost() | AuditBack():
                self._process(notice)
            case RequestServed(route, method, status):
                self._metrics.http_requests.labels(route, method, f"{status // 100}xx").inc()
            case RequestRefused(why):
                self._metrics.http_refusals.labels(why).inc()
            case SectionExpiring() | FeedTurned() | MuteFailed() | MuteDoubted() | FeedConnected() | StoreBack():
                return  # seen in the gauges, or counted as an attempt
            case (
                MuteReaffirmed() | ApiBack() | PollingBack() | OwnerRefused() | OwnerReleased() | AuditDayClosed()
            ) | (HandMuted() | HandReleased() | HandEnded() | ConfigReloaded() | ConfigRejected()):
                return  # likewise; what is done by hand is counted by its effects
            case never:
                assert_never(never)

    def _section(self, notice: _SectionNotice) -> None:
        match notice:
            case SectionOpened():
                self._metrics.sections_started.labels(self._account).inc()
            case SectionRenewed():
                self._metrics.sections_renewed.labels(self._account).inc()
            case SectionIgnored():
                self._metrics.sections_ignored.labels(self._account).inc()
            case SectionClosed(_, cause):
                self._metrics.sections_ended.labels(self._account, cause.value).inc()
            case never:
                assert_never(never)

    def _call(self, notice: _CallNotice) -> None:
        match notice:
            case CallCovered():
                self._metrics.covered.labels(self._account).inc()
            case CallMuted(exposure_s=exposure_s):
                if exposure_s is not None:
                    self._metrics.exposure.labels(self._account).observe(exposure_s)
            case CallUnmuted(overmute_s=overmute_s):
                if overmute_s is not None:
                    self._metrics.overmute.labels(self._account).observe(overmute_s)
            case CallExposed(_, exposure_s):
                self._metrics.exposure.labels(self._account).observe(exposure_s)
                self._metrics.unprotected.labels(self._account).inc()
            case CallGone():
                self._metrics.gone.labels(self._account).inc()
            case MuteForeign():
                self._metrics.foreign.labels(self._account).inc()
            case never:
                assert_never(never)

    def _process(self, notice: _ProcessNotice) -> None:
        match notice:
            case OwnerTaken():
                self._metrics.owned.labels(self._account).set(1)
            case OwnerLost():
                self._metrics.owned.labels(self._account).set(0)
            case ClockStepped():
                self._metrics.clock_steps.inc()
            case AuditLost():
                self._metrics.audit_losses.inc()
                self._metrics.audit_up.set(0)
            case AuditBack():
                self._metrics.audit_up.set(1)
            case never:
                assert_never(never)

    def _watch(self, notice: _WatchNotice) -> None:
        match notice:
            case CallOpen():
                self._metrics.alarms.labels(self._account).inc()
            case CallVerified(muted=muted):
                self._metrics.verified.labels(self._account, "true" if muted else "false").inc()
            case MuteDrifted(shown=shown):
                self._metrics.drifted.labels(self._account, "muted" if shown else "open").inc()
            case ExtensionSet(muted=muted):
                self._metrics.blind.labels(self._account, "true" if muted else "false").inc()
            case ApiLost():
                self._metrics.api_losses.labels(self._account).inc()
            case PollingLost():
                self._metrics.polling_losses.labels(self._account).inc()
            case never:
                assert_never(never)

    def _voicenter(self, notice: _VoicenterNotice) -> None:
        match notice:
            case AttemptMade(_, _, muted, verdict, seconds):
                self._metrics.requests.labels(self._account).observe(seconds)
                self._metrics.attempts.labels(self._account, verdict.value, "true" if muted else "false").inc()
            case PollMade(ok=ok):
                self._metrics.polls.labels(self._account, "done" if ok else "failed").inc()
            case LoginDone():
                self._metrics.logins.labels(self._account, "done").inc()
            case LoginFailed(refused=refused):
                self._metrics.logins.labels(self._account, "refused" if refused else "failed").inc()
            case FeedLost():
                self._metrics.feed_losses.labels(self._account).inc()
            case FeedEventRejected():
                self._metrics.feed_rejected.labels(self._account).inc()
            case never:
                assert_never(never)

    def _crm(self, notice: _CrmNotice) -> None:
        match notice:
            case CrmConnected(source):
                self._unheard.discard(source)
                self._metrics.crm_connected.set(not self._unheard)
            case CrmLost(source):
                self._unheard.add(source)
                self._metrics.crm_connected.set(0)
            case CrmGap():
                self._metrics.crm_gaps.inc()
            case MessageTaken(_, kind, waited_s):
                self._metrics.crm_messages.labels(kind if kind in MESSAGE_RESULTS else "other").inc()
                if waited_s is not None:
                    self._metrics.crm_waits.observe(max(0.0, waited_s))
            case MessageRejected():
                self._metrics.crm_messages.labels("rejected").inc()
            case never:
                assert_never(never)

    def _store(self, notice: _StoreNotice) -> None:
        match notice:
            case StoreLost():
                self._metrics.store_losses.labels(self._account).inc()
            case StoreSlow():
                self._metrics.store_slow.labels(self._account).inc()
            case StoreSkipped():
                self._metrics.store_skipped.labels(self._account).inc()
            case StoreDropped(_, entries):
                self._metrics.store_dropped.labels(self._account).inc(entries)
            case never:
                assert_never(never)
