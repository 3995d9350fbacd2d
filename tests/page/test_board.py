"""What the page tells of the board, and how it follows it."""

from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.page.boards import board, call, entry, extension, for_pictures, health, section
from tests.page.browser import page_of
from tests.page.conftest import NOW
from tests.page.fake import FakeDaemon
from tests.stories.stage import until

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

    # Who answers stands for the call.
    for number in range(1, 11):
        daemon.push(extensions={f"main/SIP{number}": extension("SIP7", "queue") if number == 7 else None})
    await expect(rows.locator(".row-extension")).to_have_text("SIP7")
    await expect(rows.locator(".row-line")).to_have_text("in · talking")


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
