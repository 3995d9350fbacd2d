"""The last gate before a log line is written: catalogued fields pass, in a form that can do no harm.

Guarantees: a field that the catalogue does not name for this event is left out and counted on the line (with
`strict`, in tests, it raises); text is bounded and free of control characters, so a value from outside can
neither forge a line nor steer a terminal; what is not a plain value does not pass at all.
"""

import math
from collections.abc import Iterable

from structlog.types import EventDict, WrappedLogger

from orchestrator.telemetry.events import CATALOGUE

_MOST_CHARACTERS = 200
_MOST_ITEMS = 50
_ALWAYS = frozenset({"event", "account"})


class UncataloguedField(Exception):
    """A line was to be written with a field, or under a name, that the catalogue does not have."""


class AllowList:
    """A structlog processor."""

    def __init__(self, strict: bool) -> None:
        self._strict = strict

    def __call__(self, _logger: WrappedLogger, _method: str, given: EventDict) -> EventDict:
        name = given["event"]
        event = CATALOGUE.get(name)
        allowed = _ALWAYS.union(event.fields if event else ())
        kept = {key: presentable(value) for key, value in given.items() if key in allowed and value is not None}
        dropped = sorted(given.keys() - allowed)
        if self._strict and (dropped or event is None):
            raise UncataloguedField(f"{name}: the catalogue does not have {', '.join(dropped) or 'this event'}")
        if dropped:
            kept["dropped"] = len(dropped)
        return kept


def presentable(value: object) -> object:
    """The value as it may stand in a line; of what is no plain value, only its type's name."""
    match value:
        case bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case str():
            return _printable(value)
        case tuple() | list() | set() | frozenset():
            return _items(value)
        case _:
            return f"<{type(value).__name__}>"


def _printable(text: str) -> str:
    short = text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"
    if short.isprintable():
        return short
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in short)


def _items(values: Iterable[object]) -> list[object]:
    ordered = sorted(values, key=str) if isinstance(values, set | frozenset) else list(values)
    shown = [presentable(value) for value in ordered[:_MOST_ITEMS]]
    return shown if len(ordered) <= _MOST_ITEMS else [*shown, f"… {len(ordered) - _MOST_ITEMS} more"]
