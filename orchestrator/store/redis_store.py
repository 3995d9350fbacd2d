"""The durable copy of one account's state in Redis: one writer, group commit, newest values only.

Guarantees: sections and mutes go first, in one atomic step, so a snapshot of thousands of extensions delays them by
one batch at most; what is marked stays marked until Redis has it, however long Redis is away; after every failure,
and when Redis turns out to hold something else than was written, all is compared and written anew; and every write
is behind the fence of the account's lease, so a process that lost the account changes nothing.
"""

import asyncio
from collections.abc import Iterable

from redis.asyncio import Redis

from orchestrator.clock import Clock
from orchestrator.core.claims import Blind, Mute
from orchestrator.core.facts import Restored
from orchestrator.core.model import EndedSection, Section
from orchestrator.core.state import State
from orchestrator.engine.notices import StoreBack, StoreDropped, StoreLost
from orchestrator.engine.ports import Marks, Observer, StoreUnavailable
from orchestrator.redis_clients import ANSWER_S
from orchestrator.redis_errors import REDIS_FAILURES, in_brief, why
from orchestrator.store import codec
from orchestrator.store.commands import WRITES, CommandRunner, Commands
from orchestrator.store.extensions import Extensions
from orchestrator.store.keys import Keys
from orchestrator.store.lease import Lease
from orchestrator.store.load import load, shifted, text
from orchestrator.store.mirror import MirroredHash
from orchestrator.store.outgoing import Entry, Outgoing
from orchestrator.store.progress import Progress

PROBE_EVERY_S = 1.0
"""How often it is asked whether Redis is there and still holds what was written."""
LOAD_S = 5.0
AUDIT_KEEPS = 100_000
STATUS_KEEPS = 10_000
"""How many entries these streams keep, roughly."""
RETRY_FIRST_S = 0.05
RETRY_MOST_S = 1.0


