"""What the page tells of the board, and how it follows it."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.page.boards import board, call, entry, extension, for_pictures, health, section
from tests.page.browser import page_of
from tests.page.conftest import NOW
from tests.page.fake import FakeDaemon

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_call_is_followed_from_cover_to_release(page: Page, daemon: FakeDaemon) -> None:
    await page.goto(daemon.url)
    line, row = page.locator("#verdict-line"), page.locator("#rows .row")
    await expect(line).to_have_text("All well")
    await expect(page).to_have_title("All well – Mute orchestrator")
    await expect(page.locator("#rows-none")).to_have_text("No call is up.")

    daemon.push(
        extensions={"main/SIP1": extension("SIP1", "c1")},
        calls={"main/c1": call("c1", "covered", NOW, "SIP1", sections=["pay-1"])},
        sections={"main/pay-1": section("pay-1", "SIP1", NOW, 200, "muting")},
        log=[entry(1, NOW, "call.covered", ivrid="c1", section_id="pay-1")],
    )
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text("Covered")
    await expect(row).to_have_attribute(
        "aria-label", "Covered since 09:46:40. Extension SIP1. Call c1. Section pay-1."
    )
    await expect(line).to_have_text("All well")
    await expect(page.locator("#sections .section")).to_contain_text(" left")
    await expect(page.locator("#log .entry")).to_contain_text("Call covered")

    muted = {"sections": ["pay-1"], "exposure_ms": 96, "action_id": "a-1"}
    daemon.push(calls={"main/c1": call("c1", "muted", NOW, "SIP1", **muted)})
    await expect(row).to_contain_text("Muted")
    await expect(row).to_contain_text("96 ms")
    label = "Muted since 09:46:40. Extension SIP1. Call c1. Section pay-1. Exposed for 96 ms."
    await expect(row).to_have_attribute("aria-label", label)
    daemon.push(calls={"main/c1": call("c1", "verified", NOW, "SIP1", **muted)})
    await expect(row).to_contain_text("Verified")
    await expect(page.locator("#verdict-notes")).to_have_text("1 call is muted, none exposed.")
    await expect(page.locator("[data-state=verified] .counter-n")).to_have_text("1")

    daemon.push(extensions={"main/SIP1": None}, calls={"main/c1": None}, sections={"main/pay-1": None})
    await expect(row).to_have_count(0)
    await expect(page.locator("#sections-none")).to_be_visible()


async def test_what_is_exposed_comes_before_all_else(page: Page, daemon: FakeDaemon) -> None:
    daemon.board = for_pictures(NOW) | {"health": health(feed="down", since=NOW - 600, redis="away")}
    await page.goto(daemon.url)
    await expect(page.locator("#verdict-line")).to_have_text("2 calls EXPOSED")
    await expect(page.locator("#verdict")).to_have_attribute("data-level", "bad")
    notes = page.locator("#verdict-notes")
    await expect(notes).to_contain_text("Feed down since 09:36:40")
    await expect(notes).to_contain_text("Redis away")
    await expect(page).to_have_title("!! 2 calls EXPOSED")
    states = await page.locator("#rows .row-state").all_text_contents()
    assert states[:6] == ["Exposed", "Exposed", "Covered", "Foreign", "Releasing", "Verified"]
    assert states.index("No call") < states.index("Recorded")
    await expect(page.locator("[data-part=feed]")).to_have_text("Feed down")

    # Said aloud once, and not for what was exposed already.
    exposed = daemon.board["calls"]
    ivrid = next(call["ivrid"] for call in exposed.values() if call["extensions"] == ["SIP2"])
    daemon.push(calls={f"main/{ivrid}": call(ivrid, "exposed", NOW, "SIP2")})
    await expect(page.locator("#verdict-line")).to_have_text("3 calls EXPOSED")
    await expect(page.locator("#announce")).to_contain_text("is exposed")


async def test_a_call_that_no_extension_shows_any_more_says_so(page: Page, daemon: FakeDaemon) -> None:
    """It may wait in a queue, or be over: until that is known its mute stays."""
    daemon.board = board(NOW, calls={"main/c1": call("c1", "muted", NOW, sections=["pay-1"])})
    await page.goto(daemon.url)
    await expect(page.locator("#rows .row .row-line")).to_have_text("on no extension now")


async def test_an_overdue_release_and_several_accounts_are_told(page: Page, daemon: FakeDaemon) -> None:
    well = health()["accounts"]["main"]
    accounts = {"main": well, "acme": well | {"feed": "down", "since": NOW - 60}}
    daemon.board = board(
        NOW,
        health={"ready": False, "problems": {"acme": "feed: down"}, "accounts": accounts},
        calls={"main/c1": call("c1", "releasing", NOW - 11, "SIP1")},
        extensions={"main/SIP1": extension("SIP1", "c1")},
    )
    await page.goto(daemon.url)
    await expect(page.locator("#verdict-line")).to_have_text("acme: Feed down since 09:45:40")
    await expect(page.locator("#verdict-notes")).to_contain_text("1 recording still shut")
    await expect(page.locator(".health-account")).to_have_count(2)


async def test_the_time_left_runs_down_and_warns(browser: Browser, daemon: FakeDaemon) -> None:
    daemon.board = board(NOW, sections={"main/pay-1": section("pay-1", "SIP1", NOW, 33)})
    async with page_of(browser) as page:
        await page.clock.install(time=NOW)
        await page.goto(daemon.url)
        shown = page.locator("#sections .section")
        await expect(shown).to_contain_text("left")
        assert await shown.get_attribute("data-soon") is None
        await page.clock.run_for(5000)
        await expect(shown).to_have_attribute("data-soon", "")
        await expect(shown).to_contain_text("0:2")


async def test_search_and_counters_narrow_the_list(page: Page, daemon: FakeDaemon) -> None:
    daemon.board = for_pictures(NOW)
    await page.goto(daemon.url)
    rows, search = page.locator("#rows .row"), page.locator("#search")
    await expect(page.locator("#calls-count")).to_have_text("46 calls")
    await search.fill("sip23")
    await expect(rows).to_have_count(1)
    await search.fill("pay-7301")
    await expect(rows.locator(".row-extension")).to_have_text("SIP1")
    ivrid = await rows.locator(".row-call").inner_text()
    await search.fill(ivrid[-9:])
    await expect(rows).to_have_count(1)
    await search.fill("nowhere")
    await expect(page.locator("#rows-none")).to_have_text("No call fits.")
    await search.press("Escape")
    await expect(page.locator("#calls-count")).to_have_text("46 calls")
    await page.locator("#counters [data-state=muted]").click()
    await expect(rows).to_have_count(2)
    await expect(page.locator("#calls-count")).to_have_text("2 of 46 calls")


async def test_a_call_is_one_row_and_counts_once_however_many_extensions_it_rings_at(
    page: Page, daemon: FakeDaemon
) -> None:
    ringing = {f"main/SIP{n}": extension(f"SIP{n}", "queue", status="Ringing") for n in range(1, 11)}
    for each in ringing.values():
        each["calls"][0]["counts"] = False
    daemon.board = board(
        NOW,
        extensions=ringing | {f"main/SIP{n}": extension(f"SIP{n}", "conf") for n in (21, 22)},
        calls={
            "main/queue": call("queue", "recorded", NOW, *(f"SIP{n}" for n in range(1, 11))),
            "main/conf": call("conf", "recorded", NOW, "SIP21", "SIP22"),
        },
        sections={"main/pay-1": section("pay-1", "SIP31", NOW, 200, "no_call")},
    )
    daemon.board["extensions"]["main/SIP31"] = extension("SIP31")
    await page.goto(daemon.url)
    rows = page.locator("#rows .row")
    await expect(rows.locator(".row-extension")).to_have_text(["SIP31", "SIP1 +9", "SIP21, SIP22"])
    await expect(page.locator("#calls-count")).to_have_text("2 calls")
    for state, n in {"recorded": "2", "": "2", "exposed": "0"}.items():
        await expect(page.locator(f"#counters [data-state='{state}'] .counter-n")).to_have_text(n)
    await page.locator("#search").fill("SIP7")
    await expect(rows).to_have_count(1)
    await expect(page.locator("#calls-count")).to_have_text("1 of 2 calls")

    # It stops ringing at one, and nothing else of the row changes.
    daemon.push(extensions={"main/SIP10": None})
    await expect(rows.locator(".row-extension")).to_have_text("SIP1 +8")

    # Who answers stands for the call.
    for number in range(1, 10):
        daemon.push(extensions={f"main/SIP{number}": extension("SIP7", "queue") if number == 7 else None})
    await expect(rows.locator(".row-extension")).to_have_text("SIP7")
    await expect(rows.locator(".row-line")).to_have_text("in · talking")


async def test_text_that_was_received_is_never_markup(page: Page, daemon: FakeDaemon) -> None:
    bad = "<img src=x onerror=alert(1)>"
    daemon.board = board(
        NOW,
        extensions={f"main/{bad}": extension(bad, bad)},
        calls={f"main/{bad}": call(bad, "exposed", NOW, bad, sections=[bad])},
        sections={f"main/{bad}": section(bad, bad, NOW, 60)},
        log=[entry(1, NOW, bad, ivrid=bad)],
    )
    await page.goto(daemon.url)
    await expect(page.locator("#rows .row-call")).to_have_text(bad)
    await page.locator("#rows .row").click()
    await expect(page.locator("#details-name")).to_contain_text(bad)
    assert await page.locator("main img").count() == 0


async def test_the_board_is_a_value_and_bounded(settled: Page) -> None:
    """What did not change is the same object as before; a gap in the history counts as quiet."""
    found = await settled.evaluate(
        """async ([told, now]) => {
            const {boardOf, applied} = await import("/page/store.js");
            const before = boardOf({...told, calls: {"main/a": {state: "muted"}, "main/b": {state: "recorded"}}});
            const log = Array.from({length: 300}, (_, id) => ({id}));
            const after = applied(before, {now: now + 1, calls: {"main/b": null, "main/c": {}}, log});
            const minute = [1, 5, 5, 0, 0, 0];
            const later = applied(after, {history: {from: now + 400 * 60, minutes: [minute]}});
            const {minutes, from, minute_s} = later.history;
            return {
                kept: after.calls.get("main/a") === before.calls.get("main/a") && after.sections === before.sections,
                before: [...before.calls.keys()], after: [...after.calls.keys()],
                log: [after.log.length, after.log.at(-1).id],
                minutes: [minutes.length, from + minutes.length * minute_s - now, minutes.at(-2)[0]],
                last: minutes.at(-1),
            };
        }""",
        [board(NOW), NOW],
    )
    assert found == {
        "kept": True,
        "before": ["main/a", "main/b"],
        "after": ["main/a", "main/c"],
        "log": [200, 299],
        "minutes": [360, 401 * 60, 0],
        "last": [1, 5, 5, 0, 0, 0],
    }
