"""Entries on their way to the audit stream.

Guarantee: memory is bounded. While Redis is away the newest entries are kept, and the ones that found no room are
counted.
"""

from collections import deque
from collections.abc import Mapping, Sequence

from orchestrator.store.commands import Commands

KEPT = 100_000
"""How many entries the stream keeps, roughly."""
WAITING = 10_000
AT_ONCE = 200

AuditEntry = Mapping[str, str | int | float]


class AuditBuffer:
    def __init__(self, key: str) -> None:
        self.dropped = 0
        self._key = key
        self._entries: deque[AuditEntry] = deque()

    def append(self, entry: AuditEntry) -> None:
        if not entry:
            raise ValueError("an audit entry has at least one field")
        self._entries.append(dict(entry))
        self._trim()

    def plan(self, commands: Commands) -> Sequence[AuditEntry]:
        """Take the oldest entries out and add the commands; `put_back` them if it fails."""
        taken = [self._entries.popleft() for _ in range(min(len(self._entries), AT_ONCE))]
        for entry in taken:
            fields = [word for field in entry.items() for word in field]
            commands.add("XADD", self._key, ["MAXLEN", "~", KEPT, "*", *fields])
        return taken

    def put_back(self, taken: Sequence[AuditEntry]) -> None:
        self._entries.extendleft(reversed(taken))
        self._trim()

    def _trim(self) -> None:
        while len(self._entries) > WAITING:
            self._entries.popleft()
            self.dropped += 1

    def __len__(self) -> int:
        return len(self._entries)
