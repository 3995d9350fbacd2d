"""The simulated vendor's HTTP side: login, refresh, mute, active calls, queue callers.

Guarantees: answers have the vendor's shape, errors included (an `ErrorCode` other than 200 stands in an HTTP 200).
A mute request takes effect at some moment of its latency, before it is answered. The two hooks of `Faults` see
every call: `before` it takes effect and `after`; what they return is answered instead, they may take their time,
and with `Cut` they break the connection.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from yarl import URL

from orchestrator.simulator import payloads
from orchestrator.simulator.payloads import Payload
from orchestrator.simulator.settings import VoicenterSettings
from orchestrator.simulator.tokens import Grant, Tokens
from orchestrator.simulator.truth import Truth

NOT_FOUND = "UniqueIvrID not found"
NOT_VALID = 'Parameters are not valid, should be "ivrid" and "mute"'


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A request, as a fault hook sees it."""

    name: str
    """login | refresh | mute | active_calls | queue_callers"""
    fields: Mapping[str, Any]


class Cut(Exception):
    """Raised by a hook: the connection breaks and nothing is answered."""


Fault = Callable[[ApiCall], Awaitable[web.StreamResponse | None]]


async def no_fault(_call: ApiCall) -> None:
    return None


@dataclass(slots=True)
class Faults:
    before: Fault = no_fault
    """Called when the request has arrived; nothing has happened yet."""
    after: Fault = no_fault
    """Called when it has taken effect; nothing is answered yet."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the API tells of the exchange: live, without the feed's lag."""

    lines: Callable[[str | None], list[Payload]]
    """All extensions, or the one named."""
    queues: Callable[[], list[Payload]]


