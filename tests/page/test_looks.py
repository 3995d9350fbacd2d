"""How it looks and reads: at three sizes, in both themes and both languages, by keyboard and for a screen reader."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.page.boards import Json, for_pictures, section
from tests.page.browser import page_of
from tests.page.conftest import NOW
from tests.page.fake import FakeDaemon

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIZES = {"desktop": (1440, 900), "tablet": (820, 1180), "phone": (390, 844), "small": (360, 640)}

FITS = """() => document.documentElement.scrollWidth <= innerWidth
    && document.documentElement.scrollHeight <= innerHeight"""

NAMELESS = """() => [...document.querySelectorAll("button, input, select, [tabindex], section, aside, nav")]
    .filter((e) => e.checkVisibility() && !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length
        || document.getElementById(e.getAttribute("aria-labelledby"))))
    .map((e) => e.outerHTML.slice(0, 120))"""

# Text too faint for its ground (WCAG AA). Grounds are those of the nearest ancestor that has one.
FAINT = """() => {
    const parsed = (c) => {
        const n = c.match(/[\\d.]+/g).map(Number);
        const whole = c.startsWith("color(") ? 255 : 1;
        return [n[0] * whole, n[1] * whole, n[2] * whole, n[3] ?? 1];
    };
    const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
        .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (e) => {
        for (; e; e = e.parentElement) {
            const c = parsed(getComputedStyle(e).backgroundColor);
            if (c[3] === 1) return c;
        }
        return [255, 255, 255, 1];
    };
    const faint = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const e = walker.currentNode.parentElement;
        const written = walker.currentNode.textContent.trim();
        if (!written || !e.checkVisibility() || e.closest("noscript, .unseen")) continue;
        const style = getComputedStyle(e);
        const px = parseFloat(style.fontSize);
        const large = px >= 24 || (px >= 18.66 && style.fontWeight >= 700);
        const [a, b] = [light(parsed(style.color)), light(ground(e))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < (large ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)} ${e.className} ${e.textContent.slice(0, 40)}`);
    }
    return faint;
}"""

CLIPPED = """(e) => {
    const box = e.getBoundingClientRect();
    return e.scrollWidth > e.clientWidth + 1 || box.left < 0 || box.right > innerWidth || box.bottom > innerHeight;
}"""


@pytest.mark.parametrize("size", SIZES)
async def test_nothing_is_cut_off_and_all_can_be_read(
    browser: Browser, daemon: FakeDaemon, tmp_path: Path, size: str
) -> None:
    daemon.board = for_pictures(NOW)
    width, height = SIZES[size]
    async with page_of(browser, width, height) as page:
        await page.goto(daemon.url)
        await expect(page.locator("#rows .row").first).to_be_visible()
        for language in ("en", "he"):
            await expect(page.locator("html")).to_have_attribute("lang", language)
            await page.screenshot(path=tmp_path / f"{size}-{language}.png")
            await looks_right(page)
            if width < 720:
                for tab in ("sections", "history", "log", "calls"):
                    await page.locator(f".tabs [data-tab={tab}]").click()
                    await expect(page.locator(".board > .panel:visible")).to_have_count(1)
                    assert await page.evaluate(FITS)
            await page.locator("#rows .row").first.click()
            await expect(page.locator("#details")).to_be_visible()
            await page.screenshot(path=tmp_path / f"{size}-{language}-details.png")
            await looks_right(page)
            await page.keyboard.press("Escape")
            await page.locator("#language").click()


async def looks_right(page: Page) -> None:
    assert await page.evaluate(FITS)
    for line in ("#verdict-line", "#verdict-notes"):
        assert not await page.locator(line).evaluate(CLIPPED)
    assert await page.evaluate(NAMELESS) == []
    for theme in ("dark", "light"):
        await page.emulate_media(color_scheme=theme)
        assert await page.evaluate(FAINT) == []


@pytest.mark.parametrize("size", SIZES)
async def test_a_section_says_what_it_is_whatever_it_is_aimed_at(
    browser: Browser, daemon: FakeDaemon, size: str
) -> None:
    """A call's id is longer than there is room for: its end is seen, where those of one day differ."""
    ivrid = "20261124000007ab1f3c5e7d9b2a4c6e"
    aimed: tuple[Json, ...] = ({"ivrid": ivrid}, {"user_id": 81234}, {"extension": "SIPSIP1"})
    daemon.board = for_pictures(NOW) | {"sections": {}}
    for n, target in enumerate(aimed):
        plain = section(f"hand-{n}a1b2c3d", "", NOW, 9 + 100 * n, "exposed")
        daemon.board["sections"][f"main/hand-{n}"] = plain | target
    width, height = SIZES[size]
    async with page_of(browser, width, height) as page:
        await page.goto(daemon.url)
        if width < 720:
            await page.locator(".tabs [data-tab=sections]").click()
        shown = page.locator("#sections .section")
        for _ in range(2):
            await expect(shown).to_have_count(3)
            for part in await shown.locator("> :not(.section-target)").all():
                assert not await part.evaluate(CLIPPED), await part.text_content()
            assert await shown.locator(".section-target").evaluate_all(ENDS_SEEN) == [True] * 3
            await page.locator("#language").click()


# Of what is cut, the last letters are in view, at the end of the line.
ENDS_SEEN = """(targets) => targets.map((target) => {
    const text = document.createTreeWalker(target, NodeFilter.SHOW_TEXT);
    let last = null;
    while (text.nextNode()) last = text.currentNode;
    const end = document.createRange();
    end.setStart(last, last.length - 4);
    end.setEnd(last, last.length);
    const [seen, room] = [end.getBoundingClientRect(), target.getBoundingClientRect()];
    return seen.left >= room.left - 1 && seen.right <= room.right + 1;
})"""


async def test_ids_stand_below_their_headers_and_show_their_ends(browser: Browser, daemon: FakeDaemon) -> None:
    daemon.board = for_pictures(NOW)
    async with page_of(browser, 820, 1180) as page:
        await page.goto(daemon.url)
        for start in ("left", "right"):
            await expect(page.locator("#rows .row").first).to_be_visible()
            assert set(await page.locator("#rows .row-tail:not(:has(:empty))").evaluate_all(ENDS_SEEN)) == {True}
            for column, part in ((2, ".row-extension"), (3, ".row-tail")):
                header = page.locator(f".row-names > :nth-child({column})")
                edges = [
                    await at.evaluate(f"(e) => e.getBoundingClientRect().{start}")
                    for at in (header, page.locator(f"#rows .row {part}").first)
                ]
                assert abs(edges[0] - edges[1]) < 2, (start, part, edges)
            await page.locator("#language").click()


async def test_hebrew_reads_from_right_to_left_and_ids_do_not(page: Page, daemon: FakeDaemon) -> None:
    daemon.board = for_pictures(NOW)
    await page.goto(daemon.url)
    await expect(page.locator("html")).to_have_attribute("dir", "ltr")
    await page.get_by_role("button", name="עברית").click()
    await expect(page.locator("html")).to_have_attribute("dir", "rtl")
    await expect(page.locator("html")).to_have_attribute("lang", "he")
    await expect(page.locator("#verdict-line")).to_have_text("שתי שיחות חשופות")
    await expect(page.locator("#rows .row-state").first).to_have_text("חשופה")
    await expect(page.locator("#search")).to_have_attribute("placeholder", "שלוחה, שיחה, מקטע")
    call = page.locator("#rows .row-call").first
    assert await call.evaluate("(e) => getComputedStyle(e).direction") == "ltr"
    state, extension = page.locator("#rows .row-state").first, page.locator("#rows .row-extension").first
    boxes = [await state.bounding_box(), await extension.bounding_box()]
    assert boxes[0]
    assert boxes[1]
    assert boxes[0]["x"] > boxes[1]["x"]

    await page.reload()
    await expect(page.locator("html")).to_have_attribute("dir", "rtl")
    await page.get_by_role("button", name="English").click()
    await expect(page.locator("#verdict-line")).to_have_text("2 calls EXPOSED")


async def test_the_theme_follows_the_system_until_it_is_chosen(page: Page, daemon: FakeDaemon) -> None:
    await page.goto(daemon.url)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(ground)
    await page.emulate_media(color_scheme="dark")
    dark = await page.evaluate(ground)
    assert dark != light
    await page.emulate_media(color_scheme="light")
    await page.get_by_role("button", name="Dark").click()
    assert await page.evaluate(ground) == dark
    await page.reload()
    await expect(page.get_by_role("button", name="Light")).to_be_visible()
    assert await page.evaluate(ground) == dark


async def test_all_is_done_by_keyboard_alone(page: Page, daemon: FakeDaemon) -> None:
    daemon.board = for_pictures(NOW)
    await page.goto(daemon.url)
    await expect(page.locator("#rows .row").first).to_be_visible()
    await page.keyboard.press("/")
    search, rows = page.locator("#search"), page.locator("#rows")
    await expect(search).to_be_focused()
    await page.keyboard.type("SIP2")
    await page.keyboard.press("ArrowDown")
    await expect(rows).to_be_focused()
    selected = page.locator("#rows [aria-selected=true]")
    await expect(selected.locator(".row-extension")).to_have_text("SIP23")
    await page.keyboard.press("ArrowDown")
    await expect(selected.locator(".row-extension")).to_have_text("SIP20")
    active = await rows.get_attribute("aria-activedescendant")
    assert await selected.get_attribute("id") == active
    await page.keyboard.press("Enter")
    await expect(page.locator("#details-name")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.locator("#details-close")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(page.locator("[data-act]")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#act-reason")).to_be_focused()
    assert await page.evaluate(NAMELESS) == []
    await page.keyboard.press("Escape")
    await expect(page.locator("#act-dialog")).to_be_hidden()
    await expect(page.locator("[data-act]")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(rows).to_be_focused()
    await page.keyboard.press("End")
    await expect(selected.locator(".row-extension")).to_have_text("SIP29")
    await page.keyboard.press("?")
    await expect(page.locator("#help-dialog")).to_be_visible()
    await expect(page.locator("#help-states dt")).to_have_count(8)
    assert await page.evaluate(NAMELESS) == []
    await page.keyboard.press("Escape")
    await expect(page.locator("#help-dialog")).to_be_hidden()


async def test_only_what_matters_is_read_aloud(page: Page, daemon: FakeDaemon) -> None:
    """The verdict and exposures; not the list, the clock or the log, which change all the time."""
    await page.goto(daemon.url)
    live = await page.evaluate(
        '[...document.querySelectorAll("[aria-live], [role=alert], [role=status], output")].map((e) => e.id).sort()'
    )
    assert live == ["act-problem", "announce", "toast", "verdict-line"]
    for landmark in ("main", "nav", "aside", "search", "header"):
        await expect(page.locator(landmark)).to_have_count(1)
    await expect(page.locator("h1")).to_have_count(1)
