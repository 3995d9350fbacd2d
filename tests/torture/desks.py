"""A plainer load than the generated centre: calls that stay with their extension and name no others.

So whatever a section covers can always be found by asking for its extension, which is what the daemon does where the
feed tells nothing: what is open for longer was not muted in time, and not merely unknown.
"""

import itertools
import random
from collections.abc import Callable, Iterable

from orchestrator.simulator import account
from orchestrator.simulator.agenda import Agenda, Story
from orchestrator.simulator.crm import Message
from orchestrator.simulator.simulation import Simulation
from orchestrator.simulator.telephony import Direction, Leg, Status

IDLE_S = (0.5, 3.0)
TALK_S = (2.0, 9.0)
BETWEEN_SECTIONS_S = (0.5, 6.0)
SECTION_S = (3.0, 15.0)
CONSULTS = 0.4
"""This share of the calls is put on hold for a second one."""


class Desks:
    def __init__(
        self, sim: Simulation, sips: Iterable[str], say: Callable[[Iterable[Message]], None], chance: random.Random
    ) -> None:
        self._sim = sim
        self._sips = list(sips)
        self._say = say
        self._chance = chance
        self._calls = Agenda()
        self._sections = Agenda()
        self._numbers = itertools.count(1)

    @property
    def next_at(self) -> float | None:
        times = [at for agenda in (self._calls, self._sections) if (at := agenda.next_at) is not None]
        return min(times, default=None)

    def open(self, now: float) -> None:
        for sip in self._sips:
            self._calls.enter(self._work(sip), now)
            self._sections.enter(self._sell(sip), now)

    def step(self, now: float, *, closed: bool) -> None:
        """With `closed`, no section begins or ends any more."""
        self._calls.step(now)
        if not closed:
            self._sections.step(now)

    def _work(self, sip: str) -> Story:
        """One call after the other; some with a second one beside the first."""
        board = self._sim.board
        while True:
            yield self._chance.uniform(*IDLE_S)
            first = self._begin(sip, placed=self._chance.random() < 0.3)
            yield self._chance.uniform(0.3, 1.0)
            board.answer(self._now, sip, first)
            yield self._chance.uniform(*TALK_S)
            if self._chance.random() < CONSULTS:
                board.hold(self._now, sip, first)
                second = self._begin(sip, placed=True)
                yield self._chance.uniform(*TALK_S)
                board.hangup(self._now, sip, second)
                board.unhold(self._now, sip, first)
                yield self._chance.uniform(0.5, 2.0)
            board.hangup(self._now, sip, first)

    def _sell(self, sip: str) -> Story:
        """One section after the other, whatever calls there are."""
        while True:
            yield self._chance.uniform(*BETWEEN_SECTIONS_S)
            number = next(self._numbers)
            section_id = f"pay-{number}"
            self._say([Message(2 * number, self._now, section_id, ("extension", sip), 120)])
            yield self._chance.uniform(*SECTION_S)
            self._say([Message(2 * number + 1, self._now, section_id)])

    def _begin(self, sip: str, *, placed: bool) -> str:
        ivrid = f"call-{next(self._numbers)}"
        direction, status = (Direction.OUTGOING, Status.DIALING) if placed else (Direction.INCOMING, Status.RINGING)
        party = account.caller(self._chance.randrange(1, 1000))
        leg = Leg(ivrid, direction, status, answered=False, started_at=self._now, party=party)
        self._sim.board.add(self._now, sip, leg)
        return ivrid

    @property
    def _now(self) -> float:
        return self._sim.clock.now()
