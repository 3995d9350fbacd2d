"""A store and an API of the engine's tests: in memory, in virtual time, scripted by the test."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from orchestrator.core.claims import Outcome, Verdict
from orchestrator.core.facts import Restored
from orchestrator.core.model import Extension
from orchestrator.core.notices import Notice
from orchestrator.core.state import Polled, PollFailed, State
from orchestrator.engine.notices import EdgeNotice
from orchestrator.engine.ports import Marks
from tests.virtual_time import VirtualClock


@dataclass
class MemoryStore:
    """Writes after `latency_s`; away while `away`. Keeps the claims as they were when written."""

    state: State
    latency_s: float = 0.001
    away: bool = False
    marked: Marks = field(default_factory=Marks)
    mutes: dict[str, object] = field(default_factory=dict)

    async def load(self) -> Restored:
        return Restored({}, {}, {})

    def mark(self, marks: Marks) -> None:
        self.marked.add(marks)

    async def saved(self, within_s: float) -> bool:
        if self.away or self.latency_s > within_s:
            await asyncio.sleep(within_s)
            return False
        await asyncio.sleep(self.latency_s)
        for ivrid in self.marked.mutes:
            self.mutes[ivrid] = self.state.mutes.get(ivrid)
        self.marked = Marks()
        return True


@dataclass
class Request:
    ivrid: str
    muted: bool
    at: float


@dataclass
class ScriptedApi:
    """Answers after `latency_s`, with what `answers` says for the request."""

    latency_s: float = 0.05
    answers: Callable[[Request], Verdict] = lambda request: Verdict.DONE
    before: Callable[[Request], None] = lambda request: None
    requests: list[Request] = field(default_factory=list)
    at_once: list[str] = field(default_factory=list)
    most_at_once: int = 0
    doubled: bool = False

    async def set_muted(self, ivrid: str, muted: bool) -> Outcome:
        return await self._serve(ivrid, muted)

    async def set_extension_muted(self, sip: str, muted: bool) -> Outcome:
        return await self._serve(f"all of {sip}", muted)

    async def _serve(self, ivrid: str, muted: bool) -> Outcome:
        request = Request(ivrid, muted, VirtualClock().now() - VirtualClock.START)
        self.before(request)
        self.requests.append(request)
        self.doubled |= ivrid in self.at_once
        self.at_once.append(ivrid)
        self.most_at_once = max(self.most_at_once, len(self.at_once))
        try:
            await asyncio.sleep(self.latency_s)
        finally:
            self.at_once.remove(ivrid)
        return Outcome(self.answers(request), action_id="a1")

    @property
    def asked(self) -> list[tuple[str, bool]]:
        return [(request.ivrid, request.muted) for request in self.requests]


@dataclass
class SameCalls:
    """Active Calls that tell the calls that are known already, with their recordings as the API was asked for, after
    `latency_s`, unless `answers` says otherwise."""

    state: State
    api: ScriptedApi
    latency_s: float = 0.02
    answers: Callable[[str | None], Polled | PollFailed | None] = lambda sip: None
    asked: list[tuple[str | None, float]] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0

    async def ask(self, sip: str | None) -> Polled | PollFailed:
        self.asked.append((sip, VirtualClock().now() - VirtualClock.START))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.latency_s)
        self.at_once -= 1
        known = (self._shown(ext) for ext in self.state.extensions.values() if sip in (None, ext.sip))
        return self.answers(sip) or Polled(tuple(known))

    def _shown(self, extension: Extension) -> Extension:
        muted = dict(self.api.asked)
        legs = {ivrid: replace(leg, muted=muted.get(ivrid, leg.muted)) for ivrid, leg in extension.legs.items()}
        return replace(extension, legs=legs)


@dataclass
class Notebook:
    told: list[Notice | EdgeNotice] = field(default_factory=list)

    def notice(self, notice: Notice | EdgeNotice) -> None:
        self.told.append(notice)
