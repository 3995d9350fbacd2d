"""One attempt at the mute API: each way it can go, against real servers."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Any, NoReturn

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver

from orchestrator.core.claims import Outcome, Verdict
from orchestrator.voicenter.exchange import http_session
from orchestrator.voicenter.mute_api import MuteClient
from tests.voicenter.servers import api, raw, request_head
from tests.voicenter.vendor import until

SUCCESS = {"ErrorCode": 200, "Message": "Success", "ActionID": "act-1"}
DATE = "Mon, 23 Nov 2026 10:00:00 GMT"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with http_session() as session:
        yield session


# --- the request --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("muted", "state"), [(True, "1"), (False, "0")])
async def test_the_request_is_as_documented(http: aiohttp.ClientSession, muted: bool, state: str) -> None:
    asked: list[tuple[str, str, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.method, request.content_type, await request.json()))
        return web.json_response(SUCCESS)

    async with api(answer) as url:
        client = MuteClient(http, url)
        assert await client.set_muted("call-1", muted) == Outcome(Verdict.DONE, action_id="act-1")
    assert asked == [("POST", "application/json", {"ivrid": "call-1", "state": state})]


@pytest.mark.parametrize(("muted", "state"), [(True, "1"), (False, "0")])
async def test_the_request_for_an_extension_is_as_documented(
    http: aiohttp.ClientSession, muted: bool, state: str
) -> None:
    asked: list[tuple[str, str, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.method, request.content_type, await request.json()))
        return web.json_response(SUCCESS)

    async with api(answer) as url:
        outcome = await MuteClient(http, url).set_extension_muted("SIPSIP1", muted)
    assert outcome == Outcome(Verdict.DONE, action_id="act-1")
    assert asked == [("POST", "application/json", {"extension": "SIPSIP1", "state": state})]


async def test_an_extension_without_a_call_is_not_found(http: aiohttp.ClientSession) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"ErrorCode": 404, "Message": "UniqueIvrID not found", "ActionID": ""})

    async with api(answer) as url:
        outcome = await MuteClient(http, url).set_extension_muted("SIPSIP1", True)
    assert outcome == Outcome(Verdict.NOT_FOUND, detail="call not found")


async def test_an_answer_for_an_extension_is_judged_as_one_for_a_call(
    http: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    answers = iter([web.Response(status=429), web.Response(status=403), web.Response(text="<html>")])

    async def answer(_: web.Request) -> web.Response:
        return next(answers)

    async with api(answer) as url:
        verdicts = [(await MuteClient(http, url).set_extension_muted("SIPSIP1", True)).verdict for _ in range(3)]
    gone = await MuteClient(http, f"http://127.0.0.1:{unused_tcp_port}/").set_extension_muted("SIPSIP1", True)
    assert [*verdicts, gone.verdict] == [Verdict.BUSY, Verdict.REFUSED, Verdict.FAILED, Verdict.UNSENT]


async def test_the_address_may_follow_the_feed(http: aiohttp.ClientSession) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(SUCCESS)

    async with api(answer) as url:
        addresses = iter([None, "", url])
        client = MuteClient(http, lambda: next(addresses))
        verdicts = [(await client.set_muted("c", True)).verdict for _ in range(3)]
    assert verdicts == [Verdict.UNSENT, Verdict.UNSENT, Verdict.DONE]


# --- answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, SUCCESS, Outcome(Verdict.DONE, action_id="act-1")),
        (200, SUCCESS | {"ErrorCode": "200"}, Outcome(Verdict.DONE, action_id="act-1")),
        (200, {"ErrorCode": 200}, Outcome(Verdict.DONE)),
        (200, {"ErrorCode": 200, "ActionID": 17}, Outcome(Verdict.DONE, action_id="17")),
        (200, {"ErrorCode": 200, "ActionID": ["x"]}, Outcome(Verdict.DONE)),
        (200, {"ErrorCode": 500, "Message": "Success"}, Outcome(Verdict.FAILED, detail="ErrorCode 500")),
        (200, {"ErrorCode": "many", "Message": "Success"}, Outcome(Verdict.FAILED, detail="no ErrorCode")),
        (200, {"ErrorCode": True}, Outcome(Verdict.FAILED, detail="ErrorCode 1")),
        (200, {"ErrorCode": 200.0}, Outcome(Verdict.FAILED, detail="no ErrorCode")),
        (200, {"Message": "Success"}, Outcome(Verdict.FAILED, detail="no ErrorCode")),
        (200, [SUCCESS], Outcome(Verdict.FAILED, detail="answer is no JSON object")),
        (
            200,
            {"ErrorCode": 404, "Message": "UniqueIvrID not found", "ActionID": ""},
            Outcome(Verdict.NOT_FOUND, detail="call not found"),
        ),
        (
            200,
            {"ErrorCode": 200, "Message": "uniqueivrid NOT found."},
            Outcome(Verdict.NOT_FOUND, detail="call not found"),
        ),
        (404, {"Message": "UniqueIvrID not found"}, Outcome(Verdict.NOT_FOUND, detail="call not found")),
        (
            200,
            {"ErrorCode": 400, "Message": 'Parameters are not valid, should be "ivrid" and "mute"'},
            Outcome(Verdict.REFUSED, detail="parameters not valid"),
        ),
        (201, SUCCESS, Outcome(Verdict.FAILED, detail="HTTP 201")),
        (400, {}, Outcome(Verdict.REFUSED, detail="parameters not valid")),
        (401, {}, Outcome(Verdict.REFUSED, detail="HTTP 401")),
        (403, SUCCESS, Outcome(Verdict.REFUSED, detail="HTTP 403")),
        (404, {}, Outcome(Verdict.FAILED, detail="HTTP 404")),
        (500, SUCCESS, Outcome(Verdict.FAILED, detail="HTTP 500")),
        (503, {}, Outcome(Verdict.FAILED, detail="HTTP 503")),
    ],
)
async def test_answers_in_json(http: aiohttp.ClientSession, status: int, body: object, outcome: Outcome) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    async with api(answer) as url:
        assert await MuteClient(http, url).set_muted("c", True) == outcome


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("<html><h1>Success</h1></html>", "answer is no JSON object"),
        ('{"ErrorCode": 200', "answer is no JSON object"),
        ("", "answer is no JSON object"),
        ("200", "answer is no JSON object"),
        ("[" * 60_000, "answer is no JSON object"),
        (" " * 70_000 + '{"ErrorCode": 200}', "answer is too long"),
    ],
)
async def test_a_200_that_is_no_answer_of_this_api_is_a_failure(
    http: aiohttp.ClientSession, text: str, detail: str
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/html")

    async with api(answer) as url:
        assert await MuteClient(http, url).set_muted("c", True) == Outcome(Verdict.FAILED, detail=detail)


async def test_json_counts_whatever_its_content_type(http: aiohttp.ClientSession) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text='{"ErrorCode": 200, "ActionID": "a"}', content_type="text/html")

    async with api(answer) as url:
        assert (await MuteClient(http, url).set_muted("c", True)).verdict is Verdict.DONE


async def test_a_redirect_is_not_followed(http: aiohttp.ClientSession) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async with api(answer) as url:
        outcome = await MuteClient(http, url).set_muted("c", True)
    assert (outcome, len(asked)) == (Outcome(Verdict.FAILED, detail="HTTP 302"), 1)


@pytest.mark.parametrize(
    ("headers", "retry_after_s"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 0 "}, 0.0),
        ({"Retry-After": "Mon, 23 Nov 2026 10:00:30 GMT", "Date": DATE}, 30.0),
        ({"Retry-After": "Mon, 23 Nov 2026 09:00:00 GMT", "Date": DATE}, 0.0),
        ({"Retry-After": "Mon, 23 Nov 2026 10:00:30 GMT", "Date": "today"}, None),
        ({"Retry-After": "-7"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "9" * 400}, None),
        ({}, None),
    ],
)
async def test_429_waits_as_told(
    http: aiohttp.ClientSession, headers: dict[str, str], retry_after_s: float | None
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=429, headers=headers)

    async with api(answer) as url:
        outcome = await MuteClient(http, url).set_muted("c", True)
    assert outcome == Outcome(Verdict.BUSY, retry_after_s=retry_after_s, detail="HTTP 429")


# --- no answer ----------------------------------------------------------------------------------------------------


async def test_no_server_leaves_it_unsent(http: aiohttp.ClientSession, unused_tcp_port: int) -> None:
    outcome = await MuteClient(http, f"http://127.0.0.1:{unused_tcp_port}/").set_muted("c", True)
    assert outcome == Outcome(Verdict.UNSENT, detail="no connection")


async def test_an_unknown_host_leaves_it_unsent() -> None:
    class KnowsNobody(AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> NoReturn:
            raise OSError(None, "unknown")

        async def close(self) -> None: ...

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=KnowsNobody())) as http:
        outcome = await MuteClient(http, "http://no-such-host.invalid/").set_muted("c", True)
    assert outcome == Outcome(Verdict.UNSENT, detail="host not found")


@pytest.mark.parametrize("address", ["nonsense", "http://", "http://h:port/"])
async def test_no_address_leaves_it_unsent(http: aiohttp.ClientSession, address: str) -> None:
    outcome = await MuteClient(http, address).set_muted("c", True)
    assert outcome == Outcome(Verdict.UNSENT, detail="not an address")


async def test_a_connection_that_is_not_accepted_leaves_it_unsent(http: aiohttp.ClientSession) -> None:
    """TLS is spoken to a server that never answers: the connection is not made in time."""

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw(talk) as url:
        outcome = await MuteClient(http, url.replace("http:", "https:"), timeout_s=0.3).set_muted("c", True)
    assert outcome == Outcome(Verdict.UNSENT, detail="no answer in time")


async def test_no_tls_leaves_it_unsent(http: aiohttp.ClientSession) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with raw(talk) as url:
        outcome = await MuteClient(http, url.replace("http:", "https:")).set_muted("c", True)
    assert outcome.verdict is Verdict.UNSENT


async def test_an_answer_that_does_not_come_is_lost(http: aiohttp.ClientSession) -> None:
    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        raise AssertionError

    async with api(answer) as url:
        started_s = time.monotonic()
        outcome = await MuteClient(http, url, timeout_s=0.2).set_muted("c", True)
    assert outcome == Outcome(Verdict.LOST, detail="no answer in time")
    assert time.monotonic() - started_s < 10


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 200 OK\r\n", b'HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"Err'])
@pytest.mark.parametrize("way", ["reset", "close", "hang"])
async def test_an_answer_that_breaks_off_is_lost(http: aiohttp.ClientSession, part: bytes, way: str) -> None:
    asked: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await request_head(reader))
        writer.write(part)
        await writer.drain()
        if way == "reset":
            writer.transport.abort()
        elif way == "close":
            writer.close()
        else:
            await reader.read()

    async with raw(talk) as url:
        outcome = await MuteClient(http, url, timeout_s=0.3).set_muted("c", True)
    assert (outcome.verdict, len(asked)) == (Verdict.LOST, 1)


async def test_an_answer_that_trickles_for_ever_is_lost(http: aiohttp.ClientSession) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with raw(talk) as url:
        started_s = time.monotonic()
        outcome = await MuteClient(http, url, timeout_s=0.3).set_muted("c", True)
    assert outcome.verdict is Verdict.LOST
    assert time.monotonic() - started_s < 10


async def test_an_answer_that_is_no_http_is_a_failure(http: aiohttp.ClientSession) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(b"SSH-2.0-OpenSSH_9.0\r\n\r\n")
        writer.close()

    async with raw(talk) as url:
        outcome = await MuteClient(http, url).set_muted("c", True)
    assert outcome == Outcome(Verdict.FAILED, detail="answer is not HTTP")


# --- connections --------------------------------------------------------------------------------------------------

KEPT = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n" + b'{"ErrorCode": 200}'


async def test_a_connection_is_used_again(http: aiohttp.ClientSession) -> None:
    connections: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(0)
        while True:
            try:
                await request_head(reader)
            except asyncio.IncompleteReadError:
                return
            connections[-1] += 1
            writer.write(KEPT)

    async with raw(talk) as url:
        client = MuteClient(http, url)
        for _ in range(5):
            assert (await client.set_muted("c", True)).verdict is Verdict.DONE
    assert connections == [5]


async def test_a_kept_connection_that_the_server_closed_is_not_used_again(http: aiohttp.ClientSession) -> None:
    closed = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_head(reader)
        writer.write(KEPT)
        await writer.drain()
        writer.close()
        closed.set()

    async with raw(talk) as url:
        client = MuteClient(http, url)
        assert (await client.set_muted("c", True)).verdict is Verdict.DONE
        await closed.wait()
        connector = http.connector
        assert isinstance(connector, aiohttp.TCPConnector)
        await until(lambda: not any(kept.is_connected() for kept, _ in next(iter(connector._conns.values()), ())))
        assert (await client.set_muted("c", True)).verdict is Verdict.DONE


async def test_a_kept_connection_that_dies_under_the_request_is_lost_and_asked_once(
    http: aiohttp.ClientSession,
) -> None:
    """Whether the server read the request before it went is not to be known from here."""
    asked: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await request_head(reader))
        if len(asked) == 1:
            writer.write(KEPT)
            asked.append(await request_head(reader))
        writer.transport.abort()

    async with raw(talk) as url:
        client = MuteClient(http, url)
        verdicts = [(await client.set_muted("c", True)).verdict for _ in range(2)]
    assert verdicts == [Verdict.DONE, Verdict.LOST]
    assert len(asked) == 2


async def test_no_request_waits_for_the_connection_of_another() -> None:
    """How much is asked at once is bounded by who asks; the polls and the feed have their connections beside."""
    running, all_there = 0, asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        nonlocal running
        running += 1
        if running == 150:  # more than aiohttp's own limit
            all_there.set()
        await all_there.wait()
        return web.json_response(SUCCESS)

    async with api(answer) as url, http_session() as http:
        client = MuteClient(http, url, timeout_s=20.0)
        outcomes = await asyncio.gather(*(client.set_muted(f"c{n}", True) for n in range(150)))
    assert {outcome.verdict for outcome in outcomes} == {Verdict.DONE}


async def test_cancellation_passes_through(http: aiohttp.ClientSession) -> None:
    asked = asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        asked.set()
        await asyncio.sleep(60)
        raise AssertionError

    async with api(answer) as url:
        attempt = asyncio.create_task(MuteClient(http, url).set_muted("c", True))
        await asked.wait()
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
