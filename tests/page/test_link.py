"""What the page does when the daemon is away, silent, or asks who it is."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.page.boards import board, call, extension
from tests.page.browser import page_of
from tests.page.conftest import NOW
from tests.page.fake import FakeDaemon
from tests.stories.stage import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_lost_daemon_is_told_at_once_and_found_again(page: Page, daemon: FakeDaemon) -> None:
    await page.goto(daemon.url)
    line = page.locator("#verdict-line")
    await expect(line).to_have_text("All well")
    await daemon.stop()
    await expect(line).to_have_text("No connection to the daemon", timeout=3000)
    await expect(page.locator("#verdict-notes")).to_contain_text("Below: how it stood at 09:46:4")
    await expect(page).to_have_title("× No connection to the daemon")
    assert float(await page.locator("#board").evaluate("(board) => getComputedStyle(board).opacity")) < 1

    daemon.board = board(
        NOW + 60,
        extensions={"main/SIP9": extension("SIP9", "c9")},
        calls={"main/c9": call("c9", "recorded", NOW, "SIP9")},
    )
    await daemon.start()
    await expect(line).to_have_text("All well")
    await expect(page.locator("#rows .row-extension")).to_have_text("SIP9")
    assert daemon.listeners == 1


async def test_silence_is_not_taken_for_peace(browser: Browser, daemon: FakeDaemon) -> None:
    async with page_of(browser) as page:
        await page.clock.install(time=NOW)
        await page.goto(daemon.url)
        await expect(page.locator("#verdict-line")).to_have_text("All well")
        await page.clock.pause_at(NOW + 14)
        await expect(page.locator("#verdict-line")).to_have_text("All well")
        await time_passes(page, until_text="Nothing heard since 09:46:4")
        await time_passes(page, until_text="All well")


async def time_passes(page: Page, until_text: str) -> None:
    """In steps shorter than the wait before the page connects again."""
    line = page.locator("#verdict-line")

    async def shown() -> bool:
        await page.clock.run_for(200)
        return until_text in await line.inner_text()

    await until(shown, within_s=10)


async def test_a_sign_of_life_is_enough(settled: Page) -> None:
    """Comments are no events; an event may come in pieces, and its lines may end in either way."""
    events = await settled.evaluate(
        """async () => {
            const {parser} = await import("/page/stream.js");
            const parse = parser();
            return [": alive\\n\\n", "event: change\\nid: s-1\\nda", 'ta: {"now":1}\\n', "\\n",
                    "event: board\\r\\ndata: {\\r\\ndata: }\\r\\n\\r\\n"].map((piece) => [...parse(piece)]);
        }"""
    )
    assert events == [[], [], [], [{"name": "change", "data": '{"now":1}'}], [{"name": "board", "data": "{\n}"}]]


async def test_a_token_is_asked_for_and_kept_out_of_the_address(page: Page, daemon: FakeDaemon) -> None:
    daemon.token = "right"
    await page.goto(daemon.url)
    await expect(page.locator("#verdict-line")).to_have_text("A token is needed")
    await expect(page.locator("#verdict-mark svg")).to_have_count(1)
    assert set(await page.locator(".counter-n").all_text_contents()) == {"–"}
    await expect(page.locator("#rows-none")).to_be_hidden()
    dialog, field = page.locator("#token-dialog"), page.get_by_label("Token", exact=True)
    await expect(dialog).to_be_visible()
    await expect(field).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await page.get_by_role("button", name="Give a token").click()
    await field.fill("wrong")
    await field.press("Enter")
    await until(lambda: daemon.asked[-1].authorization == "Bearer wrong")
    await expect(dialog).to_be_visible()
    await field.fill("right")
    await field.press("Enter")
    await expect(page.locator("#verdict-line")).to_have_text("All well")
    await expect(dialog).to_be_hidden()
    assert page.url == daemon.url
    assert await page.evaluate("[localStorage.length, ...Object.values(sessionStorage)]") == [0, "right"]
    assert "right" not in await page.content()

    await page.reload()
    await expect(page.locator("#verdict-line")).to_have_text("All well")


async def test_who_looks_on_may_sign_out_and_act_as_somebody_else(page: Page, daemon: FakeDaemon) -> None:
    daemon.token, daemon.name, daemon.scopes = "viewer", "ברוך", ("page",)
    daemon.board = board(
        NOW,
        extensions={"main/SIP1": extension("SIP1", "c1")},
        calls={"main/c1": call("c1", "recorded", NOW, "SIP1")},
    )
    await page.goto(daemon.url)
    field, who, rows = page.get_by_label("Token", exact=True), page.locator("#who"), page.locator("#rows .row")
    await field.fill("viewer")
    await field.press("Enter")
    await expect(who).to_have_text("ברוך")
    await rows.click()
    await expect(page.locator("#details-body")).to_contain_text("Nothing is known of it any more.")
    await expect(page.locator("[data-act]")).to_have_count(0)

    # Another token, in the same tab.
    daemon.token, daemon.name, daemon.scopes = "operator", "amira", ("page", "operate")
    await who.click()
    await expect(page.locator("#token-why")).to_contain_text("This token may not change anything")
    await field.fill("operator")
    await page.get_by_role("button", name="Use it").click()
    await expect(who).to_have_text("amira")
    await expect(page.locator("#details")).to_be_hidden()
    await rows.click()
    await page.get_by_role("button", name="Mute by hand").click()
    await expect(page.locator("#act-by")).to_contain_text("amira")
    await page.keyboard.press("Escape")

    # Whoever comes next sees nothing of what was shown.
    await who.click()
    await expect(page.locator("#token-why")).to_contain_text("You act as")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.locator("#verdict-line")).to_have_text("A token is needed")
    await expect(page.locator("#token-dialog")).to_be_visible()
    await expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    await expect(rows).to_have_count(0)
    await expect(who).to_be_hidden()
    assert "operator" not in await page.evaluate("Object.values(sessionStorage)")
    assert daemon.asked[-1].authorization is None


async def test_where_no_token_is_needed_there_is_nothing_to_sign_out_of(page: Page, daemon: FakeDaemon) -> None:
    await page.goto(daemon.url)
    await expect(page.locator("#verdict-line")).to_have_text("All well")
    await expect(page.locator("#who")).to_be_hidden()


async def test_a_token_without_the_scope_is_told_which_is_missing(page: Page, daemon: FakeDaemon) -> None:
    daemon.scopes = ()
    await page.goto(daemon.url)
    await expect(page.locator("#verdict-line")).to_have_text("This token may not look here")
    await expect(page.locator("#token-why")).to_have_text('The token lacks the scope "page".')
