"""Asks Active Calls for what the core wants to see (`core.polls` decides which extensions, and when).

Guarantees: a key is asked for once at a time; a slow answer delays no other key, up to `AT_ONCE` of them; what was
asked at is kept with the answer, since an answer is as old as its question.
"""

import asyncio
from collections.abc import Callable
from typing import NoReturn

from orchestrator.clock import Clock
from orchestrator.core import polls
from orchestrator.core.facts import Fact, PollAnswered, PollingConfigured, PollSent
from orchestrator.core.policy import Policy
from orchestrator.core.state import PollFailed, State
from orchestrator.engine.notices import PollMade
from orchestrator.engine.ports import ActiveCalls, Observer

AT_ONCE = 8
LOOK_EVERY_S = 0.5
"""How often it is looked whether a key became worth polling, or fell due."""
PAUSE_S = 0.05
"""Least time between two looks: a burst of sections is looked at once."""


class Poller:
    def __init__(
        self,
        state: State,
        policy: Callable[[], Policy],
        clock: Clock,
        calls: ActiveCalls,
        learn: Callable[[Fact], None],
        observer: Observer,
    ) -> None:
        self._state = state
        self._policy = policy
        self._clock = clock
        self._calls = calls
        self._learn = learn
        self._observer = observer
        self._news = asyncio.Event()
        self._free = asyncio.Semaphore(AT_ONCE)

    def rouse(self) -> None:
        """Something changed that may be worth a poll at once."""
        self._news.set()

    async def run(self) -> NoReturn:
        """Poll until cancelled."""
        self._learn(PollingConfigured())
        async with asyncio.TaskGroup() as tasks:
            while True:
                due, next_at = polls.plan(self._state, self._clock.now(), self._policy())
                for key in due:
                    self._learn(PollSent(key))
                    tasks.create_task(self._ask(key))
                await self._rest(next_at)

    async def _rest(self, next_at: float | None) -> None:
        """Until something is due, or there is news."""
        self._news.clear()
        await asyncio.sleep(PAUSE_S)
        wait_s = LOOK_EVERY_S if next_at is None else min(LOOK_EVERY_S, next_at - self._clock.now())
        if wait_s > PAUSE_S:
            timer = asyncio.get_running_loop().call_later(wait_s - PAUSE_S, self._news.set)
            try:
                await self._news.wait()
            finally:
                timer.cancel()

    async def _ask(self, key: str) -> None:
        async with self._free:
            sent_at = self._clock.now()
            answer = await self._calls.ask(None if key == polls.ALL else key)
        failed = isinstance(answer, PollFailed)
        why = answer.why if isinstance(answer, PollFailed) else ""
        self._observer.notice(PollMade(key or None, not failed, why, self._clock.now() - sent_at))
        self._learn(PollAnswered(key, sent_at, answer))
