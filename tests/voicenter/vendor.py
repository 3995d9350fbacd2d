"""Voicenter's login and one of its monitor servers, small but real: HTTP and Engine.IO over a WebSocket.

Everything that a test wants to go wrong is an attribute.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

Json = dict[str, Any]


async def until(holds: Callable[[], object], within_s: float = 10.0) -> None:
    """Wait for a condition, with a bound."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in servers and clients of many kinds
            await asyncio.sleep(0.005)


def extension(sip: str, *calls: Json, **more: Any) -> Json:
    """An extension as `AllExtensionsStatus` lists it."""
    return {
        "extenUser": sip,
        "number": 1001,
        "userID": 7001,
        "userName": "name",
        "onlineUserID": 7001,
        "representative": 1,
        "representativeStatus": 1,
        "accountID": 1,
        "topAccountID": 1,
        "peerStatus": None,
        "summery": {"representative": "1"},
        "calls": list(calls),
    } | more


def call(ivrid: str, **more: Any) -> Json:
    """A call as an extension lists it."""
    return {
        "ivrid": ivrid,
        "answered": 1,
        "callstatus": "Talking",
        "direction": "Incoming",
        "callStarted": 1_700_000_000,
        "callAnswered": 1_700_000_005,
        "callername": "name",
        "callerphone": "0000000000",
        "recording": {"Filename": "f", "Options": "", "ApproximateURL": "u", "IsMuted": 0},
        "relatedIvrUniqueIDs": [],
        "isInternal": False,
        "isSpyed": False,
        "channel": "c",
        "customdata": {"field0": "data"},
    } | more


def snapshot(*extensions: Json, **more: Any) -> Json:
    return {
        "extensions": list(extensions),
        "servertime": 1_700_000_100,
        "servertimeoffset": 120,
        "errorCode": 0,
        "errorDesc": "OK",
    } | more


def event(reason: str | None, subject: Json, **more: Any) -> Json:
    return {"eventName": "extension", "reason": reason, "data": subject, "servertime": 1_700_000_100} | more


class Peer:
    """One client, as the monitor server sees it."""

    def __init__(self, ws: web.WebSocketResponse, request: web.Request) -> None:
        self.ws = ws
        self.request = request
        self.query = dict(request.query)
        self.received: list[tuple[str, Any]] = []
        self.pings = 0

    async def emit(self, name: str, data: object) -> None:
        await self.ws.send_str(f"42{json.dumps([name, data])}")

    async def close(self) -> None:
        """Close in good order."""
        await self.ws.close()

    def reset(self) -> None:
        """Cut the TCP connection."""
        assert self.request.transport is not None
        self.request.transport.abort()

    def named(self, name: str) -> list[Any]:
        """What the client sent under this name."""
        return [data for event_name, data in self.received if event_name == name]


