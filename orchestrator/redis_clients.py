"""Clients for Redis with the waiting and the retrying decided here, not by the library.

Guarantees: a command is sent once (redis-py's own default sends it again when the reply is lost, so an XADD would
count twice); connecting is bounded in time; a connection that leads to a replica, or nowhere, is not kept; an error
about a URL never repeats the URL, which may hold a password.
All clients give bytes back. Close them with `aclose()`.

No client here has a `socket_timeout`: redis-py enforces it with `asyncio.wait_for`, which in Python 3.11 swallows a
cancellation that arrives together with the result, and the task then runs on for ever. Put
`asyncio.timeout(ANSWER_S)` around the use of a writer instead.
"""

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    ConnectionPool,
    SSLConnection,
    UnixDomainSocketConnection,
    parse_url,
)
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError

CONNECT_S = 1.0
ANSWER_S = 1.0
"""How long Redis may take for one command before it counts as away."""


def writer(url: str) -> Redis:
    """For commands that are answered at once: writing, publishing, reading without BLOCK. One at a time, on one
    connection: the library asks the kernel about each connection that it takes from a pool, and this is on the
    way of every mute."""
    client = Redis(connection_pool=_pool(url), single_connection_client=True)
    client.auto_close_connection_pool = True
    return client


def reader(url: str) -> Redis:
    """For reading with BLOCK: one connection that waits where nobody else waits for it. Whoever reads must put a
    bound of its own on each wait: silence is normal, and a dead connection is silent too."""
    return writer(url)


async def connection_of(client: Redis) -> AbstractConnection:
    """The one connection of a `writer` or `reader`, which connects when something is sent.

    Whoever uses it must be its only user: the library's own way to it takes as long again as Redis does, in locks,
    hooks and measurements that nobody reads here.
    """
    await client.initialize()
    if client.connection is None:
        raise ValueError("the client has no connection of its own: make it with `writer` or `reader`")
    return client.connection


class _Heedful:
    """A connection that turns out to lead to a replica is closed: after a failover its address may lead elsewhere.
    One that the other side has closed is not written to: the library takes what asyncio says of that, and not what
    uvloop says (a RuntimeError, as a bug would)."""

    async def send_packed_command(self, *args: Any, **options: Any) -> None:
        if self._writer is not None and self._writer.is_closing():  # type: ignore[attr-defined]  # of the class beside it
            await self.disconnect(nowait=True)  # type: ignore[attr-defined]
            raise RedisConnectionError("closed by the other side")
        await super().send_packed_command(*args, **options)  # type: ignore[misc]

    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*args, **options)  # type: ignore[misc]  # of the class beside it
        except ReadOnlyError:
            await self.disconnect(nowait=True)  # type: ignore[attr-defined]
            raise


class _Tcp(_Heedful, Connection):
    pass


class _Tls(_Heedful, SSLConnection):
    pass


class _Unix(_Heedful, UnixDomainSocketConnection):
    pass


_HEEDFUL: dict[Any, Any] = {Connection: _Tcp, SSLConnection: _Tls, UnixDomainSocketConnection: _Unix}


def _pool(url: str) -> ConnectionPool:
    try:
        options: dict[str, Any] = dict(parse_url(url))
    except ValueError:
        raise ValueError(
            "not a Redis URL; right is redis://[user:password@]host[:port][/db], rediss://... or unix:///path"
            " (with special characters in the password percent-encoded)"
        ) from None
    kind = options.get("connection_class", Connection)
    options |= {
        "connection_class": _HEEDFUL[kind],
        "protocol": 2,
        "decode_responses": False,
        "encoding_errors": "surrogatepass",  # an id from the feed may hold any code point
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": CONNECT_S,
        "socket_timeout": None,
        "health_check_interval": 0,
        "driver_info": None,  # saves a round trip, and a permission
    }
    return ConnectionPool(**options)
