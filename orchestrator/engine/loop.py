"""The loop of one account: what is learned is folded, and what differs from the wish is worked off.

Guarantees: the state changes only in `learn`, synchronously and in the order of arrival; an intention is in
Redis before its request is sent, unless Redis takes longer than `WRITE_AHEAD_S`; a request is for the state
wanted when it is sent; there is at most one request at a time for a call and `max_concurrency` in all; a
stopped engine finishes what is in flight and opens nothing.
"""

import asyncio
import random
from typing import assert_never

from orchestrator.clock import Clock
from orchestrator.core.facts import Fact, MuteAnswered, MuteAsked, MuteWithdrawn, SectionWoke, Swept
from orchestrator.core.fold import fold
from orchestrator.core.model import Policy, State
from orchestrator.core.mutes import wanted
from orchestrator.core.reconcile import Ask, Later, Settled, reconcile, urgent
from orchestrator.core.sections import wakes_at
from orchestrator.engine.keyqueue import KeyQueue, QueueClosed
from orchestrator.engine.notices import AttemptMade, StoreSlow
from orchestrator.engine.ports import Marks, MuteApi, Observer, Store

WRITE_AHEAD_S = 0.05
"""How long a request waits at most for its intention to be in Redis: Redis away must not leave a call open."""
SWEEP_EVERY_S = 5.0


class Engine:
    def __init__(
        self,
        state: State,
        policy: Policy,
        clock: Clock,
        rng: random.Random,
        store: Store,
        api: MuteApi,
        observer: Observer,
        max_concurrency: int,
    ) -> None:
        self.state = state
        self._policy = policy
        self._clock = clock
        self._rng = rng
        self._store = store
        self._api = api
        self._observer = observer
        self._max_concurrency = max_concurrency
        self._calls: KeyQueue[str] = KeyQueue(clock.now, lambda ivrid: urgent(state, ivrid))
        self._sections: KeyQueue[str] = KeyQueue(clock.now, lambda section_id: True)

    def learn(self, fact: Fact) -> None:
        """Take in a fact: fold it, mark what Redis must hear of, queue what may be due, tell the observers."""
        changes = fold(self.state, fact, self._clock.now(), self._policy)
        for ivrid in changes.calls:
            self._calls.add(ivrid)
        marks = Marks(changes.sections, changes.calls, changes.extensions)
        if marks:  # after the calls: a worker that wakes adds its intention before the store writes
            self._store.mark(marks)
        for section_id in changes.sections:
            self._set_wake(section_id)
        for notice in changes.notices:
            self._observer.notice(notice)

    async def run(self) -> None:
        """Work until stopped. Returns when what was in flight at `stop` is finished."""
        async with asyncio.TaskGroup() as tasks:
            sweeper = tasks.create_task(self._sweep())
            keeper = tasks.create_task(self._keep_sections())
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._max_concurrency):
                    workers.create_task(self._work())
            sweeper.cancel()
            keeper.cancel()

    def stop(self) -> None:
        """Hand out no more work; `run` returns when the requests in flight are over."""
        self._calls.close()
        self._sections.close()

    async def reconcile_once(self, ivrid: str) -> None:
        """One pass over one call: ask what is due now, and do that much."""
        match reconcile(self.state, ivrid, self._clock.now()):
            case Settled():
                pass
            case Later(at):
                self._calls.add_at(ivrid, at)
            case Ask(muted):
                await self._attempt(ivrid, muted)
            case never:
                assert_never(never)

    async def _attempt(self, ivrid: str, muted: bool) -> None:
        """One request. It is made ready while Redis writes its intention down, and sent if it is still wanted then."""
        self.learn(MuteAsked(ivrid, muted))
        began = self._clock.now()

        async def permit() -> bool:
            nonlocal began
            await self._write_ahead()
            began = self._clock.now()
            return wanted(self.state, ivrid) is muted

        await asyncio.sleep(0)  # the store sends first
        outcome = await self._api.set_muted(ivrid, muted, permit)
        if outcome is None:
            self.learn(MuteWithdrawn(ivrid))
            return
        self._observer.notice(AttemptMade(ivrid, muted, outcome.verdict, self._clock.now() - began))
        self.learn(MuteAnswered(ivrid, muted, outcome, self._rng.random()))

    async def _write_ahead(self) -> None:
        waits_since = self._clock.now()
        if not await self._store.saved(WRITE_AHEAD_S):
            self._observer.notice(StoreSlow(self._clock.now() - waits_since))

    async def _work(self) -> None:
        while True:
            try:
                ivrid = await self._calls.get()
            except QueueClosed:
                return
            try:
                await self.reconcile_once(ivrid)
            finally:
                self._calls.done(ivrid)

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
