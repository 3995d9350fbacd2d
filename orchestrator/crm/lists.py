"""Messages of the CRM in a Redis list, for a CRM that can do no more than LPUSH.

Each is moved to `<list>:taken` before it is delivered, and removed from there once it need not be kept: so whatever
stands there at the start is a dead predecessor's, or our own from a connection that broke, and is delivered first.
Guarantee: in the order of pushing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from orchestrator.crm.durable import AT_ONCE, Entry
from orchestrator.crm.wire import ANSWER_S, Wire


class List:
    """A `Source`. The oldest message is the rightmost, in both lists."""

    def __init__(self, wire: Wire, key: str) -> None:
        self.name = f"list:{key}"
        self._wire = wire
        self._key = key
        self._taken = f"{key}:taken"
        self._upto = 0  # how much of what is taken was not looked at yet
        self._given = Counter[bytes]()  # and not acknowledged

    async def open(self) -> bool:
        self._upto = int(await self._wire.ask("LLEN", self._taken))
        self._given.clear()
        return False

    async def pending(self) -> Sequence[Entry]:
        if not self._upto:
            return []
        # Those not acknowledged stay at the right, so positions are counted from the left, where nothing changes.
        first, last = max(0, self._upto - AT_ONCE), self._upto - 1
        values = await self._wire.ask("LRANGE", self._taken, first, last)
        self._upto = first
        return self._give(reversed(values))

    async def waiting(self) -> Sequence[Entry]:
        count = min(AT_ONCE, int(await self._wire.ask("LLEN", self._key)))
        move = ("LMOVE", self._key, self._taken, "RIGHT", "LEFT")
        values = await self._wire.ask_each([move] * count) if count else []
        return self._give(value for value in values if value is not None)

    async def strayed(self) -> Sequence[Entry]:
        if int(await self._wire.ask("LLEN", self._taken)) <= self._given.total():
            return []
        taken = await self._wire.ask("LRANGE", self._taken, 0, -1)
        return self._give((Counter(reversed(taken)) - self._given).elements())

    async def coming(self, block_s: float) -> Sequence[Entry]:
        move = ("BLMOVE", self._key, self._taken, "RIGHT", "LEFT")
        value = await self._wire.ask(*move, block_s, within_s=ANSWER_S + block_s)
        return self._give([] if value is None else [value])

    def _give(self, values: Iterable[bytes]) -> Sequence[Entry]:
        entries = [Entry(value, value) for value in values]
        self._given.update(entry.handle for entry in entries)
        return entries

    async def acknowledge(self, entries: Sequence[Entry]) -> None:
        self._given -= Counter(entry.handle for entry in entries)  # unlike `subtract` this forgets what is at 0
        await self._wire.ask_each([("LREM", self._taken, -1, entry.handle) for entry in entries])
