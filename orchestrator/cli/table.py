"""Rows as text: a table for people, JSON lines for programs.

Guarantees: what stands in a cell moves no cursor and breaks no line; a column is as wide as a terminal shows it,
which is not the number of its characters.
"""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from unicodedata import combining, east_asian_width

Row = dict[str, Any]


def show(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool) -> None:
    """A table in a terminal, unless asked for JSON."""
    print(as_lines(rows) if as_json or not sys.stdout.isatty() else as_table(rows, columns), end="")


def as_lines(rows: Sequence[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def as_table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Columns of which some row has something, as wide as they need to be."""
    shown = [column for column in columns if any(row.get(column) not in (None, "", []) for row in rows)]
    cells = [[_cell(column, row.get(column)) for column in shown] for row in rows]
    return aligned([[name.upper() for name in shown], *cells]) if rows else "none\n"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(columns_of, column)) for column in zip(*rows, strict=True)]
    return "".join("  ".join(map(padded, row, widths)).rstrip() + "\n" for row in rows)


def padded(text: str, width: int) -> str:
    """Exactly as wide as that: cut, or filled up."""
    cut = clipped(text, width)
    return cut + " " * (width - columns_of(cut))


def clipped(text: str, width: int) -> str:
    """At most as wide as that; what was cut shows as `…`."""
    if columns_of(text) <= width:
        return text
    kept = ""
    for letter in text:
        if columns_of(kept + letter) >= width:
            break
        kept += letter
    return f"{kept}…"[:width]


def columns_of(text: str) -> int:
    """How many columns of a terminal it takes."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(letter) else 2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def printable(value: object) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in str(value))


def _cell(column: str, value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case {"ivrid": ivrid, "state": state}:
            return printable(f"{ivrid} {state}")
        case list():
            return ", ".join(_cell(column, each) for each in value)
        case _ if column == "at":
            return datetime.fromtimestamp(float(str(value)), UTC).strftime("%H:%M:%S")
        case _:
            return printable(value)
