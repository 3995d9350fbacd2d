"""Storms: thousands of feed events a second beside a CRM that wants its calls muted at once; garbage on every way
in. A message of the CRM must reach the API as a request within 0.1 s, memory must stay as it was, and a fault that
comes a thousand times must not be told a thousand times.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
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
from tests.torture.judge import FOREVER, Report
from tests.torture.load import Size
from tests.torture.proc import cpu_s, memory_mib
from tests.torture.world import World, world

EVENTS_PER_S = 2_000
BURSTS_PER_S = 200
"""Events come in bursts of ten, so that the simulator does not hold up what it measures."""
MOST_AT_ONCE = 30
STORM_AGENTS = 200
PACKETS = 20_000
CRM_LINES = 20
"""Beside those that the storm is about."""
CALM_S = 5.0
PAUSE_S = (0.02, 0.1)
LATE_S = 0.1
"""From a message to its request at the API, under a storm of the feed. Wrong messages stand in line with right ones:
each is kept as a dead letter before the next is read, so a storm of those has no such bound."""
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
            asked_at: float = await asked
        return asked_at - said_at

    async def _note(self, call: ApiCall) -> web.StreamResponse | None:
        asked = self._asked.pop((str(call.fields.get("ivrid")), str(call.fields.get("state"))), None)
        if asked is not None:
            asked.set_result(self._on.now)
        return None


async def play(folder: Path, seed: int, for_s: float, *, strictly: bool = True) -> list[Report]:
    """`strictly`: no message at all may be late; else not the most of them, on a machine that is busy with others."""
    size = Size(agents=STORM_AGENTS + CRM_LINES, plain=True)
    packets = some_event_packets(min(PACKETS, round(for_s * EVENTS_PER_S)), STORM_AGENTS, seed, time.time())
    async with world(folder, seed, size=size, lag_s=0.0, latency_s=(0.0, 0.0), loaded=False, proxied=False) as on:
        rounds = Rounds(on, list(on.sim.lines)[STORM_AGENTS : STORM_AGENTS + CRM_LINES], random.Random(seed))
        await rounds.talk()
        phases = [await _phase(on, rounds, "calm", min(CALM_S, for_s))]
        events, garbage = Wind(on, packets), Wind(on, _garbage())
        phases.append(await _phase(on, rounds, "storm of events", for_s, events.blow()))
        phases.append(await _phase(on, rounds, "storm of garbage", for_s, garbage.blow()))
        phases.append(await _phase(on, rounds, "storm of wrong messages", for_s, _say_nonsense(on)))
        await on.quiet()
        report = on.report("storm", FOREVER)
    for phase, wind in zip(phases, (None, events, garbage, None), strict=True):
        report.notes.append(phase.in_words + (f"; {wind.sent / for_s:.0f} events/s" if wind else ""))
        late_s = phase.delays.worst if strictly else phase.delays.p50
        if late_s > LATE_S and wind:
            report.problems.append(f"{phase.name}: a message was delayed by {late_s * 1000:.0f} ms")
        if phase.lines > LINES * (1 + for_s // 60):
            report.problems.append(f"{phase.name} took {phase.lines} lines of the log")
    if (grew := phases[-1].memory_mib - phases[0].memory_mib) > GROWTH_MIB:
        report.problems.append(f"memory grew by {grew:.1f} MiB")
    return [report]


@dataclass(frozen=True, slots=True)
class Phase:
    name: str
    delays: Spread
    busy: float
    memory_mib: float
    """At its end."""
    lines: int
    """Of the log, about what was wrong."""

    @property
    def in_words(self) -> str:
        delays = self.delays
        return (
            f"{self.name:<24} message → request p50 {delays.p50 * 1000:7.1f} ms, p99 {delays.p99 * 1000:7.1f} ms,"
            f" worst {delays.worst * 1000:7.1f} ms of {len(delays.stretches):>4}; processor {self.busy:4.0%},"
            f" memory {self.memory_mib:.1f} MiB, {self.lines} lines of the log"
        )


async def _phase(
    on: World, rounds: Rounds, name: str, for_s: float, *storm: Coroutine[None, None, NoReturn]
) -> Phase:
    pid, lines, cpu_before_s = on.daemon.process.pid, _wrong(on), cpu_s(on.daemon.process.pid)
    with on.fault(name, FOREVER, tail_s=0.0):
        async with lasting(*storm):
            delays = await rounds.play(for_s)
    busy = (cpu_s(pid) - cpu_before_s) / for_s
    return Phase(name, delays, busy, memory_mib(pid), _wrong(on) - lines)


def _wrong(on: World) -> int:
    return sum(line["event"].endswith(".rejected") for line in on.daemon.lines())


class Wind:
    """So many events a second, on average. What came late is made up for, and not all at once."""

    def __init__(self, on: World, packets: Sequence[str]) -> None:
        self.sent = 0
        self._on = on
        self._packets = itertools.cycle(packets)

    async def blow(self) -> NoReturn:
        began = self._on.now
        while True:
            due = int((self._on.now - began) * EVENTS_PER_S) - self.sent
            for packet in itertools.islice(self._packets, min(due, MOST_AT_ONCE)):
                self._on.sim.voicenter.feed.say(packet)
                self.sent += 1
            await asyncio.sleep(1 / BURSTS_PER_S)


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
