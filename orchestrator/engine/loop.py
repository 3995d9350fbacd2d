"""The loop of one account: what is learned is folded, and what differs from the wish is worked off.

Guarantees: the state changes only in `learn`, synchronously and in the order of arrival; an intention is in
Redis before its request is sent, unless Redis takes longer than `WRITE_AHEAD_S`; a request is for the state
wanted when it is sent; there is at most one request at a time for a call and `max_concurrency` in all; a
stopped engine finishes what is in flight and opens nothing.
"""

import asyncio
import random
from collections.abc import Callable
from typing import assert_never

from orchestrator.clock import Clock
from orchestrator.core import blind, mutes
from orchestrator.core.changes import Changes
from orchestrator.core.facts import (
    ExtensionAnswered,
    ExtensionAsked,
    ExtensionWithdrawn,
    Fact,
    MuteAnswered,
    MuteAsked,
    MuteWithdrawn,
    PolicyChanged,
    SectionWoke,
    Swept,
)
from orchestrator.core.fold import fold
from orchestrator.core.policy import Policy
from orchestrator.core.reconcile import Ask, Decision, Later, Settled, reconcile, reconcile_extension, urgent
from orchestrator.core.sections import wakes_at
from orchestrator.core.standing import Told
from orchestrator.core.state import State
from orchestrator.engine.keyqueue import KeyQueue, QueueClosed
from orchestrator.engine.notices import AttemptMade, StoreSlow
from orchestrator.engine.poller import Poller
from orchestrator.engine.ports import ActiveCalls, Marks, MuteApi, Observer, Store
from orchestrator.engine.standings import Standings

WRITE_AHEAD_S = 0.05
"""How long a request waits at most for its intention to be in Redis: Redis away must not leave a call open."""
SWEEP_EVERY_S = 0.5

CALL, EXTENSION = "call", "extension"
Key = tuple[str, str]
"""What is worked on: (CALL, ivrid), or (EXTENSION, SIP id) while its calls cannot be seen."""


