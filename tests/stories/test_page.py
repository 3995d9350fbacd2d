"""The whole loop, as a supervisor sees it: the CRM's form, the daemon, the simulated Voicenter, and the page in a
real browser. What the page shows is held against the simulator's truth.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Locator, Page, expect

from orchestrator.simulator.settings import VoicenterSettings
from orchestrator.simulator.simulation import Simulation
from tests.page.browser import MISSING, chromium, page_of
from tests.stories.stage import Stage, stage, until
from tests.stories.test_board import PAGE as TOKENS
from tests.stories.test_board import TOKEN

pytestmark = pytest.mark.skipif(MISSING, reason="needs Chromium (apt-get install chromium)")

A, B = "SIPSIP1", "SIPSIP2"
OFTEN = {"ORCHESTRATOR_POLICY__VERIFY_SECONDS": "1"}
SLOW = VoicenterSettings(api_latency_s=(0.6, 0.6))
"""So slow that a call can be seen covered and not muted yet, within what is allowed."""
ANSWERED = ("Request", "Asked for")
HELD = re.compile(r"^(Muted|Verified)")
"""A mute that was confirmed; whether it was also seen already is a matter of when the next poll comes."""


class Looking:
    """Somebody at the page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.line = page.locator("#verdict-line")
        self.section = page.locator("#sections .section")

    def row(self, ivrid: str, *where: str) -> Locator:
        """The call's row, where it stands with these words."""
        row = self.page.locator("#rows .row", has_text=ivrid)
        for word in where:
            row = row.filter(has_text=word)
        return row

    async def sees(self, ivrid: str, state: str | re.Pattern[str], *where: str) -> None:
        await expect(self.row(ivrid, *where).locator(".row-state")).to_have_text(state)

    async def details(self, ivrid: str) -> None:
        await self.row(ivrid).click()
        await expect(self.page.locator("#details-name")).to_contain_text(ivrid)

    def told(self, *kinds: str) -> Locator:
        """What is told of the call in its details, of these kinds, the newest first."""
        return self.page.locator(", ".join(f".happened-{kind} b" for kind in kinds))

    async def logged(self) -> list[str]:
        """The events of the log, oldest first, from the first section on."""
        events = (await self.page.locator("#log .entry-event").all_text_contents())[::-1]
        return events[events.index("Section started") :]

    async def does(self, button: str, why: str, told: Callable[[], None] = lambda: None) -> None:
        """Press it, give the reason, and see that it is done. The truth is `told` just before the daemon can be."""
        await self.page.get_by_role("button", name=button).click()
        dialog = self.page.locator("#act-dialog")
        await dialog.get_by_label("Why").select_option(why)
        await dialog.get_by_label("Ticket").fill("INC-7")
        told()
        await dialog.locator("#act-do").click()
        await expect(dialog).to_be_hidden()


@asynccontextmanager
async def looking(at: Stage) -> AsyncIterator[Looking]:
    """High enough for the whole log to be in view."""
    async with chromium() as browser, page_of(browser, height=1800) as page:
        await page.goto(f"{at.daemon.http_url}/")
        yield Looking(page)


async def form_opens(on: Stage, extension: str) -> Any:
    """The CRM keeps its form shut until the answer, and gets it once the calls are muted."""
    on.sim.truth.section_started("pay-1", extension=extension)
    url = f"{on.daemon.http_url}/v1/sections/pay-1?wait_ms=5000"
    async with aiohttp.ClientSession() as http, http.put(url, json={"extension": extension}) as answer:
        return await answer.json()


async def form_closes(on: Stage) -> None:
    on.sim.truth.section_ended("pay-1")
    async with aiohttp.ClientSession() as http, http.delete(f"{on.daemon.http_url}/v1/sections/pay-1") as answer:
        assert answer.status == 200


