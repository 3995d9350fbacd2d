"""A supervisor looks on and acts: the whole daemon, its page's stream, and the simulator's truth."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.stories.stage import SOON_S, Stage, stage, until

A, B = "SIPSIP1", "SIPSIP2"
CALL = "main/caller"
TOKEN = "a-token-of-the-supervisor"
TOKENS = [
    {"name": "amira", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "scopes": ["page", "operate"]},
    {"name": "wall", "sha256": hashlib.sha256(b"wall").hexdigest(), "scopes": ["page"]},
]
PAGE = {"ORCHESTRATOR_HTTP__TOKENS": json.dumps(TOKENS)}
WHY = {"reason": "left_muted", "ticket": "INC-7"}


class Screen:
    """What a page knows that keeps the board as it is told."""

    def __init__(self) -> None:
        self.shown: dict[str, Any] = {}
        self.states: list[str] = []
        """Those that the call went through."""
        self.exposures = 0

    def take(self, kind: str, data: dict[str, Any]) -> None:
        assert kind == ("change" if self.shown else "board")
        if kind == "board":
            self.shown = data
        for group in ("extensions", "calls", "sections"):
            self.shown[group] |= data.get(group, {})
        self.shown["log"] += data.get("log", []) if kind == "change" else []
        self.exposures = sum(minute[0] for minute in data.get("history", {}).get("minutes", [])) or self.exposures
        call = self.shown["calls"].get(CALL)
        if call and [call["state"]] != self.states[-1:]:
            self.states.append(call["state"])

    def state(self, ivrid: str = "caller") -> str | None:
        call = self.shown.get("calls", {}).get(f"main/{ivrid}")
        return call["state"] if call else None


class Supervisor:
    def __init__(self, http: aiohttp.ClientSession, screen: Screen) -> None:
        self.http = http
        self.screen = screen

    async def sees(self, state: str | None, ivrid: str = "caller", within_s: float = SOON_S) -> None:
        await until(lambda: self.screen.state(ivrid) == state, within_s, f"{ivrid} {state}, not {self.screen.states}")

    async def order(self, path: str, body: dict[str, Any] = WHY) -> tuple[int, Any]:
        async with self.http.post(path, json=body) as response:
            return response.status, await response.json(content_type=None)


@asynccontextmanager
async def supervisor(on: Stage, token: str = TOKEN) -> AsyncIterator[Supervisor]:
    headers, screen = {"Authorization": f"Bearer {token}"}, Screen()
    async with (
        aiohttp.ClientSession(f"{on.daemon.http_url}/v1/page/", headers=headers) as http,
        http.get("stream", timeout=aiohttp.ClientTimeout(total=None)) as stream,
    ):
        assert stream.status == 200
        reading = asyncio.ensure_future(_read(stream, screen.take))
        try:
            await until(lambda: bool(screen.shown))
            yield Supervisor(http, screen)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def _read(stream: aiohttp.ClientResponse, take: Callable[[str, dict[str, Any]], None]) -> None:
    kind = ""
    async for raw in stream.content:
        name, _, value = raw.decode().rstrip("\n").partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            take(kind, json.loads(value))


async def test_a_call_is_seen_to_be_covered_muted_verified_and_released(tmp_path: Path) -> None:
    async with stage(tmp_path, None, **PAGE) as on, supervisor(on) as who:
        assert who.screen.shown["can_operate"] is True
        assert who.screen.shown["health"]["ready"] is True
        await on.sim.talk("caller", A)
        await who.sees("recorded")
        await on.form_opens("pay", extension=A)
        await who.sees("muted")
        assert who.screen.shown["sections"]["main/pay"]["state"] == "protected"
        await who.sees("verified", within_s=15)
        await on.form_closes("pay")
        await who.sees("recorded")
        assert who.screen.shown["sections"]["main/pay"] is None
        await on.sim.end("caller")
        await who.sees(None)
        assert [state for state in who.screen.states if state not in ("covered", "releasing")] == [
            "recorded",
            "muted",
            "verified",
            "recorded",
        ]
        assert who.screen.exposures == 1
        log = [line["event"] for line in who.screen.shown["log"]]
        assert [event for event in log if event.startswith(("call.", "section."))] == [
            "section.started",
            "call.covered",
            "call.muted",
            "section.ended",
            "call.unmuted",
        ]
        async with who.http.get("calls/caller?account=main") as response:
            story = await response.json()
        assert story["complete"] is True
        assert [entry["event"] for entry in story["timeline"] if entry["what"] == "state"] == [
            "call.muted",
            "call.unmuted",
        ]
        on.verdict()


async def test_a_call_is_muted_by_hand_until_that_is_ended_by_hand(tmp_path: Path) -> None:
    async with stage(tmp_path, None, **PAGE) as on, supervisor(on) as who:
        await on.sim.talk("caller", A)
        await who.sees("recorded")
        on.sim.truth.section_started("by hand", ivrid="caller")
        status, section = await who.order("calls/caller/mute", {"reason": "card_spoken", "max_seconds": 60})
        assert (status, section["ivrid"], section["saved"]) == (202, "caller", True)
        await on.muted("caller")
        status, refused = await who.order("calls/caller/release")
        assert (status, section["section_id"] in refused["detail"]) == (409, True)
        on.sim.truth.section_ended("by hand")
        status, ended = await who.order(f"sections/{section['section_id']}/end")
        assert (status, ended["cause"]) == (200, "operator")
        await on.muted()
        assert (await who.order(f"sections/{section['section_id']}/end"))[0] == 410
        await who.sees("recorded")
        (muted,) = on.daemon.lines("hand.muted")
        (over,) = on.daemon.lines("hand.ended")
        assert (muted["by"], muted["why"], muted["ivrid"]) == ("amira", "card_spoken", "caller")
        assert (over["by"], over["why"], over["ticket"]) == ("amira", "left_muted", "INC-7")

        async def audited() -> bool:
            entries = str(await on.crm.xrange("mute:{main}:audit"))
            return "hand.muted" in entries and "hand.ended" in entries

        await until(audited)
        on.verdict()


async def test_what_somebody_else_muted_is_opened_by_hand_and_by_nothing_else(tmp_path: Path) -> None:
    async with stage(tmp_path, None, **PAGE) as on, supervisor(on) as who:
        await on.sim.talk("caller", A)
        await on.sim.foreign_mute("caller")
        await on.sim.hold(A, "caller")  # the feed shows the mute with the next event
        await who.sees("foreign")
        await on.form_opens("pay", extension=A)
        await until(lambda: bool(on.daemon.lines("mute.foreign")))
        await on.form_closes("pay")
        await until(lambda: bool(on.daemon.lines("section.ended")))
        assert on.sim.truth.foreign("caller")
        status, released = await who.order("calls/caller/release")
        assert (status, released["ivrid"], released["state"]) == (202, "caller", "releasing")
        await on.muted()
        await who.sees("recorded")
        assert on.sim.truth.verdict().requests.trespasses == 1  # the one that was ordered
        (line,) = on.daemon.lines("hand.released")
        assert (line["by"], line["why"], line["ivrid"]) == ("amira", "left_muted", "caller")
        await on.form_opens("again", extension=A)  # from now on it is ours
        await on.muted("caller")
        await on.form_closes("again")
        await on.muted()


async def test_who_may_only_look_on_does_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path, None, **PAGE) as on, supervisor(on, "wall") as who:
        assert who.screen.shown["can_operate"] is False
        await on.sim.talk("caller", A)
        await who.sees("recorded")
        for path in ("calls/caller/mute", "calls/caller/release", "sections/pay/end"):
            assert (await who.order(path))[0] == 403
        assert not on.sim.truth.muted("caller")


@pytest.mark.parametrize("looking_on", [0, 3])
async def test_a_daemon_with_people_looking_on_stops_as_one_without(tmp_path: Path, looking_on: int) -> None:
    async with stage(tmp_path) as on, aiohttp.ClientSession(on.daemon.http_url) as http:
        streams = [await http.get("/v1/page/stream") for _ in range(looking_on)]
        assert [stream.status for stream in streams] == [200] * looking_on
        assert await on.daemon.stop() == 0
        for stream in streams:
            stream.close()
        assert not on.daemon.lines("task.failed")
        assert not on.daemon.lines("library.log")
