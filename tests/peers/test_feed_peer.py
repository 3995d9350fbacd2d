"""Our feed against socket.io 2.x and 4.x servers: a client and a server both of ours could be wrong together."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from orchestrator.clock import SystemClock
from orchestrator.core.facts import ExtensionSeen, Fact, FeedChanged, SnapshotTaken
from orchestrator.core.model import FeedState
from orchestrator.core.notices import Notice
from orchestrator.engine.notices import EdgeNotice, FeedLost
from orchestrator.voicenter.feed import Credentials, Feed, FeedSettings
from tests.peers.node import Program, peer, running

pytestmark = peer

PING_MS = 400


@dataclass(frozen=True)
class Generation:
    """A server, and the Engine.IO that our client speaks with it."""

    name: str
    version: int
    engineio: int
    allow_eio3: bool = False


GENERATIONS = [
    Generation("socket.io 2", 2, 3),
    Generation("socket.io 4", 4, 4),
    Generation("socket.io 4 with allowEIO3", 4, 3, allow_eio3=True),
]


@dataclass
class Session:
    """A feed of ours that follows a server of theirs."""

    server: Program
    feed: Feed
    facts: list[Fact] = field(default_factory=list)
    notices: list[Notice | EdgeNotice] = field(default_factory=list)

    @property
    def calls(self) -> list[str]:
        return [ivrid for fact in self.facts if isinstance(fact, ExtensionSeen) for ivrid in fact.extension.legs]

    def count(self, kind: type[Fact]) -> int:
        return sum(isinstance(fact, kind) for fact in self.facts)

    @property
    def lost(self) -> list[FeedLost]:
        return [notice for notice in self.notices if isinstance(notice, FeedLost)]


@asynccontextmanager
async def login_server(answer: dict[str, object]) -> AsyncIterator[str]:
    async def log_in(request: web.Request) -> web.Response:
        assert await request.json() == {"username": "somebody", "password": "something"}
        return web.json_response({"StatusCode": 200, "Status": "OK", "Data": {"Socket": answer}})

    app = web.Application()
    app.router.add_post("/Login/Account", log_in)
    async with TestServer(app) as server:
        yield str(server.make_url("/Login"))


@pytest.fixture(params=GENERATIONS, ids=lambda generation: generation.name)
async def session(request: pytest.FixtureRequest) -> AsyncIterator[Session]:
    generation: Generation = request.param
    options: dict[str, object] = {
        "version": generation.version,
        "allowEIO3": generation.allow_eio3,
        "pingInterval": PING_MS,
        "pingTimeout": PING_MS,
    }
    # What the login says decides, except where the server speaks both.
    told_version = {2: "https://example.test/client/?v=2.5.0", 4: "https://example.test/client/?v=4.8.1"}
    async with running("server.js", options) as server, aiohttp.ClientSession() as http:
        answer: dict[str, object] = {
            "Token": "to+ken/=&",
            "URLList": [f"http://127.0.0.1:{server.told[0]['port']}"],
            "Client": told_version[generation.version],
        }
        async with login_server(answer) as login_url:
            settings = FeedSettings(
                login_type="account",
                credentials=Credentials({"username": "somebody", "password": "something"}),
                login_url=login_url,
                refresh_url=login_url,
                engineio=3 if generation.allow_eio3 else "auto",
                keepalive_s=0.3,
            )
            facts: list[Fact] = []
            notices: list[Notice | EdgeNotice] = []

            class Observer:
                def notice(self, notice: Notice | EdgeNotice) -> None:
                    notices.append(notice)

            feed = Feed(settings, http, SystemClock(), random.Random(1), facts.append, Observer())
            run = asyncio.create_task(feed.run())
            try:
                await server.until(lambda: feed.problem is None)
                yield Session(server, feed, facts, notices)
                if run.done():
                    run.result()
            finally:
                run.cancel()
                await asyncio.gather(run, return_exceptions=True)


async def test_connects_once_by_websocket_with_the_token(session: Session) -> None:
    connection = {"what": "connection", "token": "to+ken/=&", "transport": "websocket"}
    assert session.server.all("connection") == [connection]
    assert session.facts[0] == FeedChanged(FeedState.SYNCING)
    assert session.count(SnapshotTaken) == 1


async def test_each_event_arrives_once_and_in_order(session: Session) -> None:
    session.server.do("events", count=2000)
    await session.server.until(lambda: "call1999" in session.calls)
    assert session.calls == [f"call{n}" for n in range(2000)]
    assert session.count(SnapshotTaken) == 1


async def test_lives_through_three_ping_periods(session: Session) -> None:
    await asyncio.sleep(4 * PING_MS / 1000 + 2 * PING_MS / 1000)
    assert session.lost == []
    assert len(session.server.all("connection")) == 1
    session.server.do("events", count=1)
    await session.server.until(lambda: session.calls == ["call0"])


async def test_a_message_over_4_mib_passes(session: Session) -> None:
    session.server.do("big", bytes=9 * 1024 * 1024)
    await session.server.until(lambda: session.count(SnapshotTaken) == 2)
    assert session.lost == []


@pytest.mark.parametrize("way", ["kick", "leave"])
async def test_comes_back_after_a_disconnect_by_the_server(session: Session, way: str) -> None:
    session.server.do(way)
    await session.server.until(
        lambda: session.count(SnapshotTaken) == 2 and len(session.server.all("connection")) == 2
    )
    assert session.feed.problem is None
    assert [notice.retry_in_s for notice in session.lost] == [0.0]


async def test_keeps_alive_in_silence(session: Session) -> None:
    await session.server.until(lambda: len(session.server.all("keepalive")) >= 3)
    assert {line["token"] for line in session.server.all("keepalive")} == {"to+ken/=&"}
    assert session.lost == []


async def test_resyncs_when_extensions_were_reconfigured(session: Session) -> None:
    session.server.do("reconfigured")
    await session.server.until(lambda: session.count(SnapshotTaken) == 2 and session.server.all("resync"))
    assert [line["wish"] for line in session.server.all("resync")] == [{"cache": False}]
