"""A queue of keys, not of events, as reconcilers need it.

Guarantees, each with a test of its name:
- a key is never worked on twice at once
- a burst of adds collapses into one
- a key added while it is worked on comes once more
- urgent keys go before others, and in the order of adding among themselves
- of several wakes for one key the earliest wins, and an add makes them void
- a closed queue hands out nothing more
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K", bound=str | tuple[str, str])


class QueueClosed(Exception):
    """The queue hands out nothing more."""


class KeyQueue(Generic[K]):
    def __init__(self, now: Callable[[], float], urgent: Callable[[K], bool]) -> None:
        """`now` in epoch seconds, as the wakes are; `urgent` is asked each time a key is added."""
        self._now = now
        self._urgent = urgent
        self._lanes: tuple[dict[K, None], dict[K, None]] = ({}, {})  # urgent, other: dicts keep the order
        self._working: set[K] = set()
        self._again: set[K] = set()
        self._wakes: dict[K, float] = {}
        self._heap: list[tuple[float, K]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._closed = False

    def __len__(self) -> int:
        """How many keys wait to be handed out now (those that sleep until a wake are not counted)."""
        return len(self._lanes[0]) + len(self._lanes[1]) + len(self._again)

    @property
    def working(self) -> int:
        return len(self._working)

    def add(self, key: K) -> None:
        """The key is to be worked on, as soon as possible."""
        self._wakes.pop(key, None)
        if key in self._working:
            self._again.add(key)
            return
        urgent, other = self._lanes
        lane, wrong = (urgent, other) if self._urgent(key) else (other, urgent)
        wrong.pop(key, None)
        if key not in lane:
            lane[key] = None
            self._wake_one()

    def add_at(self, key: K, at: float) -> None:
        """The key is to be worked on at `at`, unless it is added, or was to be woken, before."""
        if key in self._lanes[0] or key in self._lanes[1] or key in self._again:
            return
        if at >= self._wakes.get(key, float("inf")):
            return
        self._wakes[key] = at
        heapq.heappush(self._heap, (at, key))
        if self._heap[0] == (at, key):  # else the timer rings before it is due
            self._set_timer()

    async def get(self) -> K:
        """The next key; it is the caller's until `done`. Raises QueueClosed once the queue was closed."""
        while True:
            if self._closed:
                raise QueueClosed
            for lane in self._lanes:
                if lane:
                    key = next(iter(lane))
                    del lane[key]
                    self._working.add(key)
                    return key
            await self._wait()

    def done(self, key: K) -> None:
        """The work on the key is over; if it was added meanwhile it comes again."""
        self._working.remove(key)
        if key in self._again:
            self._again.remove(key)
            self.add(key)

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        while self._waiters:
            self._wake_one()

    async def _wait(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            elif not waiter.cancelled():
                self._wake_one()  # it was woken for a key that somebody else must take now
            raise

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._heap and self._wakes.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)  # void: added since, or woken earlier
        if self._heap and not self._closed:
            delay_s = max(0.0, self._heap[0][0] - self._now())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._ring)

    def _ring(self) -> None:
        self._timer = None
        while self._heap and self._heap[0][0] <= self._now():
            at, key = heapq.heappop(self._heap)
            if self._wakes.get(key) == at:
                self.add(key)
        self._set_timer()
