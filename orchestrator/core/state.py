"""The working memory of one account: all that is known, and what follows from it.

Only `fold` changes it; all values in it are frozen.
"""

from msgspec import Struct, field

from orchestrator.core.claims import Blind, Mute
from orchestrator.core.model import Call, EndedSection, Extension, FeedState, Section


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
    asking: dict[str, str] = field(default_factory=dict)
    """ivrid -> the extension that is being asked for, for this call's sake."""
    strays: dict[str, float] = field(default_factory=dict)
    """ivrid -> until when a claimed call that no extension shows may be up on any of them."""
    parted: dict[str, tuple[Call, float]] = field(default_factory=dict)
    """ivrid -> what was seen of a call that somebody else muted and that no extension shows, and until when it is
    remembered."""
    api: Api = Api()
    polls: Polls = field(default_factory=Polls)
    backlog: bool = False
    """Messages of the CRM that came while nobody listened are still being read: nothing is opened before that."""

    covering: dict[str, frozenset[str]] = field(default_factory=dict)
    """ivrid -> the active sections that cover it."""
    watching: dict[str, frozenset[str]] = field(default_factory=dict)
    """sip -> the active sections whose target is that extension now."""
    naming: dict[str, frozenset[str]] = field(default_factory=dict)
    """ivrid -> the extensions with a leg that names it as related."""
    holding: dict[str, frozenset[str]] = field(default_factory=dict)
    """id of a section that expired -> the calls that stay muted for it."""
    users: dict[str, frozenset[str]] = field(default_factory=dict)
    """user id -> the extensions where that user is signed in, or that are the user's own."""
    following: dict[str, frozenset[str]] = field(default_factory=dict)
    """user id -> the active sections whose target is that user."""
    opened_at: dict[str, float] = field(default_factory=dict)
    """sip -> when whatever calls it had up were last opened: what was seen muted there before is no more."""
    heard_at: dict[str, float] = field(default_factory=dict)
    """sip -> when the feed last told of its calls."""
    manned_at: dict[str, float] = field(default_factory=dict)
    """sip -> when the feed last told who works there."""
    denied: dict[str, frozenset[str]] = field(default_factory=dict)
    """sip -> calls that the feed told of, and that a later poll did not show there."""
