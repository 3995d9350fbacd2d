"""A real Valkey for the tests that ask for one, and a notebook for what observers hear."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.valkey import Heard, Valkey, client_of, valkey_in

ALONE = frozenset({"torture"})
"""Folders whose tests judge a daemon under load by the clock: not beside others."""


def pytest_configure() -> None:
    """A shell starts what runs in its background with Ctrl-C ignored, and so would we what we start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).parts[0] in ALONE:
            item.add_marker("alone")


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[Valkey]:
    async with valkey_in(tmp_path) as server:
        yield server


@pytest.fixture
async def redis(valkey: Valkey) -> AsyncIterator[Redis]:
    """The test's own connection: what another reader of Redis sees."""
    async with client_of(valkey.url) as client:
        yield client


@pytest.fixture
def heard() -> Heard:
    return Heard()
