"""A CRM that does not give up: each message is said again until Redis has taken it, in order.

Guarantees: the truth hears of a message when Redis has taken it (what Redis never took was never said); it carries
the time at which it was said. Nothing is said while Redis does not answer, so nothing piles up in its sockets.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import NoReturn

from redis.asyncio import Redis

from orchestrator.redis_clients import writer
from orchestrator.redis_errors import REDIS_FAILURES
from orchestrator.simulator.crm import Message
from orchestrator.simulator.publisher import NAMES, STREAM_KEEPS, By
from orchestrator.simulator.stage import Stage

STREAM, GROUP = NAMES[By.STREAM], "mute-orchestrator"
ANSWER_S = 0.5
AGAIN_S = 0.05


class Outbox:
    def __init__(self, stage: Stage, url: str) -> None:
        self.client: Redis = writer(url)
        self.sections_at: list[float] = []
        """When sections were said to start."""
        self._stage = stage
        self._waiting: deque[Message] = deque()
        self._news = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._open = asyncio.Event()
        self._open.set()

    def say(self, messages: Iterable[Message]) -> None:
        self._waiting.extend(messages)
        if self._waiting:
            self._empty.clear()
            self._news.set()

    async def said(self) -> None:
        """Wait until Redis has taken everything."""
        await self._empty.wait()

    async def keep_silent(self) -> None:
        """Say nothing until `speak`, and wait until the daemon has acknowledged what was said."""
        self._open.clear()
        while await self._unread():  # noqa: ASYNC110  # it is Redis that knows
            await asyncio.sleep(AGAIN_S)

    def speak(self) -> None:
        self._open.set()

    async def run(self) -> NoReturn:
        while True:
            await self._news.wait()
            while self._waiting:
                await self._open.wait()
                await self._say(self._waiting[0])
                self._waiting.popleft()
            self._news.clear()
            self._empty.set()

    async def _say(self, message: Message) -> None:
        """Until it is taken: as a CloudEvent or plain, in turn."""
        while True:
            dated = replace(message, at=self._stage.clock.now())
            text = dated.plain() if message.number % 2 else dated.cloud_event()
            try:
                async with asyncio.timeout(ANSWER_S):
                    await self.client.ping()
                    await self.client.xadd(STREAM, {"data": text}, maxlen=STREAM_KEEPS, approximate=True)
            except REDIS_FAILURES:
                await asyncio.sleep(AGAIN_S)
                continue
            if message.target:
                self.sections_at.append(self._stage.clock.now())
            dated.tell(self._stage.truth)
            return

    async def _unread(self) -> bool:
        """Whether the daemon has not yet taken all that was said."""
        try:
            async with asyncio.timeout(ANSWER_S):
                groups = await self.client.xinfo_groups(STREAM)
        except REDIS_FAILURES:
            return True
        return any(group["pending"] or group["lag"] for group in groups)
