"""One connection to a monitor server, opened and closed: WebSocket only, no upgrade, no compression.

Guarantees: events are handed over in the order of arrival, each before the next one is read; the end is always
told as `ConnectionLost` or `ConnectionRefused`, in words that carry neither token nor payload; nothing runs or
stays open after the block of `connect`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp
import socketio  # type: ignore[import-untyped]

from orchestrator.voicenter.engineio import (
    Client,
    Client3,
    ConnectionLost,
    ConnectionRefused,
    FeedPacket,
    Generation,
    Transport,
)
from orchestrator.voicenter.faults import fault

# Both libraries log payloads and write errors to stderr through handlers of their own; nothing of that is wanted.
_SILENT = logging.getLogger("orchestrator.voicenter.socketio")
_SILENT.disabled = True


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    within_s: float = 10.0
    """How long the handshake may take."""
    heartbeat_s: float = 10.0
    """WebSocket ping after so long without data; no answer for half of it, and the connection is lost."""
    max_message_bytes: int = 128 * 1024 * 1024


class Connection:
    """An open connection. Nothing is received unless `run` is awaited."""

    def __init__(self, client: socketio.AsyncClient, generation: Generation) -> None:
        self._client = client
        self._generation = generation

    async def run(self) -> None:
        """Hand events over until the connection ends: `ConnectionLost` or `ConnectionRefused` (maybe in a group)."""
        transport: Transport = self._client.eio
        if self._generation == 4:
            await transport.pump()
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(transport.pump())
            tasks.create_task(transport.ping())

    async def emit(self, name: str, argument: object) -> None:
        """Send an event; nothing is sent while the server has not let us in yet."""
        if "/" in self._client.namespaces:
            await self._client.emit(name, argument)


@asynccontextmanager
async def connect(
    http: aiohttp.ClientSession,
    server: str,
    token: str,
    generation: Generation,
    limits: ConnectionLimits,
    on_event: Callable[..., None],
) -> AsyncIterator[Connection]:
    """Connect to `server`, and close the connection in the end.

    `on_event(name, *arguments)` is called for each event, in order of arrival and before the next one is read.
    Raises `ConnectionLost` or `ConnectionRefused`.
    """
    client = (Client if generation == 4 else Client3)(
        reconnection=False,
        handle_sigint=False,
        logger=_SILENT,
        engineio_logger=_SILENT,
        serializer=FeedPacket,
        http_session=lambda: http,
        websocket_extra_options={"heartbeat": limits.heartbeat_s, "max_msg_size": limits.max_message_bytes},
    )
    client.on("*", on_event)
    client.on("connect_error", _refuse)
    try:
        async with asyncio.timeout(limits.within_s):
            await client.connect(f"{server}?token={quote(token, safe='')}", transports=["websocket"], wait=False)
    except aiohttp.WSServerHandshakeError as error:
        if error.status in (401, 403):
            raise ConnectionRefused(fault(error)) from None
        raise ConnectionLost(fault(error)) from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ConnectionLost(fault(error)) from None
    try:
        yield Connection(client, generation)
    finally:
        await client.eio.disconnect()


def _refuse(*_: object) -> None:
    raise ConnectionRefused("server refused the connection")
