"""What the edges have to tell of themselves: connections, messages, attempts. As in core.notices, nothing
decides by these, and they carry no personal data, no credentials and no text that a peer sent.
"""

from msgspec import Struct

from orchestrator.core.claims import Verdict


class LoginDone(Struct, frozen=True):
    """Logged in (or the token was refreshed)."""

    refreshed: bool
    servers: int
    expires_in_s: float | None


class LoginFailed(Struct, frozen=True):
    """No login. `refused` is the vendor's own no (401, or an error in the answer); else it could not be asked."""

    why: str
    refused: bool
    retry_in_s: float


class FeedConnected(Struct, frozen=True):
    server: str
    engineio: int


class FeedLost(Struct, frozen=True):
    server: str
    why: str
    retry_in_s: float


class FeedEventRejected(Struct, frozen=True):
    """An event of the feed could not be understood; it was passed over."""

    name: str
    why: str


class CrmConnected(Struct, frozen=True):
    source: str
    """The channels that are subscribed."""


class CrmLost(Struct, frozen=True):
    source: str
    why: str
    retry_in_s: float


class CrmGap(Struct, frozen=True):
    """Messages may have been missed on this source (pub/sub keeps nothing while nobody listens)."""

    source: str
    for_s: float


class Traced(Struct, frozen=True):
    """A message of a trace of the CRM's."""

    section_id: str
    parent: str
    """As W3C's `traceparent` has it."""


class MessageTaken(Struct, frozen=True):
    source: str
    kind: str
    """`started` or `ended`."""
    waited_s: float | None = None
    """From when it was written until it was taken, where its source tells."""
    trace: Traced | None = None


class MessageRejected(Struct, frozen=True):
    source: str
    why: str
    """Names the field and what would be right, never the content."""


class StoreLost(Struct, frozen=True):
    why: str


class StoreBack(Struct, frozen=True):
    after_s: float


class StoreSlow(Struct, frozen=True):
    """A request went out before its intention was known to be in Redis: the bound of the wait was reached."""

    waited_s: float


class StoreSkipped(Struct, frozen=True):
    """A value that an earlier process left cannot be read: what it stood for is not acted on. It needs a person."""

    key: str
    name: str
    """The field of the hash: a section_id, an ivrid or a SIP id."""
    why: str
    """Never the content."""


class StoreDropped(Struct, frozen=True):
    """While Redis was away so many entries of a stream found no room, and will never stand there."""

    key: str
    entries: int


class OwnerRefused(Struct, frozen=True):
    """The account is another process's; it is asked for again and again."""

    why: str


class OwnerTaken(Struct, frozen=True):
    token: int
    waited_s: float
    shifted_s: float
    """What is added to the times that the owner before us left; 0 where its clock agreed with ours."""


class OwnerReleased(Struct, frozen=True):
    """The process stops as asked, and works for the account no more."""


class OwnerLost(Struct, frozen=True):
    why: str


class ClockStepped(Struct, frozen=True):
    """The machine's wall clock jumped; our own did not."""

    by_s: float


class ConfigReloaded(Struct, frozen=True):
    """The configuration was read again."""

    changed: tuple[str, ...]
    """Keys that hold as they were read from now on."""
    needs_restart: tuple[str, ...]
    """Keys that differ, and hold only after a restart."""
    policy: tuple[str, ...]
    """What decides from now on, each as name=value."""


class ConfigRejected(Struct, frozen=True):
    """The configuration that was read again is wrong; nothing of it is taken."""

    mistake: str
    """One of them."""


class AttemptMade(Struct, frozen=True):
    """One request to the mute API is over."""

    ivrid: str | None
    """None: it was for whatever calls the extension has up."""
    sip: str | None
    """The extension that it named; None: it named the call."""
    muted: bool
    verdict: Verdict
    seconds: float


class PollMade(Struct, frozen=True):
    """One request to Active Calls is over."""

    extension: str | None
    """Whose calls were asked for; None: everybody's."""
    ok: bool
    why: str
    """Why it failed; empty when it did not."""
    seconds: float


class RequestServed(Struct, frozen=True):
    """One request to our own HTTP server is answered."""

    route: str
    """As in the documentation, with names for its parts: never the path that was asked for."""
    method: str
    status: int


class RequestRefused(Struct, frozen=True):
    """Somebody may not use the API, or not for this."""

    why: str
    """One of `REFUSALS`."""


class HandMuted(Struct, frozen=True):
    """Somebody had a call muted by hand: by a section on it, which ends like any other."""

    ivrid: str
    section_id: str
    by: str
    """The name of the token, or `loopback`."""
    why: str
    """One of the words of `web.ports.REASONS`."""
    ticket: str | None


class HandReleased(Struct, frozen=True):
    """Somebody wants a recording to run, whoever muted it."""

    ivrid: str
    by: str
    why: str
    ticket: str | None


class HandEnded(Struct, frozen=True):
    """Somebody ended a section."""

    section_id: str
    calls: tuple[str, ...]
    """Those that it covered."""
    by: str
    why: str
    ticket: str | None


class AuditLost(Struct, frozen=True):
    """The files of the audit cannot be written; it is tried again."""

    why: str


class AuditBack(Struct, frozen=True):
    after_s: float


class AuditDayClosed(Struct, frozen=True):
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
