"""What the tests of this folder share: a running vendor, a feed that follows it, and what the feed told."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

import aiohttp
import pytest

from orchestrator.clock import SystemClock
from orchestrator.core.facts import Fact, FeedChanged, SnapshotTaken
from orchestrator.core.model import FeedState
from orchestrator.core.notices import Notice
from orchestrator.engine.notices import EdgeNotice
from orchestrator.voicenter.feed import Credentials, Feed, FeedSettings
from tests.valkey import SOON_S
from tests.voicenter.vendor import Vendor

T = TypeVar("T")


@dataclass
class Told:
    """Everything that a feed told, in order."""

    facts: list[Fact] = field(default_factory=list)
    notices: list[Notice | EdgeNotice] = field(default_factory=list)

    def learn(self, fact: Fact) -> None:
        self.facts.append(fact)

    def notice(self, notice: Notice | EdgeNotice) -> None:
        self.notices.append(notice)

    @property
    def states(self) -> list[FeedState]:
        """How the feed turned; a snapshot that ends the syncing counts as `synced`."""
        turns: list[FeedState] = []
        for fact in self.facts:
            state = (
                fact.feed
                if isinstance(fact, FeedChanged)
                else FeedState.SYNCED
                if isinstance(fact, SnapshotTaken)
                else None
            )
            if state is not None and turns[-1:] != [state]:
                turns.append(state)
        return turns

    def all(self, kind: type[T]) -> list[T]:
        return [told for told in (*self.facts, *self.notices) if isinstance(told, kind)]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with Vendor().running() as running:
        yield running


@pytest.fixture
async def vendor4() -> AsyncIterator[Vendor]:
    async with Vendor(generation=4).running() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def settings_for(vendor: Vendor) -> FeedSettings:
    """Settings of a test: everything waits less."""
    return FeedSettings(
        login_type="token",
        credentials=Credentials({"token": "secret-token"}),
        login_url=f"{vendor.url}/Login",
        refresh_url=f"{vendor.url}/Refresh",
        retry_first_s=0.05,
        retry_most_s=0.2,
        refused_retry_s=0.4,
        connect_timeout_s=SOON_S,
        resync_pause_s=0.1,
    )


Follow = Callable[..., AbstractAsyncContextManager[Feed]]


@pytest.fixture
def follow(http: aiohttp.ClientSession, told: Told) -> Follow:
    """`async with follow(vendor, keepalive_s=1) as feed`: the feed runs for as long as the block lasts."""

    @asynccontextmanager
    async def running(vendor: Vendor, **changes: object) -> AsyncIterator[Feed]:
        settings = replace(settings_for(vendor), **changes)  # type: ignore[arg-type]
        feed = Feed(settings, http, SystemClock(), random.Random(1), told.learn, told)
        run = asyncio.create_task(feed.run())
        try:
            yield feed
            if run.done():
                run.result()
        finally:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)

    return running
