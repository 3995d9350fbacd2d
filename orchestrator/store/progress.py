"""How far the writing has come, and who waits for it.

Guarantee: whoever waits is told once everything that was marked before has been written, or earlier, where it asked
for that, that this takes too long or that Redis is away.
"""

import asyncio

_Waiter = tuple[int, asyncio.Future[bool]]
"""What must be written first, and whom to tell."""


class Progress:
    def __init__(self) -> None:
        self.marked = 0
        """How many marks there were ..."""
        self._written = 0  # ... and up to which of them Redis has it all
        self._waiting: list[_Waiter] = []
        self._patient: list[_Waiter] = []  # not told of losses

    @property
    def complete(self) -> bool:
        return self._written >= self.marked

    async def within(self, seconds: float) -> bool:
        """Wait until what is marked by now is written; False if that takes longer, or Redis is lost meanwhile."""
        if self.complete:
            return True
        waiter = self._wait(self._waiting)
        timer = asyncio.get_running_loop().call_later(seconds, _give_up, waiter)
        try:
            return await waiter
        finally:
            timer.cancel()

    async def done(self) -> None:
        """Wait until what is marked by now is written, however long that takes."""
        if not self.complete:
            await self._wait(self._patient)

    def reach(self, upto: int) -> None:
        """Everything up to this mark is written."""
        self._written = upto
        for needed, waiter in (*self._waiting, *self._patient):
            if needed <= upto and not waiter.done():
                waiter.set_result(True)
        self._waiting = [each for each in self._waiting if not each[1].done()]
        self._patient = [each for each in self._patient if not each[1].done()]

    def lose(self) -> None:
        """Nothing is written for now."""
        for _, waiter in self._waiting:
            _give_up(waiter)
        self._waiting.clear()

    def _wait(self, among: list[_Waiter]) -> asyncio.Future[bool]:
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        among.append((self.marked, waiter))
        return waiter


def _give_up(waiter: asyncio.Future[bool]) -> None:
    if not waiter.done():
        waiter.set_result(False)
