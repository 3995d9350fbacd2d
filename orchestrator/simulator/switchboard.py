"""The simulated telephone exchange: what is so, and what can be done about it.

Guarantees: every operation keeps the lines consistent and tells `notify` each change once, in order. A call is
over, and told so once, when its last leg went while it neither waits in a queue nor is kept (in transfer,
between two redials): a hangup on one extension alone does not end it. Time comes in; there is no chance here.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from orchestrator.simulator.telephony import (
    CallBegan,
    CallOver,
    Change,
    Direction,
    Leg,
    Line,
    LineChanged,
    Party,
    Presence,
    Queue,
    QueueChanged,
    QueueReason,
    Reason,
    Status,
    Waiting,
)

NORMAL = "Normal hangup"
ELSEWHERE = "Answered elsewhere"


class NoSuchLeg(LookupError):
    """The extension does not see that call: the script of a story is wrong."""


class Switchboard:
    def __init__(self, lines: Iterable[Line], queues: Iterable[Queue], notify: Callable[[Change], None]) -> None:
        self.lines = {line.sip: line for line in lines}
        self.queues = {queue.queue_id: queue for queue in queues}
        self._notify = notify
        self._kept: set[str] = set()
        self._on: dict[str, set[str]] = {}
        self._channels = 0

    # What is so

    def alive(self, ivrid: str) -> bool:
        return ivrid in self._on or ivrid in self._kept

    def sees(self, ivrid: str) -> frozenset[str]:
        """The extensions on which the call is now."""
        return frozenset(self._on.get(ivrid, ()))

    def leg(self, sip: str, ivrid: str) -> Leg:
        leg = self.lines[sip].leg(ivrid)
        if leg is None:
            raise NoSuchLeg(f"{sip} has no leg of call {ivrid}")
        return leg

    # Queues

    def join(self, now: float, queue_id: int, ivrid: str, party: Party) -> None:
        """A caller starts to wait: the call lives, on no extension."""
        self._kept.add(ivrid)
        queue = self.queues[queue_id]
        self._queue(now, replace(queue, calls=(*queue.calls, Waiting(ivrid, party, now))), QueueReason.JOIN, ivrid)

    def leave(self, now: float, queue_id: int, ivrid: str, reason: QueueReason, agent: str | None = None) -> None:
        """The caller gave up, was taken, or (EXIT) was answered by the agent of this name."""
        queue = self.queues[queue_id]
        left = tuple(waiting for waiting in queue.calls if waiting.ivrid != ivrid)
        self._queue(now, replace(queue, calls=left), reason, ivrid, agent)
        self.release(now, ivrid)

    def begin(self, now: float, ivrid: str) -> None:
        """A call comes up on no extension and in no queue, until `release` or `end`."""
        self.keep(ivrid)
        self._notify(CallBegan(now, ivrid))

    def keep(self, ivrid: str) -> None:
        """The call outlives its last leg: it is in transfer, or will be dialled again."""
        self._kept.add(ivrid)

    def release(self, now: float, ivrid: str) -> None:
        """The call lives by its legs alone from here."""
        if ivrid in self._kept:
            self._kept.discard(ivrid)
            if ivrid not in self._on:
                self._notify(CallOver(now, ivrid))

    # Calls

    def add(self, now: float, sip: str, leg: Leg) -> None:
        """A leg appears on the extension (NEWCALL), in whatever status it is."""
        if self.lines[sip].leg(leg.ivrid) is not None:
            raise NoSuchLeg(f"{sip} has a leg of call {leg.ivrid} already")
        self._channels += 1
        leg = replace(leg, channel=self._channels)
        line = self.lines[sip]
        self._on.setdefault(leg.ivrid, set()).add(sip)
        self._line(now, replace(line, legs=(*line.legs, leg), last_call_at=now), Reason.NEWCALL, leg)

    def ring(
        self,
        now: float,
        sip: str,
        ivrid: str,
        party: Party,
        *,
        queue_id: int | None = None,
        related: tuple[str, ...] = (),
        internal: bool = False,
    ) -> None:
        """The call rings in: it is not this extension's until it is answered there."""
        leg = Leg(
            ivrid,
            Direction.INCOMING,
            Status.RINGING,
            answered=False,
            started_at=now,
            party=party,
            related=related,
            queue_id=queue_id,
            internal=internal,
        )
        self.add(now, sip, leg)

    def answer(self, now: float, sip: str, ivrid: str) -> None:
        """The leg is up. Whoever else it rang for loses it."""
        leg = replace(self.leg(sip, ivrid), status=Status.TALKING, answered=True, answered_at=now)
        line = replace(self._with(sip, leg), last_call_at=now, last_answer_at=now)
        self._line(now, line, Reason.ANSWER, leg)
        if leg.direction is Direction.INCOMING:
            for other in sorted(self.sees(ivrid) - {sip}):
                if self.leg(other, ivrid).status is Status.RINGING:
                    self.hangup(now, other, ivrid, ELSEWHERE)

    def hold(self, now: float, sip: str, ivrid: str) -> None:
        self._status(now, sip, ivrid, Status.HOLD, Reason.HOLD)

    def unhold(self, now: float, sip: str, ivrid: str) -> None:
        self._status(now, sip, ivrid, Status.TALKING, Reason.UNHOLD)

    def hangup(self, now: float, sip: str, ivrid: str, cause: str = NORMAL) -> None:
        """The leg goes from this extension; the call goes with its last leg, unless it is kept."""
        leg = self.leg(sip, ivrid)
        line = self.lines[sip]
        left = tuple(other for other in line.legs if other.ivrid != ivrid)
        self._on[ivrid].discard(sip)
        self._line(now, replace(line, legs=left, last_hangup_at=now), Reason.HANGUP, leg, cause)
        if not self._on[ivrid]:
            del self._on[ivrid]
            if ivrid not in self._kept:
                self._notify(CallOver(now, ivrid))

    def stray_hangup(self, now: float, sip: str, leg: Leg) -> None:
        """The end of a call that nobody ever saw begin, as the capture has some."""
        self._line(now, replace(self.lines[sip], last_hangup_at=now), Reason.HANGUP, leg, NORMAL)

    def move(
        self, now: float, ivrid: str, sip: str, to: str, *, up: bool, related: tuple[str, ...] | None = None
    ) -> None:
        """A transfer: the call leaves one extension and appears on another, ringing (blind) or up (attended)."""
        leg = self.leg(sip, ivrid)
        held = ivrid in self._kept
        self.keep(ivrid)
        self.hangup(now, sip, ivrid)
        status = Status.TALKING if up else Status.RINGING
        there = replace(leg, direction=Direction.INCOMING, status=status, answered=up, answered_at=now if up else 0.0)
        there = replace(
            there, started_at=now, c2c_direction=None, related=leg.related if related is None else related
        )
        self.add(now, to, there)
        if not held:
            self._kept.discard(ivrid)

    def join_up(self, now: float, ivrid: str, consult: str, sip: str, to: str, joined: str) -> None:
        """An attended transfer as a capture shows it: the call and the consult call end on both extensions, and a new
        one (`joined`), which names them, is up at the colleague's."""
        known = self.leg(to, consult)
        leg = replace(known, ivrid=joined, related=(consult, ivrid), party=self.leg(sip, ivrid).party, internal=False)
        self.hangup(now, sip, consult)
        self.hangup(now, sip, ivrid)
        self.hangup(now, to, consult)
        self.add(now, to, leg)

    def end(self, now: float, ivrid: str) -> None:
        """The far end is gone: every leg goes, and the call with them."""
        for sip in sorted(self.sees(ivrid)):
            self.hangup(now, sip, ivrid)
        self.release(now, ivrid)

    # People

    def sign_in(self, now: float, user_id: str, sip: str) -> None:
        """The user works at this extension now, and nowhere else."""
        self.sign_out(now, user_id, keep=sip)
        line = replace(self.lines[sip], online_user_id=user_id, presence=Presence.LOGIN, presence_at=now)
        self._line(now, line, Reason.USER_STATUS)

    def sign_out(self, now: float, user_id: str, keep: str = "") -> None:
        for line in list(self.lines.values()):
            if line.online_user_id == user_id and line.sip != keep:
                off = replace(line, online_user_id=None, presence=Presence.LOGOUT, presence_at=now)
                self._line(now, off, Reason.USER_STATUS)

    def set_presence(self, now: float, sip: str, presence: Presence) -> None:
        self._line(now, replace(self.lines[sip], presence=presence, presence_at=now), Reason.USER_STATUS)

    def _status(self, now: float, sip: str, ivrid: str, status: Status, reason: Reason) -> None:
        leg = replace(self.leg(sip, ivrid), status=status)
        self._line(now, replace(self._with(sip, leg), last_call_at=now), reason, leg)

    def _with(self, sip: str, leg: Leg) -> Line:
        line = self.lines[sip]
        return replace(line, legs=tuple(leg if other.ivrid == leg.ivrid else other for other in line.legs))

    def _line(self, now: float, line: Line, reason: Reason, leg: Leg | None = None, cause: str = "") -> None:
        self.lines[line.sip] = line
        self._notify(LineChanged(now, line, reason, leg, cause))

    def _queue(self, now: float, queue: Queue, reason: QueueReason, ivrid: str, agent: str | None = None) -> None:
        self.queues[queue.queue_id] = queue
        self._notify(QueueChanged(now, queue, reason, ivrid, agent))
