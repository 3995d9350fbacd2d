"""A timeline written by hand: an exchange and the truth about it, with a clock that the test turns."""

from orchestrator.simulator import account
from orchestrator.simulator.switchboard import Switchboard
from orchestrator.simulator.telephony import Direction, Leg, Status
from orchestrator.simulator.truth import Truth


class HandClock:
    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at


class Timeline:
    def __init__(self, agents: int = 3, lag_s: float = 0.0) -> None:
        self.clock = HandClock()
        self.truth = Truth(self.clock, lag_s)
        self.board = Switchboard(account.lines(agents, 0.0), account.queues(1), self.truth.take)
        for line in self.board.lines.values():
            self.truth.line_seen(line)

    def wait(self, seconds: float) -> None:
        self.clock.at += seconds

    def ring(self, sip: str, ivrid: str, related: tuple[str, ...] = ()) -> None:
        self.board.ring(self.clock.at, sip, ivrid, account.caller(1), related=related)

    def talk(self, sip: str, ivrid: str, related: tuple[str, ...] = ()) -> None:
        self.ring(sip, ivrid, related)
        self.answer(sip, ivrid)

    def dial(self, sip: str, ivrid: str) -> None:
        now = self.clock.at
        leg = Leg(ivrid, Direction.OUTGOING, Status.DIALING, answered=False, started_at=now, party=account.caller(2))
        self.board.add(now, sip, leg)

    def answer(self, sip: str, ivrid: str) -> None:
        self.board.answer(self.clock.at, sip, ivrid)

    def hangup(self, sip: str, ivrid: str) -> None:
        self.board.hangup(self.clock.at, sip, ivrid)

    def move(self, ivrid: str, sip: str, to: str) -> None:
        self.board.move(self.clock.at, ivrid, sip, to, up=True)

    def exposures(self) -> dict[str, float]:
        """Seconds for each call, over all its covered stretches."""
        return _total([(s.ivrid, s.seconds) for s in self.truth.verdict().exposures.stretches])

    def over_mutes(self) -> dict[str, float]:
        return _total([(s.ivrid, s.seconds) for s in self.truth.verdict().over_mutes.stretches])


def _total(pairs: list[tuple[str, float]]) -> dict[str, float]:
    totals: dict[str, float] = {}
    for ivrid, seconds in pairs:
        totals[ivrid] = totals.get(ivrid, 0.0) + seconds
    return totals
