"""Holds the daemon to its word, at every moment of a story.

The bound: a call that a running process must know to be covered is muted within `BOUND_S` of its being told, and
one that nothing it was told of covers is released within `BOUND_S`. Time in which a fault that can cause this very
wrong is in force, and the time that recovering from it may take, does not count; nothing else is excused.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.simulator.switchboard import Switchboard
from orchestrator.simulator.telephony import Line
from orchestrator.simulator.truth import Truth
from tests.simulation.feed import LAG_MOST_S
from tests.simulation.figures import Figures
from tests.simulation.loop import Process
from tests.simulation.sending import Sending
from tests.simulation.told import Told
from tests.simulation.vendor import LATENCY_S, Fate, Request, Watcher

BOUND_S = 2.0
"""Writing ahead (0.05), one request (0.25), the jitter of a retry, and room."""
UNSEEN_S = 8.0
"""What the feed does not tell (calls, and what a request by extension muted): a poll within 5 s, a request, room."""
GRACE_S = 0.02
"""What happens at the same time to the daemon's eyes: a burst of messages, a log line a moment later."""
BOUNDS = {
    "open": ("covered call open", BOUND_S),
    "unseen": ("covered call open, told or not", UNSEEN_S),
    "over": ("call muted without cover", BOUND_S),
}
ANYBODYS_S = 30.0
"""So long after an extension was muted as a whole nobody can say who muted a call that is first seen there."""
EVENT_AGE_S = 1.0
"""The vendor's times are whole seconds."""
TICK_S = 0.5
ALWAYS = {"no exception", "stops when asked", "ends when cancelled", "no task left"}
"""These hold whatever happens."""


@dataclass(frozen=True, slots=True)
class Violated:
    """An invariant does not hold: which one, and how."""

    invariant: str
    how: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.how}"


@dataclass(slots=True)
class Excuse:
    """A time that explains, for all calls or for some."""

    why: str
    until: float
    """Infinity while the fault is in force."""


