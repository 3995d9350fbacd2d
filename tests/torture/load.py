"""What goes on while things break: calls, a CRM's sections, and mutes that are somebody else's. All from one seed.

The calls are those of a generated centre, with all that it has (ring groups, transfers, related calls, hot desks), or
of plain desks. All can be paused, for a moment in which what is written down can be compared with what is so: what
was due meanwhile is made up for.
"""

import asyncio
import itertools
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from orchestrator.simulator import account
from orchestrator.simulator.agenda import Agenda, Story
from orchestrator.simulator.centre import Centre
from orchestrator.simulator.crm import Crm, Message, Sections
from orchestrator.simulator.floor import Tempo
from orchestrator.simulator.settings import VoicenterSettings
from orchestrator.simulator.simulation import Simulation
from orchestrator.simulator.telephony import Direction, Leg, Line, Status
from tests.torture.crm import Outbox
from tests.torture.desks import Desks

FOREIGN = 3
"""Extensions with a call that somebody else muted from its first moment on."""
BUSY = Tempo(scale=0.5)
SECTIONS = Sections(every_s=(0.1, 0.5), last_s=(1.0, 8.0))
LONGEST_SLEEP_S = 0.2


@dataclass(frozen=True, slots=True)
class Size:
    agents: int = 40
    tempo: Tempo = BUSY
    sections: Sections = SECTIONS
    plain: bool = False
    """Desks instead of a centre."""


def simulation(size: Size, settings: VoicenterSettings, seed: int) -> Simulation:
    desks = account.lines(size.agents, 0.0, spare=1 + size.agents // 10)
    more = account.lines(len(desks) + FOREIGN, 0.0)[len(desks) :]
    return Simulation(settings=settings, seed=seed, lines=desks + more, queues=account.queues(1 + size.agents // 20))


class Load:
    def __init__(self, sim: Simulation, outbox: Outbox, size: Size, seed: int) -> None:
        self._sim = sim
        self._outbox = outbox
        chance = random.Random(seed)
        centre_chance, crm_chance, self._chance = (random.Random(chance.random()) for _ in range(3))
        *desks, first, second, third = sim.lines
        self._foreign = {sip: f"foreign-{sip}" for sip in (first, second, third)}
        self._plain = Desks(sim, desks, outbox.say, centre_chance) if size.plain else None
        self._centre = None if size.plain else Centre(sim.board, centre_chance, size.tempo)
        self._crm = None if size.plain else Crm(self._desks, crm_chance, size.sections)
        self._agenda = Agenda()
        self._messages = itertools.count(1_000_000)
        self._going = asyncio.Event()
        self._going.set()
        self._closed = False

    async def begin(self) -> None:
        """Before the daemon looks: the calls that are somebody else's. They last to the end."""
        for sip, ivrid in self._foreign.items():
            await self._sim.talk(ivrid, sip)
            await self._sim.foreign_mute(ivrid)

    async def run(self) -> NoReturn:
        now = self._sim.clock.now()
        parts = [part for part in (self._plain, self._centre, self._crm) if part is not None]
        for part in parts:
            part.open(now)
        self._agenda.enter(self._cover_foreign(), now)
        while True:
            await self._going.wait()
            now = self._sim.clock.now()
            times = [at for part in (*parts, self._agenda) if (at := part.next_at) is not None]
            await asyncio.sleep(min(max(0.0, min(times) - now), LONGEST_SLEEP_S))
            if self._going.is_set():
                self._step(self._sim.clock.now())

    def pause(self) -> None:
        self._going.clear()

    def go_on(self) -> None:
        self._going.set()

    def close(self) -> None:
        """The CRM says nothing more of its own. Calls come and go as before."""
        self._closed = True

    async def end_sections(self) -> None:
        """Each that runs ends, by a message; those, too, that Redis has not heard of yet."""
        await self._outbox.said()
        running = self._sim.truth.active_sections
        self._outbox.say(self._message(section_id) for section_id in running)
        await self._outbox.said()

    def touched(self) -> list[str]:
        """Mutes of somebody else's that are gone."""
        return [ivrid for ivrid in self._foreign.values() if not self._sim.truth.foreign(ivrid)]

    def _step(self, now: float) -> None:
        if self._plain:
            self._plain.step(now, closed=self._closed)
        if self._centre:
            self._centre.step(now)
        if self._closed:
            return
        self._agenda.step(now)
        if self._crm:
            self._outbox.say(self._crm.step(now))

    def _desks(self) -> Iterable[Line]:
        return list(self._sim.lines.values())[:-FOREIGN]

    def _cover_foreign(self) -> Story:
        """Sections on the calls that are not ours to open, with other calls beside them."""
        for number in itertools.count():
            yield self._chance.uniform(0.5, 2.0)
            sip = self._chance.choice(list(self._foreign))
            section_id, beside = f"foreign-{number}", f"beside-{number}"
            self._outbox.say([self._message(section_id, ("extension", sip))])
            self._dial(sip, beside)
            yield self._chance.uniform(0.5, 2.0)
            self._sim.board.hangup(self._sim.clock.now(), sip, beside)
            self._outbox.say([self._message(section_id)])

    def _dial(self, sip: str, ivrid: str) -> None:
        now = self._sim.clock.now()
        party = account.caller(1)
        leg = Leg(ivrid, Direction.OUTGOING, Status.DIALING, answered=False, started_at=now, party=party)
        self._sim.board.add(now, sip, leg)

    def _message(self, section_id: str, target: tuple[str, str] | None = None) -> Message:
        return Message(next(self._messages), self._sim.clock.now(), section_id, target, 60)
