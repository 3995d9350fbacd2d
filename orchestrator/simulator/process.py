"""The daemon as a process of its own, for whoever judges it from outside: the demo, the stories, the benchmarks.

Guarantees: the process is told everything by its environment (nothing of ours leaks in), listens on loopback only,
and is ended with the block that started it.
"""

import asyncio
import json
import os
import random
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from orchestrator.simulator.stage import Stage

READY_WITHIN_S = 60.0
STOPPED_WITHIN_S = 15.0
ASK_EVERY_S = 0.02


class DaemonFailed(Exception):
    """The daemon ended, or did not become ready in time."""


_PORTS = range(10_000, 32_768)
"""Below those that the kernel gives to whoever connects: one of them may be taken before somebody listens there."""


def free_port() -> int:
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def account_environ(stage: Stage, name: str = "MAIN", *, polling: bool = False) -> dict[str, str]:
    """The settings of an account that this stage plays; with `polling`, those of Active Calls too."""
    prefix = f"ORCHESTRATOR_ACCOUNTS__{name}__"
    polled = {
        f"{prefix}ACTIVE_CALLS_URL": stage.active_calls_url,
        f"{prefix}API_CODE": stage.settings.api_code,
    }
    return {
        f"{prefix}LOGIN_TYPE": "token",
        f"{prefix}TOKEN": stage.settings.token,
        f"{prefix}LOGIN_URL": stage.login_url,
        f"{prefix}REFRESH_URL": stage.refresh_url,
        f"{prefix}MUTE_URL": stage.mute_url,
        **(polled if polling else {}),
    }


class DaemonProcess:
    """`mute-orchestrator run` with an embedded Valkey in `folder`, or with the Redis that `environ` names. May be
    started again after it ended."""

    def __init__(self, folder: Path, environ: Mapping[str, str], *arguments: str) -> None:
        self.http_url = f"http://127.0.0.1:{(http_port := free_port())}"
        embedded_url = f"redis://127.0.0.1:{(redis_port := free_port())}/0"
        self.redis_url = environ.get("ORCHESTRATOR_REDIS__URL", embedded_url)
        self.log_file = folder / "daemon.log"
        self.environ = {
            "PATH": os.environ.get("PATH", ""),
            "ORCHESTRATOR_DATA_DIR": str(folder / "data"),
            "ORCHESTRATOR_REDIS__EMBEDDED_PORT": str(redis_port),
            "ORCHESTRATOR_HTTP__PORT": str(http_port),
            "ORCHESTRATOR_LOG__FORMAT": "json",
            **environ,
        }
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise DaemonFailed("the daemon was not started")
        return self._process

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it, and wait until it says that it is ready. Raises `DaemonFailed` with the end of its log."""
        await self.launch()
        await self.ready()

    async def launch(self, stdin: int | None = None) -> None:
        """Start it, and wait for nothing. `stdin` is a descriptor; ours, where none is given."""
        with self.log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "orchestrator",
                "run",
                *self._arguments,
                env=self.environ,
                stdin=stdin,
                stdout=log,
                stderr=log,
            )

    async def ready(self) -> None:
        """Wait until it says that it is ready. Raises `DaemonFailed` with the end of its log."""
        give_up = time.monotonic() + READY_WITHIN_S
        while not await self._ready():
            if not self.alive or time.monotonic() > give_up:
                raise DaemonFailed(f"not ready; its log ends with:\n{self.text()[-2000:]}")
            await asyncio.sleep(ASK_EVERY_S)

    async def get(self, path: str) -> tuple[int, str]:
        """Status and text of a page of its health server."""
        async with aiohttp.ClientSession() as http, http.get(f"{self.http_url}{path}") as response:
            return response.status, await response.text()

    async def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOPPED_WITHIN_S):
            return await self.process.wait()

    async def kill(self) -> None:
        """SIGKILL: as by a crash of the machine's own making."""
        self.process.kill()
        await self.process.wait()

    def text(self) -> str:
        return self.log_file.read_text() if self.log_file.exists() else ""

    def lines(self, event: str | None = None) -> list[dict[str, Any]]:
        """What it logged, one event or all."""
        whole, _, _half = self.text().rpartition("\n")  # the last line may be on its way
        every = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return [line for line in every if event in (None, line["event"])]

    async def _ready(self) -> bool:
        try:
            status, _ = await self.get("/readyz")
        except aiohttp.ClientError:
            return False
        return status == 200


@asynccontextmanager
async def running(folder: Path, environ: Mapping[str, str]) -> AsyncIterator[DaemonProcess]:
    """Ready when entered, ended when left."""
    daemon = DaemonProcess(folder, environ)
    try:
        await daemon.start()
        yield daemon
    finally:
        if daemon.alive:
            await daemon.stop()