async def test_from_the_card_form_to_the_last_recording_that_runs_again(tmp_path: Path) -> None:
    async with stage(tmp_path, Simulation(settings=SLOW), **OFTEN) as on, looking(on) as supervisor:
        await expect(supervisor.line).to_have_text("All well")
        await on.sim.ring("caller", [A, B])
        await supervisor.sees("caller", "Recorded", A, "ringing")
        await on.sim.answer(A, "caller")
        await supervisor.sees("caller", "Recorded", A, "in · talking")

        form = asyncio.ensure_future(form_opens(on, A))
        await supervisor.sees("caller", "Covered", "pay-1")
        assert not form.done()
        section = await form
        assert on.sim.truth.muted("caller")
        assert (section["state"], [call["ivrid"] for call in section["calls"]]) == ("protected", ["caller"])
        await supervisor.sees("caller", HELD, A, "pay-1")
        await expect(supervisor.section).to_contain_text("protected")
        await supervisor.sees("caller", "Verified")

        await on.sim.hold(A, "caller")
        await on.sim.dial(A, "consult")
        await supervisor.sees("caller", HELD, A, "in · on hold")
        await supervisor.sees("consult", "Covered", A, "out · dialling", "pay-1")
        await supervisor.sees("consult", HELD, A)
        await on.sim.answer(A, "consult")
        await on.muted("caller", "consult")

        await on.sim.transfer("caller", A, B)
        await supervisor.sees("caller", HELD, B, "in · talking", "pay-1")
        await expect(supervisor.row("caller", A)).to_have_count(0)
        await on.muted("caller", "consult")
        await expect(supervisor.line).to_have_text("All well")

        await form_closes(on)
        await on.muted()
        await supervisor.sees("caller", "Recorded", B)
        await supervisor.sees("consult", "Recorded", A)
        await expect(supervisor.section).to_have_count(0)
        await expect(supervisor.page.locator("#history")).to_contain_text("2, worst ")
        events = [event for event in await supervisor.logged() if event != "Mute verified"]
        assert events == [
            "Section started",
            "Call covered",
            "Call muted",
            "Call covered",
            "Call muted",
            "Section ended",
            "Call open again",
            "Call open again",
        ]
        await supervisor.details("caller")
        await expect(supervisor.told("section", "request", "answer", "state")).to_have_text(
            ["Call open again", *ANSWERED, "Section ended", "Call muted", *ANSWERED, "Call covered"]
        )
        await expect(supervisor.told("evidence").last).to_have_text("Mute verified")
        await expect(supervisor.page.locator(".happened-leg").first).to_contain_text(f"extension {B}")
        on.verdict()


async def test_a_restart_in_the_middle_is_seen_at_once_and_changes_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path) as on, looking(on) as supervisor:
        await on.sim.talk("caller", A)
        await supervisor.sees("caller", "Recorded")
        await form_opens(on, A)
        await supervisor.sees("caller", HELD)

        await on.daemon.stop()
        await expect(supervisor.line).to_have_text("No connection to the daemon", timeout=1_000)
        await expect(supervisor.page.locator("#verdict-notes")).to_contain_text("Below: how it stood at")
        await supervisor.sees("caller", HELD)
        await on.sim.hold(A, "caller")
        assert on.sim.truth.muted("caller")

        await on.start_again()
        await expect(supervisor.line).to_have_text("All well")
        await supervisor.sees("caller", HELD, A, "on hold", "pay-1")
        await on.muted("caller")
        await form_closes(on)
        await on.muted()
        await supervisor.sees("caller", "Recorded")
        on.verdict()


async def test_what_a_supervisor_does_by_hand_is_done_and_stands_in_the_audit(tmp_path: Path) -> None:
    async with stage(tmp_path, None, **TOKENS) as on, looking(on) as supervisor:
        page, truth = supervisor.page, on.sim.truth
        await page.get_by_label("Token", exact=True).fill(TOKEN)
        await page.get_by_label("Token", exact=True).press("Enter")
        await on.sim.talk("caller", A)
        await supervisor.sees("caller", "Recorded")
        await on.form_opens("pay-1", extension=A)
        await supervisor.sees("caller", HELD)

        await supervisor.does("End section pay-1", "crm_fault", lambda: truth.section_ended("pay-1"))
        await on.muted()
        await supervisor.sees("caller", "Recorded")
        await expect(page.locator("#toast")).to_contain_text("has ended")

        await supervisor.details("caller")
        await supervisor.does("Mute by hand", "card_spoken", lambda: truth.section_started("by hand", ivrid="caller"))
        await on.muted("caller")
        await supervisor.sees("caller", HELD, "hand-")
        await supervisor.does("End section hand-", "drill", lambda: truth.section_ended("by hand"))
        await on.muted()
        await supervisor.sees("caller", "Recorded")
        await expect(supervisor.told("hand")).to_have_text(["Ended by hand", "Muted by hand", "Ended by hand"])
        await expect(page.locator(".happened-hand").last).to_contain_text("why The CRM is at fault")
        await expect(page.locator(".happened-hand").first).to_contain_text("by amira")
        on.verdict()

        await on.sim.talk("another", B)
        await on.sim.foreign_mute("another")
        await on.sim.hold(B, "another")  # the feed shows the mute with the next event
        await supervisor.sees("another", "Foreign")
        await supervisor.details("another")
        await supervisor.does("Release", "left_muted")
        await on.muted()
        await supervisor.sees("another", "Recorded")
        assert truth.verdict().requests.trespasses == 1  # the one that was ordered
        await expect(supervisor.told("hand")).to_have_text(["Released by hand"])
        await until(lambda: audited(on))


async def audited(on: Stage) -> bool:
    """Whether Redis has each thing that was done, by whom and why, in order."""
    audit: list[tuple[str, dict[str, str]]] = await on.crm.xrange("mute:{main}:audit")  # type: ignore[assignment]
    by_hand = [fields for _, fields in audit if fields["event"].startswith("hand.")]
    return [(fields["event"], fields["why"]) for fields in by_hand] == [
        ("hand.ended", "crm_fault"),
        ("hand.muted", "card_spoken"),
        ("hand.ended", "drill"),
        ("hand.released", "left_muted"),
    ] and all((fields["by"], fields["ticket"]) == ("amira", "INC-7") for fields in by_hand)
