"""The image and docker-compose.yml, as far as they can be tried without Docker."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import aiohttp
import pytest

from orchestrator.web.health import health_app, serve, tls_context
from tests.certificate import certificate_in
from tests.cli.command import command
from tests.stories.stage import stage
from tests.web.test_gate import bearing

ROOT = Path(__file__).parents[2]


def health_check() -> str:
    """The command that says whether the container is well."""
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", "")
    (found,) = re.findall(r"^HEALTHCHECK .*?\bCMD (.*)$", text, re.MULTILINE)
    return str(found)


async def is_well(url: str) -> bool:
    environ = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environ |= {"ORCHESTRATOR_HTTP__PORT": url.rpartition(":")[2]}
    process = await asyncio.create_subprocess_shell(health_check(), env=environ, stderr=subprocess.DEVNULL)
    return await process.wait() == 0


@pytest.mark.parametrize("speaks_tls", [False, True])
async def test_a_container_is_well_while_its_daemon_answers_with_tls_or_without(
    tmp_path: Path, speaks_tls: bool
) -> None:
    tls = tls_context(*certificate_in(tmp_path)) if speaks_tls else None
    async with serve(health_app(dict, bytes), "127.0.0.1", 0, tls) as url:
        assert await is_well(url)
    assert not await is_well(url)


def variables(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", file.read_text("utf-8"), re.MULTILINE))


def composed(given: Mapping[str, str]) -> dict[str, str]:
    """What docker-compose.yml tells the daemon of its page, API and commands."""
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    text = re.sub(r">-\n +(.*)\n +(.*)", r"\1 \2", text)
    text = re.sub(r"\$\{(\w+)[^}]*\}", lambda found: given.get(found[1], ""), text)
    found = re.findall(
        r"^      (ORCHESTRATOR_HTTP__\w+|MUTE_ORCHESTRATOR_TOKEN): (.*?)(?:  #.*)?$", text, re.MULTILINE
    )
    return {name: value.strip('"') for name, value in found}


async def test_composed_it_is_open_to_who_has_the_token_and_to_the_commands_inside(tmp_path: Path) -> None:
    given = variables(ROOT / "config" / "simulator.env")
    token = given["HTTP_TOKEN"]
    assert given["HTTP_TOKEN_SHA256"] == sha256(token.encode()).hexdigest()
    async with (
        stage(tmp_path, None, ORCHESTRATOR_HTTP__HOST="0.0.0.0", **composed(given)) as on,
        aiohttp.ClientSession(on.daemon.http_url) as http,
    ):
        for path in ("/v1/sections", "/v1/page/calls/none"):
            async with http.get(path) as response:
                assert response.status == 401
            async with http.get(path, headers=bearing(f"Bearer {token}")) as response:
                assert response.status in (200, 404)
        for words in (["sections"], ["watch", "--once"]):
            assert (await command(*words, environ=on.daemon.environ)).code == 0
