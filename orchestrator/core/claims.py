"""Our claims on recordings, and what the mute API said of them.

Times are epoch seconds of our own clock.
"""

from enum import StrEnum

from msgspec import Struct


class Recording(StrEnum):
    """What we know a recording to be, from the API's answers to us."""

    OPEN = "open"
    MUTED = "muted"
    UNKNOWN = "unknown"


class Mute(Struct, frozen=True, gc=False):
    """Our claim on one call's recording (or the note that it is somebody else's)."""

    ivrid: str
    due_since: float
    """Since when the recording is not (or was not, at the last change) as wanted: exposure counts from here."""
    recording: Recording = Recording.OPEN
    foreign: bool = False
    """Muted by somebody else before our first request: it stays as it was."""
    held_for: frozenset[str] = frozenset()
    """Ids of the sections that expired and keep it muted until the call is over, or until their end is said after all
    (`policy.on_expiry = "hold"`)."""
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
    def held(self) -> bool:
        return bool(self.held_for)

    @property
    def ask_again_at(self) -> float:
        """When to ask once more for what is confirmed already: an unanswered request for the opposite may have been
        applied after it. Past, where there is none."""
        if self.recording is Recording.UNKNOWN or self.confirmed_at is None:
            return 0.0
        lands_by = self.open_lands_by if self.recording is Recording.MUTED else self.mute_lands_by
        return lands_by if lands_by > self.confirmed_at else 0.0


class Blind(Struct, frozen=True, gc=False):
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
    applied_by: float = 0.0
    """When the last request to mute was applied at the latest, if it was: a call seen open after that is not muted by
    it."""
    late_until: float = 0.0
    """The calls are seen again, and their own claims took over. Until then one may yet come to be seen that was up at
    our last request to mute."""

    @property
    def may_hold(self) -> bool:
        """Whether a request to mute may have been applied by now: the one in flight, too."""
        return self.muted or self.in_flight

    @property
    def asked(self) -> bool:
        """Whether anything was asked for that the next process must know of."""
        return self.may_hold or self.open_lands_by > 0.0 or self.late_until > 0.0


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
