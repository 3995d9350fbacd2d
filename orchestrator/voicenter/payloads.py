"""Voicenter's JSON becomes core types here, and nowhere else.

Strict where a mistake would cost a recording (which extension, which calls), tolerant elsewhere: unknown fields
are ignored, nulls are met, ids may be numbers or text. One bad leg or extension loses only itself: it is told
to `reject` and the rest is taken. No text made here contains a value that the vendor sent.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from orchestrator.core.facts import ExtensionSeen, SnapshotTaken, UserSeen
from orchestrator.core.model import Direction, Extension, Leg, LegStatus

_DIRECTIONS = {direction.value: direction for direction in Direction}
_STATUSES = {status.value: status for status in LegStatus}
_FLAGS = {"1": True, "true": True, "0": False, "false": False}
_CALL_REASONS = ("NEWCALL", "ANSWER", "HOLD", "UNHOLD")  # compared, never hashed: what stands there may be a list


class PayloadError(ValueError):
    """A payload is not what it must be. The text names the field and what would be right, never a value."""


_MOST_LAG_S = 3.0
_LATEST_S = 1e12
_LONGEST_CALL_S = 86_400
"""A call that is said to be older is not believed to be (0 is: not begun)."""

Reject = Callable[[PayloadError], None]
"""Told of each part that was passed over while the rest was taken."""


def parse_snapshot(data: object, reject: Reject) -> SnapshotTaken:
    """`AllExtensionsStatus`: every extension of the account with its calls."""
    snapshot = _object(data, "AllExtensionsStatus")
    if error_code(snapshot) != 0:
        # Its list cannot be believed, and a list believed wrongly ends every call that it leaves out.
        raise PayloadError("errorCode: expected 0")
    if "extensions" not in snapshot:
        raise PayloadError("extensions: missing, expected a list")
    items = _list(snapshot["extensions"], "extensions")
    ages_s = {ivrid: age_s for item in items if isinstance(item, dict) for ivrid, age_s in _ages_s(snapshot, item)}
    return SnapshotTaken(_each(items, "extensions", partial(_extension, sip_field="extenUser"), reject), ages_s)


def parse_active_calls(data: object, reject: Reject) -> tuple[Extension, ...]:
    """An answer of Active Calls (`GetExtensionsCalls`): the extensions that it lists, with their calls.

    It is asked in order to be believed, so it must say what it says: nothing is read from a list that is missing.
    """
    answer = _object(data, "answer")
    items = answer.get("EXTENSIONS")
    if items is None:
        raise PayloadError("EXTENSIONS: missing, expected a list")
    return _each(_list(items, "EXTENSIONS"), "EXTENSIONS", _polled, reject)


def in_short(rejected: Sequence[PayloadError]) -> str:
    """What was passed over in one payload: the first of it, and how much more."""
    others = f" (and {len(rejected) - 1} more)" if len(rejected) > 1 else ""
    return f"{rejected[0]}{others}"


def parse_event(data: object, reject: Reject) -> ExtensionSeen | UserSeen | None:
    """`ExtensionEvent`: what happened to one extension; None when it is about something else."""
    event = _object(data, "ExtensionEvent")
    if event.get("eventName") not in (None, "extension"):
        return None
    subject = _object(event.get("data"), "data")
    if not _tells_calls(event.get("reason"), subject):
        return UserSeen(
            _required_id(subject, "extenUser", "data"),
            _user(subject, "userID", "data", reject),
            _user(subject, "onlineUserID", "data", reject),
        )
    extension = _extension(subject, "data", reject, "extenUser")
    legs = dict(extension.legs)
    if event.get("reason") == "HANGUP":
        # The list is the one after the event; should it show the ended call all the same, the event is right.
        for over in _ended_calls(event, subject):
            legs.pop(over, None)
    elif subject.get("currentCall") is not None:
        try:
            current = _leg(subject["currentCall"], "data.currentCall")
        except PayloadError as error:
            if subject.get("calls") is None:
                raise  # nothing is left that tells the calls
            reject(error)
        else:
            legs.setdefault(current.ivrid, current)
    seen = Extension(extension.sip, extension.user_id, extension.online_user_id, legs)
    return ExtensionSeen(seen, _lag_s(event), dict(_ages_s(event, subject)))


def _lag_s(event: dict[str, Any]) -> float:
    """How long the event was under way at the vendor's: two whole seconds of one clock, so it is right to one second.
    Where it does not say, as long as was ever seen."""
    sent, happened = _time(event.get("servertime")), _time(event.get("telephonyservertime"))
    if sent is None or happened is None:
        return _MOST_LAG_S
    return min(_MOST_LAG_S, max(0.0, sent - happened))


def _ages_s(payload: dict[str, Any], extension: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """How long each call has been going on: both times are of the vendor's one clock, in whole seconds."""
    told_at, calls = _time(payload.get("servertime")), extension.get("calls")
    if told_at is None or not isinstance(calls, list):
        return
    for call in calls:
        if not isinstance(call, dict):
            continue
        ivrid, began_at = _optional_id(call.get("ivrid")), _time(call.get("callStarted"))
        if ivrid is not None and began_at is not None and 0 <= told_at - began_at <= _LONGEST_CALL_S:
            yield ivrid, told_at - began_at


