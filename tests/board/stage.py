"""An engine in virtual time, with all that looks on: recorders, a board, hands."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from orchestrator.board.board import Board, Reader
from orchestrator.board.hand import Hand
from orchestrator.board.keeping import Keeper
from orchestrator.core.facts import Fact, SnapshotTaken
from orchestrator.core.model import Extension, FeedState
from orchestrator.core.policy import Policy
from orchestrator.core.state import State
from orchestrator.desk import Desk
from orchestrator.engine.loop import Engine
from orchestrator.telemetry.history import History
from orchestrator.telemetry.observer import Broadcast, LogObserver
from orchestrator.telemetry.recent import Recent
from orchestrator.telemetry.timelines import Timelines
from orchestrator.telemetry.turned import Turned
from tests.core.world import extension
from tests.engine.doubles import MemoryStore, Notebook, SameCalls, ScriptedApi
from tests.engine.stage import Stage
from tests.virtual_time import VirtualClock


class Clock(VirtualClock):
    ahead_s = 0.0

    def at_wall(self, epoch_s: float) -> float:
        return epoch_s


class Kept(MemoryStore):
    healthy = True

    async def kept(self) -> None:
        """At once."""


@dataclass
class Lease:
    problem: str | None = None


@dataclass
class Account:
    """What the daemon's accounts show of themselves."""

    name: str
    policy: Policy
    engine: Engine
    store: Kept
    observer: Broadcast
    timelines: Timelines
    turned: Turned
    lease: Lease = field(default_factory=Lease)


@dataclass
class Office(Stage):
    account: Account
    board: Board
    hand: Hand
    history: History
    recent: Recent
    problems: dict[str, str]

    def learn(self, fact: Fact) -> None:
        self.engine.learn(fact)


@asynccontextmanager
async def office(policy: Policy | None = None, *extensions: Extension) -> AsyncIterator[Office]:
    state, clock, book, api = State(feed=FeedState.SYNCED), Clock(), Notebook(), ScriptedApi()
    history, recent, timelines, turned = History(clock), Recent(clock), Timelines(state, clock), Turned(clock)
    later = asyncio.get_running_loop().call_later
    observer = Broadcast(book, timelines, history, turned, LogObserver(recent, "main", later))
    store, own = Kept(state), policy or Policy()
    engine = Engine(
        state, own, clock, random.Random(1), store, api, SameCalls(state, api), observer, 64, lambda _told: None
    )
    engine.heeding.append(timelines.heed)
    account = Account("main", own, engine, store, observer, timelines, turned)
    accounts, problems = {"main": account}, dict[str, str]()
    desk = Desk(accounts, clock, book)
    board = Board(accounts, Keeper(accounts, clock, lambda: problems, history, recent), desk, clock, history)
    hand = Hand(desk, accounts, clock, random.Random(2))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(engine.run())
        engine.learn(SnapshotTaken((*extensions, extension("s1"), extension("s2"))))
        await asyncio.sleep(0.01)
        with desk.open():
            yield Office(engine, store, api, book, [], account, board, hand, history, recent, problems)
        engine.stop()


async def told(reader: Reader) -> tuple[str, Any]:
    event = await reader.next()
    return event.kind, json.loads(event.data)
