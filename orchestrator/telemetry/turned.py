"""Since when the feed is as it is."""

from orchestrator.clock import Clock
from orchestrator.core.notices import FeedTurned, Notice
from orchestrator.engine.notices import EdgeNotice


class Turned:
    """An observer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.at = clock.now()

    def notice(self, notice: Notice | EdgeNotice) -> None:
        if isinstance(notice, FeedTurned):
            self.at = self._clock.now()
