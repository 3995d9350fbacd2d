"""The loop closed: the CRM hears on Redis that it may ask for the card."""

import json
from pathlib import Path
from typing import Any

from aiohttp import web
from redis.asyncio.client import PubSub

from orchestrator.simulator.api import ApiCall, no_fault
from tests.contract.documents import status_mistakes
from tests.stories.stage import SOON_S, Stage, stage, until

A = "SIPSIP1"


async def _refused(call: ApiCall) -> web.Response | None:
    return web.Response(status=500) if call.name == "mute" else None


class Ear:
    """Hears what is said on the status channel, and holds each word against the contract."""

    def __init__(self, pubsub: PubSub) -> None:
        self.events: list[dict[str, Any]] = []
        self._pubsub = pubsub

    @property
    def words(self) -> list[str]:
        return [event["type"].removeprefix("mute-orchestrator.section.") for event in self.events]

    async def hears(self, *words: str) -> bool:
        message = await self._pubsub.get_message(ignore_subscribe_messages=True, timeout=0.02)
        if message is not None:
            self.events.append(json.loads(message["data"]))
            assert status_mistakes(self.events[-1]) == []
        return self.words == list(words)


async def _listening(on: Stage, pubsub: PubSub) -> Ear:
    await pubsub.subscribe("mute.status")
    assert await pubsub.get_message(timeout=SOON_S)
    return Ear(pubsub)


async def test_the_form_waits_for_protected_and_hears_of_the_end(tmp_path: Path) -> None:
    async with stage(tmp_path) as on, on.crm.pubsub() as pubsub:
        ear = await _listening(on, pubsub)
        await on.sim.talk("caller", A)
        await until(lambda: on.daemon_knows(A, "caller"))
        await on.form_opens("pay", extension=A)
        await until(lambda: ear.hears("protected"))
        assert on.sim.truth.muted("caller")
        await on.form_closes("pay")
        await until(lambda: ear.hears("protected", "ended"))
        protected, ended = ear.events
        assert (protected["specversion"], protected["subject"], protected["source"]) == (
            "1.0",
            "pay",
            "/mute-orchestrator/main",
        )
        (call,) = ended["data"]["calls"]
        assert (ended["data"]["state"], ended["data"]["cause"], call["ivrid"]) == ("ended", "message", "caller")
        assert call["action_id"]
        (exposure,) = on.sim.truth.verdict().exposures.stretches
        assert abs(call["exposure_ms"] / 1000 - exposure.seconds) < 0.25  # the answer's way back, and the feed's lag
        await on.muted()
        entries: Any = await on.crm.xrange("mute:{main}:status")
        assert [json.loads(fields["data"]) for _, fields in entries] == ear.events


async def test_a_form_that_opens_before_the_call(tmp_path: Path) -> None:
    async with stage(tmp_path) as on, on.crm.pubsub() as pubsub:
        ear = await _listening(on, pubsub)
        await on.form_opens("pay", extension=A)
        await until(lambda: ear.hears("no_call"))
        await on.sim.talk("caller", A)
        await until(lambda: ear.hears("no_call", "protected"))
        await on.form_closes("pay")
        await until(lambda: ear.hears("no_call", "protected", "ended"))


async def test_an_api_that_refuses_exposes_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as on, on.crm.pubsub() as pubsub:
        ear = await _listening(on, pubsub)
        await on.sim.talk("caller", A)
        await until(lambda: on.daemon_knows(A, "caller"))
        on.sim.voicenter.faults.before = _refused
        await on.form_opens("pay", extension=A)
        await until(lambda: ear.hears("exposed"), within_s=10.0)
        assert ear.events[0]["data"]["calls"][0]["exposure_ms"] > 1500
        on.sim.voicenter.faults.before = no_fault
        await until(lambda: ear.hears("exposed", "protected"), within_s=10.0)
        await on.form_closes("pay")
        await until(lambda: ear.hears("exposed", "protected", "ended"))


async def test_a_section_whose_time_is_up_says_so(tmp_path: Path) -> None:
    async with stage(tmp_path) as on, on.crm.pubsub() as pubsub:
        ear = await _listening(on, pubsub)
        await on.sim.talk("caller", A)
        await until(lambda: on.daemon_knows(A, "caller"))
        await on.form_opens("pay", extension=A, max_seconds=31.0)
        await until(lambda: ear.hears("protected"))
        await until(lambda: ear.hears("protected", "expiring"))
        assert ear.events[1]["data"]["state"] == "protected"
        await on.form_opens("other", extension=A, max_seconds=0.5)
        await until(lambda: ear.hears("protected", "expiring", "protected", "ended"))
        assert ear.events[-1]["data"]["cause"] == "expired"


async def test_a_section_on_a_user_and_one_on_a_call(tmp_path: Path) -> None:
    async with stage(tmp_path) as on, on.crm.pubsub() as pubsub:
        ear = await _listening(on, pubsub)
        await on.form_opens("pay", user_id="4711")
        await until(lambda: ear.hears("no_call"))
        assert ear.events[0]["data"]["user_id"] == "4711"
        await on.sim.talk("caller", A)
        await until(lambda: on.daemon_knows(A, "caller"))
        await on.form_opens("other", ivrid="caller")
        await until(lambda: ear.hears("no_call", "protected"))
        assert ear.events[1]["data"]["ivrid"] == "caller"