class RedisStore:
    """Fulfils `engine.ports.Store`. `run` must be running for anything to be written."""

    def __init__(
        self,
        client: Redis,
        namespace: str,
        account: str,
        state: State,
        clock: Clock,
        observer: Observer,
        lease: Lease,
    ) -> None:
        self._client = client
        self._keys = keys = Keys(namespace, account)
        self._state = state
        self._clock = clock
        self._observer = observer
        self._lease = lease
        self._commands = CommandRunner(client, lease)
        self._sections: MirroredHash[Section] = MirroredHash(keys.sections, codec.section_to_json)
        self._ended: MirroredHash[EndedSection] = MirroredHash(keys.ended, codec.ended_to_json)
        self._mutes: MirroredHash[Mute] = MirroredHash(keys.mutes, codec.mute_to_json)
        self._blind: MirroredHash[Blind] = MirroredHash(keys.blind, codec.blind_to_json)
        self._extensions = Extensions(client, keys, state, lease)
        self._audit = Outgoing(keys.audit, AUDIT_KEEPS)
        self._status = Outgoing(keys.status, STATUS_KEEPS, keys.status_channel)
        self._loaded = False
        self._unread: frozenset[str] = frozenset()  # names of what `load` could not read
        self._stocked = False  # whether the mirrors know what is in Redis
        self._writes: int | None = None  # Redis' number of our last write; None: not known
        self._probe_at = 0.0  # by the loop's time
        self._marks = Marks()  # sections and claims
        self._progress = Progress()  # with sections and claims
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._lost_at: float | None = None
        self._answered = False
        self._trouble = "Redis does not answer"

    @property
    def problem(self) -> str | None:
        """Why `healthy` is False."""
        return None if self.healthy else self._trouble

    @property
    def healthy(self) -> bool:
        """Whether Redis answered when it was last asked, which is done every second."""
        return self._answered and self._lost_at is None

    async def load(self) -> Restored:
        """What an earlier process left, in times of our clock.

        Raises `StoreUnavailable`; `SchemaTooNew` where it must not be guessed.
        """
        try:
            async with asyncio.timeout(LOAD_S):
                found = await load(self._client, self._keys)
        except REDIS_FAILURES as error:
            self._lose(error)
            raise StoreUnavailable(why(error)) from None
        for skipped in found.skipped:
            self._observer.notice(skipped)
        self._unread = frozenset(skipped.name for skipped in found.skipped)
        self._loaded = True
        self._stocked = False
        self._answered = True
        return shifted(found.restored, self._lease.shift_s)

    def mark(self, marks: Marks) -> None:
        """These differ from Redis now. Returns at once; they are written soon, newest values only."""
        if marks.sections or marks.mutes or marks.blind:
            self._marks.sections |= marks.sections
            self._marks.mutes |= marks.mutes
            self._marks.blind |= marks.blind
            self._progress.marked += 1
        self._extensions.mark(marks.extensions)
        self._rouse()

    def record(self, entry: Entry) -> None:
        """Append to the audit stream with the next write. After a lost reply an entry may stand there twice."""
        self._audit.append(entry)
        self._rouse()

    def announce(self, event: bytes) -> None:
        """Publish it, and append it to the status stream, with the next write: once what it tells of is in Redis.
        After a lost reply that may happen twice."""
        self._status.append({"data": event})
        self._rouse()

    async def saved(self, within_s: float) -> bool:
        """Wait until the sections and claims marked before this call are in Redis; False if that took longer.

        While Redis is known to be away there is nothing to wait for: False at once. Raises `LeaseLost` where the
        account is another process's; to know that may take longer, after a standstill of this one.
        """
        there = self._progress.complete or (self._lost_at is None and await self._progress.within(within_s))
        await self._lease.assured()
        return there

    async def kept(self) -> None:
        """Wait until the sections and mutes marked before this call are in Redis, however long Redis is away."""
        await self._progress.done()

    async def flushed(self, within_s: float) -> bool:
        """Wait until Redis has everything, audit and extensions too; False if that took longer."""
        try:
            async with asyncio.timeout(within_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Write what is marked, until cancelled. Raises `LeaseLost`."""
        self._stocked = False
        retry_s = RETRY_FIRST_S
        while True:
            try:
                await self._step()
            except REDIS_FAILURES as error:
                self._lease.heed(error)
                self._lose(error)
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, RETRY_MOST_S)
            else:
                retry_s = RETRY_FIRST_S

    async def _step(self) -> None:
        """Wait until there is something to write, and write it; probe when it is time and no section waits."""
        await self._work_or_timeout()
        if not self._stocked:
            await self._take_stock()
        await self._write_urgent()
        self._count(await self._extensions.write())
        if not self._marks and asyncio.get_running_loop().time() >= self._probe_at:
            await self._probe()
        self._answered = True
        if self._lost_at is not None:
            self._observer.notice(StoreBack(self._clock.now() - self._lost_at))
            self._lost_at = None
            self._tell_dropped()

    async def _work_or_timeout(self) -> None:
        if not self._stocked or self._marks or self._extensions.due or self._audit or self._status:
            return
        self._wake.clear()
        self._idle.set()
        timer = asyncio.get_running_loop().call_at(self._probe_at, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    def _rouse(self) -> None:
        self._idle.clear()
        self._wake.set()

    async def _take_stock(self) -> None:
        """Learn by name what is in Redis, and mark all of it, and all of the state: what differs gets written."""
        keys, state = self._keys, self._state
        pipe = self._client.pipeline(transaction=True)
        pipe.hkeys(keys.sections)
        pipe.hkeys(keys.ended)
        pipe.hkeys(keys.mutes)
        pipe.hkeys(keys.blind)
        pipe.smembers(keys.extensions)
        async with asyncio.timeout(LOAD_S):
            found = await pipe.execute()
        sections, ended, mutes, blind, extensions = ({text(name) for name in names} for names in found)
        self._sections.learn(sections)
        self._ended.learn(ended)
        self._mutes.learn(mutes)
        self._blind.learn(blind)
        self._extensions.learn(extensions)
        self._stocked, self._writes = True, None
        marks = Marks(
            state.sections.keys() | state.ended.keys(), set(state.mutes), set(state.extensions), set(state.blind)
        )
        if self._loaded:  # else what is in Redis may yet be loaded: it must not be taken for left over
            marks.sections |= (sections | ended) - self._unread
            marks.mutes |= mutes - self._unread
            marks.blind |= blind - self._unread
        self.mark(marks)

    async def _write_urgent(self) -> None:
        """Sections, mutes, audit and status in one atomic step."""
        marks, upto = self._marks, self._progress.marked
        self._marks = Marks()
        commands = Commands()
        sections = self._sections.plan(commands, marks.sections, self._state.sections)
        ended = self._ended.plan(commands, marks.sections, self._state.ended)
        mutes = self._mutes.plan(commands, marks.mutes, self._state.mutes)
        blind = self._blind.plan(commands, marks.blind, self._blind_and_asked(marks.blind))
        entries, events = self._audit.plan(commands), self._status.plan(commands)
        try:
            async with asyncio.timeout(ANSWER_S):
                writes = await self._commands.run(commands)
        except BaseException:
            self._marks.add(marks)
            self._audit.put_back(entries)
            self._status.put_back(events)
            raise
        self._sections.settle(sections)
        self._ended.settle(ended)
        self._mutes.settle(mutes)
        self._blind.settle(blind)
        self._count(writes)
        self._progress.reach(upto)
        if self._loaded and self._stocked:
            self._lease.settle()

    def _blind_and_asked(self, sips: Iterable[str]) -> dict[str, Blind]:
        """One that nothing was asked for yet is made anew by whoever comes next."""
        found = ((sip, self._state.blind.get(sip)) for sip in sips)
        return {sip: claim for sip, claim in found if claim is not None and claim.asked}

    def _count(self, writes: int | None) -> None:
        """Redis numbers our writes: where a number does not follow, it came back empty, or older. None: no write."""
        if writes is None:
            return
        if self._writes is not None and writes != self._writes + 1:
            self._stocked = False
        self._writes = writes

    async def _probe(self) -> None:
        """Ask whether Redis is there, and holds what was written."""
        keys = self._keys
        pipe = self._client.pipeline(transaction=True)
        pipe.hlen(keys.sections)
        pipe.hlen(keys.ended)
        pipe.hlen(keys.mutes)
        pipe.hlen(keys.blind)
        pipe.scard(keys.extensions)
        pipe.hget(keys.owner, WRITES)
        async with asyncio.timeout(ANSWER_S):
            *counted, writes = await pipe.execute()
        held = [len(mirror) for mirror in (self._sections, self._ended, self._mutes, self._blind, self._extensions)]
        as_written = self._writes is None or writes == str(self._writes).encode()
        self._stocked = counted == held and as_written
        self._probe_at = asyncio.get_running_loop().time() + PROBE_EVERY_S

    def _tell_dropped(self) -> None:
        for outgoing in (self._audit, self._status):
            if outgoing.dropped:
                self._observer.notice(StoreDropped(outgoing.key, outgoing.dropped))
                outgoing.dropped = 0

    def _lose(self, error: BaseException) -> None:
        """Redis failed: nobody waits for it, and what it holds is looked up anew when it is back."""
        self._trouble = in_brief(error)
        self._stocked = False
        if self._lost_at is None:
            self._lost_at = self._clock.now()
            self._observer.notice(StoreLost(why(error)))
        self._progress.lose()
