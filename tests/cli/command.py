"""Runs `mute-orchestrator` as a process, as a shell would."""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

WITHIN_S = 90.0


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


async def command(*arguments: str, environ: Mapping[str, str] | None = None) -> Result:
    own = {name: value for name, value in os.environ.items() if "ORCHESTRATOR_" not in name}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "orchestrator",
        *arguments,
        env=own | dict(environ or {}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(WITHIN_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Result(process.returncode, out.decode(), err.decode())
