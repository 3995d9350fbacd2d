"""One question to Active Calls: each way it can go, against real servers."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from orchestrator.core.claims import Verdict
from orchestrator.core.model import Direction, Extension, Leg, LegStatus
from orchestrator.core.state import Polled, PollFailed
from orchestrator.engine.notices import FeedEventRejected
from orchestrator.engine.ports import ActiveCalls
from orchestrator.simulator.simulation import Simulation
from orchestrator.voicenter.active_calls import MOST_BODY_BYTES, ActiveCallsClient
from orchestrator.voicenter.exchange import http_session
from orchestrator.voicenter.mute_api import MuteClient
from tests.voicenter.conftest import Told
from tests.voicenter.servers import api, raw, request_head
from tests.voicenter.vendor import Json, call

CODE = "s3cret-c0de"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with http_session() as session:
        yield session


def row(sip: str, *calls: Json, **more: Any) -> Json:
    """An extension as Active Calls lists it."""
    person = {"name": "name", "userID": 7001, "onlineUserID": 7002, "onlineUserStatus": 1}
    return {"username": sip, **person, "calls": list(calls)} | more


def listing(*rows: Json, **more: Any) -> Json:
    return {"ERR": 0, "DESC": "OK", "EXTENSIONS": list(rows)} | more


def idle(sip: str) -> Extension:
    return Extension(sip, "7001", "7002")


async def asked(
    http: aiohttp.ClientSession,
    told: Told,
    body: object,
    sip: str | None = "SIP1",
    status: int = 200,
    most_body_bytes: int = MOST_BODY_BYTES,
) -> Polled | PollFailed:
    """What comes of this answer; text is sent as it is."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body if isinstance(body, str) else json.dumps(body), status=status)

    async with api(answer) as url:
        return await ActiveCallsClient(http, url, CODE, 5.0, told, most_body_bytes).ask(sip)


