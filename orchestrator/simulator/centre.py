"""A generated contact centre: callers arrive, agents dial, consult, transfer, take breaks, change desks.

Guarantees: pure and seeded. Given the same seed and the same times of `step`, the same happens; there is no
loop, no clock and no other source of chance in here. After `close`, no story begins, and every call still ends.
"""

import random

from orchestrator.simulator.agenda import Agenda, Story
from orchestrator.simulator.calls import Calls
from orchestrator.simulator.floor import Floor, Tempo
from orchestrator.simulator.switchboard import Switchboard
from orchestrator.simulator.telephony import Direction, Leg, Presence, Status


class Centre:
    def __init__(self, board: Switchboard, chance: random.Random, tempo: Tempo) -> None:
        self._floor = Floor(board, chance, tempo)
        self._calls = Calls(self._floor)
        self._agenda = Agenda()
        self._open = True

    @property
    def next_at(self) -> float | None:
        """When something is due next; None when nothing is."""
        return self._agenda.next_at

    def open(self, now: float) -> None:
        """Agents begin to work and callers to arrive."""
        self._floor.now = now
        for queue_id in self._floor.board.queues:
            self._enter(self._arrivals(queue_id))
        for sip in self._floor.free():
            self._enter(self._day(sip))

    def close(self) -> None:
        self._open = False

    def step(self, now: float) -> None:
        """Let everything happen that is due by now."""
        self._floor.now = now
        self._agenda.step(now)

    def _enter(self, story: Story) -> None:
        self._agenda.enter(story, self._floor.now)

    def _arrivals(self, queue_id: int) -> Story:
        """Callers come to the queue, one after the other."""
        floor = self._floor
        agents = max(1, len(floor.free()))
        mean_s = floor.tempo.arrival_s * floor.tempo.scale * len(floor.board.queues) / agents
        while True:
            yield floor.chance.expovariate(1 / mean_s)
            if not self._open:
                return
            self._enter(self._calls.inbound(queue_id))

    def _day(self, sip: str) -> Story:
        """What an agent begins, whenever free and in the mood; `sip` follows the agent from desk to desk."""
        floor = self._floor
        user_id = floor.board.lines[sip].online_user_id
        while True:
            yield floor.lasts(floor.tempo.idle_s)
            if not self._open or user_id is None:
                return
            if not floor.is_free(sip):
                continue
            [begin] = floor.chance.choices(
                (
                    self._dial,
                    self._click,
                    self._be_connected,
                    self._call_colleague,
                    self._pick_up,
                    self._break,
                    self._lose_a_hangup,
                ),
                (8, 2, 1, 2, 2, 2, 1),
            )
            begin(sip)
            if floor.is_free(sip) and floor.happens(floor.tempo.desk_changes):
                sip = self._change_desk(user_id, sip)

    def _dial(self, sip: str) -> None:
        self._enter(self._calls.outbound(sip))

    def _click(self, sip: str) -> None:
        self._enter(self._calls.click2call(sip))

    def _be_connected(self, sip: str) -> None:
        self._enter(self._calls.behind_the_scenes(sip))

    def _call_colleague(self, sip: str) -> None:
        others = [other for other in self._floor.free() if other != sip]
        if others:
            self._enter(self._calls.internal(sip, self._floor.chance.choice(others)))

    def _pick_up(self, sip: str) -> None:
        self._enter(self._calls.straight_in(sip, answered=self._floor.happens(0.3)))

    def _break(self, sip: str) -> None:
        presence = self._floor.chance.choice((Presence.LOGIN, Presence.LUNCH, Presence.ADMINISTRATIVE))
        self._floor.board.set_presence(self._floor.now, sip, presence)

    def _lose_a_hangup(self, sip: str) -> None:
        """A call whose begin was never told ends."""
        now, ivrid = self._floor.now, self._floor.name_call()
        leg = Leg(
            ivrid, Direction.INCOMING, Status.RINGING, answered=False, started_at=now, party=self._floor.caller()
        )
        self._floor.board.stray_hangup(now, sip, leg)

    def _change_desk(self, user_id: str, sip: str) -> str:
        spare = self._floor.spare()
        if not spare:
            return sip
        desk = self._floor.chance.choice(spare)
        self._floor.board.sign_in(self._floor.now, user_id, desk)
        return desk