class Vendor:
    def __init__(self, generation: Literal[3, 4] = 3) -> None:
        self.generation = generation
        self.logins: list[tuple[str, Json]] = []
        self.refreshes: list[str] = []
        self.login_status = 200
        self.refresh_status = 200
        self.expiry: Callable[[], str | None] = lambda: None
        self.servers: list[str] | None = None
        self.greeting: list[tuple[str, Any]] = [
            ("loginSuccess", {"errorCode": 0, "errorDesc": "OK"}),
            ("loginStatus", {"queues": [], "errorCode": 0}),
            ("AllExtensionsStatus", snapshot(extension("SIP1"))),
        ]
        self.handshake_status = 101
        self.refuses = False
        self.closes_at_once = False
        self.opening: str | None = None
        """What is sent instead of a good open packet; "wait" sends nothing."""
        self.resyncs = True
        self.keepalive_code: int | None = 0
        self.ping_interval_ms = 25_000
        self.ping_timeout_ms = 5_000
        self.pongs = True
        self.peers: list[Peer] = []
        self.open: set[Peer] = set()
        self.client_version = "https://example.test/socket.io/v=2.4.0"
        self.url = ""
        self._server = TestServer(self._app())

    @property
    def peer(self) -> Peer:
        return self.peers[-1]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Vendor"]:
        await self._server.start_server()
        self.url = str(self._server.make_url("")).rstrip("/")
        try:
            yield self
        finally:
            for peer in list(self.open):
                peer.reset()
            await self._server.close()

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/Login/{kind}", self._login)
        app.router.add_get("/Refresh", self._refresh)
        app.router.add_get("/socket.io/", self._monitor)
        return app

    async def _login(self, request: web.Request) -> web.Response:
        self.logins.append((request.match_info["kind"], await request.json()))
        if self.login_status == 0:
            await asyncio.Event().wait()
        return self._session(self.login_status)

    async def _refresh(self, request: web.Request) -> web.Response:
        self.refreshes.append(request.headers["Authorization"])
        return self._session(self.refresh_status)

    def _session(self, status: int) -> web.Response:
        if status != 200:
            return web.json_response({"error": "no"}, status=status)
        socket = {
            "Token": f"token+/={len(self.logins)}&{len(self.refreshes)}",
            "TokenExpiry": self.expiry(),
            "RefreshToken": f"refresh-{len(self.logins)}-{len(self.refreshes)}",
            "RefreshTokenExpiry": None,
            "URLList": self.servers or [self.url],
            "Url": self.url,
            "Client": self.client_version,
            "Version": None,
            "PersonId": 1,
        }
        return web.json_response({"StatusCode": 200, "Status": "OK", "Data": {"Socket": socket}})

    async def _monitor(self, request: web.Request) -> web.StreamResponse:
        if self.handshake_status != 101:
            return web.Response(status=self.handshake_status)
        assert request.query["EIO"] == str(self.generation)
        assert request.query["transport"] == "websocket"
        ws = web.WebSocketResponse(autoping=self.pongs, timeout=0.2)
        await ws.prepare(request)
        peer = Peer(ws, request)
        self.peers.append(peer)
        self.open.add(peer)
        try:
            await self._serve(peer)
        finally:
            self.open.discard(peer)
        return ws

    async def _serve(self, peer: Peer) -> None:
        handshake = {
            "sid": f"sid{len(self.peers)}",
            "upgrades": [],
            "pingInterval": self.ping_interval_ms,
            "pingTimeout": self.ping_timeout_ms,
        }
        if self.opening == "wait":
            await peer.ws.receive()
            return
        await peer.ws.send_str(self.opening if self.opening is not None else f"0{json.dumps(handshake)}")
        if self.closes_at_once:
            await peer.close()
            return
        if self.generation == 3:
            await self._let_in(peer)
        async for message in peer.ws:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            await self._take(peer, message.data)

    async def _let_in(self, peer: Peer) -> None:
        if self.refuses:
            await peer.ws.send_str('44"not authorised"' if self.generation == 3 else '44{"message":"not authorised"}')
            return
        await peer.ws.send_str("40" if self.generation == 3 else '40{"sid":"s"}')
        for name, data in self.greeting:
            await peer.emit(name, data)

    async def _take(self, peer: Peer, text: str) -> None:
        if text.startswith("2"):
            peer.pings += 1
            if self.pongs:
                await peer.ws.send_str("3" + text[1:])
        elif text.startswith("40"):
            assert self.generation == 4, "an Engine.IO 3 client joins nothing"
            await self._let_in(peer)
        elif text.startswith("42"):
            name, *arguments = json.loads(text[2:])
            peer.received.append((name, arguments[0] if arguments else None))
            if name == "keepalive" and self.keepalive_code is not None:
                await peer.emit("keepaliveResponse", {"errorCode": self.keepalive_code})
            if name == "resync" and self.resyncs:
                await peer.emit("AllExtensionsStatus", snapshot(extension("SIP1"), extension("SIP2")))
