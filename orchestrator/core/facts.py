"""What can be learned, in the past tense. The edges make facts; only `fold` takes them.

Each fact was validated where it was made: inside there is no raw dict. Events, messages, timers, the API's
answers and what an earlier process left in Redis all come in here.
"""

from collections.abc import Mapping

from msgspec import Struct, field

from orchestrator.core.claims import Blind, Mute, Outcome
from orchestrator.core.model import EndCause, EndedSection, Extension, FeedState, Leg, Section, Target
from orchestrator.core.state import Polled, PollFailed


class FeedChanged(Struct, frozen=True):
    """The connection to the feed got better or worse. SYNCED is said by a `SnapshotTaken`, not by this."""

    feed: FeedState


class SnapshotTaken(Struct, frozen=True):
    """`AllExtensionsStatus`: the whole account as it is now. What it does not list is gone."""

    extensions: tuple[Extension, ...]
    ages_s: Mapping[str, float] = field(default_factory=dict)
    """ivrid -> how long its call has been going on, where that was told."""


class ExtensionSeen(Struct, frozen=True):
    """A call event: this extension, with the whole list of its legs after the event."""

    extension: Extension
    lag_s: float = 0.0
    """How long the event was under way at the vendor's, at most: what it shows is so old."""
    ages_s: Mapping[str, float] = field(default_factory=dict)
    """As with `SnapshotTaken`."""


class UserSeen(Struct, frozen=True):
    """A status event: who works at the extension now. Says nothing about calls, so it ends none."""

    sip: str
    user_id: str | None
    online_user_id: str | None


class SectionStarted(Struct, frozen=True):
    """The CRM said `sensitive_section.started` (again, where the section runs already: that renews it)."""

    section_id: str
    target: Target
    max_seconds: float | None = None
    reason: str | None = None
    occurred_at: float | None = None
    message_id: str | None = None


class SectionEnded(Struct, frozen=True):
    """The CRM, or an operator, ended a section, known or not."""

    section_id: str
    cause: EndCause = EndCause.MESSAGE


class SectionWoke(Struct, frozen=True):
    """The time at which something was to be looked at for this section has come."""

    section_id: str


class MuteAsked(Struct, frozen=True):
    """A request to mute (or, with `muted` False, to open) a recording is about to be sent."""

    ivrid: str
    muted: bool
    sip: str | None = None
    """It names this extension instead of the call."""


class ExtensionAsked(Struct, frozen=True):
    """A request to mute (or to open) whatever calls an extension has up is about to be sent."""

    sip: str


class ExtensionWithdrawn(Struct, frozen=True):
    sip: str


class ExtensionAnswered(Struct, frozen=True):
    sip: str
    muted: bool
    outcome: Outcome
    jitter: float
    """As with `MuteAnswered`."""


class PollSent(Struct, frozen=True):
    """Active Calls is about to be asked, for one extension or (`ALL`) for the whole account."""

    key: str


class PollAnswered(Struct, frozen=True):
    key: str
    sent_at: float
    answer: Polled | PollFailed


class PollingConfigured(Struct, frozen=True):
    """There is a code to poll Active Calls with."""


class ReleaseOrdered(Struct, frozen=True):
    """An operator wants this recording to run, whoever muted it."""

    ivrid: str


class MuteWithdrawn(Struct, frozen=True):
    """The request was not sent after all: while its intention was written down, the wish changed."""

    ivrid: str


class MuteAnswered(Struct, frozen=True):
    """One attempt is over."""

    ivrid: str
    muted: bool
    outcome: Outcome
    jitter: float
    """Drawn from [0, 1) by the caller, for the backoff (full jitter)."""
    sip: str | None = None
    """The request named this extension instead of the call, so it reached all calls that were up there."""


class BacklogBegan(Struct, frozen=True):
    """Messages of the CRM may wait that came while nobody listened: they are read from here on."""


class BacklogDone(Struct, frozen=True):
    """All of them were taken."""


class Restored(Struct, frozen=True):
    """What an earlier process left in Redis."""

    sections: Mapping[str, Section]
    ended: Mapping[str, EndedSection]
    mutes: Mapping[str, Mute]
    blind: Mapping[str, Blind] = field(default_factory=dict)
    foreign_legs: Mapping[str, tuple[Leg, ...]] = field(default_factory=dict)
    """Of each extension (by SIP id), the legs of calls that were known to be muted by somebody else."""


class PolicyChanged(Struct, frozen=True):
    """Another policy than before holds from now on: the one that this fact is folded by."""


class Swept(Struct, frozen=True):
    """Time for housekeeping: what is kept only for a while may be forgotten."""


FeedFact = FeedChanged | SnapshotTaken | ExtensionSeen | UserSeen
SectionFact = SectionStarted | SectionEnded | SectionWoke
MuteFact = MuteAsked | MuteWithdrawn | MuteAnswered | ReleaseOrdered
ExtensionFact = ExtensionAsked | ExtensionWithdrawn | ExtensionAnswered
PollFact = PollingConfigured | PollSent | PollAnswered

BacklogFact = BacklogBegan | BacklogDone

Fact = FeedFact | SectionFact | MuteFact | ExtensionFact | PollFact | BacklogFact | Restored | PolicyChanged | Swept
