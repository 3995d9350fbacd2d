"""Feed events as fast as they are taken in: how many for each second of the daemon's processor time.

The feed is a bare WebSocket that sends what was made before: the simulator's own work is not in the figures.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from redis.asyncio import Redis

from bench.proc import cpu_s
from bench.report import Row
from orchestrator.simulator import bulk
from orchestrator.simulator.process import DaemonProcess, running

EXTENSIONS = 500
EVENTS = 30_000
GIVE_UP_S = 120.0
LAST = "SIPLAST"


@dataclass
class BareFeed:
    """Login and one Engine.IO 3 connection."""

    snapshot: str
    events: list[str]
    go: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def login(self, request: web.Request) -> web.Response:
        socket = {"Token": "bench", "URLList": [self.url], "Version": "2"}
        return web.json_response({"StatusCode": 200, "Status": "OK", "Data": {"Socket": socket}})

    async def feed(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        opening = {"sid": "bench", "upgrades": [], "pingInterval": 60_000, "pingTimeout": 60_000}
        for packet in ("0" + json.dumps(opening), "40", self.snapshot):
            await socket.send_str(packet)
        await self.go.wait()
        for packet in self.events:
            await socket.send_str(packet)
        async for message in socket:
            if message.data == "2":
                await socket.send_str("3")
        return socket


@asynccontextmanager
async def serving(bare: BareFeed) -> AsyncIterator[BareFeed]:
    app = web.Application()
    app.router.add_post("/Login/Token", bare.login)
    app.router.add_get("/socket.io/", bare.feed)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        bare.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield bare
    finally:
        await runner.cleanup()


async def measure(folder: Path) -> list[Row]:
    now = time.time()
    lines = bulk.big_account(EXTENSIONS, now)
    events = [*bulk.some_event_packets(EVENTS, EXTENSIONS, 1, now), _last_event()]
    async with serving(BareFeed(bulk.snapshot_packet(lines, now), events)) as bare:
        environ = {
            "ORCHESTRATOR_ACCOUNTS__MAIN__LOGIN_TYPE": "token",
            "ORCHESTRATOR_ACCOUNTS__MAIN__TOKEN": "bench",
            "ORCHESTRATOR_ACCOUNTS__MAIN__LOGIN_URL": f"{bare.url}/Login",
        }
        async with running(folder, environ) as daemon:
            before_s, began = cpu_s(daemon.process.pid), time.perf_counter()
            bare.go.set()
            await _taken_in(daemon)
            seconds, used_s = time.perf_counter() - began, cpu_s(daemon.process.pid) - before_s
    return [
        Row("feed events for each second of processor time", EVENTS / used_s, "/s", bound=3000, at_least=True),
        Row("feed events for each second of the clock", EVENTS / seconds, "/s"),
    ]


def _last_event() -> str:
    leg = {"ivrid": "the-end", "answered": 1, "callstatus": "Talking", "direction": "Incoming"}
    data = {"extenUser": LAST, "userID": 1, "onlineUserID": 1, "calls": [leg], "currentCall": leg}
    return "42" + json.dumps(["ExtensionEvent", {"data": data, "eventName": "extension", "reason": "NEWCALL"}])


async def _taken_in(daemon: DaemonProcess) -> None:
    async with Redis.from_url(daemon.redis_url) as redis, asyncio.timeout(GIVE_UP_S):
        while not await redis.exists(f"mute:{{main}}:extension:{LAST}"):
            await asyncio.sleep(0.02)
