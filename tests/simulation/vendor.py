"""Voicenter's HTTP side without sockets: login, mute API, Active Calls. It stands for the daemon's HTTP session.

Guarantees: a request that was sent takes effect, or does not, whatever becomes of the process that sent it; at most
one answer comes; a client that waits for longer than its time-out is told so. `behaviour` decides what becomes of
each mute request.
"""

import asyncio
import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any

import aiohttp

from orchestrator.simulator import payloads
from orchestrator.simulator.payloads import VendorClock
from orchestrator.simulator.switchboard import Switchboard
from orchestrator.simulator.telephony import Line
from orchestrator.simulator.truth import Truth
from tests.simulation.feed import SERVERS
from tests.simulation.loop import Process, SimulatedLoop, this_process

LATENCY_S = (0.02, 0.25)
LOGIN, REFRESH, MUTE, POLL = (f"https://api.example/{leaf}" for leaf in ("Login", "Refresh", "Mute", "Poll"))
CODE = "simulated-code"
TOKEN = "simulated-token"


@dataclass(frozen=True, slots=True)
class Request:
    """One mute request."""

    number: int
    process: Process
    at: float
    ivrid: str | None
    sip: str | None
    muted: bool

    @property
    def key(self) -> str:
        return self.ivrid or f"extension {self.sip}"


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a request. Seconds from its sending."""

    applied_after_s: float | None = None
    """None: never."""
    answered_after_s: float | None = None
    """None: never."""
    status: int = 200
    body: Mapping[str, Any] | bytes | None = None
    """None: the vendor's own words on what was applied."""
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: bool = True
    """False: there is no connection."""
    reset: bool = False
    """The connection breaks instead of an answer."""
    why: str = ""
    """The fault that is in force; empty: none."""

    @property
    def may_reach(self) -> bool:
        """Whether it is applied, as far as anybody can know who hears the answer."""
        return self.sent and (self.reset or self.answered_after_s is None or self.status not in (400, 401, 403, 429))


class Watcher:
    """Whoever wants to know of mute requests."""

    def asked(self, request: Request, fate: Fate) -> None: ...

    def applied(self, request: Request, ivrids: tuple[str, ...]) -> None: ...

    def over(self, request: Request, outcome: str) -> None: ...

    def polled(self, process: Process, lines: list[Line], recorded: Iterable[str], sent_at: float) -> None: ...