class Judge(Watcher):
    def __init__(
        self,
        now: Callable[[], float],
        truth: Truth,
        board: Callable[[], Switchboard],
        tolds: Mapping[Process, Told],
        tell: Callable[..., None],
    ) -> None:
        self.first: Violated | None = None
        self.worst_s = dict.fromkeys(BOUNDS, 0.0)
        self.requests = 0
        self.foreign_shown: dict[str, float] = {}
        self.now = now
        self.figures = Figures(self, truth)
        self.sending = Sending(self)
        self._truth = truth
        self._tolds = tolds
        self._tell = tell
        self._wrong: dict[tuple[str, str], float] = {}
        self._all: list[Excuse] = []
        self._one: dict[str, float] = {}
        self._late: dict[int, float] = {}
        self._in_flight: dict[int, Request] = {}
        self._turned: dict[str, float] = {}
        self._by_extension: dict[str, str] = {}
        self._muted_as_a_whole: dict[str, float] = {}
        """Extension -> when it was last asked for: a call first seen there muted then may be muted by us."""
        self._been_on: dict[str, set[str]] = defaultdict(set)
        """ivrid -> the extensions on which a process saw it."""
        self._seen_open: dict[str, float] = {}
        """ivrid -> when the poll was sent that showed it recorded: what shows it muted may be older for a while."""
        self._strayed: set[str] = set()
        """Calls that were muted with their extension, and left it while nobody could see that: nobody can say whose
        mute it is."""
        self._opened_unseen: dict[str, str] = {}
        """Calls that were opened with an extension (this) on which no process had seen them: what is claimed of them
        until they are seen there, or muted again, nobody could know better. The bounds hold for them as for all."""
        self._unknown: set[str] = set()
        """Calls that the API did not know when it was asked, and that were not seen to be up since."""
        self._denied: set[str] = set()
        """Those that it once did not know: the process may have taken them to be over."""
        self._board = board
        self.synced: Callable[[Process], bool] = lambda _process: True
        self.told_of: Callable[[Process], Told | None] = tolds.get
        self.unaware: Callable[[Process], bool] = lambda _process: False
        """Whether it cannot know that another one owns the account."""
        self._beyond_promises = False
        """Two are at work, neither of them by a fault of its own."""
        self.backlog: Callable[[Process], str | None] = lambda _process: None
        self.leaving: set[Process] = set()
        """These were asked to stop: what is open is for the next one to tell."""
        self.store_away: set[Process] = set()
        """These have said that Redis is away, and not yet that it is back."""
        self.no_polls_until = 0.0
        self.poll_excuse = 0.0
        """Until when neither polls nor the feed show what is so."""
        self.first_mute: dict[str, float] = {}
        self.last_request: dict[str, float] = {}

    def violated(self, invariant: str, how: str) -> None:
        """The first is kept: the others may follow from it."""
        if self.first is None and (not self._beyond_promises or invariant in ALWAYS):
            self.first = Violated(invariant, how)
            self._tell("VIOLATED %s: %s", invariant, how)

    # What explains

    def excuse(self, why: str) -> Excuse:
        excuse = Excuse(why, float("inf"))
        self._all.append(excuse)
        return excuse

    def excuse_call(self, ivrid: str, until: float) -> None:
        self._one[ivrid] = max(until, self._one.get(ivrid, 0.0))

    def excuse_hit(self, request: Request, for_s: float) -> None:
        """What is wrong with the calls of this request is explained for so long: no other call is."""
        line = self._board().lines.get(request.sip or "")
        hit = [request.ivrid] if request.ivrid is not None else [leg.ivrid for leg in line.legs] if line else []
        for ivrid in hit:
            self.excuse_call(ivrid, self.now() + for_s)

    def excuse_late(self, request: Request, late_s: float) -> None:
        """The request may be applied until then: to its call, or to those that its extension has by then."""
        until = self.now() + late_s
        if request.ivrid is not None:
            self.excuse_call(request.ivrid, until)
        else:
            self._late[request.number] = until + UNSEEN_S

    def left_in_flight(self, process: Process, late_s: float) -> None:
        """The process is gone, its requests are not: they may be applied yet, and are asked again only after that."""
        for request in [each for each in self._in_flight.values() if each.process is process]:
            if request.ivrid is not None:
                self.excuse_call(request.ivrid, self.now() + late_s)
            del self._in_flight[request.number]

    def explained_until(self, ivrid: str) -> float:
        return max(self._one.get(ivrid, 0.0), *(excuse.until for excuse in self._all), 0.0)

    @property
    def awake_since(self) -> float:
        """Since when somebody is at work, as far as what explains goes."""
        return max((excuse.until for excuse in self._all if not excuse.why.startswith("api")), default=0.0)

    # Looking

    def look(self) -> None:
        """Every call that is up, as it is now."""
        now = self.now()
        for told in self._tolds.values():
            told.settle(now)
        tolds = list(self._tolds.values())
        if not any(map(self.synced, self._tolds)):
            left = (ivrid for ivrid, sip in self._by_extension.items() if sip not in self._board().sees(ivrid))
            self._strayed.update(left)
        wrong = {key: self._wrong.get(key, now) for key in self._what_is_wrong(tolds)} if tolds else {}
        self._wrong = wrong
        self._all = [excuse for excuse in self._all if excuse.until > now - UNSEEN_S - 1.0]
        for what, ivrid in wrong:
            if what == "open":
                for process, told in self._tolds.items():
                    if process not in self.leaving:
                        self.figures.look(told, ivrid)
        for (what, ivrid), since in wrong.items():
            invariant, bound_s = BOUNDS[what]
            explained_until = self.explained_until(ivrid)
            if what == "unseen":
                # One section may end and the next begin between two looks.
                aimed_since = (self._in_sight(told, ivrid) or 0.0 for told in tolds)
                explained_until = max(explained_until, self.poll_excuse, *aimed_since)
            elif what == "over" and ivrid in self._by_extension:
                # Where the feed is down too, what was muted by extension is opened by extension.
                unseen_until = self.no_polls_until if any(map(self.synced, self._tolds)) else 0.0
                explained_until, bound_s = max(explained_until, unseen_until), UNSEEN_S
            wrong_s = now - max(since, explained_until)
            self.worst_s[what] = max(self.worst_s[what], wrong_s)
            if wrong_s > bound_s:
                self.violated(invariant, f"{ivrid} for {now - since:.2f} s, {wrong_s:.2f} s of it unexplained")

    def _what_is_wrong(self, tolds: list[Told]) -> Iterator[tuple[str, str]]:
        for ivrid in self._truth.open_calls():
            if ivrid in self._unknown or any(ivrid in told.doubtful for told in tolds):
                continue
            if all(told.surely(ivrid) for told in tolds):
                yield "open", ivrid
            if all(self._in_sight(told, ivrid) is not None for told in tolds):
                yield "unseen", ivrid
        for ivrid in self._truth.over_muted_calls():
            if not any(self._may_stay(told, ivrid) for told in tolds):
                yield "over", ivrid

    def _in_sight(self, told: Told, ivrid: str) -> float | None:
        """Since when a section that the process knows is aimed at an extension on which the call is up now: seen by
        the feed or not, a poll or muting by extension reaches it. None: no section is."""
        board = self._board()
        aimed = (told.surely_aims_at(sip) for sip in board.sees(ivrid) if board.leg(sip, ivrid).counts)
        return min((since for since in aimed if since is not None), default=None)

    def _may_stay(self, told: Told, ivrid: str) -> bool:
        if told.maybe(ivrid) or ivrid in told.doubtful or ivrid in self._strayed:
            return True
        sip = self._by_extension.get(ivrid)
        if sip is None:
            return False
        if told.aims_at(sip) or told.covers_unseen():
            return True
        # Opening by extension would open what lies beside it.
        beside = [leg.ivrid for leg in self._board().lines[sip].legs if leg.ivrid != ivrid]
        return any(told.maybe(other) or self._truth.foreign(other) for other in beside)

    def righted(self, ivrid: str) -> None:
        """Something about the call changed: what is wrong from here on began here."""
        for what in BOUNDS:
            self._wrong.pop((what, ivrid), None)

    def call_over(self, ivrid: str) -> None:
        """Should its id come back, it is another call."""
        self.righted(ivrid)
        self.figures.call_over(ivrid)
        self.sending.call_over(ivrid)
        for table in (self.foreign_shown, self.first_mute, self._one, self._seen_open):
            table.pop(ivrid, None)
        self._been_on.pop(ivrid, None)
        self._by_extension.pop(ivrid, None)
        self._strayed.discard(ivrid)
        self._opened_unseen.pop(ivrid, None)

    # Requests

    def asked(self, request: Request, fate: Fate) -> None:
        self.requests += 1
        wish = "mute" if request.muted else "open"
        self._tell(
            "%s asks #%s: %s %s (%s)", request.process.name, request.number, wish, request.key, fate.why or "ok"
        )
        self.sending.asked(request, self._in_flight.values())
        self._in_flight[request.number] = request
        if request.sip is not None and request.muted and fate.may_reach:
            self._muted_as_a_whole[request.sip] = self.now()
        if not request.muted and (waits := self.backlog(request.process)) is not None:
            self.violated("nothing is opened before the backlog is read", f"{request.key}, while {waits} waits")
        if request.ivrid is None:
            return
        told = self.told_of(request.process)
        if told is None and self.unaware(request.process):
            self._beyond_promises = True
        elif told is None:
            self.violated("only the owner asks", f"{request.process.name} asks for {request.key}")
        else:
            ivrid, lately = request.ivrid, self.now() - GRACE_S
            told.settle(self.now())
            if request.muted and not told.maybe(ivrid) and told.uncovered_at.get(ivrid, 0.0) < lately:
                self.violated("asks only for what is wanted", f"a mute of {ivrid}, which nothing covers")
            known = told.surely(ivrid) and ivrid not in told.doubtful and self._truth.alive(ivrid)
            if not request.muted and known and told.covered_since[ivrid] < lately:
                self.violated("asks only for what is wanted", f"opens {ivrid}, which is covered")
            if not request.muted and self.must_hold(told, ivrid):
                self.violated("asks only for what is wanted", f"opens {ivrid}, which is held")
        if request.muted:
            self.first_mute.setdefault(request.ivrid, self.now())
        self.last_request[request.ivrid] = self.now()

    def must_hold(self, told: Told, ivrid: str) -> bool:
        """Whether the process must know that a section which has run out keeps this call muted."""
        may_be_over = ivrid in self._denied or ivrid in told.doubtful or self._truth.foreign(ivrid)
        return told.held_since(ivrid) < self.now() - GRACE_S and not may_be_over and self._truth.alive(ivrid)

    def seen(self, line: Line) -> None:
        """A process took in that these calls are up: if the API did not know one of them, it is asked again."""
        for leg in line.legs:
            if leg.ivrid in self._unknown:
                self._unknown.discard(leg.ivrid)
                self.figures.came_back(leg.ivrid)
            if self._opened_unseen.get(leg.ivrid) == line.sip:
                del self._opened_unseen[leg.ivrid]
            self._been_on[leg.ivrid].add(line.sip)

    def shown_muted(self, ivrid: str) -> None:
        """The feed showed a mute that is not ours, in a way that leaves no doubt of that."""
        certain = self.now() - self._seen_open.get(ivrid, float("-inf")) > LAG_MOST_S + EVENT_AGE_S
        if certain and self._truth.foreign(ivrid) and not self.anybodys(ivrid):
            self.foreign_shown.setdefault(ivrid, self.now())

    def applied(self, request: Request, ivrids: tuple[str, ...]) -> None:
        self._tell("  #%s is applied to %s", request.number, ",".join(ivrids) or "no call")
        for ivrid in ivrids:
            if self._truth.muted(ivrid) is not request.muted:
                self.righted(ivrid)
                self._turned[ivrid] = self.now()
                self.figures.turned(ivrid)
                self._by_extension.pop(ivrid, None)
                self._strayed.discard(ivrid)
                self._opened_unseen.pop(ivrid, None)
                if request.sip is not None and request.muted:
                    self._by_extension[ivrid] = request.sip
                elif request.sip is not None and request.sip not in self._been_on[ivrid]:
                    self._opened_unseen[ivrid] = request.sip
                if request.number in self._late:
                    self.excuse_call(ivrid, self._late[request.number])
            if not request.muted and self._truth.foreign(ivrid):
                self._trespass(ivrid)

    def _trespass(self, ivrid: str) -> None:
        shown = self.foreign_shown.get(ivrid)
        doubtful = any(ivrid in told.doubtful for told in self._tolds.values())
        if self.anybodys(ivrid):
            return
        if shown is not None and shown < self.first_mute.get(ivrid, float("inf")) and not doubtful:
            self.violated("foreign mutes are not touched", f"{ivrid} was shown muted before our first request")

    def anybodys(self, ivrid: str) -> bool:
        """Whether nobody can say who muted this call: it is, or was, on an extension that was muted as a whole."""
        sips = self._been_on.get(ivrid, set()) | set(self._board().sees(ivrid))
        since = (self._muted_as_a_whole.get(sip, -ANYBODYS_S) for sip in sips)
        return any(self.now() - at < ANYBODYS_S for at in since)

    def over(self, request: Request, outcome: str) -> None:
        self._tell("  #%s over: %s", request.number, outcome)
        self.sending.over(request, answered=outcome.endswith(("Success", "not found")))
        if request.ivrid is not None and "not found" in outcome:
            self._unknown.add(request.ivrid)
            self._denied.add(request.ivrid)
        self._in_flight.pop(request.number, None)

    def polled(self, process: Process, lines: list[Line], recorded: Iterable[str], sent_at: float) -> None:
        self._seen_open |= dict.fromkeys(recorded, sent_at)
        told = self.told_of(process)
        if told is not None:
            for line in lines:
                self.seen(line)
                told.polled(line, sent_at, self.now(), synced=self.synced(process))

    # What the log claims

    def line(self, process: Process, event: str, fields: Mapping[str, Any]) -> None:
        shown = " ".join(f"{name}={value}" for name, value in fields.items() if value is not None)
        self._tell("%s: %s %s", process.name, event, shown)
        self.figures.line(process, event, fields)
        if event == "section.ended" and fields["cause"] == "idle":
            self._ended_idle(process, fields["section_id"])
        if event == "store.lost":
            self.store_away.add(process)
        elif event == "store.back":
            self.store_away.discard(process)
        if event == "api.attempt":
            self.sending.attempted(process, fields)
        if event == "call.muted":
            self._claim(fields["ivrid"], muted=True)
        elif event == "call.unmuted":
            self._claim(fields["ivrid"], muted=False)

    def _ended_idle(self, process: Process, section_id: str) -> None:
        told = self.told_of(process)
        if told is not None and not told.end_idle(section_id, self.now()):
            self.violated("an idle section has no call", f"{section_id} was ended, and had one lately")

    def protected(self, ivrids: Iterable[str]) -> None:
        """A CRM was told that these calls are muted."""
        for ivrid in ivrids:
            self._claim(ivrid, muted=True)

    def _claim(self, ivrid: str, *, muted: bool) -> None:
        truth, now = self._truth, self.now()
        if not truth.alive(ivrid) or truth.muted(ivrid) is muted or truth.foreign(ivrid):
            return
        if ivrid in self._opened_unseen:
            return
        if self.explained_until(ivrid) < now and self._turned.get(ivrid, 0.0) < now - LATENCY_S[1] - GRACE_S:
            self.violated(
                "the log tells the truth", f"{ivrid} is said to be {'muted' if muted else 'open'}, and is not"
            )
