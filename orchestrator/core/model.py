"""The words of the domain as types: extensions, legs, calls, sections.

All values are frozen, and none is part of a cycle: the garbage collector need not look at them (`gc=False`), so that
it does not hold the loop up where there are many. Times are epoch seconds of our own clock (`_s` durations are
seconds): the vendor's `servertime` is never compared with them (its account clock is off by whole minutes and lags by
seconds).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import assert_never

from msgspec import Struct, field


class FeedState(StrEnum):
    """How far the real-time feed can be believed."""

    DOWN = "down"
    SYNCING = "syncing"
    SYNCED = "synced"
    STALE = "stale"


class Direction(StrEnum):
    INCOMING = "Incoming"
    OUTGOING = "Outgoing"
    CLICK2CALL = "Click2Call"
    SPY = "Spy"
    OTHER = "Other"


class LegStatus(StrEnum):
    RINGING = "Ringing"
    DIALING = "Dialing"
    TALKING = "Talking"
    HOLD = "Hold"
    OTHER = "Other"


class Leg(Struct, frozen=True, gc=False):
    """A call as one extension sees it."""

    ivrid: str
    direction: Direction
    status: LegStatus
    answered: bool
    muted: bool | None = None
    """`recording.IsMuted` as the feed showed it; None where it said nothing."""
    related: tuple[str, ...] = ()
    """`relatedIvrUniqueIDs`: the other calls of a Click2Call or a transfer."""

    @property
    def counts(self) -> bool:
        """Whether the call is this extension's: answered here, or placed by it (from the first dialling).

        A leg that merely rings in may be a colleague's a second later. Voicenter shows some legs as Talking
        with `answered` 0 for the whole length of the call, so the status is believed as well as the flag.
        """
        return (
            self.answered
            or self.status in (LegStatus.TALKING, LegStatus.HOLD)
            or self.direction in (Direction.OUTGOING, Direction.CLICK2CALL)
        )


class Extension(Struct, frozen=True, gc=False):
    """A SIP id with who works there and the calls it sees now."""

    sip: str
    user_id: str | None = None
    """Whose extension it is."""
    online_user_id: str | None = None
    """Who is signed in there now; None for nobody."""
    legs: Mapping[str, Leg] = field(default_factory=dict)


class Call(Struct, frozen=True, gc=False):
    """What the legs of all extensions say together about one `ivrid`."""

    on: frozenset[str] = frozenset()
    """The extensions that see it now. Empty does not mean over: it may wait in a queue or be in transfer."""
    muted: bool | None = None
    """Last `IsMuted` seen while no mute of ours could have caused it."""
    seen_at: float = 0.0
    """The moment that the latest `IsMuted` speaks of: what is older says nothing."""
    began_at: float | None = None
    """Its begin by our clock, as far as the feed told it; nothing is decided by it."""
    agreed_at: float = 0.0
    """The latest moment at which it was seen as was confirmed; nothing is decided by it."""


class OnExtension(Struct, frozen=True):
    sip: str


class OnUser(Struct, frozen=True):
    user_id: str


class OnCall(Struct, frozen=True):
    ivrid: str


Target = OnExtension | OnUser | OnCall


def target_fields(target: Target) -> dict[str, str]:
    """The target as the one field that names it: in messages, documents, logs and Redis alike."""
    match target:
        case OnExtension(sip):
            return {"extension": sip}
        case OnUser(user_id):
            return {"user_id": user_id}
        case OnCall(ivrid):
            return {"ivrid": ivrid}
        case never:
            assert_never(never)


class CoverReason(StrEnum):
    """Why a section covers a call."""

    LEG = "leg"  # a leg that counts, on the section's extension
    RELATED = "related"  # named as related by a leg of a call that is covered for its leg, or names a covered one
    TARGET = "target"  # the section names the call itself


class Cover(Struct, frozen=True, gc=False):
    since: float
    reason: CoverReason
    sip: str | None
    """The extension that brought the call under the section; None when the section names the call."""
    exposed_before_s: float = 0.0
    """How long the call had been exposed when this cover began: other sections answer for that."""


class Section(Struct, frozen=True, gc=False):
    """A sensitive section, from `started` to `ended`, as the CRM says."""

    section_id: str
    target: Target
    started_at: float
    renewed_at: float
    """When the last `started` happened: its `occurred_at`, or its arrival where that is earlier or missing."""
    expires_at: float
    reason: str | None = None
    messages: tuple[str, ...] = ()
    """Ids of the last `started` messages taken, oldest first: a copy changes nothing."""
    calls: Mapping[str, Cover] = field(default_factory=dict)
    """Every call it covers or covered: once covered, covered until the section ends."""
    idle_since: float | None = None
    """Since when its extension has had no call, after there was one."""
    warned: bool = False
    """Whether the notice of its coming expiry went out."""


class EndCause(StrEnum):
    MESSAGE = "message"
    OPERATOR = "operator"
    EXPIRED = "expired"
    IDLE = "idle"

    @property
    def final(self) -> bool:
        """Whether a later `started` of the same id stays without effect."""
        return self in (EndCause.MESSAGE, EndCause.OPERATOR)


class EndedSection(Struct, frozen=True, gc=False):
    """What is kept of a section that ended, so that a late or repeated message does not revive it."""

    at: float
    cause: EndCause
    renewed_at: float | None = None
    messages: tuple[str, ...] = ()
