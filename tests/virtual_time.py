"""An event loop whose clock jumps to the next timer: hours pass in milliseconds, the same way every time.

Only for code that waits on nothing but timers and itself: with no timer left and nothing ready, the loop would
sleep for ever, so that is an error.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _NoWaiting(selectors.DefaultSelector):
    """Says how long the loop wanted to wait instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("deadlock: nothing is ready and no timer is set")
        self.skipped_s += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._skipping = _NoWaiting()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.skipped_s


class VirtualClock:
    """The loop's time, as epoch seconds of a made-up day."""

    START = 1_000_000.0

    def now(self) -> float:
        return self.START + asyncio.get_running_loop().time()


def run(story: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time; every task it left behind is an error."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        result = runner.run(story)
        left = asyncio.all_tasks(runner.get_loop())
        assert not left, left
        return result
