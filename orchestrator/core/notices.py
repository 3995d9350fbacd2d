"""What happened, told to those who watch (logs, metrics, audit): each notice is one frozen object.

Notices hang beside the logic: nothing decides by them. They carry ids and figures, never personal data.
"""

from msgspec import Struct

from orchestrator.core.claims import Verdict
from orchestrator.core.model import CoverReason, EndCause, FeedState, Section
from orchestrator.core.standing import CallStanding


class FeedTurned(Struct, frozen=True):
    feed: FeedState
    extensions: int
    calls: int


class SectionOpened(Struct, frozen=True):
    section: Section


class SectionRenewed(Struct, frozen=True):
    section: Section


class SectionIgnored(Struct, frozen=True):
    """A `started` without effect: ended before, a copy, expired on arrival, or the id stands for another target."""

    section_id: str
    why: str


class SectionExpiring(Struct, frozen=True):
    section: Section
    left_s: float


class SectionClosed(Struct, frozen=True):
    section: Section
    cause: EndCause
    at: float
    calls: tuple[CallStanding, ...] = ()
    """As they stood when it ended."""


class CallCovered(Struct, frozen=True):
    ivrid: str
    section_id: str
    sip: str | None
    reason: CoverReason


class CallMuted(Struct, frozen=True):
    ivrid: str
    sections: frozenset[str]
    exposure_s: float | None
    """From the moment the call became covered to this confirmation; None: no longer covered, see `CallExposed`."""
    attempts: int
    action_id: str


class CallUnmuted(Struct, frozen=True):
    ivrid: str
    overmute_s: float | None
    """From the moment the last cover ended to this confirmation; None: covered again by now."""
    attempts: int
    action_id: str


class CallExposed(Struct, frozen=True):
    """The cover of a call ended before any mute was confirmed: it was open for all of that time."""

    ivrid: str
    exposure_s: float


class CallGone(Struct, frozen=True):
    """The API does not know the call and no extension shows it: over, nothing left to do."""

    ivrid: str
    exposure_s: float | None = None
    """How long it had been covered and open when that was learned; None: it was not."""


class MuteForeign(Struct, frozen=True):
    """A covered call was muted by somebody else already: left as it is."""

    ivrid: str


class MuteFailed(Struct, frozen=True):
    """An attempt failed; the next one comes after `retry_in_s`."""

    ivrid: str
    muted: bool
    verdict: Verdict
    detail: str
    attempts: int
    retry_in_s: float
    open_s: float
    """How long the recording has not been as wanted."""


class CallOpen(Struct, frozen=True):
    """A covered call has been open for longer than it may be, and still is."""

    ivrid: str
    sections: frozenset[str]
    open_s: float
    attempts: int
    """Failed requests in a row."""
    error: str
    """What the last one came to; empty: none failed."""


class CallVerified(Struct, frozen=True):
    """The feed or a poll shows the recording as it was confirmed."""

    ivrid: str
    muted: bool
    after_s: float
    """From the confirmation."""


class MuteDrifted(Struct, frozen=True):
    """The recording is seen other than Voicenter confirmed: it is asked for anew."""

    ivrid: str
    shown: bool
    """What is seen: True, muted."""
    seen_s: float
    """How old the evidence is."""
    drifts: int
    """How often this happened to this claim."""
    known_s: float
    """How long ago it was last known to be as confirmed: it has been otherwise since some moment after that."""


class MuteReaffirmed(Struct, frozen=True):
    """What was confirmed already was asked once more, because a request for the opposite might have come after it."""

    ivrid: str
    muted: bool
    action_id: str


class MuteDoubted(Struct, frozen=True):
    """Before a confirmed mute could be asked for once more, its cover ended, or the call: whether a request to open
    had come after it will not be known."""

    ivrid: str


class ExtensionSet(Struct, frozen=True):
    """Whatever calls the extension had up were muted (or opened), because they could not be seen."""

    sip: str
    muted: bool
    action_id: str


class ApiLost(Struct, frozen=True):
    """The mute API fails for all calls. Told once, not for each."""

    verdict: Verdict
    detail: str
    failures: int


class ApiBack(Struct, frozen=True):
    after_s: float
    failures: int


class PollingLost(Struct, frozen=True):
    """Active Calls cannot be counted on: mutes are not verified, and calls that the feed does not tell not found."""

    why: str
    refused: bool


class PollingBack(Struct, frozen=True):
    """Active Calls answers again."""


Notice = (
    FeedTurned
    | SectionOpened
    | SectionRenewed
    | SectionIgnored
    | SectionExpiring
    | SectionClosed
    | CallCovered
    | CallMuted
    | CallUnmuted
    | CallExposed
    | CallGone
    | MuteForeign
    | MuteFailed
    | CallOpen
    | CallVerified
    | MuteDrifted
    | MuteReaffirmed
    | MuteDoubted
    | ExtensionSet
    | ApiLost
    | ApiBack
    | PollingLost
    | PollingBack
)
