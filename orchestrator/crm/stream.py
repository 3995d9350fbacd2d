"""Messages of the CRM in a Redis Stream, read through a consumer group: entries carry the JSON in the field `data`.

Exactly one process reads at a time, so whatever is pending in the group, under whichever consumer's name, is taken
over: it is a dead predecessor's, or our own from a connection that broke. Guarantees: in the order of ids; the group
is made where it is missing, from the stream's beginning; what was trimmed before it was read is noticed, where Redis
still tells. Works with Redis 6.2 and newer, and Valkey.
"""

from collections.abc import Sequence
from typing import Any

from redis.exceptions import ResponseError

from orchestrator.clock import WallClock
from orchestrator.crm.durable import AT_ONCE, Entry
from orchestrator.crm.wire import ANSWER_S, Wire

FIELD = b"data"
CONSUMER = "orchestrator"
"""The same for every process: one reads at a time, and no names of dead ones pile up in the group."""
CLAIMED_AT_ONCE = 1000
EARLIEST_MS = 1_000_000_000_000
"""An id before this (September 2001) was chosen by the CRM, and is no time."""
MEASURE_EVERY_S = 10.0
"""How often the clocks are compared."""


class Stream:
    """A `Source`."""

    def __init__(self, wire: Wire, key: str, group: str, clock: WallClock) -> None:
        self.name = f"stream:{key}"
        self._wire = wire
        self._key = key
        self._group = group
        self._clock = clock
        self._skew_s = 0.0  # our wall clock, less that of Redis
        self._measured_at = 0.0
        self._after: bytes = b"0-0"
        self._trimmed: list[bytes] = []
        self._given: set[bytes] = set()  # and not acknowledged
        self._opened = False

    async def open(self) -> bool:
        await self._wire.ask("TIME")  # this one had a connection to make
        await self._measure_skew()
        self._after = b"0-0"
        self._given.clear()
        grouped = await self._claim()
        if not grouped:
            await self._wire.ask("XGROUP", "CREATE", self._key, self._group, "0", "MKSTREAM")
        missed = self._opened and not grouped
        self._opened = True
        return missed

    async def pending(self) -> Sequence[Entry]:
        if self._trimmed:  # pending for Redis no longer
            trimmed, self._trimmed = self._trimmed, []
            return [self._entry(entry_id, None) for entry_id in trimmed]
        entries = await self._read(self._after)
        if entries:
            self._after = entries[-1].handle
        return entries

    async def waiting(self) -> Sequence[Entry]:
        return await self._read(b">")

    async def strayed(self) -> Sequence[Entry]:
        """Redis gives entries in the order of ids, so they are beyond those that were pending before."""
        given = self._given.copy()
        return [entry for entry in await self.pending() if entry.handle not in given]

    async def coming(self, block_s: float) -> Sequence[Entry]:
        if self._clock.now() - self._measured_at >= MEASURE_EVERY_S:
            await self._measure_skew()  # a clock that stepped back would have new entries look long expired
        return await self._read(b">", block_s)

    async def acknowledge(self, entries: Sequence[Entry]) -> None:
        self._given.difference_update(entry.handle for entry in entries)
        await self._wire.ask("XACK", self._key, self._group, *(entry.handle for entry in entries))

    async def _measure_skew(self) -> None:
        asked_at = self._clock.now()
        seconds, micros = await self._wire.ask("TIME")
        self._measured_at = self._clock.now()
        ours = (asked_at + self._measured_at) / 2 + self._clock.ahead_s
        skew_s, doubt_s = ours - (int(seconds) + int(micros) / 1e6), (self._measured_at - asked_at) / 2
        if abs(skew_s - self._skew_s) > doubt_s:  # else a slow answer knows it no better
            self._skew_s = skew_s

    async def _claim(self) -> bool:
        """Take over all that is pending. False: there is no group.

        By id alone: an entry that was trimmed has no content, and Redis 6.2 would not say which one it was.
        """
        start: bytes = b"0-0"
        claim = ("XAUTOCLAIM", self._key, self._group, CONSUMER, 0)
        while True:
            try:
                answer = await self._wire.ask(*claim, start, "COUNT", CLAIMED_AT_ONCE, "JUSTID")
            except ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
                return False
            start = answer[0]
            if len(answer) > 2:  # since Redis 7: ids that were pending and are trimmed
                self._trimmed += answer[2]
            if start == b"0-0":
                return True

    async def _read(self, after: bytes, block_s: float | None = None) -> list[Entry]:
        read = ("XREADGROUP", "GROUP", self._group, CONSUMER, "COUNT", AT_ONCE)
        block = () if block_s is None else ("BLOCK", round(block_s * 1000))
        answer = await self._wire.ask(
            *read, *block, "STREAMS", self._key, after, within_s=ANSWER_S + (block_s or 0.0)
        )
        found = [self._entry(entry_id, fields) for _, entries in answer or () for entry_id, fields in entries]
        self._given.update(entry.handle for entry in found)
        return found

    def _entry(self, entry_id: bytes, fields: list[Any] | None) -> Entry:
        name, written_ms = f"{self._key} {entry_id.decode()}", int(entry_id.partition(b"-")[0])
        happened_at = written_ms / 1000 + self._skew_s if written_ms >= EARLIEST_MS else None
        if fields is None:
            return Entry(entry_id, None, name, happened_at)
        found = [value for field, value in zip(fields[::2], fields[1::2], strict=True) if field == FIELD]
        if len(found) != 1:
            why = f"entry: {len(found)} fields are called data, exactly one is right"
            return Entry(entry_id, b"\n".join(fields), name, happened_at, why)
        return Entry(entry_id, found[0], name, happened_at)
