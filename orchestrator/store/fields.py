"""One JSON object from Redis, read field by field with its types checked.

Guarantees: whatever the bytes are, reading gives a value of the right type or raises `Unreadable` (harms this one
value only) or `SchemaTooNew` (nothing may be guessed). Neither text repeats the content.
"""

import math
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, TypeVar

from orchestrator.encoding import decoded

SCHEMA = 1
"""The `v` of every value that this version writes, and the newest that it can read."""

Kind = TypeVar("Kind")
Word = TypeVar("Word", bound=StrEnum)


class Unreadable(Exception):
    """This value is not one that we wrote: it is damaged, or somebody else's."""


class SchemaTooNew(Exception):
    """A newer version of this program wrote here."""


class Fields:
    def __init__(self, values: dict[str, Any], path: str = "") -> None:
        self._values = values
        self._path = path

    @classmethod
    def parse(cls, raw: bytes) -> "Fields":
        try:
            values = decoded(raw)
        except (ValueError, RecursionError):
            raise Unreadable("not JSON") from None
        if not isinstance(values, dict):
            raise Unreadable("not a JSON object")
        version = values.get("v")
        if type(version) is not int or version < 1:
            raise Unreadable("v: must be a whole number from 1 on")
        if version > SCHEMA:
            raise SchemaTooNew(f"schema version {version} is newer than {SCHEMA}, the newest that this version reads")
        return cls(values)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str:
        return self._of(name, str, "a string")

    def flag(self, name: str) -> bool:
        return self._of(name, bool, "true or false")

    def count(self, name: str) -> int:
        return self._of(name, int, "a whole number")

    def seconds(self, name: str) -> float:
        value = self._values.get(name)
        if type(value) is int and abs(value) < 2**53:
            return float(value)
        if type(value) is float and math.isfinite(value):
            return value
        raise self._wrong(name, "a number of seconds")

    def word(self, name: str, words: type[Word]) -> Word:
        value = self.text(name)
        try:
            return words(value)
        except ValueError:
            raise self._wrong(name, "one of " + ", ".join(words)) from None

    def texts(self, name: str) -> tuple[str, ...]:
        values = self._of(name, list, "a list of strings")
        if not all(type(value) is str for value in values):
            raise self._wrong(name, "a list of strings")
        return tuple(values)

    def has(self, name: str) -> bool:
        """Whether the field says something: it is there, and not null."""
        return self._values.get(name) is not None

    def objects(self, name: str) -> Iterator[tuple[str, "Fields"]]:
        for key, value in self._of(name, dict, "an object").items():
            if not isinstance(value, dict):
                raise self._wrong(name, "an object of objects")
            yield key, Fields(value, f"{self._path}{name}.")

    def _of(self, name: str, kind: type[Kind], what: str) -> Kind:
        value = self._values.get(name)
        if type(value) is kind:  # a bool is an int to isinstance
            return value
        raise self._wrong(name, what)

    def _wrong(self, name: str, what: str) -> Unreadable:
        return Unreadable(f"{self._path}{name}: must be {what}")
