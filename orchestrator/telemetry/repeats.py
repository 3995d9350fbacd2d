"""What comes again and again is told now and then, with how often it came.

Guarantees: the first of a kind is told at once; of those that come within `every_s` of it, only the last is told,
when that time is over, with how many they were; so it goes on until nothing of the kind came for so long. Every one
is told or counted, and what is remembered is bounded: where there are too many kinds at once, the rest is one kind.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

MOST_KINDS = 100

T = TypeVar("T")

Later = Callable[[float, Callable[[], None]], object]
"""Calls back after so many seconds, as the event loop's `call_later`."""

_REST = object()


@dataclass(slots=True)
class _Quiet(Generic[T]):
    """The time after something was told, and what came in it."""

    last: T | None = None
    repeats: int = 0


class Repeats(Generic[T]):
    def __init__(self, tell: Callable[[T, int], None], later: Later) -> None:
        """`tell` gets a thing and how many of its kind it stands for: 0 for the first, which stands for itself."""
        self._tell = tell
        self._later = later
        self._quiet: dict[Hashable, _Quiet[T]] = {}

    def take(self, kind: Hashable, thing: T, every_s: float) -> None:
        if kind not in self._quiet and len(self._quiet) >= MOST_KINDS:
            kind = _REST
        quiet = self._quiet.get(kind)
        if quiet is None:
            self._open(kind, every_s)
            self._tell(thing, 0)
        else:
            quiet.last = thing
            quiet.repeats += 1

    def settle(self) -> None:
        """Tell now what waits."""
        waiting, self._quiet = self._quiet, {}
        for quiet in waiting.values():
            self._tell_of(quiet)

    def _open(self, kind: Hashable, every_s: float) -> None:
        self._quiet[kind] = quiet = _Quiet[T]()
        self._later(every_s, partial(self._close, kind, quiet, every_s))

    def _close(self, kind: Hashable, quiet: _Quiet[T], every_s: float) -> None:
        if self._quiet.get(kind) is not quiet:
            return  # settled meanwhile
        del self._quiet[kind]
        if quiet.repeats:
            self._open(kind, every_s)
            self._tell_of(quiet)

    def _tell_of(self, quiet: _Quiet[T]) -> None:
        if quiet.last is not None:
            self._tell(quiet.last, quiet.repeats)