# --- the request --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sip", "sent"), [("SIP1", {"code": CODE, "extension": "SIP1"}), (None, {"code": CODE})])
async def test_the_request_is_as_documented(
    http: aiohttp.ClientSession, told: Told, sip: str | None, sent: Json
) -> None:
    requests: list[tuple[str, str, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        requests.append((request.method, request.content_type, await request.json()))
        return web.json_response(listing(row("SIP1")))

    async with api(answer) as url:
        client: ActiveCalls = ActiveCallsClient(http, url, CODE, 5.0, told)
        assert await client.ask(sip) == Polled((idle("SIP1"),))
    assert requests == [("POST", "application/json", sent)]


# --- answers ------------------------------------------------------------------------------------------------------


async def test_a_call_is_told_with_all_that_the_feed_would_tell(http: aiohttp.ClientSession, told: Told) -> None:
    held = call("b", callstatus="Hold", direction="Outgoing", recording={"IsMuted": 1}, relatedIvrUniqueIDs=["a"])
    polled = await asked(http, told, listing(row("SIP1", call("a"), held)))
    legs = {
        "a": Leg("a", Direction.INCOMING, LegStatus.TALKING, answered=True, muted=False),
        "b": Leg("b", Direction.OUTGOING, LegStatus.HOLD, answered=True, muted=True, related=("a",)),
    }
    assert polled == Polled((Extension("SIP1", "7001", "7002", legs),))


async def test_all_extensions_come_in_one_answer(http: aiohttp.ClientSession, told: Told) -> None:
    polled = await asked(http, told, listing(row("SIP1"), row("SIP2")), sip=None)
    assert polled == Polled((idle("SIP1"), idle("SIP2")))


async def test_of_an_answer_that_lists_more_only_the_extension_asked_for_is_taken(
    http: aiohttp.ClientSession, told: Told
) -> None:
    assert await asked(http, told, listing(row("SIP1"), row("SIP2"))) == Polled((idle("SIP1"),))


@pytest.mark.parametrize("rows", [(), (row("SIP2", call("a")),), (row("sip1"),)])
async def test_an_answer_without_the_extension_asked_for_says_nothing_of_its_calls(
    http: aiohttp.ClientSession, told: Told, rows: Sequence[Json]
) -> None:
    assert await asked(http, told, listing(*rows)) == PollFailed("extension not in the answer", answered=True)


@pytest.mark.parametrize("rows", [{}, {"EXTENSIONS": None}])
async def test_an_answer_without_a_list_is_a_failure(http: aiohttp.ClientSession, told: Told, rows: Json) -> None:
    assert await asked(http, told, {"ERR": 0, "DESC": "OK"} | rows, sip=None) == PollFailed(
        "EXTENSIONS: missing, expected a list"
    )


async def test_a_list_that_is_none_is_a_failure(http: aiohttp.ClientSession, told: Told) -> None:
    assert await asked(http, told, listing(EXTENSIONS={}), sip=None) == PollFailed("EXTENSIONS: expected a list")


@pytest.mark.parametrize("code", [0, "0"])
async def test_success_may_be_a_number_or_text(http: aiohttp.ClientSession, told: Told, code: object) -> None:
    assert await asked(http, told, listing(row("SIP1"), ERR=code)) == Polled((idle("SIP1"),))


@pytest.mark.parametrize(
    ("fields", "failure"),
    [
        ({"ERR": 1, "DESC": "bad format"}, PollFailed("ERR 1")),
        ({"ERR": "2", "DESC": "internal error"}, PollFailed("ERR 2")),
        ({"ERR": 2, "DESC": None}, PollFailed("ERR 2")),
        ({"ERR": 2, "DESC": "Authorization failed."}, PollFailed("authorization failed", refused=True)),
        ({"ERR": "2", "DESC": "AUTHORIZATION FAILED"}, PollFailed("authorization failed", refused=True)),
        ({"ERR": None}, PollFailed("no ERR")),
        ({"ERR": "none"}, PollFailed("no ERR")),
        ({"ERR": -1}, PollFailed("ERR -1")),
    ],
)
async def test_an_error_is_told_by_its_number(
    http: aiohttp.ClientSession, told: Told, fields: Json, failure: PollFailed
) -> None:
    """Whatever stands beside it."""
    assert await asked(http, told, listing(row("SIP1"), **fields)) == failure


async def test_an_answer_without_any_code_is_a_failure(http: aiohttp.ClientSession, told: Told) -> None:
    assert await asked(http, told, {"EXTENSIONS": [row("SIP1")]}) == PollFailed("no ERR")


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (401, PollFailed("HTTP 401", refused=True)),
        (403, PollFailed("HTTP 403", refused=True)),
        (302, PollFailed("HTTP 302")),
        (404, PollFailed("HTTP 404")),
        (500, PollFailed("HTTP 500")),
        (503, PollFailed("HTTP 503")),
    ],
)
async def test_another_status_than_200_is_a_failure(
    http: aiohttp.ClientSession, told: Told, status: int, failure: PollFailed
) -> None:
    assert await asked(http, told, listing(row("SIP1")), status=status) == failure


async def test_a_wrong_code_is_known_by_its_words_under_any_status(http: aiohttp.ClientSession, told: Told) -> None:
    body = {"ERR": 2, "DESC": "Authorization failed."}
    assert await asked(http, told, body, status=500) == PollFailed("authorization failed", refused=True)


