"""Storms: thousands of feed events a second beside a CRM that wants its calls muted at once; garbage on every way in.

A message of the CRM must reach the API as a request within 0.1 s, memory must stay as it was, and a fault that comes a
thousand times must not be told a thousand times.
"""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from aiohttp import web

from orchestrator.lifetimes import lasting
from orchestrator.simulator.api import ApiCall
from orchestrator.simulator.bulk import some_event_packets
from orchestrator.simulator.crm import Message
from orchestrator.simulator.engineio import event_packet
from orchestrator.simulator.recordings import Stretch
from orchestrator.simulator.verdict import Spread
from tests.torture.crm import STREAM
from tests.torture.judge import Report
from tests.torture.load import Size
from tests.torture.proc import cpu_s, memory_mib
from tests.torture.world import World, world

EVENTS_PER_S = 2_000
BURSTS_PER_S = 200
"""Events come in bursts of ten, so that the simulator does not hold up what it measures."""
STORM_AGENTS = 200
PACKETS = 20_000
CRM_LINES = 20
"""Beside those that the storm is about."""
CALM_S = 5.0
PAUSE_S = (0.02, 0.1)
LATE_S = 0.1
"""From a message to its request at the API, under the storm; of both together, as the API answers at once."""
GROWTH_MIB = 20.0
WRONG_PER_S = 200
LINES = 20
"""Of the log, for each minute begun: one in 10 s for each kind of fault and place."""


class Rounds:
    """One section after the other, started and ended, with a clock on each message."""

    def __init__(self, on: World, sips: Sequence[str], chance: random.Random) -> None:
        self._on = on
        self._sips = sips
        self._chance = chance
        self._numbers = itertools.count(1)
        self._asked: dict[tuple[str, str], asyncio.Future[float]] = {}
        on.sim.voicenter.faults.before = self._note

    async def talk(self) -> None:
        for sip in self._sips:
            await self._on.sim.talk(f"caller-{sip}", sip)

    async def play(self, for_s: float) -> Spread:
        """How late the requests were."""
        delays = []
        stop_at = self._on.now + for_s
        while self._on.now < stop_at:
            sip, number = self._chance.choice(self._sips), next(self._numbers)
            for message, state in (
                (Message(2 * number, self._on.now, f"pay-{number}", ("extension", sip), 60), "1"),
                (Message(2 * number + 1, self._on.now, f"pay-{number}"), "0"),
            ):
                delays.append(await self._delay(message, f"caller-{sip}", state))
                await asyncio.sleep(self._chance.uniform(*PAUSE_S))
        return Spread.of(Stretch("", 0.0, delay_s) for delay_s in delays)

    async def _delay(self, message: Message, ivrid: str, state: str) -> float:
        asked = self._asked[ivrid, state] = asyncio.get_running_loop().create_future()
        said_at = self._on.now
        self._on.outbox.say([message])
        async with asyncio.timeout(10.0):
            return await asked - said_at

    async def _note(self, call: ApiCall) -> web.StreamResponse | None:
        asked = self._asked.pop((str(call.fields.get("ivrid")), str(call.fields.get("state"))), None)
        if asked is not None:
            asked.set_result(self._on.now)
        return None


async def play(folder: Path, seed: int, for_s: float) -> list[Report]:
    size = Size(agents=STORM_AGENTS + CRM_LINES, plain=True)
    async with world(folder, seed, size=size, lag_s=0.0, latency_s=(0.0, 0.0), loaded=False) as on:
        pid, log = on.daemon.process.pid, on.daemon.lines
        packets = some_event_packets(PACKETS, STORM_AGENTS, seed, on.now)
        rounds = Rounds(on, list(on.sim.lines)[STORM_AGENTS : STORM_AGENTS + CRM_LINES], random.Random(seed))
        await rounds.talk()
        delays = {"calm": await rounds.play(CALM_S)}
        memory, before, cpu_before_s = [memory_mib(pid)], len(log()), cpu_s(pid)
        with on.fault("storm of events", 2 * LATE_S, tail_s=0.0):
            async with lasting(_blow(on, packets)):
                delays["events"] = await rounds.play(for_s)
        memory.append(memory_mib(pid))
        busy = (cpu_s(pid) - cpu_before_s) / for_s
        with on.fault("storm of garbage", 2 * LATE_S, tail_s=0.0):
            async with lasting(_blow(on, _garbage()), _say_nonsense(on)):
                delays["garbage"] = await rounds.play(for_s)
        memory.append(memory_mib(pid))
        told = Counter(line["event"] for line in log()[before:] if line["event"].endswith(".rejected"))
        await on.quiet()
        report = on.report("storm", 2 * LATE_S)
    for name, spread in delays.items():
        report.notes.append(
            f"message → request, {name}: p50 {spread.p50 * 1000:.1f} ms, p99 {spread.p99 * 1000:.1f} ms,"
            f" worst {spread.worst * 1000:.1f} ms, of {len(spread.stretches)}"
        )
        if spread.worst > LATE_S:
            report.problems.append(f"{name}: a message was delayed by {spread.worst * 1000:.0f} ms")
    report.notes.append(f"{EVENTS_PER_S} events a second took {busy:.0%} of a processor")
    report.notes.append("memory before, after events, after garbage: " + ", ".join(f"{at:.1f} MiB" for at in memory))
    if max(memory) - memory[0] > GROWTH_MIB:
        report.problems.append(f"memory grew by {max(memory) - memory[0]:.1f} MiB")
    report.notes.append(
        f"{for_s * EVENTS_PER_S:.0f} events and {for_s * WRONG_PER_S:.0f} messages of garbage: told in {dict(told)} lines"
    )
    if told.total() > LINES * (1 + for_s // 60):
        report.problems.append(f"garbage took {told.total()} lines of the log")
    return [report]


async def _blow(on: World, packets: Sequence[str]) -> NoReturn:
    """So many events a second, on average: what came late is made up for."""
    began, sent = on.now, 0
    for packet in itertools.cycle(packets):
        if sent >= (on.now - began) * EVENTS_PER_S:
            await asyncio.sleep(1 / BURSTS_PER_S)
        on.sim.voicenter.feed.say(packet)
        sent += 1
    raise AssertionError("endless")


def _garbage() -> list[str]:
    """Events that mean nothing: of the wrong type, without what matters, of no known kind, huge."""
    nothing: list[object] = [
        None,
        [],
        "event",
        {},
        {"data": None},
        {"data": {"extenUser": 5, "calls": "none"}},
        {"data": {"extenUser": "SIPSIP1"}, "reason": 7},
        {"data": {"extenUser": "SIPSIP2", "calls": [None, {"ivrid": None}, {"ivrid": "x", "answered": []}]}},
        {"data": {"extenUser": "SIPSIP3", "calls": [{"ivrid": "y" * 5_000}]}, "reason": "NEWCALL"},
    ]
    events = [event_packet("ExtensionEvent", payload) for payload in nothing]
    return [*events, event_packet("NobodyKnows", {"data": 1}), event_packet("QueueEvent", [1, 2, 3])]


async def _say_nonsense(on: World) -> NoReturn:
    """Messages that say nothing right, in the stream that the CRM uses."""
    texts = [b"\xff\xfe", b"[]", b"{}", b'{"type": "sensitive_section.started"}', b"x" * 70_000, b'{"type": 5}']
    for text in itertools.cycle(texts):
        await on.outbox.client.xadd(STREAM, {"data": text}, maxlen=1_000, approximate=True)
        await asyncio.sleep(1 / WRONG_PER_S)
    raise AssertionError("endless")
