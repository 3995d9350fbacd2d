"""A TCP proxy on loopback that plays a bad network between the daemon and whom it talks to.

Guarantees: what is forwarded keeps its order; what is held back is not lost, but forwarded when it is let go, unless
the connection is cut; a refused connection is refused by the system itself. Nothing of it outlives its context.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

HOST = "127.0.0.1"
CHUNK = 64 * 1024
AHEAD = 256
"""Chunks that may be under way in one direction: then the sender feels it."""
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, no time


@dataclass(slots=True)
class Way:
    """How one direction does, of all connections."""

    delay_s: float = 0.0
    bytes_per_s: float = float("inf")
    flows: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.flows.set()

    def hold(self) -> None:
        """Stay connected, forward nothing."""
        self.flows.clear()

    def let_go(self) -> None:
        self.flows.set()


class Proxy:
    """Listens at `url`'s port while its context is entered, and forwards to `port`, once that is known."""

    def __init__(self) -> None:
        self.port = 0
        self.target = 0
        self.up = Way()
        """From the client to the server."""
        self.down = Way()
        """From the server to the client."""
        self.accepted = 0
        self._server: asyncio.Server | None = None
        self._pairs: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, ...]] = {}

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    async def accept(self) -> None:
        """Let connections in (again)."""
        if self._server is None:
            self._server = await asyncio.start_server(self._carry, HOST, self.port, reuse_address=True)
            self.port = int(self._server.sockets[0].getsockname()[1])

    async def refuse(self) -> None:
        """Who connects from now on is refused; connections that stand remain."""
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.sleep(0)

    def hold(self) -> None:
        """Half-open: all stay connected, nothing is forwarded in either direction."""
        self.up.hold()
        self.down.hold()

    def let_go(self) -> None:
        self.up.let_go()
        self.down.let_go()

    async def cut(self, *, reset: bool = True) -> None:
        """End every connection at both ends: by RST, or in order, by FIN."""
        pairs = dict(self._pairs)
        for writers in pairs.values():
            for writer in writers:
                _end(writer, reset)
        for task in pairs:
            task.cancel()
        await asyncio.gather(*pairs, return_exceptions=True)

    async def close(self) -> None:
        await self.refuse()
        await self.cut()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.accepted += 1
        self._pairs[task] = (writer,)
        try:
            their_reader, their_writer = await asyncio.open_connection(HOST, self.target)
            self._pairs[task] = (writer, their_writer)
            async with asyncio.TaskGroup() as group:
                for way, source, sink in ((self.up, reader, their_writer), (self.down, their_reader, writer)):
                    _forward(group, way, source, sink)
        except* OSError:
            for each in self._pairs[task]:
                _end(each, reset=True)
        except* asyncio.CancelledError:  # by `cut`, which has ended the connection
            pass
        finally:
            for each in self._pairs.pop(task):
                each.close()


def _forward(group: asyncio.TaskGroup, way: Way, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(AHEAD)
    group.create_task(_take(way, source, under_way))
    group.create_task(_pass_on(way, under_way, sink))


async def _take(way: Way, source: asyncio.StreamReader, under_way: asyncio.Queue[tuple[float, bytes]]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        data = await source.read(CHUNK)
        await under_way.put((loop.time() + way.delay_s, data))
        if not data:
            return


async def _pass_on(way: Way, under_way: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due, data = await under_way.get()
        if due > loop.time():
            await asyncio.sleep(due - loop.time())
        await way.flows.wait()
        if not data:  # this side has said all it will: so has the proxy
            if sink.can_write_eof():
                sink.write_eof()
            return
        sink.write(data)
        await sink.drain()
        if way.bytes_per_s != float("inf"):
            await asyncio.sleep(len(data) / way.bytes_per_s)


def _end(writer: asyncio.StreamWriter, reset: bool) -> None:
    if not reset:
        writer.close()
        return
    raw = writer.get_extra_info("socket")
    if raw is not None and not writer.transport.is_closing():
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


@asynccontextmanager
async def proxy() -> AsyncIterator[Proxy]:
    between = Proxy()
    await between.accept()
    try:
        yield between
    finally:
        await between.close()
