"""What the operator may set about the feed of one account."""

from dataclasses import dataclass
from typing import Literal

from orchestrator.voicenter.login import Credentials, LoginType


@dataclass(frozen=True, slots=True)
class FeedSettings:
    login_type: LoginType
    credentials: Credentials
    login_url: str
    """The kind of login is appended: `/Token`, `/Account`, `/User`."""
    refresh_url: str
    allow_http: bool = False
    """Whether the servers that the login names may be http:// beyond this machine."""
    engineio: Literal["auto", 3, 4] = "auto"
    """`auto`: as the login's answer tells, else 3."""
    keepalive_s: float = 60.0
    """Silence after which the server is asked for a sign of life; after twice that it is left."""
    refresh_ahead_s: float = 5.0
    """How long before its expiry a token is renewed."""
    retry_first_s: float = 1.0
    retry_most_s: float = 30.0
    refused_retry_s: float = 60.0
    """How soon a login that was refused is tried again."""
    settled_s: float = 10.0
    """A connection that was synced for so long was good: when it is lost, the way back starts at once."""
    snapshot_within_s: float = 60.0
    """A server that sends no snapshot for so long is left; at half of it the snapshot is asked for again."""
    resync_pause_s: float = 1.0
    """Least time between two requests for a fresh snapshot."""
    login_timeout_s: float = 10.0
    connect_timeout_s: float = 10.0
    heartbeat_s: float = 10.0
    """A half-open connection is noticed within one and a half times this."""
    max_message_bytes: int = 128 * 1024 * 1024
    """A snapshot takes about 0.6 kB for an idle extension and 1.2 kB for a call."""
