"""Messages of the CRM from Redis pub/sub: several channels, patterns too.

Pub/sub keeps nothing for a listener that is away, and redis-py reconnects without a word. So the connection is
ours: it is asked for a sign of life every `PING_EVERY_S` and given up when none comes, and the time in which
messages may have been missed is told. Guarantees: messages are delivered synchronously in the order of arrival; a
wrong one is told, kept as a dead letter, and stops nothing.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import TimeoutError as RedisTimeoutError

from orchestrator.clock import Clock
from orchestrator.crm.deadletter import DeadLetters
from orchestrator.crm.message import CrmMessage, MessageRefused, parse
from orchestrator.engine.notices import CrmConnected, CrmGap, CrmLost, MessageRejected, MessageTaken
from orchestrator.engine.ports import Observer
from orchestrator.redis_errors import REDIS_FAILURES, why

PING_EVERY_S = 5.0
SILENCE_S = 12.0
"""Without a word, not even an answer to a ping, for so long: the connection is half-open."""
SUBSCRIBE_WITHIN_S = 3.0
RETRY_FIRST_S = 0.1
RETRY_MOST_S = 2.0
PATTERN = frozenset("*?[")


class PubSubReader:
    def __init__(
        self,
        client: Redis,
        channels: Sequence[str],
        deliver: Callable[[CrmMessage], None],
        observer: Observer,
        dead_letters: DeadLetters,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        """`client` must not time out while it is silent, nor retry; `deliver` may raise MessageRefused."""
        self.connected = False
        """Whether all channels are subscribed now."""
        self._client = client
        self._channels = [name for name in channels if not PATTERN & set(name)]
        self._patterns = [name for name in channels if PATTERN & set(name)]
        self._source = f"pubsub:{','.join(channels)}"
        self._deliver = deliver
        self._observer = observer
        self._dead_letters = dead_letters
        self._clock = clock
        self._rng = rng
        self._heard_at: float | None = None
        self._failures = 0

    async def run(self) -> NoReturn:
        """Listen until cancelled."""
        while True:
            try:
                async with self._client.pubsub() as pubsub:
                    await self._listen(pubsub)
            except REDIS_FAILURES as error:
                await self._lose(why(error))

    async def _listen(self, pubsub: PubSub) -> None:
        async with asyncio.timeout(SUBSCRIBE_WITHIN_S) as limit:
            if self._channels:
                await pubsub.subscribe(*self._channels)
            if self._patterns:
                await pubsub.psubscribe(*self._patterns)
            awaited = len(self._channels) + len(self._patterns)
            while awaited:
                awaited -= self._take(await pubsub.get_message(timeout=SUBSCRIBE_WITHIN_S))
            limit.reschedule(None)
        self._connect()
        asked_at = self._clock.now()
        while True:
            wait_s = max(0.0, asked_at + PING_EVERY_S - self._clock.now())
            # On an error redis-py reconnects before it raises, and its login waits without end: hence the bound.
            async with asyncio.timeout(SILENCE_S):
                self._take(await pubsub.get_message(timeout=wait_s))
                now = self._clock.now()
                if self._heard_at is not None and now - self._heard_at > SILENCE_S:
                    raise RedisTimeoutError
                if now >= asked_at + PING_EVERY_S:
                    asked_at = now
                    await pubsub.ping()
            await asyncio.sleep(0)  # a burst must not hold up the requests that its first message asks for

    def _take(self, message: dict[str, Any] | None) -> bool:
        """Whether it was the confirmation of a subscription. Anything heard is a sign of life."""
        if message is None:
            return False
        if self.connected:
            self._heard_at = self._clock.now()
        match message["type"]:
            case "message" | "pmessage":
                self._hear(message["channel"].decode(errors="replace"), message["data"])
            case "subscribe" | "psubscribe":
                return True
        return False

    def _hear(self, channel: str, raw: bytes) -> None:
        source = f"pubsub:{channel}"
        try:
            message = parse(raw)
            self._deliver(message)
        except MessageRefused as refused:
            self._observer.notice(MessageRejected(source, str(refused)))
            self._dead_letters.keep(source, str(refused), raw)
        else:
            self._observer.notice(MessageTaken(source, message.kind))

    def _connect(self) -> None:
        now = self._clock.now()
        self.connected, self._failures = True, 0
        self._observer.notice(CrmConnected(self._source))
        if self._heard_at is not None:
            self._observer.notice(CrmGap(self._source, now - self._heard_at))
        self._heard_at = now

    async def _lose(self, reason: str) -> None:
        """The first attempt to come back at once, then backoff with full jitter."""
        wait_s = 0.0
        if self._failures:
            bound_s = min(RETRY_MOST_S, RETRY_FIRST_S * 2.0 ** min(self._failures, 30))
            wait_s = self._rng.uniform(RETRY_FIRST_S, bound_s)
        if self.connected or not self._failures:
            self._observer.notice(CrmLost(self._source, reason, wait_s))
        self.connected = False
        self._failures += 1
        await asyncio.sleep(wait_s)
