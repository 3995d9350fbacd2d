"""One engine with a store, an API and Active Calls of the test's own making, in virtual time."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from orchestrator.core.facts import ExtensionSeen, FeedChanged, SectionEnded, SectionStarted, SnapshotTaken
from orchestrator.core.model import Extension, FeedState, Leg, OnCall, OnExtension
from orchestrator.core.policy import Policy
from orchestrator.core.standing import Told
from orchestrator.core.state import State
from orchestrator.engine.loop import Engine
from tests.core.world import extension
from tests.engine.doubles import MemoryStore, Notebook, SameCalls, ScriptedApi
from tests.virtual_time import VirtualClock


@dataclass
class Stage:
    engine: Engine
    store: MemoryStore
    api: ScriptedApi
    book: Notebook
    told: list[Told]
    """What the CRM was told of the sections."""

    @property
    def words(self) -> list[tuple[str, str]]:
        return [(told.section.section_id, told.word.value) for told in self.told]

    def sees(self, sip: str, *legs: Leg) -> None:
        self.engine.learn(ExtensionSeen(extension(sip, *legs)))

    def starts(self, section_id: str, on: str, max_seconds: float | None = None) -> None:
        self.engine.learn(SectionStarted(section_id, OnExtension(on), max_seconds))

    def starts_on_call(self, section_id: str, ivrid: str) -> None:
        self.engine.learn(SectionStarted(section_id, OnCall(ivrid)))

    def loses_the_feed(self) -> None:
        self.engine.learn(FeedChanged(FeedState.DOWN))

    def sees_all(self, *extensions: Extension) -> None:
        self.engine.learn(SnapshotTaken(extensions))

    def ends(self, section_id: str) -> None:
        self.engine.learn(SectionEnded(section_id))


@asynccontextmanager
async def stage(max_concurrency: int = 64, policy: Policy | None = None, polls: bool = True) -> AsyncIterator[Stage]:
    """Without `polls` there is no code to poll with."""
    state, book, api = State(feed=FeedState.SYNCED), Notebook(), ScriptedApi()
    store, calls, rng = MemoryStore(state), SameCalls(state, api) if polls else None, random.Random(1)
    told: list[Told] = []
    own = policy or Policy()
    engine = Engine(state, own, VirtualClock(), rng, store, api, calls, book, max_concurrency, told.append)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(engine.run())
        yield Stage(engine, store, api, book, told)
        engine.stop()
