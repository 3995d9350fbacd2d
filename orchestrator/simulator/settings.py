"""What can be set about the simulated vendor. The defaults need no thought: loopback, an ephemeral port, no delay."""

from dataclasses import dataclass
from typing import Literal

Generation = Literal[3, 4]
"""Of Engine.IO: 3 is what Voicenter's servers speak, 4 what a current Socket.IO client expects."""


@dataclass(frozen=True, slots=True)
class VoicenterSettings:
    host: str = "127.0.0.1"
    port: int = 0
    """0: any free one. With several monitors, the others take any free port."""
    monitors: int = 1
    """How many monitor servers the login names. Each has a port of its own and serves everything."""
    servers: tuple[str, ...] = ()
    """The monitor servers that a login names instead of its own: addresses at which somebody stands in between."""
    engineio: Generation = 3
    """3: an old server, which speaks 3 whatever the client says. 4: a new one that still lets a 3 in."""
    ping_interval_s: float = 25.0
    ping_timeout_s: float = 20.0
    token: str = "simulated-token"  # noqa: S105  # opens nothing but this simulator
    username: str = "simulated-account"
    email: str = "simulated@example.com"
    password: str = "simulated-password"  # noqa: S105  # opens nothing but this simulator
    api_code: str = "simulated-code"
    token_life_s: float | None = None
    """How long a login is good for. None: the login names no expiry, as some token logins do."""
    api_latency_s: tuple[float, float] = (0.0, 0.0)
    """Least and most; drawn evenly. A request takes effect somewhere in it."""
    feed_lag_s: float = 0.0
    """Most. As in a capture, 69 % of the events have no lag, 28 % up to a third of it, 3 % more; and because none
    overtakes another, those that follow closely wait with it."""
    offset_min: int = 120
    """The account's clock, minutes away from UTC."""
