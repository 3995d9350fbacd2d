"""One record of the audit, and the line that it becomes: version 1 of the schema (docs/audit.md).

Guarantees: a line is one flat JSON object of catalogued fields, so it holds nothing personal; it names the line
before it (`prev`) and ends in its own `hash`, the SHA-256 of all that stands before that field. So a line that was
changed, removed or put in between shows, up to somebody who computes all later ones anew.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from orchestrator.clock import utc as utc

VERSION = 1
GENESIS = "0" * 64
"""`prev` of the first record of all."""

HEADER = frozenset({"v", "seq", "at", "event", "account", "prev", "hash"})

_TAIL = re.compile(rb'^(.*),"hash":"([0-9a-f]{64})"\}$', re.DOTALL)

Value = str | int | float | bool | list[str]


@dataclass(frozen=True, slots=True)
class Draft:
    """What happened, not yet in the chain."""

    at: float
    event: str
    account: str | None = None
    """None: it concerns the process."""
    fields: Mapping[str, Value] = field(default_factory=dict)

    def drafts(self) -> "list[Draft]":
        return [self]


@dataclass(frozen=True, slots=True)
class Link:
    """Where the chain stands: the last record's number and hash."""

    seq: int = 0
    hash: str = GENESIS


START = Link()


@dataclass(frozen=True, slots=True)
class Record:
    seq: int
    at: float
    event: str
    account: str | None
    fields: Mapping[str, Any]
    prev: str
    hash: str

    @property
    def link(self) -> Link:
        return Link(self.seq, self.hash)


class NoRecord(ValueError):
    """A line is not a whole record. The text says why, and quotes nothing of it."""


def sealed(draft: Draft, after: Link) -> tuple[bytes, Link]:
    """The line, without its end, and the chain's new end."""
    head: dict[str, Any] = {"v": VERSION, "seq": after.seq + 1, "at": utc(draft.at), "event": draft.event}
    if draft.account is not None:
        head["account"] = draft.account
    fields = {name: value for name, value in draft.fields.items() if name not in HEADER}
    body = json.dumps(head | fields | {"prev": after.hash}, separators=(",", ":"))[:-1].encode()
    digest = hashlib.sha256(body).hexdigest()
    return body + f',"hash":"{digest}"}}'.encode(), Link(after.seq + 1, digest)


def parsed(line: bytes) -> Record:
    """The record of a line. Raises `NoRecord`, also where its hash is not that of what it says."""
    match = _TAIL.match(line)
    if match is None:
        raise NoRecord("does not end in a hash: it was cut or is no record")
    if hashlib.sha256(match[1]).hexdigest().encode() != match[2]:
        raise NoRecord("says something else than when it was written: its hash does not fit")
    try:
        fields = json.loads(line)
        if fields["v"] != VERSION:
            raise NoRecord(f"is of a version that is not {VERSION}")
        found = Record(
            int(fields["seq"]),
            epoch_s(fields["at"]),
            str(fields["event"]),
            fields.get("account"),
            {name: value for name, value in fields.items() if name not in HEADER},
            str(fields["prev"]),
            str(fields["hash"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise error if isinstance(error, NoRecord) else NoRecord("lacks what every record has") from None
    return found


def epoch_s(text: str) -> float:
    """The other way round. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without its offset from UTC")
    return at.timestamp()


def day_of(at: float) -> str:
    """Its day in UTC."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def ms(seconds: float) -> int:
    return math.floor(seconds * 1000 + 0.5)
