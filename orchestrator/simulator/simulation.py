"""A simulated contact centre behind a simulated vendor: what tests and the demo talk to.

    async with Simulation(agents=4) as sim:
        await sim.ring("call-1", ["SIPSIP1", "SIPSIP2"])
        await sim.answer("SIPSIP1", "call-1")
        sim.truth.section_started("pay-1", extension="SIPSIP1")

Guarantees: each change reaches the truth first, then the feed, in the order in which it was made. The script
names calls as it likes; a call that is scripted wrongly raises `NoSuchLeg`.
"""

import itertools
from collections.abc import Iterable, Mapping

from orchestrator.clock import Clock
from orchestrator.simulator import account, payloads
from orchestrator.simulator.api import Account
from orchestrator.simulator.settings import VoicenterSettings
from orchestrator.simulator.stage import Stage
from orchestrator.simulator.switchboard import NORMAL, Switchboard
from orchestrator.simulator.telephony import (
    Change,
    Direction,
    Leg,
    Line,
    LineChanged,
    Party,
    Queue,
    QueueChanged,
    QueueReason,
    Status,
)


class Simulation(Stage):
    def __init__(
        self,
        agents: int = 4,
        *,
        settings: VoicenterSettings | None = None,
        seed: int = 1,
        clock: Clock | None = None,
        lines: Iterable[Line] | None = None,
        queues: Iterable[Queue] | None = None,
    ) -> None:
        super().__init__(settings, seed, clock, Account(lines=self._live_lines, queues=self._live_queues))
        now = self.clock.now()
        self.board = Switchboard(
            account.lines(agents, now) if lines is None else lines,
            account.queues(2) if queues is None else queues,
            self._changed,
        )
        self._callers = itertools.count(1)
        self._calls = itertools.count(1)
        for line in self.board.lines.values():
            self.truth.line_seen(line)
        self.voicenter.feed.seed(self._live_lines(None), self._live_queues())

    @property
    def lines(self) -> Mapping[str, Line]:
        return self.board.lines

    # The script of a story

    async def ring(self, ivrid: str, sips: Iterable[str], *, queue_id: int | None = None) -> str:
        """A call rings in, at several extensions at once where a queue rings a group."""
        now, party = self.clock.now(), self._party()
        for sip in sips:
            self.board.ring(now, sip, ivrid, party, queue_id=queue_id)
        return ivrid

    async def talk(self, ivrid: str, sip: str, *, answered: bool = True) -> str:
        """A call appears as Talking at once, as some do (with `answered` 0 too)."""
        self._add(sip, ivrid, Direction.INCOMING, Status.TALKING, answered=answered)
        return ivrid

    async def dial(self, sip: str, ivrid: str = "", *, related: Iterable[str] = ()) -> str:
        """The extension places a call; it dials until `answer`. Returns its `ivrid`."""
        ivrid = ivrid or self._name()
        self._add(sip, ivrid, Direction.OUTGOING, Status.DIALING, related=tuple(related))
        return ivrid

    async def click2call(self, sip: str, agent_ivrid: str = "", customer_ivrid: str = "") -> tuple[str, str]:
        """Two related calls on one extension: the agent's leg rings, the customer's is dialled."""
        agent, customer = agent_ivrid or self._name(), customer_ivrid or self._name()
        self._add(sip, agent, Direction.CLICK2CALL, Status.RINGING, related=(customer,), c2c_direction=1)
        self._add(sip, customer, Direction.CLICK2CALL, Status.DIALING, related=(agent,), c2c_direction=2)
        return agent, customer

    async def begin(self, ivrid: str) -> str:
        """A call comes up that no extension sees (another one's leg may name it as related), until `end`."""
        self.board.begin(self.clock.now(), ivrid)
        return ivrid

    async def answer(self, sip: str, ivrid: str) -> None:
        """The leg is up; where the call rang for others too, they lose it."""
        self.board.answer(self.clock.now(), sip, ivrid)

    async def hold(self, sip: str, ivrid: str) -> None:
        self.board.hold(self.clock.now(), sip, ivrid)

    async def unhold(self, sip: str, ivrid: str) -> None:
        self.board.unhold(self.clock.now(), sip, ivrid)

    async def transfer(self, ivrid: str, sip: str, to: str, *, blind: bool = False) -> None:
        """The call moves to another extension: up there at once, or (blind) ringing."""
        self.board.move(self.clock.now(), ivrid, sip, to, up=not blind)

    async def join_up(self, ivrid: str, consult: str, sip: str, to: str) -> str:
        """An attended transfer: who asked the colleague puts the caller through. Returns the call that goes on."""
        joined = self._name()
        self.board.join_up(self.clock.now(), ivrid, consult, sip, to, joined)
        return joined

    async def hangup(self, sip: str, ivrid: str, cause: str = NORMAL, *, over: bool = True) -> None:
        """The leg goes; with the last one the call, unless it waits or will be dialled again (not `over`)."""
        if not over:
            self.board.keep(ivrid)
        self.board.hangup(self.clock.now(), sip, ivrid, cause)

    async def end(self, ivrid: str) -> None:
        """The far end hung up: the call is over everywhere."""
        self.board.end(self.clock.now(), ivrid)

    async def join_queue(self, ivrid: str, queue_id: int = account.FIRST_QUEUE) -> str:
        self.board.join(self.clock.now(), queue_id, ivrid, self._party())
        return ivrid

    async def leave_queue(self, ivrid: str, queue_id: int = account.FIRST_QUEUE, agent: str | None = None) -> None:
        """Answered by the agent of this name; or (None) the caller gave up."""
        reason = QueueReason.EXIT if agent else QueueReason.ABANDONED
        self.board.leave(self.clock.now(), queue_id, ivrid, reason, agent)

    async def sign_in(self, user_id: str, sip: str) -> None:
        self.board.sign_in(self.clock.now(), user_id, sip)

    async def sign_out(self, user_id: str) -> None:
        self.board.sign_out(self.clock.now(), user_id)

    async def foreign_mute(self, ivrid: str, muted: bool = True) -> None:
        """Somebody else mutes (or opens) the recording. The feed shows it with the next event of the call."""
        self.truth.foreign_mute(ivrid, muted)

    # What happens

    def _add(
        self,
        sip: str,
        ivrid: str,
        direction: Direction,
        status: Status,
        *,
        answered: bool = False,
        related: tuple[str, ...] = (),
        c2c_direction: int | None = None,
    ) -> None:
        now = self.clock.now()
        leg = Leg(
            ivrid=ivrid,
            direction=direction,
            status=status,
            answered=answered,
            started_at=now,
            party=self._party(),
            answered_at=now if answered else 0.0,
            related=related,
            c2c_direction=c2c_direction,
        )
        self.board.add(now, sip, leg)

    def _changed(self, change: Change) -> None:
        self.truth.take(change)
        feed = self.voicenter.feed
        match change:
            case LineChanged():
                feed.tell("ExtensionEvent", payloads.extension_event(change, self.vendor_clock))
            case QueueChanged():
                feed.tell("QueueEvent", payloads.queue_event(change, self.vendor_clock))

    def _live_lines(self, sip: str | None) -> list[payloads.Payload]:
        every = self.board.lines.values()
        return [payloads.line_payload(line, self.vendor_clock) for line in every if sip in (None, line.sip)]

    def _live_queues(self) -> list[payloads.Payload]:
        return [payloads.queue_payload(queue, self.vendor_clock) for queue in self.board.queues.values()]

    def _party(self) -> Party:
        return account.caller(next(self._callers))

    def _name(self) -> str:
        return f"call-{next(self._calls)}"
