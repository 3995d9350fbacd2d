"""Messages of the CRM from Redis pub/sub: several channels, patterns too.

Pub/sub keeps nothing for a listener that is away, and redis-py's own reader of it reconnects without a word. So the
connection is ours: when it is quiet it is asked for a sign of life every `PING_EVERY_S` and given up when none comes,
and after every loss the time in which messages may have been missed is told. Guarantees: messages are delivered
synchronously in the order of arrival; a wrong one is told, kept as a dead letter, and stops nothing.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import NoReturn

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from orchestrator.clock import Clock
from orchestrator.crm.deadletter import DeadLetters
from orchestrator.crm.intake import take
from orchestrator.crm.link import Link
from orchestrator.crm.message import CrmMessage, MessageRefused
from orchestrator.engine.notices import MessageRejected
from orchestrator.engine.ports import Observer
from orchestrator.redis_clients import connection_of
from orchestrator.redis_errors import REDIS_FAILURES, why

PING_EVERY_S = 5.0
ANSWER_S = 7.0
"""Without a word for so long after a ping: the connection is half-open."""
SUBSCRIBE_WITHIN_S = 3.0
PATTERN = frozenset("*?[")

Reply = list[bytes]
"""The kind of message, then what belongs to it (RESP2)."""


class PubSubReader:
    def __init__(
        self,
        client: Redis,
        channels: Sequence[str],
        deliver: Callable[[CrmMessage], object],
        observer: Observer,
        dead_letters: DeadLetters,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        """`client` is the reader's alone, with one connection; `deliver` may raise MessageRefused."""
        self._client = client
        once = dict.fromkeys(channels)  # Redis confirms a channel once, however often it is configured
        self._channels = [name for name in once if not PATTERN & set(name)]
        self._patterns = [name for name in once if PATTERN & set(name)]
        self._link = Link(f"pubsub:{','.join(once)}", observer, clock, rng)
        self._deliver = deliver
        self._observer = observer
        self._dead_letters = dead_letters
        self._clock = clock

    @property
    def source(self) -> str:
        return self._link.source

    @property
    def connected(self) -> bool:
        """Whether all channels are subscribed now."""
        return self._link.connected

    async def run(self) -> NoReturn:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen(await connection_of(self._client))
            except Exception as error:
                if self._client.connection is not None:
                    await self._client.connection.disconnect(nowait=True)
                if not isinstance(error, REDIS_FAILURES):
                    raise
                await self._link.lost(why(error))

    async def _listen(self, connection: AbstractConnection) -> NoReturn:
        async with asyncio.timeout(SUBSCRIBE_WITHIN_S):
            if self._channels:
                await connection.send_command("SUBSCRIBE", *self._channels)
            if self._patterns:
                await connection.send_command("PSUBSCRIBE", *self._patterns)
            awaited = len(self._channels) + len(self._patterns)
            while awaited:
                awaited -= self._take(await connection.read_response(disconnect_on_error=False))
        self._link.up(missed=True)
        asked_at: float | None = None  # when the ping was sent that nothing was heard since
        while True:
            reply = await self._next(connection, asked_at)
            if reply is not None:
                asked_at = None
                if self._take(reply):
                    raise RedisConnectionError  # a new confirmation: somebody (a proxy) reconnected behind our back
            elif asked_at is None:
                async with asyncio.timeout(ANSWER_S):
                    await connection.send_command("PING")
                asked_at = self._clock.now()
            else:
                raise RedisTimeoutError
            await asyncio.sleep(0)  # a burst must not hold up the requests that its first message asks for

    async def _next(self, connection: AbstractConnection, asked_at: float | None) -> Reply | None:
        """What is heard next; None when the wait for it was in vain.

        A process that was stopped for a while wakes up with its waits over and their answers unread, so what has
        arrived by then is looked at once more before the silence is believed.
        """
        wait_s = PING_EVERY_S if asked_at is None else asked_at + ANSWER_S - self._clock.now()
        heard: Reply | None = await connection.read_response(timeout=max(0.0, wait_s), disconnect_on_error=False)
        if heard is None:
            heard = await connection.read_response(timeout=0.0, disconnect_on_error=False)
        return heard

    def _take(self, reply: Reply) -> bool:
        """Whether it was the confirmation of a subscription. Anything heard is a sign of life."""
        self._link.heard()
        match reply:
            case [b"message", channel, raw]:
                self._hear(None, channel, raw)
            case [b"pmessage", pattern, channel, raw]:
                self._hear(pattern, channel, raw)
            case [b"subscribe" | b"psubscribe", *_]:
                return True
        return False

    def _hear(self, pattern: bytes | None, channel: bytes, raw: bytes) -> None:
        """Under a pattern the publisher chooses the channel's name, so it is kept with the content, not told."""
        source, exactly = (f"pubsub:{name.decode(errors='replace')}" for name in (pattern or channel, channel))
        try:
            take(raw, source, self._deliver, self._observer)
        except MessageRefused as refused:
            self._observer.notice(MessageRejected(source, str(refused)))
            self._dead_letters.keep(exactly, str(refused), raw)
