"""What Redis holds of one group of values, as far as we know: so that only what differs is written.

Guarantee: a value counts as written only after Redis said so. Whoever is in doubt (a lost reply, a restart) lets the
mirror `learn` the names anew: then every one of them counts as different until it is written again.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from orchestrator.store.commands import Commands

Value = TypeVar("Value")


class Mirror(Generic[Value]):
    def __init__(self) -> None:
        self._held: dict[str, Value | None] = {}  # None: there, but its content is not known

    def due(self, name: str, value: Value | None) -> bool:
        """Whether `value` (None: nothing) has to be written for Redis to hold it."""
        if value is None:
            return name in self._held
        held = self._held.get(name)
        return held is not value and held != value

    def settle(self, written: Mapping[str, Value | None]) -> None:
        """Redis holds this now (None: no more)."""
        for name, value in written.items():
            if value is None:
                self._held.pop(name, None)
            else:
                self._held[name] = value

    def learn(self, names: Iterable[str]) -> None:
        """These names, and no others, are in Redis, with whatever content."""
        self._held = dict.fromkeys(names)

    def names(self) -> set[str]:
        return set(self._held)

    def __len__(self) -> int:
        return len(self._held)


class MirroredHash(Mirror[Value]):
    """A Redis hash name -> JSON."""

    def __init__(self, key: str, encode: Callable[[Value], bytes]) -> None:
        super().__init__()
        self.key = key
        self._encode = encode

    def plan(self, commands: Commands, names: Iterable[str], values: Mapping[str, Value]) -> dict[str, Value | None]:
        """Add the commands it takes to bring these names up to date; returns what Redis holds once that has run."""
        due: dict[str, Value | None] = {}
        there: list[str | bytes] = []
        gone: list[str] = []
        for name in names:
            value = values.get(name)
            if not self.due(name, value):
                continue
            due[name] = value
            if value is None:
                gone.append(name)
            else:
                there += (name, self._encode(value))
        if there:
            commands.add("HSET", self.key, there)
        if gone:
            commands.add("HDEL", self.key, gone)
        return due
