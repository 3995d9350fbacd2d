"""What an operator does by hand, and the details of one call."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.page.boards import board, call, extension, section
from tests.page.conftest import NOW
from tests.page.fake import Asked, FakeDaemon
from tests.stories.stage import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

LEG = {
    "extension": "SIP1",
    "direction": "Incoming",
    "status": "Talking",
    "answered": True,
    "counts": True,
    "shown": False,
}
TIMELINE = [
    {"at": NOW - 9, "what": "leg", "event": "leg.came", "fields": LEG},
    {"at": NOW - 4, "what": "section", "event": "call.covered", "fields": {"ivrid": "c1", "section_id": "pay-1"}},
    {"at": NOW - 3, "what": "answer", "event": "call.muted", "fields": {"ivrid": "c1", "exposure_ms": 96}},
]


@pytest.fixture(autouse=True)
def going_on(daemon: FakeDaemon) -> None:
    """A covered call, one that nothing covers, one that somebody else muted."""
    daemon.board = board(
        NOW,
        extensions={f"main/SIP{n}": extension(f"SIP{n}", f"c{n}") for n in (1, 2, 3)},
        calls={
            "main/c1": call("c1", "muted", NOW - 3, "SIP1", sections=["pay-1"], exposure_ms=96, action_id="a-1"),
            "main/c2": call("c2", "recorded", NOW - 60, "SIP2"),
            "main/c3": call("c3", "foreign", NOW - 60, "SIP3"),
        },
        sections={"main/pay-1": section("pay-1", "SIP1", NOW, 200)},
    )
    leg = {"extension": "SIP1", "direction": "Incoming", "status": "Talking", "counts": True}
    daemon.timelines["c1"] = {"call": None, "legs": [leg], "timeline": TIMELINE, "complete": False}


async def open_details(page: Page, sip: str) -> None:
    await page.locator("#rows .row", has_text=sip).click()
    await expect(page.locator("#details")).to_be_visible()


async def test_details_show_what_happened_and_keep_up(page: Page, daemon: FakeDaemon) -> None:
    await page.goto(daemon.url)
    await open_details(page, "SIP1")
    body = page.locator("#details-body")
    await expect(page.locator("#details-name")).to_be_focused()
    await expect(page.locator("#sections .small")).to_be_hidden()  # what lies behind is out of reach
    await expect(body.locator(".happened")).to_have_count(3)
    await expect(body.locator(".happened").last).to_have_text(
        re.compile(r"Came to an extension extension SIP1 *direction in *status talking *answered yes.*seen muted no$")
    )
    await expect(body.locator(".happened").first).to_contain_text("Call muted")
    await expect(body.locator(".happened").first).to_contain_text("exposed for 96 ms")
    await expect(body).to_contain_text("Older entries are gone.")
    await expect(body.locator(".facts")).to_contain_text("a-1")
    assert daemon.asked[-1] == Asked("GET", "/v1/page/calls/c1", "main", None, None)

    daemon.timelines["c1"] = {
        **daemon.timelines["c1"],
        "timeline": [*TIMELINE, {"at": NOW, "what": "evidence", "event": "call.verified", "fields": {}}],
    }
    daemon.push(calls={"main/c1": daemon.board["calls"]["main/c1"] | {"state": "verified"}})
    await expect(body.locator(".details-state")).to_have_text("Verified")
    await expect(body.locator(".happened")).to_have_count(4)

    await open_details(page, "SIP2")
    await expect(body).to_contain_text("Nothing is known of it any more.")
    await page.keyboard.press("Escape")
    await expect(page.locator("#details")).to_be_hidden()
    await expect(page.locator("#sections .small")).to_be_visible()


async def test_what_a_ring_group_did_is_one_entry_and_the_newest_comes_first(page: Page, daemon: FakeDaemon) -> None:
    group = [LEG | {"extension": f"SIP{n}", "status": "Ringing", "counts": False} for n in range(1, 9)]
    daemon.timelines["c1"] = {
        "call": None,
        "legs": [],
        "timeline": [
            *({"at": NOW - 9, "what": "leg", "event": "leg.came", "fields": leg} for leg in group),
            {"at": NOW - 8, "what": "leg", "event": "leg.changed", "fields": LEG},
            *({"at": NOW - 7, "what": "leg", "event": "leg.left", "fields": leg} for leg in group[1:]),
            *TIMELINE[1:],
        ],
        "complete": True,
    }
    await page.goto(daemon.url)
    await open_details(page, "SIP1")
    told = page.locator("#details .happened")
    await expect(told.locator("b")).to_have_text(
        ["Call muted", "Call covered", "Left 7 extensions", "Changed at an extension", "Came to 8 extensions"]
    )
    await expect(told.last).to_contain_text("extensions SIP1, SIP2, SIP3, SIP4, SIP5, SIP6, SIP7, SIP8 direction in")


async def test_a_section_is_ended_with_a_reason(page: Page, daemon: FakeDaemon) -> None:
    await page.goto(daemon.url)
    await page.get_by_role("button", name="End section pay-1").click()
    dialog = page.locator("#act-dialog")
    await expect(dialog.get_by_role("heading")).to_contain_text("End section")
    await expect(dialog.get_by_label("Why")).to_be_focused()
    await dialog.get_by_role("button", name="End section").click()  # no reason yet: nothing is sent
    await expect(dialog).to_be_visible()
    await dialog.get_by_label("Why").select_option("crm_fault")
    await dialog.get_by_label("Ticket").fill("not a ticket!")
    await dialog.get_by_role("button", name="End section").click()
    assert not [asked for asked in daemon.asked if asked.method == "POST"]
    await dialog.get_by_label("Ticket").fill("INC-7")
    await dialog.get_by_role("button", name="End section").click()
    await expect(dialog).to_be_hidden()
    await expect(page.locator("#toast")).to_contain_text("has ended")
    body = {"reason": "crm_fault", "ticket": "INC-7", "account": "main"}
    assert daemon.asked[-1] == Asked("POST", "/v1/page/sections/pay-1/end", None, None, body)


async def test_a_call_is_muted_for_a_time_and_a_foreign_one_released(page: Page, daemon: FakeDaemon) -> None:
    daemon.token = "right"
    await page.goto(daemon.url)
    await page.get_by_label("Token", exact=True).fill("right")
    await page.get_by_label("Token", exact=True).press("Enter")
    await open_details(page, "SIP2")
    await page.get_by_role("button", name="Mute by hand").click()
    dialog = page.locator("#act-dialog")
    await dialog.get_by_label("Why").select_option("card_spoken")
    await dialog.get_by_label("For at most (seconds)").fill("120")
    await dialog.get_by_role("button", name="Mute by hand").click()
    await expect(page.locator("#toast")).to_contain_text("hand-0a1b2c3d")
    muted = {"reason": "card_spoken", "account": "main", "max_seconds": 120}
    assert daemon.asked[-1] == Asked("POST", "/v1/page/calls/c2/mute", None, "Bearer right", muted)

    await open_details(page, "SIP3")
    await page.get_by_role("button", name="Release").click()
    await dialog.get_by_label("Why").select_option("left_muted")
    await dialog.get_by_role("button", name="Release").click()
    await expect(page.locator("#toast")).to_contain_text("is being opened")
    released = {"reason": "left_muted", "account": "main"}
    assert daemon.asked[-1] == Asked("POST", "/v1/page/calls/c3/release", None, "Bearer right", released)


async def test_the_focus_is_not_lost_when_the_page_changes_under_the_dialog(page: Page, daemon: FakeDaemon) -> None:
    await page.goto(daemon.url)
    await open_details(page, "SIP2")
    button, reason = page.locator("[data-act]"), page.get_by_label("Why")
    await button.press("Enter")
    await expect(reason).to_be_focused()
    daemon.push(calls={"main/c2": daemon.board["calls"]["main/c2"] | {"exposure_ms": 1234}})
    await expect(page.locator("#details-body")).to_contain_text("1.2 s")
    await page.keyboard.press("Escape")
    await expect(button).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(reason).to_be_focused()
    daemon.push(calls={"main/c2": None})
    await expect(button).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(page.locator("#details-name")).to_be_focused()


async def test_the_focus_is_not_lost_with_a_section_that_ends(page: Page, daemon: FakeDaemon) -> None:
    await page.goto(daemon.url)
    end, sections = page.get_by_role("button", name="End section pay-1"), page.locator("#sections")
    section = daemon.board["sections"]["main/pay-1"]
    await end.focus()
    daemon.push(sections={"main/pay-1": None})
    await expect(sections).to_be_focused()
    daemon.push(sections={"main/pay-1": section})
    await end.press("Enter")
    await expect(page.get_by_label("Why")).to_be_focused()
    daemon.push(sections={"main/pay-1": None})
    await expect(end).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(sections).to_be_focused()


async def test_a_refusal_is_shown_and_the_dialog_stays(page: Page, daemon: FakeDaemon) -> None:
    await page.goto(daemon.url)
    daemon.refuses = (409, "Covered by pay-9: end that.")
    await open_details(page, "SIP3")
    await page.get_by_role("button", name="Release").click()
    dialog = page.locator("#act-dialog")
    await dialog.get_by_label("Why").select_option("drill")
    await dialog.get_by_role("button", name="Release").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Refused: Covered by pay-9: end that.")
    await daemon.stop()
    await dialog.get_by_role("button", name="Release").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("did not answer")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_be_hidden()


async def test_who_may_only_look_sees_no_such_buttons(page: Page, daemon: FakeDaemon) -> None:
    daemon.scopes = ("page",)
    await page.goto(daemon.url)
    await open_details(page, "SIP2")
    await until(lambda: daemon.asked[-1].path.endswith("c2"))
    await expect(page.locator("#details [data-act]")).to_have_count(0)
    await expect(page.locator("#sections .small")).to_be_hidden()
