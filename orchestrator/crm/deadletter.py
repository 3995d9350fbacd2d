"""Keeps the messages that were refused, for the people who must mend the CRM: a capped Redis stream.

It is the only place that keeps content. Guarantees: `keep` returns at once; what waits for Redis is bounded (the
newest are kept); Redis away stops nothing.
"""

import asyncio
from collections import deque
from typing import NoReturn

from redis.asyncio import Redis

from orchestrator.clock import Clock
from orchestrator.crm.message import MOST_BYTES
from orchestrator.redis_errors import REDIS_FAILURES

KEPT = 1000
"""How many messages the stream keeps, roughly."""
WAITING = 100
RETRY_S = 1.0
ANSWER_S = 1.0
"""How long Redis may take for one of them. The client has no bound of its own."""

Letter = tuple[str | bytes | int | float, ...]
"""The command that keeps one message."""


class DeadLetters:
    def __init__(self, client: Redis, namespace: str, clock: Clock) -> None:
        self.key = f"{namespace}:dead-letters"
        self._client = client
        self._clock = clock
        self._letters: deque[Letter] = deque(maxlen=WAITING)
        self._came = asyncio.Event()

    def letter(self, source: str, why: str, message: bytes) -> Letter:
        """For whoever sends it itself."""
        fields = ("at", round(self._clock.now(), 3), "source", source, "why", why, "message", message[:MOST_BYTES])
        return ("XADD", self.key, "MAXLEN", "~", KEPT, "*", *fields)

    def keep(self, source: str, why: str, message: bytes) -> None:
        self._letters.append(self.letter(source, why, message))
        self._came.set()

    async def run(self) -> NoReturn:
        """Write what is kept, until cancelled."""
        while True:
            await self._came.wait()
            self._came.clear()
            while self._letters:
                await self._write(self._letters.popleft())

    async def _write(self, letter: Letter) -> None:
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._client.execute_command(*letter)  # type: ignore[no-untyped-call]  # redis-py's
        except REDIS_FAILURES:
            if len(self._letters) < WAITING:
                self._letters.appendleft(letter)
            await asyncio.sleep(RETRY_S)
