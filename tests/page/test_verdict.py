"""Whether all is well: the line above all, and what is said aloud."""

from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.page.boards import board, call, extension, health, section
from tests.page.browser import page_of
from tests.page.conftest import NOW
from tests.page.fake import FakeDaemon
from tests.stories.stage import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


CRM = {"crm": "messages are not heard from stream:crm:sensitive"}
AUDIT = {"audit": "its files cannot be written (No space left on device)"}
UNREAD = {"main": "what an earlier process left was not read yet"}
BLIND = {"main/pay-1": section("pay-1", "SIP1", NOW, 200, "exposed")}
STANDING_BY = "Standing by: another process works"
UNHEARD, UNWRITTEN = "The CRM is not heard", "The audit cannot be written"


async def test_of_exposures_that_come_at_once_the_newest_is_said_when_the_first_was_heard(
    browser: Browser, daemon: FakeDaemon
) -> None:
    def exposed(*numbers: int, state: str = "exposed") -> None:
        daemon.push(calls={f"main/c{n}": call(f"c{n}", state, NOW, f"SIP{n}") for n in numbers})

    async with page_of(browser) as page:
        await page.clock.install(time=NOW)
        await page.goto(daemon.url)
        await page.clock.pause_at(NOW + 60)
        line, said = page.locator("#verdict-line"), page.locator("#announce")

        async def shows(text: str) -> None:
            async def shown() -> bool:
                await page.clock.run_for(20)
                return await line.inner_text() == text

            await until(shown, within_s=10)

        exposed(1)
        await shows("1 call EXPOSED")
        await expect(said).to_have_text("Call c1 on SIP1 is exposed")
        exposed(2)
        exposed(3)
        await shows("3 calls EXPOSED")
        await expect(said).to_have_text("Call c1 on SIP1 is exposed")
        await page.clock.run_for(5000)
        await expect(said).to_have_text("Call c3 on SIP3 is exposed")

        # Not what is over by then; nor what was said already.
        exposed(4)
        await shows("4 calls EXPOSED")
        exposed(4, state="muted")
        await shows("3 calls EXPOSED")
        await page.clock.run_for(10_000)
        await expect(said).to_have_text("Call c3 on SIP3 is exposed")


@pytest.mark.parametrize(
    ("differs", "told", "level", "says"),
    [
        ({"feed": "down", "since": NOW}, {}, "bad", ["Feed down since 09:46:40"]),
        ({"feed": "stale", "since": NOW}, {}, "bad", ["Feed silent since 09:46:40"]),
        ({"feed": "syncing", "since": NOW}, {}, "warn", ["Feed catching up since 09:46:40"]),
        ({"api": "failing"}, {}, "bad", ["Voicenter’s mute API fails"]),
        ({"redis": "away"}, {}, "warn", ["Redis away: muting from memory"]),
        ({"polling": "failing"}, {}, "warn", ["Active Calls fails: mutes are not verified"]),
        ({"owner": False, "feed": "down"}, {}, "note", [STANDING_BY]),
        ({"polling": "none"}, {"ready": True}, "ok", ["All well"]),
        ({}, {"ready": False}, "warn", ["Not ready"]),
        ({}, {"problems": UNREAD}, "warn", ["Not ready (what an earlier process left was not read yet)"]),
        ({}, {"problems": CRM}, "bad", [UNHEARD]),
        ({}, {"problems": AUDIT}, "warn", [UNWRITTEN]),
        ({"owner": False}, {"problems": CRM | AUDIT}, "bad", [UNHEARD, UNWRITTEN, STANDING_BY]),
        ({"redis": "away"}, {"problems": CRM}, "bad", [UNHEARD, "Redis away: muting from memory"]),
        (
            {"feed": "syncing", "since": NOW},
            {"problems": CRM | AUDIT | {"main": "feed: connecting"}, "sections": BLIND},
            "bad",
            [
                "1 section EXPOSED: its calls cannot be seen",
                "\u2066SIP1\u2069",
                UNHEARD,
                UNWRITTEN,
                "Feed catching up since 09:46:40",
            ],
        ),
    ],
)
async def test_verdicts(
    settled: Page, differs: dict[str, object], told: dict[str, Any], level: str, says: list[str]
) -> None:
    """All that is wrong is said, the worst first."""
    problems, ready = told.get("problems", {}), told.get("ready", False)
    stands = board(NOW, sections=told.get("sections", {}))
    stands["health"] = health(**differs) | {"ready": ready, "problems": problems}
    found = await settled.evaluate(
        """async ([told, now]) => {
            const {verdictOf} = await import("/page/verdict.js");
            const {boardOf} = await import("/page/store.js");
            const {t, timeOf} = await import("/page/i18n.js");
            const {level, line, notes} = verdictOf(boardOf(told), {state: "live"}, now);
            return [level, [line, ...notes].map((said) => t(said.key, {...said, at: said.at && timeOf(said.at)}))];
        }""",
        [stands, NOW],
    )
    assert found == [level, says]


async def test_what_is_exposed_unseen_and_a_crm_unheard_are_shown_whatever_else_is_wrong(
    page: Page, daemon: FakeDaemon
) -> None:
    """Blindly muted, a section can be exposed without a call that is known to be."""
    muted = call("c1", "muted", NOW, "SIP2", sections=["pay-2"])
    daemon.board = board(
        NOW,
        health=health(feed="syncing", since=NOW) | {"problems": CRM | AUDIT},
        extensions={"main/SIP1": extension("SIP1"), "main/SIP2": extension("SIP2", "c1")},
        calls={"main/c1": muted},
        sections=BLIND | {"main/pay-2": section("pay-2", "SIP2", NOW, 200, "exposed", calls=[{"ivrid": "c1"}])},
    )
    await page.goto(daemon.url)
    await expect(page.locator("#verdict-line")).to_have_text("2 sections EXPOSED: their calls cannot be seen")
    await expect(page.locator("[data-part=crm]")).to_have_text("CRM not heard")
    await expect(page.locator("[data-part=audit]")).to_have_text("Audit not written")
    await expect(page.locator("#counters [data-state=exposed] .counter-n")).to_have_text("2")
    await page.locator("#counters [data-state=exposed]").click()
    rows = page.locator("#rows .row")
    await expect(rows.locator(".row-section")).to_have_text(["pay-1", "pay-2"])
    await expect(rows.first.locator(".row-line")).to_have_text("calls unseen")
    await rows.first.click()
    await expect(page.locator("#details-name")).to_have_text("Section pay-1")

    # A call of it that is seen to be open stands for its section.
    daemon.push(calls={"main/c1": muted | {"state": "exposed"}})
    await expect(page.locator("#verdict-line")).to_have_text("1 call EXPOSED")
    await expect(page.locator("#verdict-notes")).to_contain_text("1 section EXPOSED")
    await expect(rows).to_have_count(2)
