"""One browser for the session, one daemon of our own making for each test."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.page.boards import board
from tests.page.browser import MISSING, chromium, page_of
from tests.page.fake import FakeDaemon, fake_daemon

NOW = 1_795_600_000.0


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if MISSING:
        pytest.skip("needs Chromium (apt-get install chromium)")
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def daemon() -> AsyncIterator[FakeDaemon]:
    """Nothing is going on, and all is well."""
    async with fake_daemon(board(NOW)) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, daemon: FakeDaemon) -> AsyncIterator[Page]:
    """A page that has not gone to the daemon yet."""
    async with page_of(browser) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def settled(browser: Browser) -> AsyncIterator[Page]:
    """One page for all tests that only ask its modules."""
    async with fake_daemon(board(NOW)) as quiet, page_of(browser) as opened:
        await opened.goto(quiet.url)
        yield opened
