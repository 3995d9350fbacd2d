"""An exception as it may be logged: types and places in code, never texts and values, which may be personal.

Guarantees: what comes out is made of names that stand in source code. Groups are opened, causes are followed,
and the length is bounded.
"""

import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from types import TracebackType

_MOST_ERRORS = 8
_MOST_PLACES = 24


@dataclass(frozen=True, slots=True)
class Fault:
    errors: tuple[str, ...]
    """Types, the outermost first; the leaves of groups one by one."""
    where: tuple[str, ...]
    """`file:line function`, the innermost call last."""


def fault(error: BaseException) -> Fault:
    found = list(_unfold(error, set()))[:_MOST_ERRORS]
    places = [place for one in found for place in _places(one.__traceback__)]
    return Fault(tuple(_name(type(one)) for one in found), tuple(places[-_MOST_PLACES:]))


def short(path: str) -> str:
    """The end of a source file's path: enough to find it, nothing of the machine it lies on."""
    return "/".join(PurePath(path).parts[-2:])


def _unfold(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    if id(error) in seen:
        return
    seen.add(id(error))
    yield error
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _unfold(one, seen)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _unfold(cause, seen)


def _name(kind: type[BaseException]) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _places(trace: TracebackType | None) -> list[str]:
    return [
        f"{short(frame.f_code.co_filename)}:{line} {frame.f_code.co_name}" for frame, line in traceback.walk_tb(trace)
    ]
