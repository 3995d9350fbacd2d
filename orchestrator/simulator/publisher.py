"""Says things on Redis as a CRM does, on any of the ways in: one connection, nothing silently repeated."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import assert_never

from redis.exceptions import TimeoutError as NoAnswer

from orchestrator.redis_clients import writer


class By(StrEnum):
    """How a message gets into Redis."""

    CHANNEL = "channel"  # PUBLISH
    STREAM = "stream"  # XADD, in the field `data`
    LIST = "list"  # LPUSH


NAMES: Mapping[By, str] = {By.CHANNEL: "crm.sensitive", By.STREAM: "crm:sensitive", By.LIST: "crm:list"}
"""Where to, unless something else is said: where the daemon reads by default, save the list, which it has none of."""
STREAM_KEEPS = 10_000
ANSWER_S = 5.0

Publish = Callable[[bytes], Awaitable[object]]


@asynccontextmanager
async def redis_publisher(url: str, by: By = By.CHANNEL, name: str = "") -> AsyncIterator[Publish]:
    """Raises `redis.RedisError` where Redis is away, then and at each message: a lost message must not pass."""
    client = writer(url)
    to = name or NAMES[by]

    async def say(message: bytes) -> None:
        match by:
            case By.CHANNEL:
                await client.publish(to, message)
            case By.STREAM:
                await client.xadd(to, {"data": message}, maxlen=STREAM_KEEPS, approximate=True)
            case By.LIST:
                await client.lpush(to, message)
            case never:
                assert_never(never)

    async def publish(message: bytes) -> None:
        try:
            async with asyncio.timeout(ANSWER_S):
                await say(message)
        except TimeoutError:
            raise NoAnswer(f"Redis did not answer within {ANSWER_S:g} s") from None

    async with client:
        yield publish
