"""What every simulated account has, generated, scripted or replayed: the vendor's servers, the truth, a view.

Entered, it listens; left, nothing of it runs on. The lines are those of the exchange now, not those of the feed.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from orchestrator.clock import Clock, SystemClock
from orchestrator.simulator.api import Account
from orchestrator.simulator.payloads import VendorClock
from orchestrator.simulator.settings import VoicenterSettings
from orchestrator.simulator.telephony import Line
from orchestrator.simulator.truth import Truth
from orchestrator.simulator.voicenter import Voicenter


@dataclass(frozen=True, slots=True)
class CallRow:
    """A leg, for a live display. No name and no number."""

    ivrid: str
    status: str
    direction: str
    covered: bool
    muted_since: float | None
    """Epoch seconds; None: it is being recorded."""


@dataclass(frozen=True, slots=True)
class Row:
    """An extension, for a live display."""

    extension: str
    online_user_id: str | None
    busy: bool
    calls: tuple[CallRow, ...]


class Stage:
    def __init__(self, settings: VoicenterSettings | None, seed: int, clock: Clock | None, live: Account) -> None:
        self.settings = settings or VoicenterSettings()
        self.clock = clock or SystemClock()
        self.chance = random.Random(seed)  # a game, and one that can be played again
        self.truth = Truth(self.clock, self.settings.feed_lag_s)
        self.vendor_clock = VendorClock(self.settings.offset_min)
        self.voicenter = Voicenter(self.settings, self.clock, self.chance, self.truth, live)

    @property
    def lines(self) -> Mapping[str, Line]:
        """The extensions as they are now, by SIP id."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        await self.voicenter.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.voicenter.__aexit__(kind, error, trace)

    # Addresses

    @property
    def http_url(self) -> str:
        return self.voicenter.url

    @property
    def login_url(self) -> str:
        return f"{self.http_url}/monitorAPI/Login"

    @property
    def refresh_url(self) -> str:
        return f"{self.http_url}/monitorAPI/RefreshIdentityToken"

    @property
    def mute_url(self) -> str:
        return f"{self.http_url}/Comet/API/MuteUnmuteCalls"

    @property
    def active_calls_url(self) -> str:
        return f"{self.http_url}/comet/API/GetExtensionsCalls"

    # Looking on

    def snapshot_view(self) -> tuple[Row, ...]:
        return tuple(self._row(line) for line in self.lines.values())

    def _row(self, line: Line) -> Row:
        calls = tuple(
            CallRow(
                ivrid=leg.ivrid,
                status=str(leg.status),
                direction=str(leg.direction),
                covered=self.truth.covered(leg.ivrid),
                muted_since=self.truth.muted_since(leg.ivrid),
            )
            for leg in line.legs
        )
        return Row(line.sip, line.online_user_id, any(leg.counts for leg in line.legs), calls)
