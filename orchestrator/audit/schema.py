"""What a record may be: the catalogue's events that are audited, and the audit's own. Version 1.

Guarantees: every record that the daemon writes fits `document`, the JSON Schema in docs/api/audit.schema.json (a test
compares); within a version names and meanings stay as they are, and what is new is only added.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.audit import book, journal, recorder
from orchestrator.audit.records import VERSION
from orchestrator.telemetry.audit import KEPT
from orchestrator.telemetry.events import CATALOGUE, FIELDS

READY = "daemon.ready"


@dataclass(frozen=True, slots=True)
class Kind:
    """A record of the audit's own."""

    fields: tuple[str, ...]
    meaning: str


OWN: Mapping[str, Kind] = {
    journal.OPENED: Kind(
        ("alive_at", "torn_bytes", "missing", "damaged"),
        "A process began to write; what it found of the one before.",
    ),
    journal.CLOSED: Kind(("why",), "A process ends as asked (`stopped`), or by a fault (`crashed`)."),
    journal.ALIVE: Kind((), "Nothing else was to be told for a minute, and the daemon was there."),
    journal.LOST: Kind(
        ("from", "for_s", "lost", "why"), "The files could not be written for so long; so many records found no room."
    ),
    journal.STALLED: Kind(("from", "for_s"), "The process stood still: stopped, or without processor time."),
    book.DAY: Kind(("day", "records", "last_hash"), "A day is over: its last hash, and the records so far."),
    book.EXPIRED: Kind(
        ("day", "days", "last_hash"),
        "Days up to this one are deleted, being too old; how the chain goes on.",
    ),
    READY: Kind(("version", "accounts", "policy"), "The daemon is up, and works as soon as it owns its accounts."),
    recorder.EXPOSURE: Kind(
        (
            "ivrid",
            "section_ids",
            "extension",
            "from",
            "to",
            "exposure_ms",
            "from_offset_s",
            "to_offset_s",
            "muted_until",
            "seen_at",
            "cause",
            "ended_by",
            "answered",
        ),
        "A call was covered, and yet recorded as far as is known.",
    ),
    recorder.OVERMUTE: Kind(
        (
            "ivrid",
            "extension",
            "from",
            "to",
            "overmute_ms",
            "from_offset_s",
            "to_offset_s",
            "ended_by",
            "perhaps_over",
        ),
        "A call stayed muted with nothing covering it, and no answer ended that (where one did: `call.unmuted`).",
    ),
}

OWN_CAUSES = "request, failed_requests, api_down, feed_blind, daemon_down, drift, not_confirmed"
OWN_FIELDS: Mapping[str, str] = {
    "alive_at": "when the process before was last known to be alive",
    "torn_bytes": "bytes at the end of the last file that are no whole record, kept apart in audit-<day>.torn",
    "missing": "records that the process before had written and that are not there any more",
    "damaged": "true: the end is not as it was written, or nothing tells any more how it was",
    "lost": "records that found no room",
    "days": "how many days that were",
    "from": "when it began",
    "to": "when it ended",
    "offset_s": "of records on a call: seconds from the call's begin, as the feed told it (to 2 s)",
    "from_offset_s": "`from` in seconds from the call's begin: where the part to delete begins; missing: not known",
    "to_offset_s": "`to` in seconds from the call's begin",
    "muted_until": "of cause drift: when it was last known to be muted; it ran since some moment after that",
    "seen_at": "of cause drift: when it was seen open; it ran since some moment before that",
    "cause": f"of an exposure: {OWN_CAUSES}; of section.ended: {FIELDS['cause']}",
    "ended_by": "muted, cover_ended (never muted), call_over (Voicenter does not know it), covered_again",
    "perhaps_over": "true: no extension showed the call any more, so it may have ended at any time before `to`",
    "answered": "whether the call was answered anywhere by then: before, nobody spoke; missing: not known",
}

_NUMBERS = frozenset(
    {"seq", "attempts", "drifts", "lost", "missing", "days", "records", "torn_bytes", "token", "entries"}
)
_FLAGS = frozenset({"muted", "shown", "refused", "answered", "damaged", "hand", "perhaps_over"})
_LISTS = frozenset({"section_ids", "accounts", "policy", "changed", "needs_restart"})
_TIMES = frozenset({"at", "alive_at", "from", "to", "muted_until", "seen_at"})
_HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_HEADER: Mapping[str, Any] = {
    "v": {"const": VERSION, "description": "the schema's version"},
    "seq": {"type": "integer", "minimum": 1, "description": "the record's number, without gaps"},
    "at": {
        "type": "string",
        "format": "date-time",
        "description": "when it was told, in UTC",
    },
    "event": {"type": "string", "description": "what happened"},
    "account": {"type": "string", "description": "the account; missing where it concerns the process"},
    "prev": {**_HASH, "description": "hash of the record before; 64 zeros in the first one"},
    "hash": {**_HASH, "description": 'SHA-256 of the line up to, and without, `,"hash":`'},
}


def fields_of(event: str) -> tuple[str, ...]:
    """What a record of this kind may have besides the header."""
    if event in OWN:
        return OWN[event].fields
    fields = CATALOGUE[event].fields
    return (*fields, "offset_s") if "ivrid" in fields else fields


def events() -> list[str]:
    return sorted({*OWN, *(event.name for event in KEPT)})


def document() -> dict[str, Any]:
    """The schema of one line."""
    kinds = [
        {
            "if": {"properties": {"event": {"const": event}}},
            "then": {"propertyNames": {"enum": [*_HEADER, *fields_of(event)]}},
        }
        for event in events()
    ]
    fields = {name: _typed(name) for event in events() for name in fields_of(event)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A record of mute-orchestrator's audit, version {VERSION}",
        "type": "object",
        "required": ["v", "seq", "at", "event", "prev", "hash"],
        "properties": {
            **_HEADER,
            "event": {**_HEADER["event"], "enum": events()},
            **dict(sorted(fields.items())),
        },
        "allOf": kinds,
    }


def _typed(name: str) -> dict[str, Any]:
    told = {"description": OWN_FIELDS.get(name) or FIELDS[name]}
    if name in _TIMES:
        return {"type": "string", "format": "date-time", **told}
    if name in _FLAGS:
        return {"type": "boolean", **told}
    if name in _LISTS:
        return {"type": "array", "items": {"type": "string"}, **told}
    if name in _NUMBERS:
        return {"type": "integer", **told}
    if name.endswith(("_s", "_ms")):
        return {"type": "number", **told}
    return {**_MIXED.get(name, {"type": "string"}), **told}


_MIXED: Mapping[str, Any] = {
    "calls": {"type": ["array", "integer"], "items": {"type": "string"}},
    "extensions": {"type": "integer"},
    "repeats": {"type": "integer"},
}
