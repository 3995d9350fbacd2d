"""The words of the domain as types: extensions, legs, calls, sections, mutes.

All values are frozen; the one thing that changes is `State`, the working memory of one account, and only
`fold` changes it. Times are epoch seconds of our own clock (`_s` durations are seconds): the vendor's
`servertime` is never compared with them (its account clock is off by whole minutes and lags by seconds).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


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


@dataclass(frozen=True, slots=True)
class Leg:
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


@dataclass(frozen=True, slots=True)
class Extension:
    """A SIP id with who works there and the calls it sees now."""

    sip: str
    user_id: str | None = None
    """Whose extension it is."""
    online_user_id: str | None = None
    """Who is signed in there now; None for nobody."""
    legs: Mapping[str, Leg] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """What the legs of all extensions say together about one `ivrid`."""

    on: frozenset[str] = frozenset()
    """The extensions that see it now. Empty does not mean over: it may wait in a queue or be in transfer."""
    muted: bool | None = None
    """Last `IsMuted` seen while no mute of ours could have caused it."""


@dataclass(frozen=True, slots=True)
class OnExtension:
    sip: str


@dataclass(frozen=True, slots=True)
class OnUser:
    user_id: str


@dataclass(frozen=True, slots=True)
class OnCall:
    ivrid: str


Target = OnExtension | OnUser | OnCall


class CoverReason(StrEnum):
    """Why a section covers a call."""

    LEG = "leg"  # a leg that counts, on the section's extension
    RELATED = "related"  # named as related by a leg of a call that is covered for its leg
    TARGET = "target"  # the section names the call itself


@dataclass(frozen=True, slots=True)
class Cover:
    since: float
    reason: CoverReason
    sip: str | None
    """The extension that brought the call under the section; None when the section names the call."""


@dataclass(frozen=True, slots=True)
class Section:
    """A sensitive section, from `started` to `ended`, as the CRM says."""

    section_id: str
    target: Target
    started_at: float
    renewed_at: float
    """When the last `started` happened: its `occurred_at`, or its arrival where that is earlier or missing."""
    expires_at: float
    reason: str | None = None
    messages: frozenset[str] = frozenset()
    """Ids of the `started` messages taken: a copy changes nothing."""
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


@dataclass(frozen=True, slots=True)
class EndedSection:
    """What is kept of a section that ended, so that a late or repeated message does not revive it."""

    at: float
    cause: EndCause
    renewed_at: float | None = None
    messages: frozenset[str] = frozenset()


class Recording(StrEnum):
    """What we know a recording to be, from the API's answers to us."""

    OPEN = "open"
    MUTED = "muted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Mute:
    """Our claim on one call's recording (or the note that it is somebody else's)."""

    ivrid: str
    due_since: float
    """Since when the recording is not (or was not, at the last change) as wanted: exposure counts from here."""
    recording: Recording = Recording.OPEN
    foreign: bool = False
    """Muted by somebody else before our first request: it stays as it was."""
    held: bool = False
    """Stays muted until the call is over, although its section expired (`policy.on_expiry = "hold"`)."""
    gone: bool = False
    """The API does not know the call and no extension shows it: it is over."""
    in_flight: bool = False
    """A request was written down, and is (or, after a crash, may be) under way."""
    asked: bool | None = None
    """What was last asked for (True: muted); None while nothing was."""
    asked_at: float = 0.0
    confirmed_at: float | None = None
    action_id: str = ""
    attempts: int = 0
    """Failed attempts in a row for the same wish."""
    retry_at: float = 0.0
    error: str = ""
    """Why the last attempt failed; empty when it did not."""


class Verdict(StrEnum):
    """What one attempt at the mute API came to, by what it means for the recording."""

    DONE = "done"  # HTTP 200 with ErrorCode 200
    NOT_FOUND = "not_found"  # "UniqueIvrID not found"
    REFUSED = "refused"  # the API says that the parameters are wrong, or will not talk to us (403)
    BUSY = "busy"  # 429
    FAILED = "failed"  # answered, but not with a success: 5xx, HTML, no JSON, another ErrorCode
    UNSENT = "unsent"  # no connection: nothing can have been applied
    LOST = "lost"  # sent, never answered (timeout, reset): may have been applied, or be applied yet


@dataclass(frozen=True, slots=True)
class Outcome:
    verdict: Verdict
    action_id: str = ""
    retry_after_s: float | None = None
    """As told with a 429."""
    detail: str = ""
    """A short word for logs, of our own making: never text that the server sent."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator may set (seconds)."""

    default_section_s: float = 900.0
    max_section_s: float = 3600.0
    expiring_notice_s: float = 30.0
    hold_on_expiry: bool = False
    end_after_idle_s: float = 0.0
    """0 is off."""
    backoff_first_s: float = 0.1
    backoff_most_s: float = 2.0
    busy_most_s: float = 60.0
    """A 429 is obeyed as told up to here: a server's mistake must not open recordings for an hour."""
    feed_lag_s: float = 5.0
    """How long after a request the feed may still show the state before it."""
    not_found_patience: int = 5
    """How often "not found" is asked again for a call that the CRM names and the feed has never shown."""
    keep_ended_s: float = 3600.0


@dataclass(slots=True)
class State:
    """The working memory of one account. Only `fold` writes it.

    The second half is derived from the first, kept in step so that one event costs the same whatever the
    number of extensions, calls and sections.
    """

    feed: FeedState = FeedState.DOWN
    extensions: dict[str, Extension] = field(default_factory=dict)
    sections: dict[str, Section] = field(default_factory=dict)
    ended: dict[str, EndedSection] = field(default_factory=dict)
    mutes: dict[str, Mute] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    api_resumes_at: float = 0.0
    """The API said 429: nothing is asked before this."""
    backlog: bool = False
    """Messages of the CRM wait to be read: a recording that nothing covers now may be covered by one of them."""

    covering: dict[str, frozenset[str]] = field(default_factory=dict)
    """ivrid -> the active sections that cover it."""
    watching: dict[str, frozenset[str]] = field(default_factory=dict)
    """sip -> the active sections whose target is that extension now."""
    users: dict[str, frozenset[str]] = field(default_factory=dict)
    """user id -> the extensions where that user is signed in, or that are the user's own."""
