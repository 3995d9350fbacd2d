"""What goes on at the same time, without a loop: stories, each resumed when it is due.

A story is a generator that acts and yields the seconds until it goes on. Stories due at the same moment go on in
the order in which they came to wait.
"""

import heapq
import itertools
from collections.abc import Generator

Story = Generator[float, None, None]


class Agenda:
    def __init__(self) -> None:
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, Story]] = []

    @property
    def next_at(self) -> float | None:
        """When a story is due next; None when all are told."""
        return self._waiting[0][0] if self._waiting else None

    def enter(self, story: Story, now: float) -> None:
        """Begin a story at once."""
        wait_s = next(story, None)
        if wait_s is not None:
            heapq.heappush(self._waiting, (now + wait_s, next(self._order), story))

    def step(self, now: float) -> None:
        """Let every story go on that is due by now."""
        while self._waiting and self._waiting[0][0] <= now:
            _, _, story = heapq.heappop(self._waiting)
            self.enter(story, now)
