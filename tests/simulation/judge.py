"""Holds the daemon to its word, at every moment of a story.

The bound: a call that a running process must know to be covered is muted within `BOUND_S` of its being told, and
one that nothing it was told of covers is released within `BOUND_S`. Time in which a fault that can cause this very
wrong is in force, and the time that recovering from it may take, does not count; nothing else is excused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.simulator.truth import Truth
from tests.simulation.loop import Process
from tests.simulation.told import Told
from tests.simulation.vendor import Fate, Request, Watcher

BOUND_S = 2.0
"""Writing ahead (0.05), one request (0.25), the jitter of a retry, and room."""
TICK_S = 0.5


class Violated(Exception):
    """An invariant does not hold: which one, and how."""

    def __init__(self, invariant: str, how: str) -> None:
        super().__init__(f"{invariant}: {how}")
        self.invariant = invariant


@dataclass(slots=True)
class Excuse:
    """A time that explains, for all calls or for some."""

    why: str
    until: float
    """Infinity while the fault is in force."""


class Judge(Watcher):
    def __init__(
        self, now: Callable[[], float], truth: Truth, tolds: Mapping[Process, Told], tell: Callable[..., None]
    ) -> None:
        self.first: Violated | None = None
        self.worst_open_s = 0.0
        self.worst_over_s = 0.0
        self.requests = 0
        self.foreign_shown: dict[str, float] = {}
        self._now = now
        self._truth = truth
        self._tolds = tolds
        self._tell = tell
        self._wrong: dict[tuple[str, str], float] = {}
        self._all: list[Excuse] = []
        self._one: dict[str, float] = {}
        self._in_flight: dict[tuple[Process, str], int] = {}
        self.first_mute: dict[str, float] = {}
        self.last_request: dict[str, float] = {}

    def violated(self, invariant: str, how: str) -> None:
        """The first is kept: the others may follow from it."""
        if self.first is None:
            self.first = Violated(invariant, how)
            self._tell("VIOLATED %s: %s", invariant, how)

    # What explains

    def excuse(self, why: str) -> Excuse:
        excuse = Excuse(why, float("inf"))
        self._all.append(excuse)
        return excuse

    def excuse_call(self, ivrid: str, until: float) -> None:
        self._one[ivrid] = max(until, self._one.get(ivrid, 0.0))

    def _explained_until(self, ivrid: str) -> float:
        return max(self._one.get(ivrid, 0.0), *(excuse.until for excuse in self._all), 0.0)

    # Looking

    def look(self) -> None:
        """Every call that is up, as it is now."""
        now, truth = self._now(), self._truth
        for told in self._tolds.values():
            told.settle(now)
        tolds = list(self._tolds.values())
        wrong: dict[tuple[str, str], float] = {}
        if tolds:
            for ivrid in truth.open_calls():
                if all(told.surely(ivrid) and ivrid not in told.doubtful for told in tolds):
                    wrong["open", ivrid] = self._wrong.get(("open", ivrid), now)
            for ivrid in truth.over_muted_calls():
                if not any(told.maybe(ivrid) or ivrid in told.doubtful for told in tolds):
                    wrong["over", ivrid] = self._wrong.get(("over", ivrid), now)
        self._wrong = wrong
        self._all = [excuse for excuse in self._all if excuse.until > now - BOUND_S - 1.0]
        for (what, ivrid), since in wrong.items():
            wrong_s = now - max(since, self._explained_until(ivrid))
            if what == "open":
                self.worst_open_s = max(self.worst_open_s, wrong_s)
            else:
                self.worst_over_s = max(self.worst_over_s, wrong_s)
            if wrong_s > BOUND_S:
                invariant = "covered call open" if what == "open" else "call muted without cover"
                self.violated(invariant, f"{ivrid} for {now - since:.2f} s, {wrong_s:.2f} s of it unexplained")

    def righted(self, ivrid: str) -> None:
        """Something about the call changed: what is wrong from here on began here."""
        self._wrong.pop(("open", ivrid), None)
        self._wrong.pop(("over", ivrid), None)

    def call_over(self, ivrid: str) -> None:
        """Should its id come back, it is another call."""
        self.righted(ivrid)
        for table in (self.foreign_shown, self.first_mute, self._one):
            table.pop(ivrid, None)

    # Requests

    def asked(self, request: Request, fate: Fate) -> None:
        self.requests += 1
        self._tell("%s asks #%s: %s %s (%s)", request.process.name, request.number, "mute" if request.muted else "open",
                   request.key, fate.why or "ok")  # fmt: skip
        key = (request.process, request.key)
        self._in_flight[key] = self._in_flight.get(key, 0) + 1
        if self._in_flight[key] > 1:
            self.violated("one request at a time", f"a second one for {request.key}")
        if request.ivrid is None:
            return
        told = self._tolds.get(request.process)
        if told is not None:
            told.settle(self._now())
            if request.muted and not told.maybe(request.ivrid):
                self.violated("asks only for what is wanted", f"a mute of {request.ivrid}, which nothing covers")
            if not request.muted and told.surely(request.ivrid) and request.ivrid not in told.doubtful:
                self.violated("asks only for what is wanted", f"opens {request.ivrid}, which is covered")
        if request.muted:
            self.first_mute.setdefault(request.ivrid, self._now())
        self.last_request[request.ivrid] = self._now()

    def applied(self, request: Request, ivrids: tuple[str, ...]) -> None:
        self._tell("  #%s is applied to %s", request.number, ",".join(ivrids) or "no call")
        for ivrid in ivrids:
            if self._truth.muted(ivrid) is not request.muted:
                self.righted(ivrid)
            if not request.muted and self._truth.foreign(ivrid):
                self._trespass(ivrid)

    def _trespass(self, ivrid: str) -> None:
        shown = self.foreign_shown.get(ivrid)
        doubtful = any(ivrid in told.doubtful for told in self._tolds.values())
        if shown is not None and shown < self.first_mute.get(ivrid, float("inf")) and not doubtful:
            self.violated("foreign mutes are not touched", f"{ivrid} was shown muted before our first request")

    def over(self, request: Request, outcome: str) -> None:
        self._tell("  #%s over: %s", request.number, outcome)
        self._in_flight[request.process, request.key] -= 1

    # What the log claims

    def line(self, process: Process, event: str, fields: Mapping[str, Any]) -> None:
        shown = " ".join(f"{name}={value}" for name, value in fields.items() if value is not None)
        self._tell("%s: %s %s", process.name, event, shown)
        if event == "call.muted":
            self._claim(fields["ivrid"], muted=True)
        elif event == "call.unmuted":
            self._claim(fields["ivrid"], muted=False)

    def _claim(self, ivrid: str, *, muted: bool) -> None:
        truth, now = self._truth, self._now()
        if not truth.alive(ivrid) or truth.muted(ivrid) is muted or truth.foreign(ivrid):
            return
        if self._explained_until(ivrid) < now:
            self.violated("the log tells the truth", f"{ivrid} is said to be {'muted' if muted else 'open'}, and is not")
