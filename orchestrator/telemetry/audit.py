"""The observer that keeps an audit: what was done about sections and calls, as entries for a store.

Guarantees: an entry has `at` (epoch seconds of the process clock), `event` and catalogued fields, nothing else.
"""

from collections.abc import Callable, Mapping

from orchestrator.clock import Clock
from orchestrator.core.notices import Notice
from orchestrator.engine.notices import EdgeNotice
from orchestrator.telemetry import events
from orchestrator.telemetry.lines import Field, line

AUDITED = frozenset(
    {
        events.SECTION_STARTED,
        events.SECTION_RENEWED,
        events.SECTION_IGNORED,
        events.SECTION_ENDED,
        events.CALL_COVERED,
        events.CALL_MUTED,
        events.CALL_UNMUTED,
        events.CALL_EXPOSED,
        events.CALL_GONE,
        events.MUTE_FOREIGN,
        events.MUTE_FAILED,
        events.API_ATTEMPT,
        events.HAND_MUTED,
        events.HAND_RELEASED,
        events.HAND_ENDED,
        events.FEED_SYNCED,
        events.FEED_STALE,
        events.FEED_DOWN,
        events.SECTION_EXPIRING,
        events.SECTION_EXPOSED,
        events.MUTE_DRIFTED,
        events.MUTE_REAFFIRMED,
        events.MUTE_DOUBTED,
        events.CALL_VERIFIED,
        events.EXTENSION_MUTED,
        events.EXTENSION_UNMUTED,
        events.API_DOWN,
        events.API_BACK,
        events.POLLING_LOST,
        events.POLLING_BACK,
        events.CRM_GAP,
        events.OWNER_TAKEN,
        events.OWNER_RELEASED,
        events.OWNER_LOST,
    }
)
"""What stands in Redis."""

KEPT = AUDITED | {
    events.FEED_SYNCING,
    events.LOGIN_FAILED,
    events.CRM_CONNECTED,
    events.CRM_LOST,
    events.STORE_LOST,
    events.STORE_BACK,
    events.STORE_SLOW,
    events.STORE_SKIPPED,
    events.STORE_DROPPED,
    events.CLOCK_STEPPED,
    events.CONFIG_RELOADED,
}
"""What is kept in files: also what Redis cannot be told while it is away, and how the edges do."""


class AuditObserver:
    def __init__(self, record: Callable[[Mapping[str, str | int | float]], None], clock: Clock) -> None:
        self._record = record
        self._clock = clock

    def notice(self, notice: Notice | EdgeNotice) -> None:
        told = line(notice)
        if told.event in AUDITED:
            fields = {name: _flat(value) for name, value in told.fields.items() if value is not None}
            self._record({"at": round(self._clock.now(), 3), "event": told.event.name, **fields})


def _flat(value: Field) -> str | int | float:
    match value:
        case tuple():
            return ",".join(value)
        case bool() | None:
            return str(value).lower()
        case _:
            return value
