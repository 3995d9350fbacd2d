"""The words of the domain as types: extensions, legs, calls, sections, mutes.

All values are frozen; the one thing that changes is `State`, the working memory of one account, and only
`fold` changes it. Times are epoch seconds of our own clock (`_s` durations are seconds): the vendor's
`servertime` is never compared with them (its account clock is off by whole minutes and lags by seconds).
"""

from collections.abc import Mapping
from enum import StrEnum

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


class Leg(Struct, frozen=True):
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


class Extension(Struct, frozen=True):
    """A SIP id with who works there and the calls it sees now."""

    sip: str
    user_id: str | None = None
    """Whose extension it is."""
    online_user_id: str | None = None
    """Who is signed in there now; None for nobody."""
    legs: Mapping[str, Leg] = field(default_factory=dict)


class Call(Struct, frozen=True):
    """What the legs of all extensions say together about one `ivrid`."""

    on: frozenset[str] = frozenset()
    """The extensions that see it now. Empty does not mean over: it may wait in a queue or be in transfer."""
    muted: bool | None = None
    """Last `IsMuted` seen while no mute of ours could have caused it."""
    seen_at: float = 0.0
    """The moment that the latest `IsMuted` speaks of: what is older says nothing."""


class OnExtension(Struct, frozen=True):
    sip: str


class OnUser(Struct, frozen=True):
    user_id: str


class OnCall(Struct, frozen=True):
    ivrid: str


Target = OnExtension | OnUser | OnCall


class CoverReason(StrEnum):
    """Why a section covers a call."""

    LEG = "leg"  # a leg that counts, on the section's extension
    RELATED = "related"  # named as related by a leg of a call that is covered for its leg
    TARGET = "target"  # the section names the call itself


class Cover(Struct, frozen=True):
    since: float
    reason: CoverReason
    sip: str | None
    """The extension that brought the call under the section; None when the section names the call."""
    exposed_before_s: float = 0.0
    """How long the call had been exposed when this cover began: other sections answer for that."""


class Section(Struct, frozen=True):
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


class EndedSection(Struct, frozen=True):
    """What is kept of a section that ended, so that a late or repeated message does not revive it."""

    at: float
    cause: EndCause
    renewed_at: float | None = None
    messages: tuple[str, ...] = ()


class Recording(StrEnum):
    """What we know a recording to be, from the API's answers to us."""

    OPEN = "open"
    MUTED = "muted"
    UNKNOWN = "unknown"


class Mute(Struct, frozen=True):
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
    verified_at: float | None = None
    """When the feed or a poll first showed the recording as it was last confirmed; None: not yet."""
    mute_lands_by: float = 0.0
    """Until when a request to mute that was never answered may still be applied."""
    open_lands_by: float = 0.0
    """The same, of a request to open."""
    alarm_at: float = 0.0
    """When a covered call that is still open is told of next; 0: nothing was told yet."""
    drifts: int = 0
    """How often it was seen other than confirmed."""
    crossed: bool = False
    """A request by extension for the opposite was applied beside the one in flight: in which order, nobody knows."""
    exposed_s: float = 0.0
    """How long the call was covered and yet recorded; what began at `due_since` and lasts comes on top."""
    by_extension: bool = False
    """The request that muted it named its extension. Only then may a request that does so open it: what that opens
    beside it is not all known."""

    @property
    def ask_again_at(self) -> float:
        """When to ask once more for what is confirmed already: an unanswered request for the opposite may have been
        applied after it. Past, where there is none."""
        if self.recording is Recording.UNKNOWN or self.confirmed_at is None:
            return 0.0
        lands_by = self.open_lands_by if self.recording is Recording.MUTED else self.mute_lands_by
        return lands_by if lands_by > self.confirmed_at else 0.0


class Blind(Struct, frozen=True):
    """Our claim on whatever calls an extension has up, made while its calls cannot be seen."""

    sip: str
    next_at: float
    """When it is due to be asked (again)."""
    muted: bool = False
    """A request to mute may have been applied, and was not taken back."""
    in_flight: bool = False
    holds: bool = False
    """The last request to mute was answered: the calls that were up are muted, or there was none."""
    attempts: int = 0
    """Failed attempts in a row."""
    mute_lands_by: float = 0.0
    """Until when a request to mute that was never answered may still be applied."""
    open_lands_by: float = 0.0
    """The same, of a request to open."""

    @property
    def asked(self) -> bool:
        """Whether anything was asked for that the next process must know of."""
        return self.muted or self.in_flight or self.open_lands_by > 0.0


class Verdict(StrEnum):
    """What one attempt at the mute API came to, by what it means for the recording."""

    DONE = "done"  # HTTP 200 with ErrorCode 200
    NOT_FOUND = "not_found"  # "UniqueIvrID not found"
    REFUSED = "refused"  # the API says that the parameters are wrong, or will not talk to us (403)
    BUSY = "busy"  # 429
    FAILED = "failed"  # answered, but not with a success: 5xx, HTML, no JSON, another ErrorCode
    UNSENT = "unsent"  # no connection: nothing can have been applied
    LOST = "lost"  # sent, never answered (timeout, reset): may have been applied, or be applied yet


