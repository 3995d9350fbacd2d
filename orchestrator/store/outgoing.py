"""Entries on their way to a stream, and to those who listen meanwhile.

Guarantee: memory is bounded. While Redis is away the newest entries are kept, and the ones that found no room are
counted.
"""

from collections import deque
from collections.abc import Mapping, Sequence

from orchestrator.store.commands import Commands

WAITING = 10_000
AT_ONCE = 200

Entry = Mapping[str, str | bytes | int | float]


class Outgoing:
    def __init__(self, key: str, kept: int, channel: str | None = None) -> None:
        """A stream that keeps about `kept` entries. What an entry has as `data` is published on `channel` too."""
        self.key = key
        self.dropped = 0
        self._kept = kept
        self._channel = channel
        self._entries: deque[Entry] = deque()

    def append(self, entry: Entry) -> None:
        if not entry:
            raise ValueError("an entry has at least one field")
        self._entries.append(dict(entry))
        self._trim()

    def plan(self, commands: Commands) -> Sequence[Entry]:
        """Take the oldest entries out and add the commands; `put_back` them if it fails."""
        taken = [self._entries.popleft() for _ in range(min(len(self._entries), AT_ONCE))]
        for entry in taken:
            fields = [word for field in entry.items() for word in field]
            commands.add("XADD", self.key, ["MAXLEN", "~", self._kept, "*", *fields])
            if self._channel is not None:
                commands.publish(self._channel, entry["data"])
        return taken

    def put_back(self, taken: Sequence[Entry]) -> None:
        self._entries.extendleft(reversed(taken))
        self._trim()

    def _trim(self) -> None:
        while len(self._entries) > WAITING:
            self._entries.popleft()
            self.dropped += 1

    def __len__(self) -> int:
        return len(self._entries)
