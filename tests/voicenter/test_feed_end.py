"""The feed ends when it is cancelled, in whatever moment."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp

from orchestrator.core.facts import Fact
from orchestrator.engine.notices import FeedConnected
from orchestrator.voicenter.access import Access
from orchestrator.voicenter.connection import Connection
from orchestrator.voicenter.engineio import ConnectionLost
from orchestrator.voicenter.feed import Credentials, Feed, FeedSettings
from orchestrator.voicenter.login import Session
from tests.valkey import Heard
from tests.virtual_time import VirtualClock, run


class Breaking:
    """A connection that breaks when told to."""

    def __init__(self) -> None:
        self.breaks = asyncio.Event()

    async def run(self) -> None:
        await self.breaks.wait()
        raise ConnectionLost("connection broken")

    async def emit(self, _name: str, _argument: object) -> None: ...


async def _session(_self: Access) -> Session:
    return Session("token", ("https://monitor.example",), None, None, 3)


def _learn(_fact: Fact) -> None: ...


async def _cancelled_as_it_breaks(monkeypatch: Any) -> None:
    monkeypatch.setattr(Access, "session", _session)
    connection = Breaking()

    @asynccontextmanager
    async def connect(*_: Any) -> AsyncIterator[Connection]:
        yield cast("Connection", connection)

    settings = FeedSettings("token", Credentials({"token": "token"}), "http://login.test", "http://refresh.test")
    http, rng = cast("aiohttp.ClientSession", None), random.Random(1)
    heard = Heard()
    feed = Feed(settings, http, VirtualClock(), rng, _learn, heard, cast("Callable[..., Any]", connect))
    task = asyncio.create_task(feed.run())
    await asyncio.sleep(1)
    connection.breaks.set()
    await asyncio.sleep(0.01)
    connection.breaks.clear()
    await asyncio.sleep(60)
    assert len(heard.of(FeedConnected)) >= 2, "a break alone ends nothing: it connects again"
    connection.breaks.set()
    await asyncio.sleep(0)  # the connection breaks now, and before the feed knows of it ...
    task.cancel()
    await asyncio.wait([task], timeout=10)
    assert task.cancelled()


def test_cancelled_in_the_moment_in_which_the_connection_breaks_it_ends(monkeypatch: Any) -> None:
    run(_cancelled_as_it_breaks(monkeypatch))
