"""What one process of the daemon was told, and what follows from that: the knowledge it can be held to.

Told of what the process took in, at that moment, it knows which calls its sections cover: by the simulator's own
rules of coverage, not by the daemon's. Guarantees: `surely` is what the process must know, `maybe` what it may
know; they differ only where an earlier process died before Redis had what it knew.
"""

import math
from dataclasses import dataclass, replace

from orchestrator.simulator.coverage import Coverage, OnCall, OnExtension, OnUser, Section, Target
from orchestrator.simulator.crm import Message
from orchestrator.simulator.telephony import Line

IDLE_SLACK_S = 0.05
"""A notice comes a moment late."""


@dataclass(frozen=True, slots=True)
class Ended:
    at: float
    final: bool
    renewed_at: float
    section: Section | None


@dataclass(frozen=True, slots=True)
class Cover:
    """Since when a call was covered."""

    since: float
    """As the process may know."""
    sure_since: float | None
    """As it must know; None: it need not."""


class Told:
    def __init__(self, *, holds: bool = False, idle_s: float = 0.0) -> None:
        """`holds`: what a section covers when it runs out stays muted; `idle_s`: so long without a call ends one."""
        self.tolerance_s = 0.0
        """How much a section may run out too early or too late, because clocks were wrong."""
        self._holds = holds
        self._idle_s = idle_s
        self._holding: dict[str, dict[str, float]] = {}
        """Section that has run out -> the calls it holds, each since when that must be known."""
        self.held_before: frozenset[str] = frozenset()
        """Calls that were held when their cover began."""
        self._idle_since: dict[str, float] = {}
        self._now = 0.0
        self.uncovered_at: dict[str, float] = {}
        """ivrid -> when its last cover ended."""
        self.perhaps_uncovered_at: dict[str, float] = {}
        """ivrid -> when the last one ended that had to be known: what covers it still may not be known."""
        self.last_cover: dict[str, Cover | None] = {}
        """ivrid -> the one that ended then; None: two did at one moment."""
        self.covers: list[tuple[str, float, float, bool]] = []
        """What was known to be covered, by this process and those before it: ivrid, since, until, and whether it had
        to be known."""
        self._heard_at: dict[str, float] = {}
        self._manned_at: dict[str, float] = {}
        self.coverage = Coverage()
        self.ended: dict[str, Ended] = {}
        self.covered_since: dict[str, float] = {}
        """ivrid -> since when something covers it."""
        self._sure_since: dict[str, float] = {}
        """The same, as it must know."""
        self._lapsed: set[str] = set()
        """Calls of these whose sections may have run out for the process: what covers one next may begin anew."""
        self.doubtful: set[str] = set()
        """Calls on which an earlier process worked just before it died, unknown to Redis: nobody knows who muted."""
        self._renewed: dict[str, float] = {}
        self._renewal_told: dict[str, float] = {}
        self._since: dict[tuple[str, str], float] = {}
        self._burst_at = float("-inf")
        self._unsure: set[str] = set()
        self._unsure_pairs: set[tuple[str, str]] = set()

    def successor(self, upto: float, doubtful: set[str]) -> "Told":
        """What the next process finds in Redis: what was known by `upto`; the rest it may or may not know."""
        heir = Told(holds=self._holds, idle_s=self._idle_s)
        heir.tolerance_s = self.tolerance_s
        heir.held_before = self.held_before
        for section_id, held in self._holding.items():
            heir._holding[section_id] = {ivrid: at if at <= upto else math.inf for ivrid, at in held.items()}
        heir.doubtful = self.doubtful | doubtful
        heir.ended = {name: ended for name, ended in self.ended.items() if ended.at <= upto}
        heir.uncovered_at = {ivrid: at for ivrid, at in self.uncovered_at.items() if at <= upto}
        heir.perhaps_uncovered_at = dict(self.perhaps_uncovered_at)
        ended_late = {name for name, ended in self.ended.items() if ended.at > upto}
        heir._unsure = self._unsure | ended_late
        late = [section for name in ended_late if (section := self.ended[name].section) is not None]
        for section in [*self.coverage.sections.values(), *late]:
            sid = section.section_id
            heir.coverage.sections[sid] = replace(section, calls=set(section.calls), by_leg=set(section.by_leg))
            heir._renewed[sid] = self._renewed[sid] if sid in self._renewed else self.ended[sid].renewed_at
            pairs = {(sid, ivrid) for ivrid in section.calls} & self._since.keys()
            heir._since |= {pair: self._since[pair] for pair in pairs}
            heir._unsure_pairs |= {pair for pair in pairs if self._since[pair] > upto} | (self._unsure_pairs & pairs)
            if self._started(sid) > upto or self._renewal_told.get(sid, 0.0) > upto:
                heir._unsure.add(sid)
        heir.covered_since = {ivrid: at for ivrid, at in self.covered_since.items() if heir.maybe(ivrid)}
        heir._sure_since = {ivrid: at for ivrid, at in self._sure_since.items() if heir._is_sure(ivrid)}
        lost = self.covered_since.keys() - heir.covered_since.keys()
        heir.covers = [*self.covers, *((ivrid, self.covered_since[ivrid], self._now, False) for ivrid in lost)]
        heir._note(upto)
        return heir

    def _started(self, section_id: str) -> float:
        return self._since.get((section_id, ""), float("inf"))

    # What is told

    def see(self, line: Line, calls: bool, now: float) -> None:
        """How a line is. Without `calls`, only who works there was told."""
        self.settle(now)
        if not calls:
            known = self.coverage.lines.get(line.sip)
            line = replace(line, legs=known.legs if known else ())
        else:
            self._heard_at[line.sip] = now
        self._manned_at[line.sip] = now
        if self.coverage.seen(line):
            self._note(now)
        self._note_idleness(now)

    def polled(self, line: Line, sent_at: float, now: float, *, synced: bool) -> None:
        """What Active Calls showed: while the feed is synced, only what that adds to what the feed tells."""
        self.settle(now)
        known = self.coverage.lines.get(line.sip)
        if self._heard_at.get(line.sip, 0.0) >= sent_at:  # the feed has told of it since
            return
        if synced and known is not None:
            kept = tuple(leg for leg in known.legs if line.leg(leg.ivrid) is None)
            told_since = self._manned_at.get(line.sip, 0.0) >= sent_at
            online = known.online_user_id if told_since else line.online_user_id or known.online_user_id
            line = replace(known, legs=kept + line.legs, online_user_id=online)
        if self.coverage.seen(line):
            self._note(now)
        self._note_idleness(now)

    def message(self, message: Message, now: float) -> None:
        self.settle(now)
        ended = self.ended.get(message.section_id)
        if message.target is None:
            self._end(message.section_id, now, final=True)
            return
        if ended is not None and ended.final:
            return
        happened_at = min(now, math.floor(message.at * 1000) / 1000)
        expires_at = happened_at + message.max_seconds
        running = self.coverage.sections.get(message.section_id)
        if running is not None:
            if running.expires_at - self.tolerance_s <= now:  # else it had run out: it begins anew, without its calls
                self._unsure_pairs |= {(message.section_id, ivrid) for ivrid in running.calls}
            if (happened_at, expires_at) > (self._renewed[message.section_id], running.expires_at):
                running.expires_at = expires_at
                self._renewed[message.section_id] = happened_at
                self._renewal_told[message.section_id] = now
            return
        if expires_at + self.tolerance_s <= now or (ended is not None and happened_at <= ended.renewed_at):
            return
        if abs(expires_at - now) <= self.tolerance_s:
            self._unsure.add(message.section_id)
        self.ended.pop(message.section_id, None)
        self._renewed[message.section_id] = happened_at
        self._renewal_told.pop(message.section_id, None)
        self._since[message.section_id, ""] = now
        self.coverage.start(Section(message.section_id, _target(*message.target), expires_at))
        self._note(now)
        self._note_idleness(now)

    def burst(self, message: Message, now: float) -> None:
        """A message among others that a process finds when it goes on after a standstill: what it covers then depends
        on which of them it reads first, so it may or may not cover what was up before."""
        self._burst_at = now
        self.message(message, now)
        self._unsure_pairs |= {pair for pair, since in self._since.items() if since == now and pair[1]}

    def perhaps(self, message: Message, now: float) -> None:
        """A message in the hands of a process that is stopping: it may not have looked at it any more."""
        self._unsure.add(message.section_id)
        if message.target is not None:
            self.message(message, now)

    def settle(self, now: float) -> None:
        """End the sections that have run out."""
        self._now = now
        if self.tolerance_s:
            self._lapsed |= {ivrid for ivrid in self._sure_since if not self.surely(ivrid)}
        due = [s for s in self.coverage.sections.values() if s.expires_at + self.tolerance_s <= now]
        for section in sorted(due, key=lambda section: section.expires_at):
            at = section.expires_at + self.tolerance_s
            if self._holds:
                sure = section.section_id not in self._unsure and not self.tolerance_s
                pairs = ((section.section_id, ivrid) for ivrid in section.calls)
                held = {pair[1]: at if sure and pair not in self._unsure_pairs else math.inf for pair in pairs}
                self._holding.setdefault(section.section_id, {}).update(held)
            self._end(section.section_id, at, final=False)

    def end_idle(self, section_id: str, now: float) -> bool:
        """The process says that it has ended this one for want of a call. Whether it may."""
        self.settle(now)
        section = self.coverage.sections.get(section_id)
        if section is None:
            return section_id in self.ended
        may = self._is_idle(section_id) or section_id in self._unsure
        self._end(section_id, now, final=False)
        return may

    def _note_idleness(self, now: float) -> None:
        for section in self.coverage.sections.values() if self._idle_s else ():
            if section.calls and not self.coverage.has_call(section):
                self._idle_since.setdefault(section.section_id, now)
            elif section.section_id in self._idle_since:
                if self._is_idle(section.section_id):  # the process may have ended it, and not said so yet
                    self._unsure.add(section.section_id)
                del self._idle_since[section.section_id]

    def _let_go(self, section_id: str, at: float) -> None:
        for ivrid, since in self._holding.pop(section_id, {}).items():
            if not self.maybe(ivrid):
                self.uncovered_at[ivrid] = at
                if since < math.inf:
                    self.perhaps_uncovered_at[ivrid] = at

    def _end(self, section_id: str, at: float, *, final: bool) -> None:
        section = self.coverage.sections.get(section_id)
        before = self.ended.get(section_id)
        self._idle_since.pop(section_id, None)
        if section is None:
            if before is None or not before.final:
                renewed_at = before.renewed_at if before else float("-inf")
                self.ended[section_id] = Ended(at, final, renewed_at, before.section if before else None)
                if final:
                    self._let_go(section_id, at)
            return
        self.ended[section_id] = Ended(at, final, self._renewed[section_id], section)
        for ivrid in section.calls:
            pair = (section_id, ivrid)
            if section_id not in self._unsure and ivrid not in self.doubtful and pair not in self._unsure_pairs:
                self.covers.append((ivrid, self._since[pair], at, True))
        covers = {ivrid: self.cover(ivrid) for ivrid in section.calls}
        sure = [ivrid for ivrid in section.calls if self._is_sure(ivrid)]
        for ivrid in self.coverage.end(section_id):
            since, _ = self.covered_since.pop(ivrid, None), self._sure_since.pop(ivrid, None)
            if since is not None:
                self.covers.append((ivrid, since, at, False))
            self.last_cover[ivrid] = covers[ivrid] if self.uncovered_at.get(ivrid) != at else None
            self.uncovered_at[ivrid] = at
        self.perhaps_uncovered_at.update((ivrid, at) for ivrid in sure if not self._is_sure(ivrid))
        for ivrid in section.calls & self._sure_since.keys():
            if not self._is_sure(ivrid):  # what may cover it still may not be known
                del self._sure_since[ivrid]
        if final:
            self._let_go(section_id, at)

    def _note(self, now: float) -> None:
        for section in self.coverage.sections.values():
            for ivrid in section.calls:
                if (section.section_id, ivrid) not in self._since:
                    self._since[section.section_id, ivrid] = now
                    if now == self._burst_at:
                        self._unsure_pairs.add((section.section_id, ivrid))
                if ivrid not in self.covered_since:
                    self.covered_since[ivrid] = now
                    self.held_before = self.held_before | {ivrid} if self.held(ivrid) else self.held_before - {ivrid}
                if ivrid not in self._sure_since and self._is_sure(ivrid):
                    self._sure_since[ivrid] = now
        for ivrid in {ivrid for ivrid in self._lapsed if self.surely(ivrid)}:
            self._sure_since[ivrid] = now
            self._lapsed.discard(ivrid)

    # What follows

    def surely(self, ivrid: str) -> bool:
        """Whether the process must know that this call is covered."""
        return any(
            ivrid in section.calls and self._sure(section) and (sid, ivrid) not in self._unsure_pairs
            for sid, section in self.coverage.sections.items()
        )

    def cover(self, ivrid: str) -> Cover | None:
        """Since when something covers it; None: nothing does."""
        since = self.covered_since.get(ivrid)
        return None if since is None else Cover(since, self._sure_since.get(ivrid) if self._is_sure(ivrid) else None)

    def in_a_burst(self, ivrid: str) -> bool:
        """Whether the cover began with a message that was found after a standstill: what ran out during that may have
        covered the call up to then, for the process."""
        return self.covered_since.get(ivrid) == self._burst_at

    def _is_sure(self, ivrid: str) -> bool:
        """Whether one of the sections that cover it does so for sure, whether or not its time is up."""
        pairs = ((sid, ivrid) for sid, section in self.coverage.sections.items() if ivrid in section.calls)
        return any(pair[0] not in self._unsure and pair not in self._unsure_pairs for pair in pairs)

    def maybe(self, ivrid: str) -> bool:
        """Whether it may be covered, or held, as far as the process knows."""
        return self.coverage.covered(ivrid) or self.held(ivrid)

    def held(self, ivrid: str) -> bool:
        """Whether a section that has run out may hold it."""
        return any(ivrid in held for held in self._holding.values())

    def held_since(self, ivrid: str) -> float:
        """Since when the process must know that it is held."""
        return min((held[ivrid] for held in self._holding.values() if ivrid in held), default=math.inf)

    def covers_unseen(self) -> bool:
        """Whether a call that may be covered, or held, was seen on no extension: it may be on any."""
        seen = {leg.ivrid for line in self.coverage.lines.values() for leg in line.legs}
        covers = [section.calls for section in self.coverage.sections.values()]
        return any(calls - seen for calls in [*covers, *(set(held) for held in self._holding.values())])

    def aims_at(self, sip: str) -> bool:
        """Whether a section may be aimed at this extension."""
        return any(self._aims(section, sip) for section in self.coverage.sections.values())

    def surely_aims_at(self, sip: str) -> float | None:
        """Since when a section that the process must know is aimed there; None: none is."""
        sections = self.coverage.sections.values()
        aiming = [section for section in sections if self._aims(section, sip) and self._sure(section)]
        return min((self._since.get((section.section_id, ""), 0.0) for section in aiming), default=None)

    def _sure(self, section: Section) -> bool:
        lasts = section.expires_at - self.tolerance_s > self._now and not self._is_idle(section.section_id)
        return section.section_id not in self._unsure and lasts

    def _is_idle(self, section_id: str) -> bool:
        """Whether the process may have ended it for that."""
        since = self._idle_since.get(section_id)
        return since is not None and self._now - since >= self._idle_s - IDLE_SLACK_S

    def _aims(self, section: Section, sip: str) -> bool:
        match section.target:
            case OnCall():
                return False
            case OnExtension(own):
                return own == sip
            case OnUser():
                return any(line.sip == sip for line in self.coverage._aimed_at(section.target))


def _target(key: str, value: str) -> Target:
    match key:
        case "extension":
            return OnExtension(value)
        case "user_id":
            return OnUser(value)
        case _:
            return OnCall(value)