@pytest.mark.parametrize(
    ("headers", "retry_after_s"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Mon, 23 Nov 2026 10:00:30 GMT", "Date": "Mon, 23 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
async def test_429_tells_how_long_to_wait(
    http: aiohttp.ClientSession, told: Told, headers: dict[str, str], retry_after_s: float | None
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=429, headers=headers)

    async with api(answer) as url:
        polled = await ActiveCallsClient(http, url, CODE, 5.0, told).ask("SIP1")
    assert polled == PollFailed("HTTP 429", retry_after_s=retry_after_s)


@pytest.mark.parametrize(
    "text", ["<html>OK</html>", '{"ERR": 0, "EXTENSIONS": [{"usern', "", "[]", '"OK"', "[" * 60_000]
)
async def test_what_is_no_json_object_is_a_failure(http: aiohttp.ClientSession, told: Told, text: str) -> None:
    assert await asked(http, told, text) == PollFailed("answer is no JSON object")


async def test_an_answer_over_the_bound_is_not_read(http: aiohttp.ClientSession, told: Told) -> None:
    body = json.dumps(listing(row("SIP1")))
    assert isinstance(await asked(http, told, body, most_body_bytes=len(body)), Polled)
    assert await asked(http, told, body, most_body_bytes=len(body) - 1) == PollFailed("answer is too long")


# --- what is wrong in a part --------------------------------------------------------------------------------------


async def test_a_bad_leg_loses_only_itself_and_is_told(http: aiohttp.ClientSession, told: Told) -> None:
    polled = await asked(http, told, listing(row("SIP1", {"callername": "Jane"}, call("a"))))
    assert isinstance(polled, Polled)
    assert list(polled.extensions[0].legs) == ["a"]
    why = "EXTENSIONS[0].calls[0].ivrid: expected text that is not empty, or a number"
    assert told.notices == [FeedEventRejected("GetExtensionsCalls", why)]


async def test_bad_extensions_lose_only_themselves_and_are_told_once(http: aiohttp.ClientSession, told: Told) -> None:
    nameless, null = row("SIP9") | {"username": None}, None
    polled = await asked(http, told, listing(nameless, null, row("SIP1")), sip=None)  # type: ignore[arg-type]  # null
    assert polled == Polled((idle("SIP1"),))
    why = "EXTENSIONS[0].username: expected text that is not empty, or a number (and 1 more)"
    assert told.notices == [FeedEventRejected("GetExtensionsCalls", why)]


async def test_an_extension_that_says_nothing_of_its_calls_is_not_one_without_calls(
    http: aiohttp.ClientSession, told: Told
) -> None:
    silent = row("SIP1")
    del silent["calls"]
    missing, text = (f"EXTENSIONS[0].calls: {why}expected a list" for why in ("missing, ", ""))
    assert await asked(http, told, listing(silent)) == PollFailed(missing)
    assert await asked(http, told, listing(row("SIP1", calls="none"))) == PollFailed(text)
    assert await asked(http, told, listing(row("SIP1", calls=None))) == Polled((idle("SIP1"),))


# --- no answer ----------------------------------------------------------------------------------------------------


async def test_no_server_is_a_failure(http: aiohttp.ClientSession, told: Told, unused_tcp_port: int) -> None:
    client = ActiveCallsClient(http, f"http://127.0.0.1:{unused_tcp_port}/", CODE, 5.0, told)
    assert await client.ask("SIP1") == PollFailed("no connection")


async def test_an_address_that_is_none_is_a_failure(http: aiohttp.ClientSession, told: Told) -> None:
    assert await ActiveCallsClient(http, "nonsense", CODE, 5.0, told).ask("SIP1") == PollFailed("not an address")


async def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_allowed(
    http: aiohttp.ClientSession, told: Told
) -> None:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw(talk) as url:
        client = ActiveCallsClient(http, url, CODE, 0.2, told)
        assert await asyncio.wait_for(client.ask("SIP1"), 5) == PollFailed("no answer in time")


async def test_an_answer_that_comes_in_drops_is_waited_for_no_longer_than_allowed(
    http: aiohttp.ClientSession, told: Told
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with raw(talk) as url:
        client = ActiveCallsClient(http, url, CODE, 0.3, told)
        assert await asyncio.wait_for(client.ask("SIP1"), 5) == PollFailed("no answer in time")


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 200 OK\r\n", b'HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"ERR'])
@pytest.mark.parametrize("way", ["reset", "close"])
async def test_an_answer_that_breaks_off_is_a_failure(
    http: aiohttp.ClientSession, told: Told, part: bytes, way: str
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(part)
        await writer.drain()
        writer.transport.abort() if way == "reset" else writer.close()

    async with raw(talk) as url:
        assert await ActiveCallsClient(http, url, CODE, 5.0, told).ask("SIP1") == PollFailed("connection broken")


async def test_an_answer_that_is_no_http_is_a_failure(http: aiohttp.ClientSession, told: Told) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(b"SSH-2.0-OpenSSH_9.0\r\n\r\n")
        writer.close()

    async with raw(talk) as url:
        assert await ActiveCallsClient(http, url, CODE, 5.0, told).ask("SIP1") == PollFailed("answer is not HTTP")


async def test_a_redirect_takes_the_code_nowhere(http: aiohttp.ClientSession, told: Told) -> None:
    paths: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async with api(answer) as url:
        polled = await ActiveCallsClient(http, url, CODE, 5.0, told).ask("SIP1")
    assert (polled, len(paths)) == (PollFailed("HTTP 307"), 1)


# --- together with the mute API, against the simulated centre ------------------------------------------------------


async def test_a_mute_by_extension_shows_in_the_calls_of_that_extension(
    http: aiohttp.ClientSession, told: Told
) -> None:
    async with Simulation(2) as sim:
        await sim.talk("c1", "SIPSIP1")
        await sim.talk("c2", "SIPSIP2")
        calls = ActiveCallsClient(http, sim.active_calls_url, sim.settings.api_code, 5.0, told)
        outcome = await MuteClient(http, sim.mute_url).set_extension_muted("SIPSIP1", True)
        one, all_of_them, nobody = await calls.ask("SIPSIP1"), await calls.ask(None), await calls.ask("SIPSIP9")
        wrong = await ActiveCallsClient(http, sim.active_calls_url, "wrong", 5.0, told).ask(None)
    assert outcome is not None
    assert outcome.verdict is Verdict.DONE
    assert muted_of(one) == {"c1": True}
    assert muted_of(all_of_them) == {"c1": True, "c2": False}
    assert nobody == PollFailed("extension not in the answer", answered=True)
    assert wrong == PollFailed("authorization failed", refused=True)
    assert told.notices == []


def muted_of(polled: Polled | PollFailed) -> dict[str, bool | None]:
    assert isinstance(polled, Polled)
    return {ivrid: leg.muted for extension in polled.extensions for ivrid, leg in extension.legs.items()}


# --- size, and silence --------------------------------------------------------------------------------------------


async def test_a_large_account_comes_in_one_answer(http: aiohttp.ClientSession, told: Told) -> None:
    rows = [row(f"SIP{at}", call(f"c{at}", customdata={"field0": "x" * 1000})) for at in range(5_000)]
    polled = await asked(http, told, listing(*rows), sip=None)
    assert isinstance(polled, Polled)
    assert [list(extension.legs) for extension in polled.extensions] == [[f"c{at}"] for at in range(5_000)]
    assert told.notices == []


@pytest.mark.parametrize("body", [listing(row("SIP1", {"callerphone": CODE})), {"ERR": 2, "DESC": CODE}, f"<{CODE}>"])
async def test_neither_the_code_nor_the_servers_words_are_in_any_text(
    http: aiohttp.ClientSession, told: Told, caplog: pytest.LogCaptureFixture, body: object
) -> None:
    caplog.set_level(logging.DEBUG)
    polled = await asked(http, told, body)
    client = ActiveCallsClient(http, f"http://u:{CODE}@127.0.0.1:1/{CODE}?{CODE}", CODE, 5.0, told)
    failed = await client.ask(CODE)
    assert isinstance(failed, PollFailed)
    texts = (repr(polled), repr(failed), repr(told.notices), repr(client), caplog.text)
    assert all(CODE not in text for text in texts)
