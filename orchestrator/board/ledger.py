"""What was last told of each thing, in the order in which it changed.

Guarantees: whoever has heard all up to some version can be told exactly what differs since, however long ago that
was and however often it changed meanwhile: each thing once, as it is now. What is gone is remembered for `MOST_GONE`
things; who has not heard for longer than that is told everything.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

MOST_GONE = 5_000

Document = Any


class Key(NamedTuple):
    kind: str
    account: str
    """Empty for what concerns all."""
    name: str


class _Entry(NamedTuple):
    version: int
    document: Document | None
    """None: it is gone."""


class Ledger:
    def __init__(self) -> None:
        self.version = 0
        """The newest that may be told."""
        self._entries: dict[Key, _Entry] = {}  # in the order of their versions
        self._gone: dict[Key, None] = {}  # in the order of their going
        self._forgotten = 0  # the newest version of what is remembered no more

    def __getitem__(self, key: Key) -> Document | None:
        entry = self._entries.get(key)
        return None if entry is None else entry.document

    def put(self, key: Key, document: Document | None) -> bool:
        """It is so now (None: gone), as `seal` will tell. Whether that is news."""
        if self[key] == document:
            return False
        self._entries.pop(key, None)
        self._entries[key] = _Entry(self.version + 1, document)
        if document is None:
            self._gone[key] = None
            if len(self._gone) > MOST_GONE:
                self._forget(next(iter(self._gone)))
        else:
            self._gone.pop(key, None)
        return True

    def drop(self, key: Key) -> None:
        """It need not be told any more, nor that it is gone."""
        self._entries.pop(key, None)

    def seal(self) -> bool:
        """What was put becomes a version. Whether there was anything."""
        newest = next(reversed(self._entries.values()), None)
        if newest is None or newest.version <= self.version:
            return False
        self.version = newest.version
        return True

    def whole(self) -> Iterator[tuple[Key, Document]]:
        return ((key, entry.document) for key, entry in self._entries.items() if entry.document is not None)

    def since(self, version: int) -> list[tuple[Key, Document | None]] | None:
        """What differs from then, oldest change first. None: nobody knows any more, so all must be told."""
        if version < self._forgotten:
            return None
        differing = []
        for key in reversed(self._entries):
            entry = self._entries[key]
            if entry.version <= version:
                break
            differing.append((key, entry.document))
        return differing[::-1]

    def _forget(self, key: Key) -> None:
        del self._gone[key]
        self._forgotten = self._entries.pop(key).version
