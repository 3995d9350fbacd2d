"""Which calls a sensitive section covers: the rules, stated here a second time and independently of the daemon.

Guarantees: a section on an extension covers every leg that counts there from its start to its end, whenever the
leg begins, the calls that such a call's legs name as related, and those whose legs name a covered call (what an
attended transfer joins goes on as a new call). A section on a user does the same at the extensions where the user is
signed in now (signed in nowhere: at the user's own, unless somebody else is there). A section on a call covers that
call alone. What was covered stays covered until the section ends.
"""

from dataclasses import dataclass, field

from orchestrator.simulator.telephony import Leg, Line


@dataclass(frozen=True, slots=True)
class OnExtension:
    sip: str


@dataclass(frozen=True, slots=True)
class OnUser:
    user_id: str


@dataclass(frozen=True, slots=True)
class OnCall:
    ivrid: str


Target = OnExtension | OnUser | OnCall


@dataclass(slots=True)
class Section:
    section_id: str
    target: Target
    expires_at: float
    by_leg: set[str] = field(default_factory=set)
    """Calls covered for a leg of their own: their related calls are covered with them."""
    calls: set[str] = field(default_factory=set)


class Coverage:
    """The lines as they are, the sections that run, and what those cover."""

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}
        self.sections: dict[str, Section] = {}
        self._near: dict[str, set[str]] = {}  # user -> extensions of that user's own, or with that user signed in
        self._relating: dict[str, Line] = {}  # lines with a leg that names related calls

    def covered(self, ivrid: str) -> bool:
        return any(ivrid in section.calls for section in self.sections.values())

    def evident(self, ivrid: str) -> bool:
        """Whether the call is covered for somebody who sees how things are now, and not how they came to be so."""
        anew = (Section(known.section_id, known.target, known.expires_at) for known in self.sections.values())
        return any(ivrid in self._reach(section) for section in anew)

    def seen(self, line: Line) -> set[str]:
        """The extension is so now. Returns the calls that came under a section by it."""
        before = self.lines.get(line.sip, line)
        people = {line.user_id, line.online_user_id, before.online_user_id}
        for user_id in (line.user_id, line.online_user_id):
            if user_id is not None:
                self._near.setdefault(user_id, set()).add(line.sip)
        self.lines[line.sip] = line
        self._relating.pop(line.sip, None)
        if any(leg.related for leg in line.legs):
            self._relating[line.sip] = line
        touched = [section for section in self.sections.values() if _touches(section, line, people)]
        return {ivrid for section in touched for ivrid in self._reach(section)}

    def has_call(self, section: Section) -> bool:
        """Whether a call counts where the section is aimed; of one on a call: whether that is seen anywhere."""
        match section.target:
            case OnCall(ivrid):
                return any(line.leg(ivrid) is not None for line in self.lines.values())
            case target:
                return any(leg.counts for line in self._aimed_at(target) for leg in line.legs)

    def start(self, section: Section) -> set[str]:
        self.sections[section.section_id] = section
        return self._reach(section)

    def end(self, section_id: str) -> set[str]:
        """Returns the calls that no other section covers."""
        section = self.sections.pop(section_id)
        return {ivrid for ivrid in section.calls if not self.covered(ivrid)}

    def _reach(self, section: Section) -> set[str]:
        """Bring under the section what it covers as things are. Returns what is new."""
        if isinstance(section.target, OnCall):
            reached = {section.target.ivrid}
        else:
            for line in self._aimed_at(section.target):
                section.by_leg.update(leg.ivrid for leg in line.legs if leg.counts)
            reached = section.calls | section.by_leg
            for line in self._relating.values():
                reached.update(*(leg.related for leg in line.legs if leg.ivrid in section.by_leg))
            while on := {leg.ivrid for leg in self._naming(reached)} - reached:
                reached |= on
        new = reached - section.calls
        section.calls |= new
        return new

    def _naming(self, ivrids: set[str]) -> list[Leg]:
        lines = self._relating.values()
        return [leg for line in lines for leg in line.legs if not ivrids.isdisjoint(leg.related)]

    def _aimed_at(self, target: OnExtension | OnUser) -> list[Line]:
        if isinstance(target, OnExtension):
            return [self.lines[target.sip]] if target.sip in self.lines else []
        near = [self.lines[sip] for sip in self._near.get(target.user_id, ())]
        online = [line for line in near if line.online_user_id == target.user_id]
        return online or [line for line in near if line.user_id == target.user_id and line.online_user_id is None]


def _touches(section: Section, line: Line, people: set[str | None]) -> bool:
    """Whether the section may reach more calls by what was seen of this line, where these people are or were."""
    match section.target:
        case OnExtension(sip) if sip == line.sip:
            return True
        case OnUser(user_id) if user_id in people:
            return True
    return any(leg.ivrid in section.by_leg or not section.calls.isdisjoint(leg.related) for leg in line.legs)
