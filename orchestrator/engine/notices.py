"""What the edges have to tell of themselves: connections, messages, attempts. As in core.notices, nothing
decides by these, and they carry no personal data, no credentials and no text that a peer sent.
"""

from dataclasses import dataclass

from orchestrator.core.claims import Verdict


@dataclass(frozen=True, slots=True)
class LoginDone:
    """Logged in (or the token was refreshed)."""

    refreshed: bool
    servers: int
    expires_in_s: float | None


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """No login. `refused` is the vendor's own no (401, or an error in the answer); else it could not be asked."""

    why: str
    refused: bool
    retry_in_s: float


@dataclass(frozen=True, slots=True)
class FeedConnected:
    server: str
    engineio: int


@dataclass(frozen=True, slots=True)
class FeedLost:
    server: str
    why: str
    retry_in_s: float


@dataclass(frozen=True, slots=True)
class FeedEventRejected:
    """An event of the feed could not be understood; it was passed over."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class CrmConnected:
    source: str
    """The channels that are subscribed."""


@dataclass(frozen=True, slots=True)
class CrmLost:
    source: str
    why: str
    retry_in_s: float


@dataclass(frozen=True, slots=True)
class CrmGap:
    """Messages may have been missed on this source (pub/sub keeps nothing while nobody listens)."""

    source: str
    for_s: float


@dataclass(frozen=True, slots=True)
class Traced:
    """A message of a trace of the CRM's."""

    section_id: str
    parent: str
    """As W3C's `traceparent` has it."""


@dataclass(frozen=True, slots=True)
class MessageTaken:
    source: str
    kind: str
    """`started` or `ended`."""
    waited_s: float | None = None
    """From when it was written until it was taken, where its source tells."""
    trace: Traced | None = None


@dataclass(frozen=True, slots=True)
class MessageRejected:
    source: str
    why: str
    """Names the field and what would be right, never the content."""


@dataclass(frozen=True, slots=True)
class StoreLost:
    why: str


@dataclass(frozen=True, slots=True)
class StoreBack:
    after_s: float


@dataclass(frozen=True, slots=True)
class StoreSlow:
    """A request went out before its intention was known to be in Redis: the bound of the wait was reached."""

    waited_s: float


@dataclass(frozen=True, slots=True)
class StoreSkipped:
    """A value that an earlier process left cannot be read: what it stood for is not acted on. It needs a person."""

    key: str
    name: str
    """The field of the hash: a section_id, an ivrid or a SIP id."""
    why: str
    """Never the content."""


@dataclass(frozen=True, slots=True)
class StoreDropped:
    """While Redis was away so many entries of a stream found no room, and will never stand there."""

    key: str
    entries: int


@dataclass(frozen=True, slots=True)
class OwnerRefused:
    """The account is another process's; it is asked for again and again."""

    why: str


@dataclass(frozen=True, slots=True)
class OwnerTaken:
    token: int
    waited_s: float
    shifted_s: float
    """What is added to the times that the owner before us left; 0 where its clock agreed with ours."""


@dataclass(frozen=True, slots=True)
class OwnerReleased:
    """The process stops as asked, and works for the account no more."""


@dataclass(frozen=True, slots=True)
class OwnerLost:
    why: str


@dataclass(frozen=True, slots=True)
class ClockStepped:
    """The machine's wall clock jumped; our own did not."""

    by_s: float


@dataclass(frozen=True, slots=True)
class ConfigReloaded:
    """The configuration was read again."""

    changed: tuple[str, ...]
    """Keys that hold as they were read from now on."""
    needs_restart: tuple[str, ...]
    """Keys that differ, and hold only after a restart."""
    policy: tuple[str, ...]
    """What decides from now on, each as name=value."""


@dataclass(frozen=True, slots=True)
class ConfigRejected:
    """The configuration that was read again is wrong; nothing of it is taken."""

    mistake: str
    """One of them."""


@dataclass(frozen=True, slots=True)
class AttemptMade:
    """One request to the mute API is over."""

    ivrid: str | None
    """None: it was for whatever calls the extension has up."""
    sip: str | None
    """The extension that it named; None: it named the call."""
    muted: bool
    verdict: Verdict
    seconds: float


@dataclass(frozen=True, slots=True)
class PollMade:
    """One request to Active Calls is over."""

    extension: str | None
    """Whose calls were asked for; None: everybody's."""
    ok: bool
    why: str
    """Why it failed; empty when it did not."""
    seconds: float


@dataclass(frozen=True, slots=True)
class RequestServed:
    """One request to our own HTTP server is answered."""

    route: str
    """As in the documentation, with names for its parts: never the path that was asked for."""
    method: str
    status: int


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """Somebody may not use the API, or not for this."""

    why: str
    """One of `REFUSALS`."""


@dataclass(frozen=True, slots=True)
class HandMuted:
    """Somebody had a call muted by hand: by a section on it, which ends like any other."""

    ivrid: str
    section_id: str
    by: str
    """The name of the token, or `loopback`."""
    why: str
    """One of the words of `web.ports.REASONS`."""
    ticket: str | None


@dataclass(frozen=True, slots=True)
class HandReleased:
    """Somebody wants a recording to run, whoever muted it."""

    ivrid: str
    by: str
    why: str
    ticket: str | None


@dataclass(frozen=True, slots=True)
class HandEnded:
    """Somebody ended a section."""

    section_id: str
    calls: tuple[str, ...]
    """Those that it covered."""
    by: str
    why: str
    ticket: str | None


@dataclass(frozen=True, slots=True)
class AuditLost:
    """The files of the audit cannot be written; it is tried again."""

    why: str


@dataclass(frozen=True, slots=True)
class AuditBack:
    after_s: float


@dataclass(frozen=True, slots=True)
class AuditDayClosed:
    """A day's file is complete; its last hash is worth keeping elsewhere."""

    day: str
    records: int
    """How many there are up to its end, of all days."""
    last_hash: str


REFUSALS = (
    "no token",
    "unknown token",
    "scope missing",
    "no token configured",
    "another host named",
    "another origin",
    "webhook not verified",
)


EdgeNotice = (
    LoginDone
    | LoginFailed
    | FeedConnected
    | FeedLost
    | FeedEventRejected
    | CrmConnected
    | CrmLost
    | CrmGap
    | MessageTaken
    | MessageRejected
    | StoreLost
    | StoreBack
    | StoreSlow
    | StoreSkipped
    | StoreDropped
    | OwnerRefused
    | OwnerTaken
    | OwnerReleased
    | OwnerLost
    | ClockStepped
    | ConfigReloaded
    | ConfigRejected
    | AttemptMade
    | PollMade
    | RequestServed
    | RequestRefused
    | HandMuted
    | HandReleased
    | HandEnded
    | AuditLost
    | AuditBack
    | AuditDayClosed
)