class Api:
    def __init__(
        self,
        settings: VoicenterSettings,
        chance: random.Random,
        tokens: Tokens,
        truth: Truth,
        account: Account,
        faults: Faults,
    ) -> None:
        self.ports: list[int] = []
        """Of the monitor servers, known once they listen."""
        self._settings = settings
        self._chance = chance
        self._tokens = tokens
        self._truth = truth
        self._account = account
        self._faults = faults
        self._actions = 0

    def routes(self) -> list[web.RouteDef]:
        routes = [
            web.post("/monitorAPI/Login/{kind}", self._handler("login", self._login)),
            web.get("/monitorAPI/RefreshIdentityToken", self._handler("refresh", self._refresh)),
        ]
        for path in ("/Comet/API", "/comet/API", "/api"):
            for name, leaf, answer in (
                ("mute", "MuteUnmuteCalls", self._mute),
                ("active_calls", "GetExtensionsCalls", self._active_calls),
                ("queue_callers", "GetQueuesCallers", self._queue_callers),
            ):
                handler = self._handler(name, answer)
                routes += [web.post(f"{path}/{leaf}", handler), web.get(f"{path}/{leaf}", handler)]
        return routes

    def _handler(
        self, name: str, answer: Callable[[Mapping[str, Any]], web.Response]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            call = ApiCall(name, await _fields(request))
            try:
                return await self._play(call, answer)
            except Cut:
                if request.transport:
                    request.transport.abort()
                return web.Response()

        return handle

    async def _play(self, call: ApiCall, answer: Callable[[Mapping[str, Any]], web.Response]) -> web.StreamResponse:
        early_s, late_s = self._latency()
        fault = await self._faults.before(call)
        if fault is not None:
            return fault
        await asyncio.sleep(early_s)
        response = answer(call.fields)
        await asyncio.sleep(late_s)
        return await self._faults.after(call) or response

    def _latency(self) -> tuple[float, float]:
        """How long before a request takes effect, and how long from there to the answer."""
        whole_s = self._chance.uniform(*self._settings.api_latency_s)
        early_s = whole_s * self._chance.random()
        return early_s, whole_s - early_s

    def _login(self, fields: Mapping[str, Any]) -> web.Response:
        known = {
            "Token": {"token": self._settings.token},
            "Account": {"username": self._settings.username, "password": self._settings.password},
            "User": {"email": self._settings.email, "pin": self._settings.password},
        }.get(fields["kind"])
        if known is None:
            raise web.HTTPNotFound
        if any(fields.get(key) != value for key, value in known.items()):
            return web.json_response({"StatusCode": 401, "Status": "Unauthorized"}, status=401)
        return self._granted(self._tokens.grant(), fields["host"])

    def _refresh(self, fields: Mapping[str, Any]) -> web.Response:
        grant = self._tokens.refresh(str(fields["authorization"]).removeprefix("Bearer "))
        if grant is None:
            return web.json_response({"StatusCode": 401, "Status": "Unauthorized"}, status=401)
        return self._granted(grant, fields["host"])

    def _granted(self, grant: Grant, host: str) -> web.Response:
        """The monitor servers are named by the host that the client knows this one by: it may be in a container."""
        servers = list(self._settings.servers) or [address(host, port) for port in self.ports]
        version = "2.4.0" if self._settings.engineio == 3 else "4.8.1"
        socket = {
            "Token": grant.token,
            "TokenExpiry": grant.expires,
            "RefreshToken": grant.refresh_token,
            "RefreshTokenExpiry": None,
            "URLList": servers,
            "Url": servers[0],
            "Client": f"{servers[0]}/client?v={version}",
            "Version": version,
            "PersonId": None,
        }
        return web.json_response({"StatusCode": 200, "Status": "OK", "Data": {"Socket": socket}})

    def _mute(self, fields: Mapping[str, Any]) -> web.Response:
        state, ivrid, extension = (fields.get(key) for key in ("state", "ivrid", "extension"))
        if state not in ("0", "1"):
            return self._answered(400, NOT_VALID)
        if isinstance(ivrid, str):
            found = self._truth.asked(ivrid, state == "1")
        elif isinstance(extension, str):
            found = self._truth.asked_by_extension(extension, state == "1")
        else:
            return self._answered(400, NOT_VALID)
        return self._answered(200, "Success") if found else self._answered(404, NOT_FOUND)

    def _answered(self, code: int, message: str) -> web.Response:
        """`ErrorCode` is an integer in the vendor's documentation and also seen as a string: both come in turn."""
        self._actions += 1
        shown = code if self._actions % 2 else str(code)
        action_id = f"{self._chance.getrandbits(64):016x}"
        return web.json_response({"ErrorCode": shown, "Message": message, "ActionID": action_id})

    def _refused(self, fields: Mapping[str, Any]) -> web.Response | None:
        """The answer to a request that is badly formed or has a wrong code."""
        code, extension = fields.get("code"), fields.get("extension", "")
        if not isinstance(code, str) or not isinstance(extension, str):
            return web.json_response({"ERR": 1, "DESC": "Bad format."})
        if code != self._settings.api_code:
            return web.json_response({"ERR": 2, "DESC": "Authorization failed."})
        return None

    def _active_calls(self, fields: Mapping[str, Any]) -> web.Response:
        if refused := self._refused(fields):
            return refused
        extension = fields.get("extension")
        rows = [
            {
                "username": line["extenUser"],
                "name": line["userName"],
                "userID": line["userID"],
                "onlineUserID": line["onlineUserID"],
                "onlineUserStatus": line["representativeStatus"],
                "calls": payloads.show_mutes(line, self._truth.muted)["calls"],
            }
            for line in self._account.lines(extension or None)
        ]
        return web.json_response({"ERR": 0, "DESC": "OK", "EXTENSIONS": rows})

    def _queue_callers(self, fields: Mapping[str, Any]) -> web.Response:
        if refused := self._refused(fields):
            return refused
        rows = [
            {
                "QueueID": queue["QueueID"],
                "QueueName": queue["QueueName"],
                "Callers": [{"CallID": waiting["ivrid"]} for waiting in queue["Calls"]],
            }
            for queue in self._account.queues()
            if fields.get("queue") in (None, queue["QueueID"], str(queue["QueueID"]))
        ]
        return web.json_response({"ERR": 0, "DESC": "OK", "QUEUES": rows})


def address(host: str, port: int) -> str:
    return str(URL.build(scheme="http", host=host, port=port))


async def _fields(request: web.Request) -> Mapping[str, Any]:
    """Query, JSON body and what else an answer needs, in one. A body that is no JSON object has no fields."""
    fields: dict[str, Any] = dict(request.query)
    if request.method == "POST":
        try:
            body = await request.json()
        except json.JSONDecodeError:
            body = None
        if isinstance(body, dict):
            fields |= body
    return fields | {
        "host": request.url.host,
        "kind": request.match_info.get("kind"),
        "authorization": request.headers.get("Authorization", ""),
    }
