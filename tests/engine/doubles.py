"""A store and an API of the engine's tests: in memory, in virtual time, scripted by the test."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.core.facts import Restored
from orchestrator.core.model import Outcome, State, Verdict
from orchestrator.core.notices import Notice
from orchestrator.engine.notices import EdgeNotice
from orchestrator.engine.ports import Marks, Permit
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

    async def set_muted(self, ivrid: str, muted: bool, permit: Permit) -> Outcome | None:
        if not await permit():
            return None
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
class Notebook:
    told: list[Notice | EdgeNotice] = field(default_factory=list)

    def notice(self, notice: Notice | EdgeNotice) -> None:
        self.told.append(notice)
