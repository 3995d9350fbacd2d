"""Reads messages that Redis keeps until they are acknowledged: what a stream and a list have in common.

Guarantees: what was delivered and not acknowledged, by whomever, comes first, oldest first; then what waits; then
what comes. What Redis gave meanwhile to a connection that was dead already (of a process that was killed or stood
still, over a network that broke) is found within `FRESH_BLOCK_S` soon after this one began, later within `BLOCK_S`.
A message is acknowledged after what it says is in Redis, or, where it is wrong, after it stands among the dead
letters: so none is lost, and none is tried for ever. Whatever fails, the connection is begun anew and reading goes on
from there.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol

from redis.exceptions import ResponseError

from orchestrator.clock import WallClock
from orchestrator.crm.backlog import Backlog
from orchestrator.crm.deadletter import DeadLetters
from orchestrator.crm.intake import Receipt, take
from orchestrator.crm.link import Link
from orchestrator.crm.message import CrmMessage, MessageRefused
from orchestrator.crm.wire import BLOCK_S, Wire
from orchestrator.engine.notices import MessageRejected
from orchestrator.engine.ports import Observer
from orchestrator.redis_errors import REDIS_FAILURES, why

AT_ONCE = 100
"""How many messages are delivered before they are acknowledged together."""
FRESH_S = 2 * BLOCK_S
"""So long after this connection began one from before may still be waiting for messages, as Redis sees it."""
FRESH_BLOCK_S = 0.5
"""Meanwhile Redis is asked to wait for no longer than this, so that what that one was given is looked for often."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A message as its source keeps it."""

    handle: bytes
    """By which the source knows it: a stream's id, or, in a list, the message itself."""
    raw: bytes | None
    """None: it was trimmed before it was read."""
    name: str | None = None
    happened_at: float | None = None
    """When it was written, by the wall clock of this machine."""
    wrong: str = ""
    """Why it holds no message at all."""


class Source(Protocol):
    """Where messages are kept. Each method raises what redis-py raises."""

    name: str
    """For logs: the kind, and the key as configured."""

    async def open(self) -> bool:
        """Begin on a new connection. Whether what stood there may be gone without having been read."""

    async def pending(self) -> Sequence[Entry]:
        """The next of what was delivered before and not acknowledged, oldest first; none: that was all."""

    async def waiting(self) -> Sequence[Entry]:
        """The next of what nobody has read, oldest first; fewer than `AT_ONCE`: that was all."""

    async def strayed(self) -> Sequence[Entry]:
        """What was given since to a connection that nobody reads from any more, each once."""

    async def coming(self, block_s: float) -> Sequence[Entry]:
        """What comes next, waited for; none: nothing came within `block_s`."""

    async def acknowledge(self, entries: Sequence[Entry]) -> None:
        """These need not be kept any longer."""


class DurableReader:
    def __init__(
        self,
        source: Source,
        wire: Wire,
        deliver: Callable[[CrmMessage], Receipt],
        observer: Observer,
        dead_letters: DeadLetters,
        clock: WallClock,
        rng: random.Random,
    ) -> None:
        """`deliver` may raise MessageRefused."""
        self.backlog = Backlog()
        self._source = source
        self._wire = wire
        self._deliver = deliver
        self._observer = observer
        self._dead_letters = dead_letters
        self._clock = clock
        self._link = Link(source.name, observer, clock, rng)

    @property
    def source(self) -> str:
        return self._link.source

    @property
    def connected(self) -> bool:
        """Whether the source can be read now."""
        return self._link.connected

    async def run(self) -> NoReturn:
        """Read until cancelled."""
        while True:
            try:
                await self._read()
            except REDIS_FAILURES as error:
                await self._link.lost(why(error))

    async def _read(self) -> NoReturn:
        """On one connection, as long as it lasts."""
        missed = await self._source.open()
        fresh_until = self._clock.now() + FRESH_S
        while entries := await self._source.pending():
            await self._work_off(entries, missed)
        while True:
            entries = await self._source.waiting()
            await self._work_off(entries, missed)
            if len(entries) < AT_ONCE:
                self.backlog.end()
            if not entries:
                block_s = FRESH_BLOCK_S if self._clock.now() < fresh_until else BLOCK_S
                await self._work_off(await self._source.strayed() or await self._source.coming(block_s), missed)

    async def _work_off(self, entries: Sequence[Entry], missed: bool) -> None:
        """Deliver in order, wait until all of it is kept, acknowledge. Who can do all that is heard."""
        self._link.heard()
        self._tell_trimmed(entries)
        receipts: dict[Receipt, None] = {}
        done = []
        for entry in entries:
            try:
                if entry.raw is not None:
                    receipts[self._take(entry, entry.raw)] = None
            except MessageRefused as refused:
                if not await self._bury(entry, str(refused)):
                    continue
            done.append(entry)
            await asyncio.sleep(0)  # a burst must not hold up the requests that its first message asks for
        for kept in receipts:
            await kept()
        if done:
            await self._source.acknowledge(done)
        if not self._link.connected:
            self._link.up(missed)
        self.backlog.moved()

    def _take(self, entry: Entry, raw: bytes) -> Receipt:
        if entry.wrong:
            raise MessageRefused(entry.wrong)
        waited_s = None if entry.happened_at is None else self._clock.now() - self._clock.at_wall(entry.happened_at)
        return take(raw, self.source, self._deliver, self._observer, entry.name, entry.happened_at, waited_s)

    async def _bury(self, entry: Entry, reason: str) -> bool:
        """Keep a wrong message as a dead letter, then tell of it. Where Redis refuses the letter, the message stays
        unacknowledged, and the others go on."""
        exactly = f"{self.source} {entry.name}" if entry.name else self.source
        letter = self._dead_letters.letter(exactly, reason, entry.raw or b"")
        try:
            await self._wire.ask(*letter)
        except ResponseError as error:
            self._observer.notice(MessageRejected(self.source, f"{reason}; no dead letter: {why(error)}"))
            return False
        self._observer.notice(MessageRejected(self.source, reason))
        return True

    def _tell_trimmed(self, entries: Sequence[Entry]) -> None:
        trimmed = [entry for entry in entries if entry.raw is None]
        if trimmed:
            self._link.gap(since=min((entry.happened_at for entry in trimmed if entry.happened_at), default=None))
