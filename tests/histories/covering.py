"""What is covered, said a second time and from the rules alone, without the core's bookkeeping.

It knows which sections run and what the extensions show, and keeps of its own what each section has covered so far.
Asked after every fact, it goes through everything there is: it is short, and slow.
"""

from dataclasses import dataclass, field

from orchestrator.core.changes import Changes
from orchestrator.core.facts import Fact, SectionWoke
from orchestrator.core.model import Extension, Leg, OnCall, OnExtension, OnUser, Section, Target
from orchestrator.core.mutes import wanted
from tests.core.world import World


@dataclass
class Covered:
    """By one section, from its start on."""

    calls: set[str] = field(default_factory=set)
    own: set[str] = field(default_factory=set)
    """Those of its extensions, whose related calls it covers, too."""


@dataclass
class Covering(World):
    """A world that compares after every fact: wanted muted is what is covered or held, and nothing else."""

    by: dict[str, Covered] = field(default_factory=dict)

    def passes(self, seconds: float) -> None:
        """What is due is woken before anything else is learned, as ever but after a standstill."""
        super().passes(seconds)
        for section_id in [each.section_id for each in self.state.sections.values() if each.expires_at <= self.now]:
            self.learn(SectionWoke(section_id))

    def learn(self, fact: Fact) -> Changes:
        changes = super().learn(fact)
        self.by = {section_id: self.by.get(section_id, Covered()) for section_id in self.state.sections}
        for section_id, covered in self.by.items():
            section = self.state.sections[section_id]
            if self.now < section.expires_at:
                _cover(covered, section, list(self.state.extensions.values()))
        held = {ivrid for ivrid, mute in self.state.mutes.items() if mute.held}
        every = self.state.mutes.keys() | self.covered
        assert {ivrid for ivrid in every if wanted(self.state, ivrid)} == self.covered | held, fact
        return changes

    @property
    def covered(self) -> set[str]:
        return {ivrid for covered in self.by.values() for ivrid in covered.calls}


def _cover(covered: Covered, section: Section, extensions: list[Extension]) -> None:
    aimed_at = _aimed_at(section.target, extensions)
    covered.own |= {leg.ivrid for ext in aimed_at for leg in ext.legs.values() if _counts(leg)}
    covered.calls |= covered.own
    if isinstance(section.target, OnCall):
        covered.calls.add(section.target.ivrid)
        return
    legs = [leg for ext in extensions for leg in ext.legs.values()]
    covered.calls |= {ivrid for leg in legs if leg.ivrid in covered.own for ivrid in leg.related}
    while names := {leg.ivrid for leg in legs if covered.calls & set(leg.related)} - covered.calls:
        covered.calls |= names


def _aimed_at(target: Target, extensions: list[Extension]) -> list[Extension]:
    """A user is where signed in; or, signed in nowhere, at what is theirs and free."""
    match target:
        case OnExtension(sip):
            return [ext for ext in extensions if ext.sip == sip]
        case OnUser(user_id):
            there = [ext for ext in extensions if ext.online_user_id == user_id]
            return there or [ext for ext in extensions if (ext.user_id, ext.online_user_id) == (user_id, None)]
        case OnCall():
            return []


def _counts(leg: Leg) -> bool:
    return leg.answered or leg.status in ("Talking", "Hold") or leg.direction in ("Outgoing", "Click2Call")
