"""What a source kept while nobody read it: whether it has been read to its end once.

Guarantee: a source that gives nothing for `STANDSTILL_S`, because it cannot be read or because what it said cannot be
saved, is waited for no longer: releases must not wait for ever.
"""

import asyncio

STANDSTILL_S = 10.0


class Backlog:
    def __init__(self) -> None:
        self._over = False
        self._moved = asyncio.Event()

    def moved(self) -> None:
        """Some of it was worked off."""
        self._moved.set()

    def end(self) -> None:
        """That was all of it."""
        self._over = True
        self._moved.set()

    async def worked_off(self) -> bool:
        """Wait until that was all of it; False when the source stood still for too long."""
        while not self._over:
            self._moved.clear()
            try:
                async with asyncio.timeout(STANDSTILL_S):
                    await self._moved.wait()
            except TimeoutError:
                return self._over
        return True
