"""docs/integrating.md holds: its programs are the files beside it, and each keeps its form shut until the call is
muted, before a real daemon."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from aiohttp import web

from orchestrator.simulator.api import ApiCall
from tests.contract.documents import ROOT
from tests.stories.stage import Stage, stage, until

PROGRAMS = ROOT / "docs" / "integrating"
PAGE = (ROOT / "docs" / "integrating.md").read_text("utf-8")
A = "SIPSIP1"
TOKEN = "a-token-of-the-crm"
SHOWN = b"Ask for the card. Enter closes the form.\n"
WITHIN_S = 15.0


@dataclass(frozen=True)
class Program:
    file: str
    interpreter: str
    http: bool = True
    uses: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """What it cannot be run without. With REQUIRE_PEERS set, that is a failure."""
        if os.environ.get("REQUIRE_PEERS"):
            return []
        return [name for name in (self.interpreter, *self.uses) if not shutil.which(name)]


ALL = [
    Program("form_redis.py", sys.executable, http=False),
    Program("form_http.py", sys.executable),
    Program("form.mjs", "node"),
    Program("form.php", "php"),
    Program("form.sh", "sh", uses=("curl",)),
]


@pytest.fixture(params=ALL, ids=lambda program: program.file)
def program(request: pytest.FixtureRequest) -> Program:
    found: Program = request.param
    if found.missing:
        pytest.skip(f"needs {', '.join(found.missing)}")
    return found


def test_the_page_has_every_program_verbatim() -> None:
    assert sorted(path.name for path in PROGRAMS.iterdir() if path.is_file()) == sorted(of.file for of in ALL)
    for of in ALL:
        assert f"({PROGRAMS.name}/{of.file})" in PAGE
        assert f"\n{(PROGRAMS / of.file).read_text('utf-8')}```\n" in PAGE


@asynccontextmanager
async def crm(folder: Path, program: Program) -> AsyncIterator[Stage]:
    tokens = [{"name": "crm", "sha256": sha256(TOKEN.encode()).hexdigest(), "scopes": ["sections:write"]}]
    given = {"ORCHESTRATOR_HTTP__TOKENS": json.dumps(tokens)} if program.http else {}
    async with stage(folder, None, **given) as on:
        await on.sim.talk("caller", A)
        await until(lambda: on.daemon_knows(A, "caller"))
        yield on


@asynccontextmanager
async def opened(on: Stage, program: Program) -> AsyncIterator[asyncio.subprocess.Process]:
    """The form, as its own process; it has ended when this is left."""
    given = {
        "PATH": os.environ.get("PATH", ""),
        "MUTE_URL": on.daemon.http_url,
        "MUTE_TOKEN": TOKEN,
        "REDIS_URL": on.daemon.redis_url,
    }
    pipe = asyncio.subprocess.PIPE
    form = await asyncio.create_subprocess_exec(
        program.interpreter, PROGRAMS / program.file, A, env=given, stdin=pipe, stdout=pipe, stderr=pipe
    )
    try:
        yield form
    finally:
        if form.returncode is None:
            form.kill()
        await form.communicate()


async def _refused(call: ApiCall) -> web.Response | None:
    return web.Response(status=500) if call.name == "mute" else None


async def test_the_form_is_shown_while_the_call_is_muted_and_then_only(tmp_path: Path, program: Program) -> None:
    async with crm(tmp_path, program) as on:
        async with opened(on, program) as form, asyncio.timeout(WITHIN_S):
            assert form.stdout is not None
            assert await form.stdout.readline() == SHOWN
            assert on.sim.truth.muted("caller")
            _, errors = await form.communicate(b"\n")
            assert (form.returncode, errors) == (0, b"")
        await on.muted()
        await until(lambda: _no_section(on))

        on.sim.voicenter.faults.before = _refused
        async with opened(on, program) as form, asyncio.timeout(WITHIN_S):
            shown, errors = await form.communicate(b"\n")
            assert (form.returncode, shown) == (1, b"")
            assert errors.startswith(b"Do not ask for the card")
        await until(lambda: _no_section(on))


async def _no_section(on: Stage) -> bool:
    return not await on.crm.exists("mute:{main}:sections")
