"""One process of the daemon: app.py's own wiring, in a world without sockets. The only file that assembles it."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self, cast

from pydantic import SecretStr

from orchestrator import app
from orchestrator.audit.journal import FileJournal, Journal, kept
from orchestrator.clock import Clock
from orchestrator.config import Config
from orchestrator.config.schema import Account, Crm, Policy, Redis
from orchestrator.core.state import State
from orchestrator.engine.ports import Observer
from orchestrator.outside import Outside
from orchestrator.store.instance import Instance
from orchestrator.store.lease import LeaseLost
from orchestrator.telemetry.events import Event
from orchestrator.telemetry.logs import Log
from tests.simulation.evidence import Archive, AtOnce, MemoryBook
from tests.simulation.feed import FeedHub
from tests.simulation.loop import Process, ProcessClock, SimulatedLoop
from tests.simulation.vendor import CODE, LOGIN, MUTE, POLL, REFRESH, TOKEN, Vendor

ACCOUNT = "main"
STREAM, LIST, CHANNEL = "crm:sensitive", "crm:list", "crm.sensitive"

Tell = Callable[[str, Mapping[str, Any]], None]
"""A log line: the name of its event, its fields."""


def config(*, holds: bool, idle_s: float, polls: bool) -> Config:
    account = Account(
        login_type="token",
        token=SecretStr(TOKEN),
        login_url=LOGIN,
        refresh_url=REFRESH,
        mute_url=MUTE,
        active_calls_url=POLL,
        api_code=SecretStr(CODE) if polls else None,
    )
    return Config(
        redis=Redis(url=SecretStr("redis://redis.example:6379/0")),
        accounts={ACCOUNT: account},
        crm=Crm(streams=(STREAM,), lists=(LIST,), channels=(CHANNEL,)),
        policy=Policy(on_expiry="hold" if holds else "unmute", end_after_idle_seconds=idle_s),
    )


class Lines:
    """Stands where the log does, so what is judged is what would be logged."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def write(self, event: Event, *, level: object = None, **fields: Any) -> None:
        self._tell(event.name, fields)

    def bind(self, _account: str) -> Self:
        return self


class Daemon:
    def __init__(
        self,
        loop: SimulatedLoop,
        name: str,
        settings: Config,
        vendor: Vendor,
        hub: FeedHub,
        clock: ProcessClock,
        rng: random.Random,
        tell: Tell,
        archive: Archive,
    ) -> None:
        self.process = Process(name)
        self.daemon: app.Daemon | None = None
        self._loop = loop
        self._settings = settings
        self._stop = asyncio.Event()
        self._log = cast("Log", Lines(tell))
        me = Instance(name, 1, "boot", "pids", "0")  # each on a machine of its own: none sees that another is gone
        self._archive = archive
        self._book: MemoryBook | None = None
        connect, audit = cast("Any", hub.connect), cast("Any", self._audit)
        self._outside = Outside(clock, rng, me, vendor.session, connect, audit)
        self.task = loop.start(self.process, self._run())

    @asynccontextmanager
    async def _audit(
        self, _folder: object, keep_days: int, clock: Clock, observer: Observer
    ) -> AsyncIterator[Journal]:
        """Kept in memory: a thread that writes files would have a time of its own."""
        folder = self._archive.take()

        def opens() -> MemoryBook:
            self._book = MemoryBook(folder)
            return self._book

        async with kept(FileJournal(opens, AtOnce(), keep_days, clock, observer)) as journal:
            yield journal

    def die(self) -> None:
        """SIGKILL: what its audit has not written is never written."""
        if self._book is not None:
            self._book.die()

    async def _run(self) -> None:
        async with AsyncExitStack() as stack:
            self.daemon = await app.assemble(self._settings, self._log, stack, self._outside)
            await self.daemon.work(self._stop)

    def stop(self) -> None:
        """SIGTERM."""
        self._stop.set()

    @property
    def owns(self) -> bool:
        """Whether it believes that the account is its own."""
        return self.daemon is not None and self.daemon._accounts[ACCOUNT].lease.problem is None

    @property
    def failure(self) -> BaseException | None:
        """Why it ended, where it should not have."""
        if not self.task.done() or self.task.cancelled():
            return None
        error = self.task.exception()
        return None if error is None or _only_lost(error) else error

    @property
    def is_up(self) -> bool:
        """Whether it has read what was left to it."""
        return (
            self.daemon is not None
            and self.owns
            and self.daemon._accounts[ACCOUNT].restored.is_set()
            and not self.state.backlog
        )

    @property
    def problems(self) -> Mapping[str, str]:
        """As `/readyz` tells them."""
        return {"daemon": "not assembled yet"} if self.daemon is None else self.daemon.problems()

    @property
    def state(self) -> State:
        assert self.daemon is not None
        return self.daemon._accounts[ACCOUNT].engine.state


def _only_lost(error: BaseException) -> bool:
    """It ended because another process has taken over."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(_only_lost, error.exceptions))
    return isinstance(error, LeaseLost)
