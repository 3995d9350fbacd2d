"""Runs `mute-orchestrator` in a terminal of its own: 80 columns, 24 lines."""

import asyncio
import fcntl
import os
import pty
import struct
import sys
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from tests.cli.command import WITHIN_S


class Terminal:
    def __init__(self, process: asyncio.subprocess.Process, end: int) -> None:
        self.process = process
        self.text = ""
        self._end = end
        asyncio.get_running_loop().add_reader(end, self._read)

    def types(self, text: str) -> None:
        os.write(self._end, text.encode())

    async def code(self) -> int:
        async with asyncio.timeout(WITHIN_S):
            return await self.process.wait()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._end)
        os.close(self._end)

    def _read(self) -> None:
        try:
            self.text += os.read(self._end, 65536).decode(errors="replace")
        except OSError:  # the other side is closed, which Linux calls EIO
            asyncio.get_running_loop().remove_reader(self._end)


@asynccontextmanager
async def in_terminal(*arguments: str, environ: Mapping[str, str] | None = None) -> AsyncIterator[Terminal]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    dropped = ("NO_COLOR", "COLUMNS", "LINES")
    own = {name: text for name, text in os.environ.items() if "ORCHESTRATOR_" not in name and name not in dropped}
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "orchestrator",
            *arguments,
            env=own | dict(environ or {}),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
    finally:
        os.close(theirs)
    terminal = Terminal(process, ours)
    try:
        yield terminal
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        terminal.close()
