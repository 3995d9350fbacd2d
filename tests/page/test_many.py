"""Two thousand extensions: only what is in view exists."""

import asyncio

import pytest
from playwright.async_api import Page, expect

from tests.page.boards import busy
from tests.page.conftest import NOW
from tests.page.fake import FakeDaemon

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXTENSIONS = 2000
MOST_ROWS = 60
FOR_S = 4.0
EVERY_S = 0.25
AT_ONCE = 10
"""Changes in one event: with an event every 0.25 s, 40 a second."""

WATCH = """() => {
    window.seen = {long: 0, slow: 0, frames: 0, worst: 0};
    const longer = new PerformanceObserver((list) => { window.seen.long += list.getEntries().length; });
    longer.observe({entryTypes: ["longtask"]});
    let before = performance.now();
    const frame = (now) => {
        window.seen.frames += 1;
        window.seen.slow += now - before > 50;
        window.seen.worst = Math.max(window.seen.worst, now - before);
        before = now;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame((now) => { before = now; requestAnimationFrame(frame); });
}"""


async def test_only_the_rows_in_view_exist(
    page: Page, daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.board = busy(NOW, EXTENSIONS)
    await page.goto(daemon.url)
    rows = page.locator("#rows .row")
    await expect(page.locator("#calls-count")).to_have_text("2,000 calls")
    assert await rows.count() <= MOST_ROWS
    await page.evaluate(WATCH)
    keys = list(daemon.board["calls"])
    states = ("covered", "muted", "verified", "recorded")
    for tick in range(int(FOR_S / EVERY_S)):
        changed = keys[tick * AT_ONCE : (tick + 1) * AT_ONCE]
        daemon.push(calls={key: daemon.board["calls"][key] | {"state": states[tick % 4]} for key in changed})
        await page.locator("#rows").evaluate("(list, top) => { list.scrollTop = top; }", tick * 900)
        await asyncio.sleep(EVERY_S)  # the pace is what is measured here
    seen = await page.evaluate("window.seen")
    assert await rows.count() <= MOST_ROWS
    assert await page.locator("#sections .section").count() <= MOST_ROWS
    last = keys[int(FOR_S / EVERY_S) * AT_ONCE - 1].removeprefix("main/")
    await page.locator("#search").fill(last)
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("Recorded")
    with capsys.disabled():
        print(  # noqa: T201 - a figure to be looked at, not a bound: the machine is not always ours alone
            f"\n2,000 extensions, 40 changes/s, scrolling, {FOR_S:.0f} s: {seen['frames']} frames,"
            f" {seen['slow']} over 50 ms (worst {seen['worst']:.0f} ms), {seen['long']} long tasks"
        )


async def test_the_end_of_a_long_list_is_reached(page: Page, daemon: FakeDaemon) -> None:
    daemon.board = busy(NOW, EXTENSIONS)
    await page.goto(daemon.url)
    await expect(page.locator("#rows .row").first).to_be_visible()
    await page.locator("#rows").focus()
    await page.keyboard.press("End")
    selected = page.locator("#rows [aria-selected=true]")
    await expect(selected).to_have_attribute("aria-posinset", "2000")
    await expect(selected).to_be_in_viewport()
    await page.keyboard.press("PageUp")
    await page.keyboard.press("Home")
    await expect(selected).to_have_attribute("aria-posinset", "1")
