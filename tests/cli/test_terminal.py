"""What people see: tables, a question, and the live screen, in a real terminal."""

import asyncio
import json
import signal
from contextlib import AsyncExitStack
from functools import partial

import pytest
from aiohttp import web

from orchestrator.web.health import health_app, serve
from orchestrator.web.ports import Shut
from tests.cli.centre import Centre, call, section
from tests.cli.terminal import Terminal, in_terminal
from tests.stories.stage import until
from tests.web.desk import refusal, site
from tests.web.test_board import site as page

ENTERED, LEFT = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
SOON_S = 30.0


async def shows(terminal: Terminal, text: str) -> None:
    await until(lambda: text in terminal.text, SOON_S, f"{text!r} shown")


def busy() -> Centre:
    return Centre(
        active=[section("pay", "exposed", {"ivrid": "c1", "state": "asked", "exposure_ms": 1900})],
        up=[call("c1", "asked", "pay", exposure_ms=1900)],
    )


@pytest.mark.parametrize(
    ("name", "head", "row"),
    [
        (
            "sections",
            ["ACCOUNT", "SECTION_ID", "EXTENSION", "STATE", "EXPIRES_AT", "CALLS"],
            ["main", "pay", "SIPSIP1", "exposed", "2099-01-01T00:00:00.000Z", "c1", "asked"],
        ),
        (
            "calls",
            ["ACCOUNT", "IVRID", "EXTENSIONS", "SECTIONS", "STATE", "EXPOSURE_MS"],
            ["main", "c1", "SIPSIP1", "pay", "asked", "1900"],
        ),
    ],
)
async def test_lists_are_tables_in_a_terminal(name: str, head: list[str], row: list[str]) -> None:
    async with site(busy()) as on, in_terminal(name, "--url", on.url) as terminal:
        assert await terminal.code() == 0
        await shows(terminal, row[-1])
        assert [line.split() for line in terminal.text.splitlines()] == [head, row]


@pytest.mark.parametrize(("name", "named"), [("sections", {"section_id": "pay"}), ("calls", {"ivrid": "c1"})])
async def test_lists_are_json_lines_in_a_terminal_too_where_that_is_asked_for(
    name: str, named: dict[str, str]
) -> None:
    async with site(busy()) as on, in_terminal(name, "--json", "--url", on.url) as terminal:
        assert await terminal.code() == 0
        await shows(terminal, "}\r\n")
        assert json.loads(terminal.text).items() >= named.items()


async def test_a_section_is_ended_after_a_yes_only() -> None:
    async with page() as on:
        for answer, code in (("n", 1), ("", 1), ("y", 0)):
            assert on.hand.done == []
            async with in_terminal("end-section", "pay", "--url", on.url) as terminal:
                await shows(terminal, "End pay?")
                terminal.types(f"{answer}\n")
                assert await terminal.code() == code
        assert [done[:2] for done in on.hand.done] == [("end", "pay")]


async def test_the_screen_is_redrawn_and_left_as_it_was_on_ctrl_c() -> None:
    desk = busy()
    async with site(desk) as on, in_terminal("watch", "--url", on.url) as terminal:
        await shows(terminal, "EXPOSED")
        assert terminal.text.startswith(ENTERED)
        assert "\x1b[1;31m" in terminal.text
        desk.active.clear()
        await shows(terminal, "ALL WELL")
        terminal.process.send_signal(signal.SIGINT)
        assert await terminal.code() == 0
        await until(lambda: terminal.text.endswith(LEFT))


async def test_no_colour_where_it_is_not_wanted() -> None:
    async with site(busy()) as on, in_terminal("watch", "--url", on.url, environ={"NO_COLOR": "1"}) as terminal:
        await shows(terminal, "EXPOSED")
        terminal.process.send_signal(signal.SIGTERM)
        assert await terminal.code() == 0
        await until(lambda: terminal.text.endswith(LEFT))
        assert "\x1b[1;31m" not in terminal.text


async def test_a_daemon_that_went_away_is_waited_for_and_what_was_known_stays() -> None:
    async with AsyncExitStack() as stack:
        async with site(busy()) as on:
            terminal = await stack.enter_async_context(in_terminal("watch", "--url", on.url))
            await shows(terminal, "EXPOSED")
        await shows(terminal, "NOT ANSWERING")
        assert "pay" in terminal.text.rpartition("NOT ANSWERING")[2]
        async with serve(quiet(health_app(dict, lambda: b"")), "127.0.0.1", int(on.url.rpartition(":")[2])):
            await shows(terminal, "ALL WELL")


async def test_a_daemon_that_waits_for_its_turn_is_shown_with_why() -> None:
    desk = busy()
    async with site(desk) as on, in_terminal("watch", "--url", on.url) as terminal:
        await shows(terminal, "EXPOSED")
        desk.refuses = refusal(Shut)
        await shows(terminal, "NOT READY")
        await shows(terminal, "cannot tell now: said why")


async def test_ctrl_c_ends_it_while_an_answer_is_waited_for() -> None:
    asked = asyncio.Event()

    async def readyz(_request: web.Request) -> web.Response:
        if terminal.text:  # the first look was drawn
            asked.set()
            await asyncio.Event().wait()
        return web.json_response({"ready": True, "problems": {}})

    app = web.Application()
    app.router.add_get("/readyz", readyz)
    async with serve(quiet(app), "127.0.0.1", 0) as url, in_terminal("watch", "--url", url) as terminal:
        async with asyncio.timeout(SOON_S):
            await asked.wait()
        terminal.process.send_signal(signal.SIGINT)
        assert await terminal.code() == 0
        assert "NOT ANSWERING" not in terminal.text


async def test_ctrl_c_while_a_list_is_waited_for_is_130_and_no_traceback() -> None:
    asked = asyncio.Event()

    async def never(_request: web.Request) -> web.Response:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    app = web.Application()
    app.router.add_get("/v1/sections", never)
    async with serve(app, "127.0.0.1", 0) as url, in_terminal("sections", "--url", url) as terminal:
        async with asyncio.timeout(SOON_S):
            await asked.wait()
        terminal.process.send_signal(signal.SIGINT)
        assert await terminal.code() == 130, terminal.text
        assert "Traceback" not in terminal.text


def quiet(app: web.Application) -> web.Application:
    """With an API that tells of nothing."""
    for name in ("sections", "calls"):
        app.router.add_get(f"/v1/{name}", partial(_none, name))
    return app


async def _none(name: str, _request: web.Request) -> web.Response:
    return web.json_response({name: []})
