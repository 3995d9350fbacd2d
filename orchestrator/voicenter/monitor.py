"""One connection to a monitor server, from its handshake to its end.

Guarantees: what the server tells reaches `learn` in the order of arrival, before the next event is read; an event
that cannot be understood is told and passed over; a server that is silent, sends no snapshot or refuses the
session is left. Voicenter's documentation has the events; `keepalive` and `resync` are as in its own SDKs.
"""

import asyncio
from collections.abc import Callable

from orchestrator.clock import Clock
from orchestrator.core.facts import Fact
from orchestrator.engine.notices import FeedEventRejected
from orchestrator.engine.ports import Observer
from orchestrator.voicenter.connection import Connection
from orchestrator.voicenter.engineio import ConnectionLost, ConnectionRefused
from orchestrator.voicenter.payloads import PayloadError, error_code, in_short, parse_event, parse_snapshot
from orchestrator.voicenter.settings import FeedSettings

_LEAST_SLEEP_S = 0.001


class FellSilent(ConnectionLost):
    """Connected as far as one can tell, but nothing came, not even an answer to `keepalive`."""


class Monitor:
    def __init__(
        self, settings: FeedSettings, token: str, clock: Clock, learn: Callable[[Fact], None], observer: Observer
    ) -> None:
        self._settings = settings
        self._token = token
        self._clock = clock
        self._learn = learn
        self._observer = observer
        self._heard_at = clock.now()
        self._synced = asyncio.Event()
        self._outdated = asyncio.Event()
        self._handlers: dict[str, Callable[[object], None]] = {
            "ExtensionEvent": self._take_event,
            "AllExtensionsStatus": self._take_snapshot,
            "loginSuccess": self._check_session,
            "loginStatus": self._check_session,
            "keepaliveResponse": self._check_session,
            "ExtensionsUpdated": self._mark_outdated,
        }
        self.heard = False
        """Whether the server told anything at all."""
        self.synced_at: float | None = None
        """When the first snapshot came."""

    def take(self, name: str, *arguments: object) -> None:
        """An event of the server."""
        self.heard = True
        self._heard_at = self._clock.now()
        handler = self._handlers.get(name)
        if handler is not None:
            handler(arguments[0] if arguments else None)

    async def follow(self, connection: Connection) -> None:
        """Live through the connection; its end is an exception (in a group)."""
        self._heard_at = self._clock.now()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(connection.run())
            tasks.create_task(self._keep_alive(connection))
            tasks.create_task(self._expect_snapshot(connection))
            tasks.create_task(self._resync(connection))

    def _take_event(self, data: object) -> None:
        rejected: list[PayloadError] = []
        try:
            fact = parse_event(data, rejected.append)
        except PayloadError as error:
            rejected.append(error)
        else:
            if fact is not None:
                self._learn(fact)
        self._tell("ExtensionEvent", rejected)

    def _take_snapshot(self, data: object) -> None:
        rejected: list[PayloadError] = []
        try:
            snapshot = parse_snapshot(data, rejected.append)
        except PayloadError as error:
            rejected.append(error)
        else:
            self._learn(snapshot)
            self._synced.set()
            if self.synced_at is None:
                self.synced_at = self._clock.now()
        self._tell("AllExtensionsStatus", rejected)

    def _tell(self, name: str, rejected: list[PayloadError]) -> None:
        if rejected:
            self._observer.notice(FeedEventRejected(name, in_short(rejected)))

    def _check_session(self, data: object) -> None:
        code = error_code(data)
        if code != 0:
            raise ConnectionRefused("session refused" if code is None else f"session refused: errorCode {code}")

    def _mark_outdated(self, _: object) -> None:
        self._outdated.set()

    async def _keep_alive(self, connection: Connection) -> None:
        """Ask for a sign of life after some silence, and leave after twice that."""
        patience_s = self._settings.keepalive_s
        asked_since: float | None = None
        while True:
            silent_since = self._heard_at
            silent_s = self._clock.now() - silent_since
            if silent_s >= 2 * patience_s:
                raise FellSilent(f"no event for {silent_s:.0f} s")
            due_s = patience_s - silent_s
            if due_s <= 0:
                if asked_since != silent_since:
                    asked_since = silent_since
                    await connection.emit("keepalive", self._token)
                due_s += patience_s
            await asyncio.sleep(max(_LEAST_SLEEP_S, due_s))

    async def _expect_snapshot(self, connection: Connection) -> None:
        half_s = self._settings.snapshot_within_s / 2
        if await self._synced_within(half_s):
            return
        await connection.emit("resync", {"cache": False})
        if not await self._synced_within(half_s):
            raise ConnectionLost(f"no snapshot within {2 * half_s:.0f} s")

    async def _synced_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._synced.wait()
        except TimeoutError:
            return False
        return True

    async def _resync(self, connection: Connection) -> None:
        """Extensions were reconfigured: ask for a fresh snapshot, once for a burst of such news."""
        while True:
            await self._outdated.wait()
            self._outdated.clear()
            await connection.emit("resync", {"cache": False})
            await asyncio.sleep(self._settings.resync_pause_s)
