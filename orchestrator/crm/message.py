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

from msgspec.structs import replace

from orchestrator.clock import WallClock
from orchestrator.core.facts import SectionEnded, SectionStarted
from orchestrator.core.model import OnCall, OnExtension, OnUser, Target
from orchestrator.engine.notices import Traced

MOST_BYTES = 64 * 1024
MOST_CHARACTERS = 128
MOST_SECONDS = 1e9
"""Above every bound that an operator can set; the bound itself is the core's matter."""
MOST_USER_NUMBER = 10**18
STARTED, ENDED = "sensitive_section.started", "sensitive_section.ended"
TARGETS: Mapping[str, Callable[[str], Target]] = {"extension": OnExtension, "user_id": OnUser, "ivrid": OnCall}

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

Fields = Mapping[str, Any]


class MessageRefused(Exception):
    """The message is wrong: which field, and what would be right."""


@dataclass(frozen=True, slots=True)
class CrmMessage:
    account: str | None
    """Which account it is for; None where the message leaves it open."""
    fact: SectionStarted | SectionEnded
    trace: Traced | None = None

    @property
    def kind(self) -> str:
        return "started" if isinstance(self.fact, SectionStarted) else "ended"

    def fact_by(self, clock: WallClock) -> SectionStarted | SectionEnded:
        """The fact, its time by our clock: the CRM goes by the wall, which may have stepped since ours was set."""
        match self.fact:
            case SectionStarted(occurred_at=float(at)):
                return replace(self.fact, occurred_at=clock.at_wall(at))
            case fact:
                return fact


def parse(raw: bytes, message_id: str | None = None, happened_at: float | None = None) -> CrmMessage:
    """`message_id` is the transport's own name for the message, for one that brings none; `happened_at` the time
    (epoch seconds) at which it took the message, which is then the latest that it can have happened."""
    envelope = _object(raw)
    event = "specversion" in envelope
    fields = _data(envelope) if event else envelope
    kind = _kind(envelope, event)
    event_name = _event_name(envelope) if event else None
    section_id = _needed(fields, "section_id")
    account = _optional(fields, "account")
    if kind == ENDED:  # the rest is not read: a slip in it must not keep a recording muted
        return CrmMessage(account, SectionEnded(section_id))
    trace = _trace(envelope, section_id) if event else None
    occurred_at = _time(fields, "occurred_at")
    if occurred_at is None and event:
        occurred_at = _time(envelope, "time")
    own_id = event_name or _optional(fields, "id")
    occurred_at = min((at for at in (occurred_at, happened_at) if at is not None), default=None)
    return CrmMessage(account, _started(section_id, fields, occurred_at, own_id or message_id), trace)


def parse_start(section_id: str, raw: bytes) -> CrmMessage:
    """A start whose section and kind the transport names: `raw` has the other fields of the message."""
    _printable("section_id", section_id)
    fields = _object(raw)
    for name, said in (("type", STARTED), ("section_id", section_id)):
        if fields.get(name, said) != said:
            raise MessageRefused(f"{name}: says otherwise than the request itself; leave it out")
    account, occurred_at, own_id = _optional(fields, "account"), _time(fields, "occurred_at"), _optional(fields, "id")
    return CrmMessage(account, _started(section_id, fields, occurred_at, own_id))


def parse_end(section_id: str, account: str | None) -> CrmMessage:
    """An end of which the transport says all."""
    return CrmMessage(account, SectionEnded(_printable("section_id", section_id)))


def _started(section_id: str, fields: Fields, occurred_at: float | None, message_id: str | None) -> SectionStarted:
    return SectionStarted(
        section_id, _target(fields), _max_seconds(fields), _optional(fields, "reason"), occurred_at, message_id
    )


def _object(raw: bytes) -> Fields:
    if len(raw) > MOST_BYTES:
        raise MessageRefused(f"message: longer than {MOST_BYTES} bytes")
    try:
        found = _decoder.decode(raw.decode("utf-8"))
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


_decoder = json.JSONDecoder(object_pairs_hook=_once_each, parse_constant=_no_constant)


def _data(event: Fields) -> Fields:
    """What a CloudEvent carries: our fields."""
    if event["specversion"] != "1.0":
        raise MessageRefused('specversion: not "1.0"')
    data = event.get("data")
    if not isinstance(data, dict):
        raise MessageRefused("data: not a JSON object")
    return data


def _kind(envelope: Fields, event: bool) -> str:
    """`STARTED` or `ENDED`. A CloudEvent's type may name its maker first: `com.example.` and then our two words."""
    given = envelope.get("type")
    for word in (STARTED, ENDED):
        if given == word or (event and isinstance(given, str) and given.endswith(f".{word}")):
            return word
    raise MessageRefused(f'type: not "{STARTED}" or "{ENDED}"{", alone or after a dot" if event else ""}')


def _event_name(event: Fields) -> str:
    """`source` and `id` together name a CloudEvent; a copy has both the same."""
    return f"{_needed(event, 'source', MOST_CHARACTERS * 8)} {_needed(event, 'id')}"


def _trace(event: Fields, section_id: str) -> Traced | None:
    """One that is wrong is passed over, as W3C has it: no section must fail for it."""
    parent = event.get("traceparent")
    wellformed = isinstance(parent, str) and _TRACEPARENT.fullmatch(parent)
    return Traced(section_id, str(parent)) if wellformed else None


def _target(fields: Fields) -> Target:
    given = [name for name in TARGETS if fields.get(name) is not None]
    if len(given) != 1:
        raise MessageRefused(f"target: {len(given)} given, exactly one of extension, user_id and ivrid is right")
    (name,) = given
    if name == "user_id" and type(fields[name]) is not str:
        return OnUser(_user_number(fields[name]))
    return TARGETS[name](_needed(fields, name))


def _user_number(value: object) -> str:
    """Voicenter's user ids are numbers, so they may come as numbers. 0 is its word for nobody."""
    if type(value) is not int or not 0 < value < MOST_USER_NUMBER:
        raise MessageRefused("user_id: not a text, nor a whole number above 0 of at most 18 digits")
    return str(value)


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
