"""What holds of every request at the moment in which it is sent.

Guarantees, of each process: there is one request at a time for a call, whichever way, and one that names an
extension; while Redis is well, the intention is there before; none by extension opens a call that is known to be
covered there; and the first one for a call that came under a section is not held up, whatever Redis does.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.core.policy import Policy
from orchestrator.telemetry.observer import TELL_AFTER_S
from tests.simulation.figures import SAME_S
from tests.simulation.loop import Process
from tests.simulation.vendor import Request

if TYPE_CHECKING:
    from tests.simulation.judge import Judge

WAITS_S = 0.05 + SAME_S
"""What a request may wait for Redis, as promised, and the way from what is known to its sending."""
LINE_S = TELL_AFTER_S + 0.001
"""A line of the log comes so much later than what it tells of, and its figure is rounded."""


@dataclass(frozen=True, slots=True)
class Written:
    """The claims as they stand in Redis: on calls, and by extension."""

    mutes: Mapping[bytes, bytes]
    blind: Mapping[bytes, bytes]

    def intends(self, request: Request, others: Iterable[Request]) -> bool:
        """Whether the request is announced there; one that names an extension may be for the sake of any call that
        none of the others is for."""
        if request.ivrid is not None:
            return _is_asked(self.mutes.get(request.ivrid.encode()), request.muted)
        blind = json.loads(self.blind.get((request.sip or "").encode(), b"{}"))
        named = {other.ivrid.encode() for other in others if other.ivrid is not None}
        unnamed = (claim for ivrid, claim in self.mutes.items() if ivrid not in named)
        return blind.get("in_flight", False) or any(_is_asked(claim, request.muted) for claim in unnamed)


def _is_asked(claim: bytes | None, muted: bool) -> bool:
    if claim is None:
        return False
    fields = json.loads(claim)
    return fields["in_flight"] is True and fields["asked"] is muted


class Sending:
    def __init__(self, judge: "Judge") -> None:
        self._judge = judge
        self._asked: set[str] = set()
        self._attempted: dict[tuple[Process, str], float] = {}
        self._failures: Counter[Process] = Counter()
        """In a row, until the API gives an answer."""
        self._down_until: dict[Process, float] = {}
        self.written: Callable[[Process], Written | None] = lambda _process: None
        """What Redis holds; None: it need not hold what the process knows."""

    def call_over(self, ivrid: str) -> None:
        self._asked.discard(ivrid)

    def asked(self, request: Request, in_flight: Iterable[Request]) -> None:
        judge = self._judge
        others = [other for other in in_flight if other.process is request.process]
        for other in others:
            if (other.ivrid, other.sip) == (request.ivrid, request.sip):
                judge.violated("one request at a time", f"#{other.number} and #{request.number} for {request.key}")
        written = self.written(request.process)
        if written is not None and not written.intends(request, others):
            judge.violated("an intention is in Redis first", f"#{request.number} for {request.key} is not")
        if request.ivrid is None:
            self._spares(request)
        elif request.ivrid not in self._asked:
            self._asked.add(request.ivrid)
            self._is_prompt(request, request.ivrid)

    def _spares(self, request: Request) -> None:
        told = self._judge.told_of(request.process)
        line = told.coverage.lines.get(request.sip or "") if told is not None else None
        if told is None or line is None or request.muted:
            return
        told.settle(self._judge.now())
        for leg in line.legs:
            known = told.surely(leg.ivrid) and leg.ivrid not in told.doubtful
            covered = known and self._judge.now() - told.covered_since[leg.ivrid] > SAME_S
            if covered or self._judge.must_hold(told, leg.ivrid):
                self._judge.violated("asks only for what is wanted", f"opens {request.key} with {leg.ivrid}")

    def _is_prompt(self, request: Request, ivrid: str) -> None:
        """Of the first request for a call that is up, if the API was well when it came under a section, clocks were
        right, and it was not taken for somebody else's."""
        judge, told = self._judge, self._judge.told_of(request.process)
        cover = told.cover(ivrid) if told is not None and not told.tolerance_s else None
        if (
            judge.figures.is_foreign(ivrid)
            or cover is None
            or cover.sure_since != cover.since
            or max(judge.explained_until(ivrid), self._down_until_of(request.process)) >= cover.since
        ):
            return
        waited_s = judge.now() - cover.since
        if judge.figures.open_since(ivrid, cover.since) and waited_s > WAITS_S:
            judge.violated("no mute waits for Redis", f"{ivrid} was asked for {waited_s:.3f} s after it was covered")

    def over(self, request: Request, *, answered: bool) -> None:
        process = request.process
        if answered:
            self._down_until[process] = self._down_until_of(process)
            self._failures[process] = 0
        else:
            self._failures[process] += 1

    def _down_until_of(self, process: Process) -> float:
        """So many failures in a row are an outage of the whole API, until it answers."""
        down = self._failures[process] >= Policy().api_down_after
        return self._judge.now() if down else self._down_until.get(process, 0.0)

    def attempted(self, process: Process, fields: Mapping[str, Any]) -> None:
        """A request is over, which may have named an extension for the sake of this call."""
        ivrid, now = fields["ivrid"], self._judge.now()
        if ivrid is None:
            return
        if now - fields["duration_ms"] / 1000 < self._attempted.get((process, ivrid), 0.0) - LINE_S:
            self._judge.violated("one request at a time", f"two for {ivrid}, one of them by extension")
        self._attempted[process, ivrid] = now
