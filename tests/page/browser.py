"""Debian's Chromium, driven by Playwright: one for the session, a fresh context for each test.

Guarantees: a page is closed with its context; whatever it asked of another host, and whatever it broke of its
Content-Security-Policy or logged as an error, fails the test that opened it.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = CHROMIUM is None and not os.environ.get("REQUIRE_CHROMIUM")
"""With REQUIRE_CHROMIUM set, a missing Chromium is a failure."""
WITHIN_MS = 10_000
"""For anything that should take milliseconds, on a machine that is busy with other tests."""
expect.set_options(timeout=WITHIN_MS)

_CSP = "addEventListener('securitypolicyviolation', (e) => console.error('CSP: ' + e.violatedDirective))"


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    assert CHROMIUM is not None, "REQUIRE_CHROMIUM is set, but Chromium is missing (apt-get install chromium)"
    async with async_playwright() as playwright:
        # No sandbox: it needs rights that a container seldom has; the page is our own.
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def page_of(browser: Browser, width: int = 1440, height: int = 900, **options: Any) -> AsyncIterator[Page]:
    options = {"locale": "en-GB", "timezone_id": "UTC", "color_scheme": "light"} | options
    context = await browser.new_context(viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(WITHIN_MS)
    wrong: list[str] = []
    hosts: set[str | None] = set()
    page = await context.new_page()
    await page.add_init_script(_CSP)
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if _is_wrong(said) else None)
    try:
        yield page
    finally:
        await context.close()
    assert not wrong, wrong
    assert hosts <= {"127.0.0.1"}, hosts


def _is_wrong(said: ConsoleMessage) -> bool:
    """A refused or broken request is told of by the browser itself; the tests bring those about."""
    return said.type == "error" and "Failed to load" not in said.text