class Engine:
    def __init__(
        self,
        state: State,
        policy: Policy,
        clock: Clock,
        rng: random.Random,
        store: Store,
        api: MuteApi,
        calls: ActiveCalls | None,
        observer: Observer,
        max_concurrency: int,
        tell: Callable[[Told], None] = lambda _told: None,
    ) -> None:
        """Without `calls` there is no code to poll with. `tell` hears how the sections stand."""
        self.state = state
        self._policy = policy
        self._clock = clock
        self._rng = rng
        self._store = store
        self._api = api
        self._observer = observer
        self._max_concurrency = max_concurrency
        self._due: KeyQueue[Key] = KeyQueue(clock.now, self._urgent)
        self.standings = Standings(state, lambda: self._policy, clock, tell)
        self.heeding: list[Callable[[Changes], None]] = [self.standings.heed]
        """These hear of whatever changed, and do no more at that moment than to keep it in mind."""
        self._sections: KeyQueue[str] = KeyQueue(clock.now, lambda section_id: True)
        self._poller = Poller(state, lambda: self._policy, clock, calls, self.learn, observer) if calls else None

    @property
    def policy(self) -> Policy:
        """The one that holds now: whoever decides by it asks for it here."""
        return self._policy

    def govern(self, policy: Policy) -> None:
        """Decide by this policy from now on, also about what is known already."""
        self._policy = policy
        self.learn(PolicyChanged())

    def learn(self, fact: Fact) -> None:
        """Take in a fact: fold it, mark what Redis must hear of, queue what may be due, tell the observers."""
        changes = fold(self.state, fact, self._clock.now(), self._policy)
        for ivrid in changes.calls:
            self._due.add((CALL, ivrid))
        for sip in changes.blind:
            self._queue_extension(sip)
        marks = Marks(changes.sections, changes.calls, changes.extensions, changes.blind)
        if marks:  # after the calls: a worker that wakes adds its intention before the store writes
            self._store.mark(marks)
        for section_id in changes.sections:
            self._set_wake(section_id)
        if changes.sections and self._poller:
            self._poller.rouse()
        for heed in self.heeding:
            heed(changes)
        for notice in changes.notices:
            self._observer.notice(notice)

    async def run(self) -> None:
        """Work until stopped. Returns when what was in flight at `stop` is finished."""
        async with asyncio.TaskGroup() as tasks:
            endless = [self._sweep(), self._keep_sections()]
            if self._poller:
                endless.append(self._poller.run())
            lasting = [tasks.create_task(each) for each in endless]
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._max_concurrency):
                    workers.create_task(self._work())
            for task in lasting:
                task.cancel()

    def stop(self) -> None:
        """Hand out no more work; `run` returns when the requests in flight are over."""
        self._due.close()
        self._sections.close()

    async def work_once(self, key: Key) -> None:
        """One pass over one call or extension: ask what is due now, and do that much."""
        match self._decide(key):
            case Settled():
                pass
            case Later(at):
                self._due.add_at(key, at)
            case Ask(muted, sip):
                await (self._ask_call(key[1], muted, sip) if key[0] == CALL else self._ask_extension(key[1], muted))
            case never:
                assert_never(never)

    def _decide(self, key: Key) -> Decision:
        kind, name = key
        decide = reconcile if kind == CALL else reconcile_extension
        return decide(self.state, name, self._clock.now())

    def _queue_extension(self, sip: str) -> None:
        """At once only where something is due: most claims wait for the feed to tell what it knows."""
        match self._decide(key := (EXTENSION, sip)):
            case Later(at):
                self._due.add_at(key, at)
            case _:
                self._due.add(key)

    def _urgent(self, key: Key) -> bool:
        kind, name = key
        return urgent(self.state, name) if kind == CALL else blind.wanted(self.state, name)

    async def _ask_call(self, ivrid: str, muted: bool, sip: str | None) -> None:
        """One request, sent when Redis has its intention, if it is still wanted then."""
        self.learn(MuteAsked(ivrid, muted, sip))
        await self._write_ahead()
        may_open = muted or sip is None or self._may_open(sip)
        if not may_open or mutes.wanted(self.state, ivrid) is not muted:
            self.learn(MuteWithdrawn(ivrid))
            return
        began = self._clock.now()
        if sip is None:
            outcome = await self._api.set_muted(ivrid, muted)
        else:
            outcome = await self._api.set_extension_muted(sip, muted)
        self._observer.notice(AttemptMade(ivrid, sip, muted, outcome.verdict, self._clock.now() - began))
        self.learn(MuteAnswered(ivrid, muted, outcome, self._rng.random(), sip))

    async def _ask_extension(self, sip: str, muted: bool) -> None:
        """The same, for whatever calls the extension has up."""
        self.learn(ExtensionAsked(sip))
        await self._write_ahead()
        if blind.wanted(self.state, sip) is not muted or not (muted or self._may_open(sip)):
            self.learn(ExtensionWithdrawn(sip))
            return
        began = self._clock.now()
        outcome = await self._api.set_extension_muted(sip, muted)
        self._observer.notice(AttemptMade(None, sip, muted, outcome.verdict, self._clock.now() - began))
        self.learn(ExtensionAnswered(sip, muted, outcome, self._rng.random()))

    def _may_open(self, sip: str) -> bool:
        return blind.may_open(self.state, sip, self._clock.now())

    async def _write_ahead(self) -> None:
        waits_since = self._clock.now()
        if not await self._store.saved(WRITE_AHEAD_S):
            self._observer.notice(StoreSlow(self._clock.now() - waits_since))

    async def _work(self) -> None:
        while True:
            try:
                key = await self._due.get()
            except QueueClosed:
                return
            try:
                await self.work_once(key)
            finally:
                self._due.done(key)

    async def _keep_sections(self) -> None:
        while True:
            try:
                section_id = await self._sections.get()
            except QueueClosed:
                return
            self.learn(SectionWoke(section_id))
            self._sections.done(section_id)
            self._set_wake(section_id)

    def _set_wake(self, section_id: str) -> None:
        section = self.state.sections.get(section_id)
        if section is not None:
            self._sections.add_at(section_id, wakes_at(section, self._policy))

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            self.learn(Swept())
            self.standings.look()
