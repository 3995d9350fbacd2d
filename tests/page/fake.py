"""A daemon as the page sees it: serves the page's folder and speaks the board's contract, as a test directs.

Guarantees: the headers are those of the daemon (the same Content-Security-Policy); every request is kept; whatever is
pushed goes to all who listen, and a listener first gets the board as it stands.
"""

import asyncio
import json
import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web

import orchestrator.web
from tests.page.boards import Json

PAGE = Path(orchestrator.web.__file__).parent / "page"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
MAPS = ("extensions", "calls", "sections")


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    account: str | None
    authorization: str | None
    body: Json | None


@dataclass
class FakeDaemon:
    board: Json
    token: str | None = None
    """None: open."""
    name: str = "loopback"
    scopes: tuple[str, ...] = ("page", "operate")
    refuses: tuple[int, str] | None = None
    """Status and detail of the answer to whatever is done by hand."""
    timelines: dict[str, Json] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    _listeners: set[asyncio.Queue[tuple[str, Json] | None]] = field(default_factory=set)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _port: int = 0
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def push(self, **change: Any) -> None:
        """A `change`. What is None in extensions, calls and sections is gone."""
        for name, value in change.items():
            if name in MAPS:
                kept = self.board[name] | value
                self.board[name] = {key: entry for key, entry in kept.items() if entry is not None}
            elif name == "log":
                self.board["log"] = [*self.board["log"], *value][-200:]
            elif name != "history":
                self.board[name] = value
        for listener in self._listeners:
            listener.put_nowait(("change", {"now": self.board["now"], **change}))

    async def start(self) -> None:
        """On the port it had before, if it had one."""
        app = web.Application()
        app.router.add_get("/", self._file)
        app.router.add_get("/page/{file}", self._file)
        app.router.add_get("/v1/page/stream", self._stream)
        app.router.add_get("/v1/page/calls/{ivrid}", self._call)
        for kind, verb in (("sections", "end"), ("calls", "mute"), ("calls", "release")):
            app.router.add_post(f"/v1/page/{kind}/{{id}}/{verb}", self._hand)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        for listener in self._listeners:
            listener.put_nowait(None)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = PAGE / request.match_info.get("file", "index.html")
        if not path.is_file():
            raise web.HTTPNotFound
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        headers = {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Security-Policy": CSP,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",
        }
        return web.Response(body=await asyncio.to_thread(path.read_bytes), headers=headers)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if refused := await self._refused(request, "page"):
            return refused
        said = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "Token-Name": quote(self.name)}
        answer = web.StreamResponse(headers=said)
        await answer.prepare(request)
        listener: asyncio.Queue[tuple[str, Json] | None] = asyncio.Queue()
        listener.put_nowait(("board", self.board | {"can_operate": "operate" in self.scopes}))
        self._listeners.add(listener)
        try:
            while (event := await listener.get()) is not None:
                name, data = event
                text = f"event: {name}\nid: s-{next(self._numbers)}\ndata: {json.dumps(data)}\n\n"
                await answer.write(text.encode())
        except ConnectionError:
            pass  # the page went away, as pages do
        finally:
            self._listeners.discard(listener)
        return answer

    async def _call(self, request: web.Request) -> web.StreamResponse:
        if refused := await self._refused(request, "page"):
            return refused
        found = self.timelines.get(request.match_info["ivrid"])
        if found is None:
            return _problem(404, "Nothing is known of this call.")
        return web.json_response(found)

    async def _hand(self, request: web.Request) -> web.StreamResponse:
        if refused := await self._refused(request, "operate"):
            return refused
        if self.refuses is not None:
            return _problem(*self.refuses)
        name, verb = request.match_info["id"], request.path.rpartition("/")[2]
        match verb:
            case "end":
                return web.json_response({"section_id": name, "state": "ended"})
            case "mute":
                return web.json_response({"section_id": "hand-0a1b2c3d", "ivrid": name}, status=202)
            case _:
                return web.json_response({"ivrid": name, "state": "releasing"}, status=202)

    async def _refused(self, request: web.Request, scope: str) -> web.Response | None:
        authorization = request.headers.get("Authorization")
        body = await request.json() if request.can_read_body else None
        self.asked.append(Asked(request.method, request.path, request.query.get("account"), authorization, body))
        if self.token is not None and authorization != f"Bearer {self.token}":
            return _problem(401, "The token is none of those that are configured.", {"WWW-Authenticate": "Bearer"})
        if scope not in self.scopes:
            return _problem(403, f'The token lacks the scope "{scope}".')
        return None


@asynccontextmanager
async def fake_daemon(board: Json) -> AsyncIterator[FakeDaemon]:
    daemon = FakeDaemon(board)
    await daemon.start()
    try:
        yield daemon
    finally:
        await daemon.stop()


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> web.Response:
    told = {"type": "about:blank", "title": "", "status": status, "detail": detail}
    return web.json_response(told, status=status, content_type="application/problem+json", headers=headers)
