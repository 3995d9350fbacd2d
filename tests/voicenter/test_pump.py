"""Whoever else lives on the loop gets a turn while the feed storms."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from orchestrator.voicenter.connection import ConnectionLimits, connect
from orchestrator.voicenter.engineio import PACKETS_A_TURN, ClosedByServer
from tests.voicenter.vendor import until

PACKETS = 5_000


@asynccontextmanager
async def storm() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A bare server that says everything at once, and when it has said it."""
    said = asyncio.Event()

    async def feed(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        opening = {"sid": "s", "upgrades": [], "pingInterval": 60_000, "pingTimeout": 60_000}
        for packet in (f"0{json.dumps(opening)}", "40", *(f'42["e",{at}]' for at in range(PACKETS))):
            await socket.send_str(packet)
        said.set()
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/socket.io/", feed)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/"), said


async def test_a_storm_of_events_starves_nobody_and_keeps_its_order(http: aiohttp.ClientSession) -> None:
    heard: list[object] = []
    heard_at_turns: list[int] = [0]
    async with (
        storm() as (url, said),
        connect(http, url, "t", 3, ConnectionLimits(), lambda _name, at: heard.append(at)) as connection,
    ):
        await until(said.is_set)
        running = asyncio.create_task(_end_of(connection.run()))
        while not running.done():
            await asyncio.sleep(0)  # a turn of the loop: what everybody else gets
            heard_at_turns.append(len(heard))
    assert heard == list(range(PACKETS))
    between = [later - before for before, later in pairwise(heard_at_turns)]
    assert max(between) <= PACKETS_A_TURN


async def _end_of(run: Coroutine[Any, Any, None]) -> None:
    try:
        await run
    except* ClosedByServer:
        pass
