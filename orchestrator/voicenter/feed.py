"""The real-time feed of one account: logged in, connected and followed for as long as `run` is awaited.

Guarantees: what the feed tells reaches `learn` in the order of arrival, synchronously; every change of how far it
can be believed is told as a `FeedChanged` (SYNCED by the snapshot itself); no fault of the network or of Voicenter
ends `run`. A bug does.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import NoReturn, Protocol

import aiohttp

from orchestrator.clock import Clock
from orchestrator.core.facts import Fact, FeedChanged, SnapshotTaken
from orchestrator.core.model import FeedState
from orchestrator.engine.notices import FeedConnected, FeedLost
from orchestrator.engine.ports import Observer
from orchestrator.voicenter.access import Access
from orchestrator.voicenter.backoff import backoff_s
from orchestrator.voicenter.connection import Connection, ConnectionLimits, connect
from orchestrator.voicenter.engineio import ClosedByServer, ConnectionLost, ConnectionRefused, Generation
from orchestrator.voicenter.login import Credentials, Session
from orchestrator.voicenter.monitor import FellSilent, Monitor
from orchestrator.voicenter.settings import FeedSettings

__all__ = ["Credentials", "Feed", "FeedSettings"]

_End = ConnectionLost | ConnectionRefused
"""Why a connection is over; None stands for "left on purpose, for a new token"."""


class _Renewed(Exception):
    """The token was renewed: connect again with the new one."""


class Connect(Protocol):
    """How a monitor server is reached: see `connection.connect`."""

    def __call__(
        self,
        http: aiohttp.ClientSession,
        server: str,
        token: str,
        generation: Generation,
        limits: ConnectionLimits,
        on_event: Callable[..., None],
        /,
    ) -> AbstractAsyncContextManager[Connection]: ...


class Feed:
    def __init__(
        self,
        settings: FeedSettings,
        http: aiohttp.ClientSession,
        clock: Clock,
        rng: random.Random,
        learn: Callable[[Fact], None],
        observer: Observer,
        connect: Connect = connect,
    ) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock
        self._rng = rng
        self._tell = learn
        self._connect = connect
        self._observer = observer
        self._access = Access(settings, http, clock, rng, observer)
        self._limits = ConnectionLimits(settings.connect_timeout_s, settings.heartbeat_s, settings.max_message_bytes)
        self._state = FeedState.DOWN
        self._servers: tuple[str, ...] = ()
        self._place = 0
        self._failures = 0
        self._trouble = ""
        self.server: str | None = None
        """Base address of the monitor server that the feed is connected to."""

    @property
    def server_to_ask(self) -> str | None:
        """Base address of the server that the feed is connected to, or tries: it may answer requests where its feed
        does not. None before the first login."""
        return self._servers[self._place] if self._servers else None

    @property
    def problem(self) -> str | None:
        """Why the feed is not synced; None when it is."""
        if self._state is FeedState.SYNCED:
            return None
        if self.server is not None:
            return self._trouble
        return self._access.problem or self._trouble

    async def run(self) -> NoReturn:
        """Follow the feed until cancelled."""
        while True:
            session = await self._access.session()
            self._go_through(session.servers)
            server = self._servers[self._place]
            await self._follow(session, server)

    def _go_through(self, servers: tuple[str, ...]) -> None:
        """A new list is gone through from its best server on; the one in use stays, where it is listed."""
        if servers != self._servers:
            current = self._servers[self._place] if self._servers else None
            self._servers = servers
            self._place = servers.index(current) if current in servers else 0

    async def _follow(self, session: Session, server: str) -> None:
        monitor = Monitor(self._settings, session.token, self._clock, self._learn, self._observer)
        end: _End | None = None
        try:
            # In a task of its own: the groups within cancel the task that waits for them when the connection breaks,
            # and before Python 3.13 do not always take that back.
            await asyncio.create_task(self._connected(session, server, monitor))
        except* (ConnectionLost, ConnectionRefused, _Renewed) as group:
            end = _first(group)
        finally:
            self.server = None
        _heed_cancellation()
        if end is None:
            self._place = 0  # connected anew in any case: to the best one, if it is back
            self._turn(FeedState.SYNCING)
            return
        await self._recover(end, server, monitor)

    async def _connected(self, session: Session, server: str, monitor: Monitor) -> None:
        generation = self._generation(session)
        self._trouble = f"connecting to {server}"
        opening = self._connect(self._http, server, session.token, generation, self._limits, monitor.take)
        async with opening as connection:
            self.server = server
            self._trouble = f"waiting for the snapshot of {server}"
            self._turn(FeedState.SYNCING)
            self._observer.notice(FeedConnected(server, generation))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(monitor.follow(connection))
                tasks.create_task(self._renew())

    async def _renew(self) -> None:
        if await self._access.renewed():
            raise _Renewed

    async def _recover(self, end: _End, server: str, monitor: Monitor) -> None:
        """Decide where to go next, and how soon."""
        self._trouble = f"lost {server}: {end}"
        self._turn(FeedState.STALE if isinstance(end, FellSilent) else FeedState.DOWN)
        settled = monitor.synced_at is not None and (
            self._clock.now() - monitor.synced_at >= self._settings.settled_s
        )
        self._failures = 1 if settled else self._failures + 1
        back_to_best = settled and self._place != 0
        self._place = 0 if back_to_best else (self._place + 1) % len(self._servers)
        free = len(self._servers)
        if _refuses(end, monitor):
            free = 1
            if self._failures == 1:
                self._place = 0  # most likely the token's fault, not this server's
            self._access.drop()
        elif self._failures > free and self._place == 0:
            self._access.doubt()
        wait_s = 0.0
        if self._failures > free:
            repetition = self._failures - free - 1
            wait_s = backoff_s(repetition, self._settings.retry_first_s, self._settings.retry_most_s, self._rng)
        self._observer.notice(FeedLost(server, str(end), wait_s))
        await asyncio.sleep(wait_s)

    def _generation(self, session: Session) -> Generation:
        if self._settings.engineio != "auto":
            return self._settings.engineio
        return session.engineio or 3

    def _learn(self, fact: Fact) -> None:
        if isinstance(fact, SnapshotTaken):
            self._state = FeedState.SYNCED
        self._tell(fact)

    def _turn(self, state: FeedState) -> None:
        if state is not self._state:
            self._state = state
            self._tell(FeedChanged(state))


def _heed_cancellation() -> None:
    """Where we were cancelled in the very moment in which the connection broke, only the break is told (before Python
    3.13). Without this the feed would go on for ever, and whoever cancelled it wait as long."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _refuses(end: _End, monitor: Monitor) -> bool:
    """Whether the session is to blame. A bad login also shows as a disconnect before anything was told."""
    return isinstance(end, ConnectionRefused) or (isinstance(end, ClosedByServer) and not monitor.heard)


def _first(group: BaseExceptionGroup[Exception]) -> _End | None:
    """The end that came first; the others are its consequences."""
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first if isinstance(first, (ConnectionLost, ConnectionRefused)) else None
