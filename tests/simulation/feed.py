"""Voicenter's feed without sockets: what monitor servers tell their clients, when, and what can go wrong.

Guarantees: events reach a client in the order in which they happened, each late by a lag of its own; what a client
has taken in is told to `taken` at the very moment. The faults are attributes that whoever plays fate sets.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from orchestrator.simulator import payloads
from orchestrator.simulator.payloads import Payload, VendorClock
from orchestrator.simulator.telephony import Line, LineChanged, Reason
from orchestrator.voicenter.engineio import ConnectionLost, ConnectionRefused
from tests.simulation.loop import Process, SimulatedLoop, this_process

LAG_MOST_S = 3.0
"""As in a capture."""
PONG_WITHIN_S = (5.0, 15.0)
"""A half-open connection is noticed by its missing pong: between half and one and a half heartbeats of 10 s."""
SERVERS = ("https://monitor1.example", "https://monitor2.example")

Taken = Callable[[Process, Line, bool], None]
"""A process took in how a line is; whether its calls are told as well as its user."""


class Link:
    """One client's connection; fulfils what `Feed` needs of a `Connection`."""

    def __init__(self, hub: "FeedHub", process: Process, on_event: Callable[..., None]) -> None:
        self.process = process
        self.half_open = False
        self.synced = False
        self._hub = hub
        self._on_event = on_event
        self._queue: deque[tuple[str, Payload, tuple[Line, ...], bool] | Exception] = deque()
        self._came = asyncio.Event()

    def put(self, name: str, payload: Payload, lines: tuple[Line, ...] = (), calls: bool = True) -> None:
        if not self.half_open:
            self._queue.append((name, payload, lines, calls))
            self._came.set()

    def fail(self, error: Exception) -> None:
        self._queue.append(error)
        self._came.set()
        self._hub.forget(self)

    async def run(self) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            while self._queue:
                item = self._queue.popleft()
                if isinstance(item, Exception):
                    raise item
                name, payload, lines, calls = item
                for line in lines:
                    self._hub.taken(self.process, line, calls)
                self._hub.show(self.process, payload)
                self._on_event(name, payload)
                if name == "AllExtensionsStatus":
                    self.synced = True

    async def emit(self, name: str, argument: object) -> None:
        if not self.half_open:
            self._hub.received(self, name)


class FeedHub:
    def __init__(
        self,
        loop: SimulatedLoop,
        now: Callable[[], float],
        chance: random.Random,
        muted: Callable[[str], bool],
        taken: Taken,
    ) -> None:
        self.refusing: set[str] = set()
        """Servers that accept no connection."""
        self.silent = False
        """Connected, but nothing is told."""
        self.loses = 0.0
        """Share of events that never arrive."""
        self.snapshot_late_s = 0.0
        self.good_token: Callable[[str], bool] = lambda _token: True
        self.links: list[Link] = []
        self.taken = taken
        self.shown: Callable[[Process, str], None] = lambda _process, _ivrid: None
        self._loop = loop
        self._now = now
        self._chance = chance
        self._muted = muted
        self._clock = VendorClock()
        self._lines: dict[str, tuple[Payload, Line]] = {}
        self._late: deque[tuple[float, Payload, LineChanged]] = deque()

    def seed(self, lines: list[Line]) -> None:
        for line in lines:
            self._lines[line.sip] = (payloads.line_payload(line, self._clock), line)

    def tell(self, change: LineChanged) -> None:
        """Something happened just now."""
        event = payloads.extension_event(change, self._clock)
        event["data"] = payloads.show_mutes(event["data"], self._muted)
        now = self._loop._now_s
        due = now + self._lag()
        if self._late:
            due = max(due, self._late[-1][0])
        self._late.append((due, event, change))
        self._loop.in_world(due - now, self._deliver)

    @asynccontextmanager
    async def connect(
        self, _http: object, server: str, token: str, _generation: object, limits: Any, on_event: Callable[..., None]
    ) -> AsyncIterator[Link]:
        process = this_process()
        assert process is not None
        await asyncio.sleep(self._chance.uniform(0.02, 0.1))
        if server in self.refusing:
            raise ConnectionLost("no connection")
        link = Link(self, process, on_event)
        self.links.append(link)
        if not self.good_token(token):
            link.put("loginStatus", payloads.login_refused())
        else:
            link.put("loginSuccess", payloads.login_success(self._clock, self._now()))
            self._loop.in_world(self.snapshot_late_s, self._snapshot, link)
        try:
            yield link
        finally:
            self.forget(link)

    def cut(self, why: str = "connection broken") -> None:
        for link in list(self.links):
            link.fail(ConnectionLost(why))

    def half_open(self) -> None:
        """From here nothing passes, until the missing pong is noticed."""
        for link in list(self.links):
            link.half_open = True
            wait_s = self._chance.uniform(*PONG_WITHIN_S)
            self._loop.in_world(wait_s, link.fail, ConnectionLost("server does not answer pings"))

    def turn_away(self) -> None:
        for link in list(self.links):
            link.fail(ConnectionRefused("session refused"))

    def forget(self, link: Link) -> None:
        if link in self.links:
            self.links.remove(link)

    def sever(self, process: Process) -> None:
        for link in list(self.links):
            if link.process is process:
                self.forget(link)

    def received(self, link: Link, name: str) -> None:
        if self.silent:
            return
        if name == "keepalive":
            link.put("keepaliveResponse", {"errorCode": 0})
        elif name == "resync":
            self._loop.in_world(self.snapshot_late_s, self._snapshot, link)

    def resynced(self) -> None:
        """`ExtensionsUpdated`: something was reconfigured, so clients ask for a snapshot."""
        for link in self.links:
            link.put("ExtensionsUpdated", {})

    def show(self, process: Process, payload: Payload) -> None:
        """A process takes in which recordings are muted."""
        for line in payload.get("extensions") or [payload.get("data", {})]:
            for leg in line.get("calls", ()):
                if leg["recording"]["IsMuted"]:
                    self.shown(process, leg["ivrid"])

    def _lag(self) -> float:
        dice = self._chance.random()
        if dice < 0.69:
            return 0.0
        low, high = (0.0, 1 / 3) if dice < 0.97 else (1 / 3, 1.0)
        return LAG_MOST_S * self._chance.uniform(low, high)

    def _deliver(self) -> None:
        while self._late and self._late[0][0] <= self._loop._now_s:
            _, event, change = self._late.popleft()
            data = event["data"]
            kept = {key: value for key, value in data.items() if key != "currentCall"}
            self._lines[change.line.sip] = (kept, change.line)
            if not self.links:
                continue
            stamped = self._clock.stamp(self._now()) | event
            for link in self.links:
                if not self.silent and not (self.loses and self._chance.random() < self.loses):
                    link.put("ExtensionEvent", stamped, (change.line,), change.reason is not Reason.USER_STATUS)

    def _snapshot(self, link: Link) -> None:
        if self.silent or link not in self.links:
            return
        shown = (payloads.show_mutes(payload, self._muted) for payload, _ in self._lines.values())
        everything = payloads.all_extensions(shown, self._clock, self._now())
        link.put("AllExtensionsStatus", everything, tuple(line for _, line in self._lines.values()))
