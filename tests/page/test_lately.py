"""What happened lately: the log, and the plots of the last hours."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.page.boards import board, entry, health
from tests.page.browser import page_of
from tests.page.conftest import NOW
from tests.page.fake import FakeDaemon

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_each_line_of_the_log_is_read_whole_and_opens_its_calls(browser: Browser, daemon: FakeDaemon) -> None:
    gone = "20261124000007ab1f3c5e7d9b2a4c6e"
    why = "ended already: a new section needs a new section_id"
    daemon.board = board(
        NOW,
        log=[
            entry(1, NOW, "section.ended", section_id="pay-1", cause="message", calls=["other", gone]),
            entry(2, NOW, "section.ignored", "warning", section_id="pay-1", why=why),
            entry(3, NOW, "call.muted", ivrid=gone, section_ids=["pay-1"], exposure_ms=96, action_id="a" * 32),
        ],
    )
    came = {"at": NOW, "what": "leg", "event": "leg.came", "fields": {"extension": "SIP1"}}
    daemon.timelines[gone] = {"call": None, "legs": [], "timeline": [came], "complete": True}
    async with page_of(browser, 820, 1180) as page:
        await page.goto(daemon.url)
        lines = page.locator("#log .entry")
        await expect(lines).to_have_count(3)
        assert await lines.locator("*").evaluate_all("(all) => all.every((e) => e.scrollWidth <= e.clientWidth + 1)")
        await expect(lines.last).to_contain_text("cause by message")
        await lines.first.get_by_role("button", name=gone).click()
        await expect(page.locator("#details .happened")).to_have_count(1)
        await page.keyboard.press("Escape")
        await lines.last.get_by_role("button", name="other").click()
        await expect(page.locator("#details-body")).to_contain_text("Nothing is known of it any more.")
        await page.keyboard.press("Escape")

        # What no row has the daemon may still know.
        search = page.locator("#search")
        await search.fill(f" {gone}")
        await page.get_by_role("button", name=f"Ask for call \u2066{gone}\u2069").click()
        await expect(page.locator("#details-name")).to_contain_text(gone)
        await page.keyboard.press("Escape")
        await search.fill("nowhere")
        await search.press("Enter")
        await expect(page.locator("#toast")).to_contain_text("Nothing is known of call")
        await expect(page.locator("#details")).to_be_hidden()

        await page.locator("#language").click()
        await expect(lines.nth(1)).to_contain_text("מדוע כבר הסתיים: למקטע חדש נדרש section_id חדש")
        await expect(lines.last).to_contain_text("סיבה בהודעה")


async def test_the_log_makes_a_line_once_and_lets_it_go(page: Page, daemon: FakeDaemon) -> None:
    daemon.board = board(NOW, log=[entry(n, NOW, "call.gone", ivrid=f"c{n}") for n in range(1, 201)])
    await page.goto(daemon.url)
    lines = page.locator("#log .entry")
    await expect(lines).to_have_count(200)
    await lines.first.evaluate("(line) => { line.dataset.kept = 'yes'; }")
    daemon.push(log=[entry(n, NOW, "call.gone", ivrid=f"c{n}") for n in range(201, 204)])
    await expect(lines.first).to_contain_text("c203")
    await expect(lines.last).to_contain_text("c4")
    await expect(lines).to_have_count(200)
    await expect(lines.nth(3)).to_have_attribute("data-kept", "yes")


async def test_history_grows_by_the_minute(page: Page, daemon: FakeDaemon) -> None:
    await page.goto(daemon.url)
    told = page.locator(".plot-told")
    await expect(told.first).to_have_text("none")
    daemon.push(history={"from": NOW - 60, "minutes": [[2, 300, 250, 0, 0, 0], [1, 1500, 1500, 1, 90, 90]]})
    await expect(told.first).to_have_text("3, worst 1.5 s")
    await expect(told.last).to_have_text("1, worst 90 ms")
    bars = page.locator(".plot-exposures .plot-bar")
    await bars.last.hover()
    await expect(told.first).to_have_text("09:46 to 09:47: 1, worst 1.5 s")
    await page.mouse.move(0, 0)

    # With the keyboard, and for who hears the page: from one that has something to the next.
    plot = page.get_by_role("slider", name="Exposures")
    await plot.focus()
    await expect(plot).to_have_attribute("aria-valuetext", "3, worst 1.5 s")
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("ArrowLeft")
    await expect(plot).to_have_attribute("aria-valuetext", "09:45 to 09:46: 2, worst 250 ms")
    daemon.push(history={"from": NOW, "minutes": [[1, 900, 900, 0, 0, 0]]})
    await expect(told.last).to_have_text("none")
    await expect(plot).to_be_focused()
    await expect(told.first).to_have_text("09:45 to 09:46: 2, worst 250 ms")
    await page.keyboard.press("End")
    await expect(told.first).to_have_text("09:46 to 09:47: 1, worst 900 ms")


async def test_only_what_is_above_the_limit_is_red(page: Page, daemon: FakeDaemon) -> None:
    daemon.board = board(NOW, health=health(exposure_alert_ms=500) | {"ready": True})
    quiet = [[0] * 6]
    daemon.board["history"]["minutes"] = [[1, 128, 128, 1, 900, 900], [1, 501, 501, 0, 0, 0], *quiet]
    await page.goto(daemon.url)
    values = page.locator(".plot-exposures .plot-value")
    await expect(page.locator(".plot-exposures .plot-limit")).to_have_text("limit 500 ms")
    await expect(page.locator(".plot [data-over]")).to_have_count(1)
    heights = await values.evaluate_all("(bars) => bars.map((bar) => Number(bar.getAttribute('height')))")
    assert heights[0] < heights[1] / 3
    line = await page.locator(".plot-alert").evaluate("(line) => Number(line.getAttribute('y1'))")
    tops = await values.evaluate_all("(bars) => bars.map((bar) => Number(bar.getAttribute('y')))")
    assert tops[1] < line < tops[0]

    # All of them below: nothing is.
    daemon.board["history"]["minutes"] = quiet
    daemon.push(health=health() | {"ready": True})
    await expect(page.locator(".plot [data-over]")).to_have_count(0)
