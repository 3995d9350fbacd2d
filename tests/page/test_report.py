"""The report of the demo's audit, as an assessor opens it: in three sizes, and on paper."""

import asyncio
import re
import sys
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.page.browser import page_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

A4 = (595, 842)
"""In points, rounded."""


async def demo_report(to: Path, seconds: float, agents: int) -> None:
    """Of a demo of its own, for which that is run."""
    said = asyncio.subprocess.DEVNULL
    arguments = ("--seconds", str(seconds), "--agents", str(agents), "--report", str(to))
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestrator", "demo", *arguments, stdin=said, stdout=said, stderr=said
    )
    assert await demo.wait() == 0


async def test_it_is_whole_in_three_sizes_and_on_paper(browser: Browser, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    await demo_report(report, seconds=5, agents=8)
    text = report.read_text("utf-8")
    for width, height in ((1440, 900), (820, 1180), (390, 844)):
        async with page_of(browser, width, height) as page:
            await page.set_content(text)
            assert await page.locator("h1").is_visible()
            assert await page.locator("svg").count() > 0
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, height)
            if width == 1440:
                paper = await page.pdf(prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", paper)
    assert {(round(float(across)), round(float(down))) for across, down in boxes} == {A4}
    assert len(boxes) > 1
