"""Publishes on Redis as a CRM does: one connection, nothing silently repeated."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

CHANNEL = "crm.sensitive"

Publish = Callable[[bytes], Awaitable[object]]


@asynccontextmanager
async def redis_publisher(url: str, channel: str = CHANNEL) -> AsyncIterator[Publish]:
    """Raises `redis.RedisError` where Redis is away, then and at each message: a lost message must not pass."""
    client = Redis.from_url(url, retry=Retry(NoBackoff(), 0))
    async with client:

        async def publish(message: bytes) -> None:
            await client.publish(channel, message)

        yield publish
