"""The three logins and the refresh, against a real HTTP server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from orchestrator.voicenter.login import (
    Credentials,
    LoginRefused,
    LoginType,
    LoginUnavailable,
    Session,
    log_in,
    parse_session,
    refresh,
)

NOW = 1_700_000_000.0  # 2023-11-14T22:13:20Z


class FixedClock:
    def now(self) -> float:
        return NOW


def answer(**socket: Any) -> dict[str, Any]:
    return {"StatusCode": 200, "Status": "OK", "Data": {"Socket": {"Token": "t", "URLList": ["https://m1"]} | socket}}


@asynccontextmanager
async def serving(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    async with TestServer(app) as server:
        yield str(server.make_url(""))


@pytest.mark.parametrize(
    ("login_type", "credentials", "path", "body"),
    [
        ("token", {"token": "T"}, "/Login/Token", {"token": "T"}),
        ("account", {"username": "U", "password": "P"}, "/Login/Account", {"username": "U", "password": "P"}),
        ("user", {"email": "E", "password": "P"}, "/Login/User", {"email": "E", "pin": "P"}),
    ],
)
async def test_the_three_logins(
    http: aiohttp.ClientSession, login_type: LoginType, credentials: dict[str, str], path: str, body: dict[str, str]
) -> None:
    asked: list[tuple[str, str, Any]] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append((request.method, request.path, await request.json()))
        return web.json_response(answer())

    async with serving(handle) as url:
        session = await log_in(http, f"{url}/Login/", login_type, Credentials(credentials), FixedClock())
    assert asked == [("POST", path, body)]
    assert session == Session("t", ("https://m1",), None, None, None)


async def test_a_refresh_carries_the_refresh_token(http: aiohttp.ClientSession) -> None:
    asked: list[tuple[str, str]] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append((request.method, request.headers["Authorization"]))
        return web.json_response(answer(Token="new"))

    async with serving(handle) as url:
        session = await refresh(http, url, "old", FixedClock())
    assert asked == [("GET", "Bearer old")]
    assert session.token == "new"


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_no_by_status_is_a_refusal(http: aiohttp.ClientSession, status: int) -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(status=status)

    async with serving(handle) as url:
        with pytest.raises(LoginRefused, match=f"^HTTP {status}$"):
            await log_in(http, url, "token", {"token": "T"}, FixedClock())


@pytest.mark.parametrize("body", [{"error": "wrong for somebody@example.test"}, {"StatusCode": 401, "Data": None}])
async def test_a_no_in_a_200_is_a_refusal(http: aiohttp.ClientSession, body: dict[str, Any]) -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.json_response(body)

    async with serving(handle) as url:
        with pytest.raises(LoginRefused) as refused:
            await log_in(http, url, "token", {"token": "T"}, FixedClock())
    assert "example" not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, "{}"), (502, "<html>"), (302, ""), (404, ""), (429, ""), (200, "<html>"), (200, ""), (200, "[" * 100_000)],
)
async def test_anything_else_is_worth_another_try(http: aiohttp.ClientSession, status: int, body: str) -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body, headers={"Location": "/elsewhere"} if status == 302 else {})

    async with serving(handle) as url:
        with pytest.raises(LoginUnavailable):
            await log_in(http, url, "token", {"token": "T"}, FixedClock())


async def test_an_endless_answer_is_cut_off(http: aiohttp.ClientSession) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65536)
        except ConnectionError:
            return response

    async with serving(handle) as url:
        with pytest.raises(LoginUnavailable, match=r"^answer is too long$"):
            await log_in(http, url, "token", {"token": "T"}, FixedClock())


async def test_no_server_is_worth_another_try(http: aiohttp.ClientSession, unused_tcp_port: int) -> None:
    with pytest.raises(LoginUnavailable, match=r"^no connection$"):
        await log_in(http, f"http://127.0.0.1:{unused_tcp_port}", "token", {"token": "T"}, FixedClock())


async def test_a_server_that_does_not_answer_is_worth_another_try(http: aiohttp.ClientSession) -> None:
    async def handle(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        raise AssertionError

    async with serving(handle) as url:
        with pytest.raises(LoginUnavailable, match=r"^no answer in time$"):
            await log_in(http, url, "token", {"token": "T"}, FixedClock(), timeout_s=0.1)


@pytest.mark.parametrize(
    "body", [None, [], {}, {"Data": None}, {"Data": {"Socket": None}}, answer(Token=None), answer(URLList=None)]
)
def test_nonsense_is_no_session(body: object) -> None:
    with pytest.raises(LoginUnavailable):
        parse_session(body, NOW)


@pytest.mark.parametrize(
    ("told", "servers"),
    [
        ({"URLList": ["https://m1", "https://m2/"]}, ("https://m1", "https://m2")),
        (
            {"URLList": ["m1.example.test", "m2.example.test:8443"]},
            ("https://m1.example.test", "https://m2.example.test:8443"),
        ),
        (
            {"URLList": ["wss://m1", "ws://m2", "http://m3", "HTTPS://m4/path?x=1"]},
            ("https://m1", "http://m2", "http://m3", "https://m4"),
        ),
        ({"URLList": ["m1", "https://m1"]}, ("https://m1",)),
        ({"URLList": [None, 7, "", " m1 ", "ftp://m2", "https://[broken", "https://m3:port"]}, ("https://m1",)),
        ({"URLList": [], "Url": "m9"}, ("https://m9",)),
        ({"URLList": None, "Url": "https://m9"}, ("https://m9",)),
    ],
)
def test_the_servers_in_their_order(told: dict[str, Any], servers: tuple[str, ...]) -> None:
    assert parse_session(answer(**told), NOW).servers == servers


@pytest.mark.parametrize(
    ("told", "left_s"),
    [
        ("2023-11-14T22:14:20", 60),
        ("2023-11-14T22:14:20Z", 60),
        ("2023-11-15T00:14:20+02:00", 60),
        ("2023-11-14T22:14:20.5", 60.5),
        ("2023-11-14T22:14:20.5000000Z", 60.5),
        ("2023-11-14 22:14:20", 60),
        ("2023-11-14T22:12:20", None),  # past: the clocks differ
        (None, None),
        ("", None),
        ("soon", None),
        (1_700_000_060, None),
    ],
)
def test_the_expiry_in_every_form(told: object, left_s: float | None) -> None:
    expires_at = parse_session(answer(TokenExpiry=told), NOW).expires_at
    assert expires_at == (None if left_s is None else NOW + left_s)


@pytest.mark.parametrize(
    ("told", "generation"),
    [
        ({"Client": "https://cdn.example.test/socket.io.js?v=2.4.0"}, 3),
        ({"Client": "https://cdn.example.test/socket.io.js?v=1.3.7"}, 3),
        ({"Client": "https://cdn.example.test/socket.io.js?v=4.8.1"}, 4),
        ({"Client": "https://cdn.example.test/socket.io.js?v=3.0.0"}, 4),
        ({"Version": "2.4.0"}, 3),
        ({"Version": "v4.1"}, 4),
        ({"Version": 4}, 4),
        ({"Version": "4.0", "Client": "https://cdn.example.test/?v=2.4.0"}, 3),
        ({"Version": "", "Client": ""}, None),
        ({"Version": "beta", "Client": 7}, None),
        ({"Version": None, "Client": None}, None),
    ],
)
def test_the_generation_of_engineio(told: dict[str, Any], generation: int | None) -> None:
    assert parse_session(answer(**told), NOW).engineio == generation


def test_secrets_are_in_no_repr() -> None:
    session = Session("secret-token", ("https://m1",), None, "secret-refresh", None)
    credentials = Credentials({"email": "secret-email", "password": "secret-word"})
    assert "secret" not in f"{session!r} {credentials!r} {credentials}"
    assert dict(credentials) == {"email": "secret-email", "password": "secret-word"}