def error_code(data: object) -> int | None:
    """`errorCode` of any answer: 0 when it is missing or null, None when it is no number."""
    value = data.get("errorCode") if isinstance(data, dict) else None
    if value is None:
        return 0
    return whole_number(value)


def whole_number(value: object) -> int | None:
    """A whole number, as such or as text; None for anything else."""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str) and len(value) <= 10 and value.isascii() and value.strip().isdecimal():
        return int(value)
    return None


def _tells_calls(reason: object, subject: dict[str, Any]) -> bool:
    """Whether `calls` of this event is the whole list after it.

    `userStatusUpdate` shows its `calls` full in captures and empty in the documentation, so it may add nothing
    and must end nothing; the same caution goes for reasons that nobody has seen yet and that name no call.
    """
    if reason == "userStatusUpdate":
        return False
    if reason == "HANGUP" or subject.get("currentCall") is not None:
        return True
    return reason in _CALL_REASONS and subject.get("calls") is not None


def _ended_calls(event: dict[str, Any], subject: dict[str, Any]) -> Iterator[str]:
    current = subject.get("currentCall")
    named = (event.get("ivruniqueid"), current.get("ivrid") if isinstance(current, dict) else None)
    return filter(None, map(_optional_id, named))


def _each(
    items: list[Any], path: str, parse: Callable[[object, str, Reject], Extension], reject: Reject
) -> tuple[Extension, ...]:
    seen: dict[str, Extension] = {}
    for at, item in enumerate(items):
        try:
            extension = parse(item, f"{path}[{at}]", reject)
        except PayloadError as error:
            reject(error)
        else:
            seen[extension.sip] = extension
    return tuple(seen.values())


def _polled(item: object, path: str, reject: Reject) -> Extension:
    if "calls" not in _object(item, path):
        raise PayloadError(f"{path}.calls: missing, expected a list")
    return _extension(item, path, reject, "username")


def _extension(item: object, path: str, reject: Reject, sip_field: str) -> Extension:
    fields = _object(item, path)
    sip = _required_id(fields, sip_field, path)
    legs: dict[str, Leg] = {}
    for at, call in enumerate(_list(fields.get("calls"), f"{path}.calls")):
        try:
            leg = _leg(call, f"{path}.calls[{at}]")
        except PayloadError as error:
            reject(error)
        else:
            legs[leg.ivrid] = leg
    return Extension(
        sip,
        _user(fields, "userID", path, reject),
        _user(fields, "onlineUserID", path, reject),
        legs,
    )


def _leg(item: object, path: str) -> Leg:
    fields = _object(item, path)
    recording = fields.get("recording")
    related = fields.get("relatedIvrUniqueIDs")
    direction = fields.get("direction")
    status = fields.get("callstatus")
    return Leg(
        ivrid=_required_id(fields, "ivrid", path),
        direction=_DIRECTIONS.get(direction, Direction.OTHER) if isinstance(direction, str) else Direction.OTHER,
        status=_STATUSES.get(status, LegStatus.OTHER) if isinstance(status, str) else LegStatus.OTHER,
        answered=_flag(fields.get("answered")) or False,
        muted=_flag(recording.get("IsMuted")) if isinstance(recording, dict) else None,
        related=tuple(filter(None, map(_optional_id, related))) if related and isinstance(related, list) else (),
    )


def _time(value: object) -> float | None:
    """Seconds of an epoch; None for what cannot be: JSON also has numbers beyond those of a float, and no numbers."""
    return float(value) if isinstance(value, (int, float)) and abs(value) < _LATEST_S else None


def _flag(value: object) -> bool | None:
    """0 or 1, as a number, a boolean or text; None where it says nothing."""
    if isinstance(value, int):
        return bool(value)
    return _FLAGS.get(value.lower()) if isinstance(value, str) else None


def _user(fields: dict[str, Any], name: str, path: str, reject: Reject) -> str | None:
    """A user id; 0, empty and null are nobody. Nonsense is told and read as nobody: the calls matter more."""
    value = fields.get(name)
    if not value or value == "0":
        return None
    user_id = _optional_id(value)
    if user_id is None:
        reject(PayloadError(f"{path}.{name}: expected a number or text"))
    return user_id


def _required_id(fields: dict[str, Any], name: str, path: str) -> str:
    value = _optional_id(fields.get(name))
    if value is None:
        raise PayloadError(f"{path}.{name}: expected text that is not empty, or a number")
    return value


def _optional_id(value: object) -> str | None:
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _object(value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise PayloadError(f"{path}: expected an object")
    return value


def _list(value: object, path: str) -> list[Any]:
    """A list; null and missing are an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise PayloadError(f"{path}: expected a list")
    return value
