"""A mute API that says yes after a while, and notes when each request came and how many were there at once."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Sink:
    latency_s: float = 0.0
    arrivals: list[tuple[float, dict[str, str]]] = field(default_factory=list)
    """When (perf_counter) and what."""
    done_at: list[float] = field(default_factory=list)
    now: int = 0
    most: int = 0
    url: str = ""
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.Response:
        at = time.perf_counter()
        self.arrivals.append((at, await request.json()))
        self.came.set()
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(self.latency_s)
        self.now -= 1
        self.done_at.append(time.perf_counter())
        return web.json_response({"ErrorCode": 200, "Message": "Success", "ActionID": str(len(self.arrivals))})

    async def next(self) -> float:
        """Wait for the next request; when it came."""
        await self.came.wait()
        self.came.clear()
        return self.arrivals[-1][0]


@asynccontextmanager
async def sink(latency_s: float = 0.0) -> AsyncIterator[Sink]:
    one = Sink(latency_s)
    app = web.Application()
    app.router.add_post("/mute", one.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/mute"
        yield one
    finally:
        await runner.cleanup()
