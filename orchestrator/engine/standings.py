"""How the sections of one account stand, told when it changes.

Guarantees: a section is told of when it stands otherwise than it was last told, a moment after the change (nothing
that mutes a call waits for it); of a burst of changes the last one counts; the last word about a section is its end;
a new process tells anew how each section stands.
"""

import asyncio
from collections.abc import Callable

from orchestrator.clock import Clock
from orchestrator.core import view
from orchestrator.core.changes import Changes
from orchestrator.core.model import Section
from orchestrator.core.notices import SectionClosed, SectionExpiring
from orchestrator.core.policy import Policy
from orchestrator.core.standing import SectionStanding, Standing, Told, Word
from orchestrator.core.state import State

TELL_AFTER_S = 0.003
ENDED = "ended"


class Standings:
    def __init__(self, state: State, policy: Policy, clock: Clock, tell: Callable[[Told], None]) -> None:
        self._state = state
        self._policy = policy
        self._clock = clock
        self._tell = tell
        self._heard: list[Changes] = []
        self._touched: set[str] = set()
        self._expiring: dict[str, Section] = {}
        self._closed: list[SectionClosed] = []
        self._told: dict[str, Standing] = {}
        self._news: dict[str, asyncio.Event] = {}
        self._timer: asyncio.TimerHandle | None = None

    def heed(self, changes: Changes) -> None:
        """These changed: whoever is concerned is looked at in a moment."""
        self._heard.append(changes)
        self._set_timer()

    def look(self) -> None:
        """Time has passed: what is being muted may have been open for too long."""
        self._touched |= {section_id for section_id, standing in self._told.items() if standing is Standing.MUTING}
        if self._touched:
            self._set_timer()

    async def changed(self, section_id: str) -> None:
        """Wait until the section stands otherwise than now, or something of it was told."""
        news = self._news.setdefault(section_id, asyncio.Event())
        await news.wait()

    def tell(self) -> None:
        """Tell what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        heard, self._heard = self._heard, []
        for changes in heard:
            self._take_in(changes)
        touched, self._touched = self._touched, set()
        for section_id in sorted(touched):
            section = self._state.sections.get(section_id)
            if section is not None:
                self._look_at(section)
        closed, self._closed = self._closed, []
        for notice in closed:
            self._end(notice)

    def _take_in(self, changes: Changes) -> None:
        state, touched = self._state, self._touched
        touched |= changes.sections
        for ivrid in changes.calls:
            touched |= state.covering.get(ivrid, frozenset())
        for sip in changes.extensions | changes.blind | changes.aimed:
            touched |= state.watching.get(sip, frozenset())
        for notice in changes.notices:
            if isinstance(notice, SectionClosed):
                self._closed.append(notice)
            elif isinstance(notice, SectionExpiring):
                self._expiring[notice.section.section_id] = notice.section

    def _look_at(self, section: Section) -> None:
        now = self._clock.now()
        stands = view.stand(self._state, section, now, self._policy)
        before = self._told.get(section.section_id)
        self._told[section.section_id] = stands.standing
        if self._expiring.pop(section.section_id, None) is not None:
            self._say(Word.EXPIRING, stands, now)
        if stands.standing is before:
            return
        if stands.standing is Standing.MUTING:
            self._rouse(section.section_id)
        else:
            self._say(Word(stands.standing.value), stands, now)

    def _end(self, notice: SectionClosed) -> None:
        section_id = notice.section.section_id
        if section_id not in self._state.sections:  # else it has begun anew since
            self._told.pop(section_id, None)
        self._expiring.pop(section_id, None)
        self._tell(Told(Word.ENDED, notice.section, ENDED, notice.calls, notice.at, notice.cause))
        self._rouse(section_id)

    def _say(self, word: Word, stands: SectionStanding, now: float) -> None:
        self._tell(Told(word, stands.section, stands.standing.value, stands.calls, now))
        self._rouse(stands.section.section_id)

    def _rouse(self, section_id: str) -> None:
        news = self._news.pop(section_id, None)
        if news is not None:
            news.set()

    def _set_timer(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TELL_AFTER_S, self.tell)
