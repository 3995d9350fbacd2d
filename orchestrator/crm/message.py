"""One message of the CRM, from bytes to a fact.

Guarantees: any bytes give either a `CrmMessage` or `MessageRefused`, nothing else; the refusal names the field and
what would be right, and never repeats the content. Plain JSON and CloudEvents 1.0 (structured mode) are the same
message in two envelopes. Unknown fields are passed over; a field that occurs twice is refused.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator.core.facts import SectionEnded, SectionStarted
from orchestrator.core.model import OnCall, OnExtension, OnUser, Target

MOST_BYTES = 64 * 1024
MOST_CHARACTERS = 128
MOST_SECONDS = 1e9
"""Above every bound that an operator can set; the bound itself is the core's matter."""
STARTED, ENDED = "sensitive_section.started", "sensitive_section.ended"
TARGETS: Mapping[str, Callable[[str], Target]] = {"extension": OnExtension, "user_id": OnUser, "ivrid": OnCall}

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

Fields = Mapping[str, Any]


class MessageRefused(Exception):
    """The message is wrong: which field, and what would be right."""


@dataclass(frozen=True, slots=True)
class CrmMessage:
    account: str | None
    """Which account it is for; None where the message leaves it open."""
    fact: SectionStarted | SectionEnded

    @property
    def kind(self) -> str:
        return "started" if isinstance(self.fact, SectionStarted) else "ended"


def parse(raw: bytes, message_id: str | None = None) -> CrmMessage:
    """`message_id` is the transport's own name for the message, for one that brings none."""
    envelope = _object(raw)
    own_id: str | None
    if "specversion" in envelope:
        kind, fields, own_id, at = _cloud_event(envelope)
    else:
        kind, fields = envelope.get("type"), envelope
        own_id, at = _optional(fields, "id"), None
    section_id = _needed(fields, "section_id")
    account = _optional(fields, "account")
    if kind == ENDED:
        return CrmMessage(account, SectionEnded(section_id))
    if kind != STARTED:
        raise MessageRefused(f'type: not "{STARTED}" or "{ENDED}"')
    occurred_at = _time(fields, "occurred_at")
    started = SectionStarted(
        section_id,
        _target(fields),
        _max_seconds(fields),
        _optional(fields, "reason"),
        at if occurred_at is None else occurred_at,
        own_id or message_id,
    )
    return CrmMessage(account, started)


def _object(raw: bytes) -> Fields:
    if len(raw) > MOST_BYTES:
        raise MessageRefused(f"message: longer than {MOST_BYTES} bytes")
    try:
        found = json.loads(raw.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise MessageRefused("message: not UTF-8") from None
    except (ValueError, RecursionError):
        raise MessageRefused("message: not JSON") from None
    if not isinstance(found, dict):
        raise MessageRefused("message: not a JSON object")
    return found


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MessageRefused("message: a field occurs twice in one object")
    return found


def _no_constant(_name: str) -> float:
    raise MessageRefused("message: NaN and Infinity are no JSON")


def _cloud_event(envelope: Fields) -> tuple[str | None, Fields, str, float | None]:
    """CloudEvents 1.0, structured mode: the type ends in our two words, and `id` and `source` name the event."""
    if envelope["specversion"] != "1.0":
        raise MessageRefused('specversion: not "1.0"')
    data = envelope.get("data")
    if not isinstance(data, dict):
        raise MessageRefused("data: not a JSON object")
    kind = _needed(envelope, "type", MOST_CHARACTERS * 2)
    known = next((word for word in (STARTED, ENDED) if kind == word or kind.endswith(f".{word}")), None)
    name = f"{_needed(envelope, 'source', MOST_CHARACTERS * 8)} {_needed(envelope, 'id')}"
    return known, data, name, _time(envelope, "time")


def _target(fields: Fields) -> Target:
    given = [name for name in TARGETS if fields.get(name) is not None]
    if len(given) != 1:
        raise MessageRefused(f"target: {len(given)} given, exactly one of extension, user_id and ivrid is right")
    (name,) = given
    if name == "user_id" and type(fields[name]) is int:
        return OnUser(_printable(name, str(fields[name])))
    return TARGETS[name](_needed(fields, name))


def _max_seconds(fields: Fields) -> float | None:
    value = fields.get("max_seconds")
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 < value < math.inf:
        raise MessageRefused("max_seconds: not a number of seconds above 0")
    return float(min(value, MOST_SECONDS))


def _time(fields: Fields, name: str) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    try:
        if isinstance(value, str) and _RFC_3339.fullmatch(value):
            return datetime.fromisoformat(value.upper()).timestamp()
    except (ValueError, OverflowError):  # the 31st of February
        pass
    raise MessageRefused(f"{name}: not an RFC 3339 time with its zone, as 2026-11-23T10:00:00Z")


def _needed(fields: Fields, name: str, most: int = MOST_CHARACTERS) -> str:
    found = _optional(fields, name, most)
    if found is None:
        raise MessageRefused(f"{name}: missing")
    return found


def _optional(fields: Fields, name: str, most: int = MOST_CHARACTERS) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise MessageRefused(f"{name}: not a text")
    return _printable(name, value, most)


def _printable(name: str, value: str, most: int = MOST_CHARACTERS) -> str:
    if not 0 < len(value) <= most or not value.isprintable() or value != value.strip():
        raise MessageRefused(f"{name}: not a text of 1 to {most} printable characters without spaces around it")
    return value
