"""Two thousand extensions: only what is in view exists, and an event costs no more than that.

What is counted is work, not time: elements made, rows touched, entries read. So it fails on any machine where drawing
becomes quadratic, and on none because that is slow.
"""

import pytest
from playwright.async_api import Page, expect

from tests.page.boards import busy
from tests.page.conftest import NOW
from tests.page.fake import FakeDaemon

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXTENSIONS = 2000
MOST_ROWS = 60
MOST_MADE = MOST_ROWS * 30
"""Elements of a row, and some."""
AT_ONCE = 10
"""Changes in one event."""

# From now on: how many elements are made, and which rows are touched.
WATCH = """() => {
    const work = {made: 0, rows: new Set()};
    const count = (records) => {
        for (const {target, addedNodes} of records) {
            const row = (target.nodeType === 1 ? target : target.parentElement)?.closest("#rows .row");
            if (row) work.rows.add(row.id);
            for (const node of addedNodes) work.made += 1 + (node.querySelectorAll?.("*").length ?? 0);
        }
    };
    const watcher = new MutationObserver(count);
    watcher.observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true});
    window.counted = () => {
        count(watcher.takeRecords());
        const {made, rows} = work;
        Object.assign(work, {made: 0, rows: new Set()});
        return [made, rows.size];
    };
}"""

# How often an entry of the board is read for its rows, its counters, its verdict and its search.
READS = """async (told) => {
    const {boardOf} = await import("/page/store.js");
    const {rowsOf, narrowed, counted} = await import("/page/rows.js");
    const {verdictOf} = await import("/page/verdict.js");
    let reads = 0;
    const read = {get: (entry, name) => { reads += 1; return entry[name]; }};
    const watched = (entries) =>
        Object.fromEntries(Object.entries(entries).map(([key, entry]) => [key, new Proxy(entry, read)]));
    const {extensions, calls, sections} = told;
    const watching = {extensions: watched(extensions), calls: watched(calls), sections: watched(sections)};
    const board = boardOf({...told, ...watching});
    const rows = rowsOf(board);
    counted(rows);
    narrowed(rows, "verified", "sip1");
    verdictOf(board, {state: "live"}, told.now);
    return reads;
}"""


async def test_only_the_rows_in_view_exist(page: Page, daemon: FakeDaemon) -> None:
    daemon.board = busy(NOW, EXTENSIONS)
    await page.goto(daemon.url)
    rows = page.locator("#rows .row")
    await expect(page.locator("#calls-count")).to_have_text("2,000 calls")
    keys = list(daemon.board["calls"])
    for tick, state in enumerate(["covered", "muted", "verified", "recorded"] * 2):
        changed = keys[tick * AT_ONCE : (tick + 1) * AT_ONCE]
        daemon.push(calls={key: daemon.board["calls"][key] | {"state": state} for key in changed})
        await page.locator("#rows").evaluate("(list, top) => { list.scrollTop = top; }", tick * 900)
        assert await rows.count() <= MOST_ROWS
    assert await page.locator("#sections .section").count() <= MOST_ROWS
    await page.locator("#search").fill(changed[-1].removeprefix("main/"))
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("Recorded")


async def test_an_event_costs_no_more_than_what_is_in_view(page: Page, daemon: FakeDaemon) -> None:
    daemon.board = busy(NOW, EXTENSIONS)
    await page.goto(daemon.url)
    await expect(page.locator("#calls-count")).to_have_text("2,000 calls")
    await page.evaluate(WATCH)
    keys = list(daemon.board["calls"])
    for n, state in enumerate(("covered", "exposed", "releasing"), 1):
        changed = keys[n * 500 : n * 500 + AT_ONCE]
        daemon.push(calls={key: daemon.board["calls"][key] | {"state": state} for key in changed})
        await expect(page.locator(f"#counters [data-state={state}] .counter-n")).to_have_text(str(AT_ONCE))
        made, rows = await page.evaluate("counted()")
        assert made <= MOST_MADE, state
        assert rows <= MOST_ROWS, state


async def test_the_board_is_read_once_however_large_it_is(settled: Page) -> None:
    """Ten times as many are read ten times as often, not a hundred times."""
    few, many = [await settled.evaluate(READS, busy(NOW, n)) for n in (EXTENSIONS // 10, EXTENSIONS)]
    assert few > 0
    assert many < 12 * few


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
