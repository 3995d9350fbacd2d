"""The core's values as the JSON that stands in Redis, and back (docs/redis.md documents it for other readers).

Guarantees: what is written reads back as the same value, exactly; the JSON is UTF-8. Fields that merely
help other readers (`counts`, `stage`) are written and never read.
"""

from typing import Any

from orchestrator.core.claims import Blind, Mute, Recording
from orchestrator.core.model import (
    Cover,
    CoverReason,
    Direction,
    EndCause,
    EndedSection,
    Leg,
    LegStatus,
    OnCall,
    OnExtension,
    OnUser,
    Section,
    Target,
    target_fields,
)
from orchestrator.encoding import encoded
from orchestrator.store.fields import SCHEMA, Fields, Unreadable


def leg_to_json(leg: Leg, foreign: bool) -> bytes:
    """With it, whether its call was muted by somebody else."""
    return _json(
        ivrid=leg.ivrid,
        direction=leg.direction,
        status=leg.status,
        answered=leg.answered,
        muted=leg.muted,
        foreign=foreign,
        related=leg.related,
        counts=leg.counts,
    )


def leg_from_json(raw: bytes) -> tuple[Leg, bool]:
    """And whether its call was muted by somebody else."""
    fields = Fields.parse(raw)
    leg = Leg(
        fields.text("ivrid"),
        fields.word("direction", Direction),
        fields.word("status", LegStatus),
        fields.flag("answered"),
        fields.flag("muted") if fields.has("muted") else None,
        fields.texts("related"),
    )
    return leg, fields.flag("foreign")


def section_to_json(section: Section) -> bytes:
    calls = {
        ivrid: {
            "since": cover.since,
            "reason": cover.reason,
            "extension": cover.sip,
            "exposed_before_s": cover.exposed_before_s,
        }
        for ivrid, cover in section.calls.items()
    }
    return _json(
        section_id=section.section_id,
        **target_fields(section.target),
        started_at=section.started_at,
        renewed_at=section.renewed_at,
        expires_at=section.expires_at,
        reason=section.reason,
        messages=section.messages,
        calls=calls,
        idle_since=section.idle_since,
        warned=section.warned,
    )


def section_from_json(raw: bytes) -> Section:
    fields = Fields.parse(raw)
    return Section(
        fields.text("section_id"),
        _target(fields),
        fields.seconds("started_at"),
        fields.seconds("renewed_at"),
        fields.seconds("expires_at"),
        _text_or_none(fields, "reason"),
        fields.texts("messages"),
        {ivrid: _cover(cover) for ivrid, cover in fields.objects("calls")},
        _seconds_or_none(fields, "idle_since"),
        fields.flag("warned"),
    )


def ended_to_json(ended: EndedSection) -> bytes:
    return _json(at=ended.at, cause=ended.cause, renewed_at=ended.renewed_at, messages=ended.messages)


def ended_from_json(raw: bytes) -> EndedSection:
    fields = Fields.parse(raw)
    return EndedSection(
        fields.seconds("at"),
        fields.word("cause", EndCause),
        _seconds_or_none(fields, "renewed_at"),
        fields.texts("messages"),
    )


def mute_to_json(mute: Mute) -> bytes:
    return _json(
        ivrid=mute.ivrid,
        stage=stage(mute),
        due_since=mute.due_since,
        recording=mute.recording,
        foreign=mute.foreign,
        held_for=sorted(mute.held_for),
        gone=mute.gone,
        in_flight=mute.in_flight,
        asked=mute.asked,
        asked_at=mute.asked_at,
        confirmed_at=mute.confirmed_at,
        action_id=mute.action_id,
        attempts=mute.attempts,
        retry_at=mute.retry_at,
        error=mute.error,
        verified_at=mute.verified_at,
        mute_lands_by=mute.mute_lands_by,
        open_lands_by=mute.open_lands_by,
        drifts=mute.drifts,
        exposed_s=mute.exposed_s,
        by_extension=mute.by_extension,
    )


def mute_from_json(raw: bytes) -> Mute:
    fields = Fields.parse(raw)
    return Mute(
        fields.text("ivrid"),
        fields.seconds("due_since"),
        fields.word("recording", Recording),
        fields.flag("foreign"),
        frozenset(fields.texts("held_for") if fields.has("held_for") else ()),
        fields.flag("gone"),
        fields.flag("in_flight"),
        fields.flag("asked") if fields.has("asked") else None,
        fields.seconds("asked_at"),
        _seconds_or_none(fields, "confirmed_at"),
        fields.text("action_id"),
        fields.count("attempts"),
        fields.seconds("retry_at"),
        fields.text("error"),
        _seconds_or_none(fields, "verified_at"),
        fields.seconds("mute_lands_by"),
        fields.seconds("open_lands_by"),
        drifts=fields.count("drifts"),
        exposed_s=fields.seconds("exposed_s"),
        by_extension=fields.flag("by_extension"),
    )


def blind_to_json(claim: Blind) -> bytes:
    return _json(
        extension=claim.sip,
        muted=claim.muted,
        in_flight=claim.in_flight,
        holds=claim.holds,
        next_at=claim.next_at,
        attempts=claim.attempts,
        mute_lands_by=claim.mute_lands_by,
        open_lands_by=claim.open_lands_by,
        applied_by=claim.applied_by,
        late_until=claim.late_until,
    )


def blind_from_json(raw: bytes) -> Blind:
    fields = Fields.parse(raw)
    return Blind(
        fields.text("extension"),
        fields.seconds("next_at"),
        fields.flag("muted"),
        fields.flag("in_flight"),
        fields.flag("holds"),
        fields.count("attempts"),
        fields.seconds("mute_lands_by"),
        fields.seconds("open_lands_by"),
        fields.seconds("applied_by") if fields.has("applied_by") else 0.0,
        fields.seconds("late_until") if fields.has("late_until") else 0.0,
    )


def stage(mute: Mute) -> str:
    """Where the claim stands, in one word for people and dashboards."""
    if mute.foreign:
        return "foreign"
    if mute.gone:
        return "gone"
    if mute.in_flight or mute.recording is Recording.UNKNOWN:
        return "asked"
    if mute.recording is Recording.MUTED:
        return "confirmed" if mute.verified_at is None else "verified"
    released = mute.confirmed_at is not None and mute.confirmed_at >= mute.due_since
    return "released" if released else "wanted"


def _json(**fields: Any) -> bytes:
    return encoded({"v": SCHEMA, **fields})


def _target(fields: Fields) -> Target:
    named = [name for name in ("extension", "user_id", "ivrid") if name in fields]
    match named:
        case ["extension"]:
            return OnExtension(fields.text("extension"))
        case ["user_id"]:
            return OnUser(fields.text("user_id"))
        case ["ivrid"]:
            return OnCall(fields.text("ivrid"))
        case _:
            raise Unreadable("must have exactly one of extension, user_id, ivrid")


def _cover(fields: Fields) -> Cover:
    return Cover(
        fields.seconds("since"),
        fields.word("reason", CoverReason),
        _text_or_none(fields, "extension"),
        fields.seconds("exposed_before_s"),
    )


def _text_or_none(fields: Fields, name: str) -> str | None:
    return fields.text(name) if fields.has(name) else None


def _seconds_or_none(fields: Fields, name: str) -> float | None:
    return fields.seconds(name) if fields.has(name) else None