class Outcome(Struct, frozen=True):
    verdict: Verdict
    action_id: str = ""
    retry_after_s: float | None = None
    """As told with a 429."""
    detail: str = ""
    """A short word for logs, of our own making: never text that the server sent."""


class Polled(Struct, frozen=True):
    """What Active Calls told."""

    extensions: tuple[Extension, ...]
    """Each with all the calls it has. One that is missing here was not told about."""


class PollFailed(Struct, frozen=True):
    """Active Calls could not be asked, or did not answer to the point: nothing was learned."""

    why: str
    """Words of our own, never text that the server sent."""
    refused: bool = False
    """The account's code is wrong, or we may not ask at all: asking again soon will not help."""
    retry_after_s: float | None = None
    """As told with a 429."""
    answered: bool = False
    """It answered well, and did not list the extension that was asked for: polling as such works."""


class Policy(Struct, frozen=True):
    """What the operator may set (seconds), and what follows from the vendor's ways."""

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
    evidence_grace_s: float = 2.0
    """How long after a confirmation the vendor may still show the state before it."""
    late_s: float = 5.0
    """How long after it was given up a request may still be applied."""
    unseen_s: float = 10.0
    """For how long a call may be up and not seen: until an event that lags, or the next poll, shows it."""
    release_watch_s: float = 30.0
    """How long a release is watched for evidence against it."""
    exposure_alert_s: float = 1.5
    """A covered call that is open for longer is told of, and again each time that this has doubled."""
    exposure_alert_most_s: float = 60.0
    verify_s: float = 5.0
    """While a section is active, its extension is polled this often ..."""
    suspect_s: float = 2.0
    """... and this often while the section covers no live call."""
    poll_singly: int = 20
    """With more extensions to poll, one request asks for all."""
    poll_rest: float = 3.0
    """A key is not polled anew before so many times the time that its last poll took: large answers are dear ..."""
    poll_rest_most_s: float = 30.0
    """... but not later than this: it may be the process that stood still."""
    poll_patience: int = 3
    """So many failed polls in a row: polling cannot be counted on."""
    poll_refused_s: float = 60.0
    """How soon a poll that was refused is tried again."""
    blind_every_s: float = 5.0
    """How often an extension whose calls cannot be seen is asked for again."""
    api_down_after: int = 5
    """So many failed requests in a row, whichever the calls: the API is down."""
    probe_every_s: float = 0.2
    """While the API is down, requests go out no closer together than this."""
    not_found_patience: int = 5
    """How often "not found" is asked again for a call that the CRM names and the feed has never shown."""
    keep_gone_s: float = 60.0
    """So long a call that the API does not know is remembered as one that we muted."""
    keep_ended_s: float = 3600.0
    keep_ended_most: int = 100_000
    """Of more ended sections than this the oldest are forgotten before their time."""
    keep_messages_most: int = 100
    """So many ids of messages are kept of one section: it may be renewed without end."""


class Api(Struct, frozen=True):
    """How the mute API as a whole does."""

    failures: int = 0
    """Failed requests in a row, whichever the calls."""
    down_since: float | None = None
    resumes_at: float = 0.0
    """It said 429: nothing is asked before this."""
    probe_at: float = 0.0
    """While it is down, nothing is asked before this."""


class Polls(Struct):
    """How polling of Active Calls does. Keys are SIP ids, or `polls.ALL`."""

    configured: bool = False
    """Whether there is a code to ask with."""
    possible: bool = False
    """Whether an answer can be counted on: so it was when it was last tried."""
    failures: int = 0
    """Failed polls in a row."""
    resumes_at: float = 0.0
    """Nothing is asked before this."""
    in_flight: set[str] = field(default_factory=set)
    sent_at: dict[str, float] = field(default_factory=dict)
    took_s: dict[str, float] = field(default_factory=dict)


class State(Struct):
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
    blind: dict[str, Blind] = field(default_factory=dict)
    """By SIP id."""
    late_by: dict[str, float] = field(default_factory=dict)
    """sip -> until when a call may come to be seen there that was up at our last request to mute the extension."""
    api: Api = Api()
    polls: Polls = field(default_factory=Polls)
    backlog: bool = False
    """Messages of the CRM that came while nobody listened are still being read: nothing is opened before that."""

    covering: dict[str, frozenset[str]] = field(default_factory=dict)
    """ivrid -> the active sections that cover it."""
    watching: dict[str, frozenset[str]] = field(default_factory=dict)
    """sip -> the active sections whose target is that extension now."""
    users: dict[str, frozenset[str]] = field(default_factory=dict)
    """user id -> the extensions where that user is signed in, or that are the user's own."""
    following: dict[str, frozenset[str]] = field(default_factory=dict)
    """user id -> the active sections whose target is that user."""
    opened_at: dict[str, float] = field(default_factory=dict)
    """sip -> when whatever calls it had up were last opened: what was seen muted there before is no more."""
    heard_at: dict[str, float] = field(default_factory=dict)
    """sip -> when the feed last told of its calls."""
