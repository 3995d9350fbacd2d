"""How a reader stands with its source: heard or not, what may be missing, when to try again.

Guarantees: a loss is told once, however often coming back fails; the first attempt to come back is made at once,
later ones after a backoff with full jitter; a source that is lost soon after each time is not hammered.
"""

import asyncio
import random

from orchestrator.clock import Clock
from orchestrator.engine.notices import CrmConnected, CrmGap, CrmLost
from orchestrator.engine.ports import Observer

RETRY_FIRST_S = 0.1
RETRY_MOST_S = 2.0
HELD_S = 2.0
"""A connection that is lost sooner is not tried again at once."""


class Link:
    def __init__(self, source: str, observer: Observer, clock: Clock, rng: random.Random) -> None:
        """`source` is what the operator configured: it is told to everyone."""
        self.source = source
        self.connected = False
        self._observer = observer
        self._clock = clock
        self._rng = rng
        self._heard_at: float | None = None
        self._connected_at = 0.0
        self._failures = 0

    def up(self, missed: bool) -> None:
        """The source is heard from now on; with `missed`, what it said since it was last heard may be lost."""
        now = self._clock.now()
        self.connected, self._connected_at = True, now
        self._observer.notice(CrmConnected(self.source))
        if missed and self._heard_at is not None:
            self.gap(self._heard_at)
        self._heard_at = now

    def heard(self) -> None:
        """A sign of life."""
        if self.connected:
            self._heard_at = self._clock.now()

    def gap(self, since: float | None) -> None:
        """Messages said after `since` (epoch seconds; None: nobody knows when) may be lost."""
        now = self._clock.now()
        self._observer.notice(CrmGap(self.source, 0.0 if since is None else max(0.0, now - since)))

    async def lost(self, why: str) -> None:
        """Tell it, and wait until it is time to try again."""
        if self.connected and self._clock.now() - self._connected_at >= HELD_S:
            self._failures = 0
        wait_s = 0.0
        if self._failures:
            bound_s = min(RETRY_MOST_S, RETRY_FIRST_S * 2.0 ** min(self._failures, 30))
            wait_s = self._rng.uniform(RETRY_FIRST_S, bound_s)
        if self.connected or not self._failures:
            self._observer.notice(CrmLost(self.source, why, wait_s))
        self.connected = False
        self._failures += 1
        await asyncio.sleep(wait_s)
