"""How the sections of one account stand, told when it changes.

Guarantees: a section is told of when it stands otherwise than it was last told, a moment after the change (nothing
that mutes a call waits for it); of a burst of changes the last one counts; the last word about a section is its end;
a new process tells anew how each section stands.
"""

import asyncio
from collections.abc import Callable, Iterable

from orchestrator.clock import Clock
from orchestrator.core import view
from orchestrator.core.changes import Changes
from orchestrator.core.model import Section
from orchestrator.core.notices import SectionClosed, SectionExpiring
from orchestrator.core.policy import Policy
from orchestrator.core.standing import SectionStanding, Standing, Told, Word
from orchestrator.core.state import State

TELL_AFTER_S = 0.003


class Standings:
    def __init__(
        self, state: State, policy: Callable[[], Policy], clock: Clock, tell: Callable[[Told], None]
    ) -> None:
        self._state = state
        self._policy = policy
        self._clock = clock
        self._tell = tell
        self._heard: list[Changes] = []
        self._due: set[str] = set()
        self._told: dict[str, Standing] = {}
        self._news: dict[str, asyncio.Event] = {}
        self._timer: asyncio.TimerHandle | None = None

    def heed(self, changes: Changes) -> None:
        """These changed: whoever is concerned is looked at in a moment."""
        self._heard.append(changes)
        self._set_timer()

    def look(self) -> None:
        """Time has passed: what is being muted may have been open for too long."""
        self._due |= {section_id for section_id, standing in self._told.items() if standing is Standing.MUTING}
        if self._due:
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
        due, self._due = self._due, set()
        notices = [notice for changes in heard for notice in changes.notices]
        expiring = {notice.section.section_id for notice in notices if isinstance(notice, SectionExpiring)}
        for section_id in sorted(due | self._concerned(heard)):
            section = self._state.sections.get(section_id)
            if section is not None:
                self._look_at(section, section_id in expiring)
        for notice in notices:
            if isinstance(notice, SectionClosed):
                self._end(notice)

    def _concerned(self, heard: Iterable[Changes]) -> set[str]:
        """The sections that may stand otherwise than they were told of."""
        state = self._state
        concerned: set[str] = set()
        for changes in heard:
            concerned |= changes.sections
            for ivrid in changes.calls:
                concerned |= state.covering.get(ivrid, frozenset())
            for sip in changes.extensions | changes.blind | changes.aimed:
                concerned |= state.watching.get(sip, frozenset())
        return concerned

    def _look_at(self, section: Section, expiring: bool) -> None:
        now = self._clock.now()
        stands = view.stand(self._state, section, now, self._policy())
        before = self._told.get(section.section_id)
        self._told[section.section_id] = stands.standing
        if expiring:
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
        ended = Word.ENDED
        self._tell(Told(ended, notice.section, ended.value, notice.calls, notice.at, notice.cause))
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
