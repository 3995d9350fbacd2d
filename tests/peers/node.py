"""Runs the Node programs of this folder, and says when a test may do without them."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
INSTALLED = shutil.which("node") is not None and (HERE / "node_modules").is_dir()

peer = [
    pytest.mark.peer,
    pytest.mark.skipif(
        not INSTALLED and not os.environ.get("REQUIRE_PEERS"),
        reason="needs Node and the packages of tests/peers (make peers)",
    ),
]
"""For a module's `pytestmark`. With REQUIRE_PEERS set, a missing Node is a failure."""


class Program:
    """A Node program that talks in JSON lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.told: list[dict[str, Any]] = []

    def all(self, what: str) -> list[dict[str, Any]]:
        return [line for line in self.told if line["what"] == what]

    def do(self, command: str, **arguments: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": command} | arguments).encode() + b"\n")

    async def until(self, holds: Callable[[], object], within_s: float = 20.0) -> None:
        async with asyncio.timeout(within_s):
            while not holds():  # noqa: ASYNC110 - what is waited for happens in several programs
                await asyncio.sleep(0.01)

    async def listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.told.append(json.loads(line))


@asynccontextmanager
async def running(script: str, options: dict[str, object]) -> AsyncIterator[Program]:
    """The program, from its first line to the end of the block."""
    assert INSTALLED, "REQUIRE_PEERS is set, but Node or tests/peers/node_modules is missing (make peers)"
    process = await asyncio.create_subprocess_exec(
        "node",
        script,
        json.dumps(options),
        cwd=HERE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    program = Program(process)
    listening = asyncio.create_task(program.listen())
    try:
        await program.until(lambda: program.told)
        yield program
    finally:
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(10):
            await process.wait()
            await listening