class Vendor:
    def __init__(
        self,
        loop: SimulatedLoop,
        now: Callable[[], float],
        chance: random.Random,
        board: Switchboard,
        truth: Truth,
        watcher: Watcher,
    ) -> None:
        self.login_status = 200
        self.login_away = False
        self.poll_fates: list[Fate] = []
        """What becomes of polls: the latest fault decides."""
        self.behaviour: Callable[[Request], Fate | None] = lambda _request: None
        self.tokens = 0
        self._loop = loop
        self._now = now
        self._chance = chance
        self._board = board
        self._truth = truth
        self._watcher = watcher
        self._clock = VendorClock()
        self._requests = 0

    def session(self) -> Any:
        return Session(self)

    async def exchange(self, url: str, fields: Mapping[str, Any]) -> "Answer":
        """In the process that asks."""
        if url.startswith((LOGIN, REFRESH)):
            return await self._login()
        if url.startswith(MUTE):
            return await self._mute(fields)
        assert url.startswith(POLL), url
        return await self._poll(fields)

    async def _login(self) -> "Answer":
        await asyncio.sleep(self._chance.uniform(*LATENCY_S))
        if self.login_away:
            raise aiohttp.ServerDisconnectedError
        if self.login_status != 200:
            return Answer(self.login_status, {"StatusCode": self.login_status})
        self.tokens += 1
        socket = {
            "Token": f"{TOKEN}-{self.tokens}",
            "TokenExpiry": None,
            "RefreshToken": None,
            "URLList": list(SERVERS),
            "Url": SERVERS[0],
            "Client": "/client?v=2.4.0",
            "Version": "2.4.0",
        }
        return Answer(200, {"StatusCode": 200, "Status": "OK", "Data": {"Socket": socket}})

    async def _mute(self, fields: Mapping[str, Any]) -> "Answer":
        process = this_process()
        assert process is not None
        self._requests += 1
        muted = {"1": True, "0": False}[fields["state"]]
        request = Request(self._requests, process, self._now(), fields.get("ivrid"), fields.get("extension"), muted)
        fate = self.behaviour(request) or self._kind()
        self._watcher.asked(request, fate)
        outcome = "cancelled"
        try:
            answer = await self._play(request, fate)
            outcome = f"{answer.status} {answer.message}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            outcome = type(error).__name__
            raise
        else:
            return answer
        finally:
            if not process.killed:
                self._watcher.over(request, outcome)

    def _kind(self) -> Fate:
        whole_s = self._chance.uniform(*LATENCY_S)
        return Fate(whole_s * self._chance.random(), whole_s)

    async def _play(self, request: Request, fate: Fate) -> "Answer":
        if not fate.sent:
            await asyncio.sleep(0.005)
            raise aiohttp.ConnectionTimeoutError
        found: list[bool] = []
        if fate.applied_after_s is not None:
            self._loop.in_world(fate.applied_after_s, self._apply, request, found)
        if fate.answered_after_s is None:
            await self._loop.create_future()
        await self._later(fate.answered_after_s or 0.0)
        if fate.reset:
            raise aiohttp.ServerDisconnectedError
        if fate.body is not None:
            return Answer(fate.status, fate.body, fate.headers)
        good = not found or found[0]
        code = 200 if good else 404
        message = "Success" if good else "UniqueIvrID not found"
        shown = code if request.number % 2 else str(code)
        return Answer(fate.status, {"ErrorCode": shown, "Message": message, "ActionID": f"a{request.number}"})

    def _later(self, seconds: float) -> "asyncio.Future[None]":
        """Done by the world, a moment after what was applied at the same time."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._loop.in_world(seconds + 1e-6, _finish, future)
        return future

    def _apply(self, request: Request, found: list[bool]) -> None:
        truth = self._truth
        if request.ivrid is not None:
            there: tuple[str, ...] = (request.ivrid,) if truth.alive(request.ivrid) else ()
            self._watcher.applied(request, there)
            found.append(truth.asked(request.ivrid, request.muted))
        else:
            sip = request.sip or ""
            line = self._board.lines.get(sip)
            there = tuple(leg.ivrid for leg in line.legs if leg.counts) if line else ()
            self._watcher.applied(request, there)
            found.append(truth.asked_by_extension(sip, request.muted))

    async def _poll(self, fields: Mapping[str, Any]) -> "Answer":
        kind = Fate(0.0, self._chance.uniform(*LATENCY_S))
        fate = self.poll_fates[-1] if self.poll_fates else kind
        process, sent_at = this_process(), self._now()
        if not fate.sent:
            raise aiohttp.ConnectionTimeoutError
        if fate.answered_after_s is None:
            await self._loop.create_future()
        await self._later((fate.answered_after_s or 0.0) / 2)
        found = [line for line in self._board.lines.values() if fields.get("extension") in (None, line.sip)]
        body: Mapping[str, Any] | bytes = fate.body if fate.body is not None else self._active_calls(fields, found)
        recorded = [leg.ivrid for line in found for leg in line.legs if not self._truth.muted(leg.ivrid)]
        await self._later((fate.answered_after_s or 0.0) / 2)
        if fate.reset:
            raise aiohttp.ServerDisconnectedError
        if fate.body is None and process is not None:
            self._watcher.polled(process, found, recorded, sent_at)
        return Answer(fate.status, body, fate.headers)

    def _active_calls(self, fields: Mapping[str, Any], lines: list[Line]) -> Mapping[str, Any]:
        if fields.get("code") != CODE:
            return {"ERR": 2, "DESC": "Authorization failed."}
        rows = []
        for line in lines:
            shown = payloads.show_mutes(payloads.line_payload(line, self._clock), self._truth.muted)
            rows.append(
                {
                    "username": line.sip,
                    "name": "",
                    "userID": shown["userID"],
                    "onlineUserID": shown["onlineUserID"],
                    "onlineUserStatus": shown["representativeStatus"],
                    "calls": shown["calls"],
                }
            )
        return {"ERR": 0, "DESC": "OK", "EXTENSIONS": rows}


def _finish(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


class Answer:
    """As much of aiohttp's response as the daemon looks at."""

    def __init__(
        self, status: int, body: Mapping[str, Any] | bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.headers = headers or {}
        self.content = self
        self.message = body.get("Message", "") if isinstance(body, Mapping) else ""
        self._body = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def read(self, _most: int = -1) -> bytes:
        body, self._body = self._body, b""
        return body

    def close(self) -> None:
        pass


class _Exchange:
    def __init__(
        self,
        vendor: Vendor,
        url: str,
        fields: Mapping[str, Any],
        timeout: aiohttp.ClientTimeout,
        middlewares: Sequence[Any] = (),
    ) -> None:
        self._vendor = vendor
        self._url = url
        self._fields = fields
        self._timeout = timeout
        self._middlewares = middlewares

    async def __aenter__(self) -> Answer:
        async with asyncio.timeout(self._timeout.total):
            send = self._send
            for middleware in reversed(self._middlewares):
                send = partial(middleware, send=send)
            return await send(None)

    async def _send(self, _ready: object) -> Answer:
        return await self._vendor.exchange(self._url, self._fields)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class Session:
    """As much of aiohttp's session as the daemon uses."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor

    async def __aenter__(self) -> "Session":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def post(
        self,
        url: str,
        *,
        json: Mapping[str, Any],
        timeout: aiohttp.ClientTimeout,
        middlewares: Sequence[Any] = (),
        **_: Any,
    ) -> _Exchange:
        return _Exchange(self._vendor, url, json, timeout, middlewares)

    def get(self, url: str, *, timeout: aiohttp.ClientTimeout, **_: Any) -> _Exchange:
        return _Exchange(self._vendor, url, {}, timeout)
