"""The vendor's payloads, as seen in a capture: the same keys, the same types, the same oddities.

Guarantees: `AllExtensionsStatus` and `ExtensionEvent` describe a line by the same function, so they cannot
disagree. What a payload says of a recording is put in last, by `show_mutes`, from the truth at that moment.
The vendor's times are epoch seconds of the account's own clock, whole and shifted by its offset from UTC.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from orchestrator.simulator.telephony import (
    Direction,
    Leg,
    Line,
    LineChanged,
    Queue,
    QueueChanged,
    QueueReason,
    Reason,
    Waiting,
)

Payload = dict[str, Any]
"""What goes over the wire, ready for JSON."""

OFFICE = "0000000000"
ACCOUNT = 1
CUSTOM_DATA = {"note": "what the caller said in confidence"}
"""What an IVR may have attached to a call. Personal: so that a leak shows, it is there."""


@dataclass(frozen=True, slots=True)
class VendorClock:
    """How the account's clock tells a time of ours."""

    offset_min: int = 120

    def tell(self, at: float) -> int:
        return int(at) + self.offset_min * 60 if at else 0

    def stamp(self, at: float) -> Payload:
        return {"servertime": self.tell(at), "servertimeoffset": self.offset_min}


def login_success(clock: VendorClock, now: float) -> Payload:
    return clock.stamp(now) | {"errorCode": 0, "errorDesc": "OK"}


def login_refused() -> Payload:
    """`loginStatus` where the token is not (or no longer) good."""
    return {"errorCode": 1, "errorDesc": "Login failed"}


def login_status(queues: Iterable[Queue], clock: VendorClock, now: float) -> Payload:
    return {"queues": [queue_payload(queue, clock) for queue in queues]} | login_success(clock, now)


def all_dialers(clock: VendorClock, now: float) -> Payload:
    return {"dialers": []} | login_success(clock, now)


def all_extensions(lines: Iterable[Payload], clock: VendorClock, now: float) -> Payload:
    return {"extensions": list(lines)} | login_success(clock, now)


def line_payload(line: Line, clock: VendorClock) -> Payload:
    online = int(line.online_user_id or 0)
    return {
        "calls": [leg_payload(leg, line, clock) for leg in line.legs],
        "userID": int(line.user_id),
        "userName": line.user_name,
        "number": line.number,
        "extenUser": line.sip,
        "accountID": ACCOUNT,
        "topAccountID": ACCOUNT,
        "summery": {"representative": line.user_name},
        "onlineUserID": online,
        "representative": online,
        "representativeStatus": int(line.presence),
        "lastCallEventEpoch": clock.tell(line.last_call_at),
        "lastAnsweredCallEventEpoch": clock.tell(line.last_answer_at),
        "lastHangupCallEpoch": clock.tell(line.last_hangup_at),
        "representativeUpdated": clock.tell(line.presence_at) * 1000,
        "peerStatus": None,
    }


def leg_payload(leg: Leg, line: Line, clock: VendorClock) -> Payload:
    placed = leg.direction is Direction.OUTGOING
    started = clock.tell(leg.started_at)
    payload = {
        "callStarted": started,
        "calldurationinterval": started,
        "callAnswered": clock.tell(leg.answered_at),
        "answered": int(leg.answered),
        "callername": leg.party.name,
        "callerphone": leg.party.phone,
        "outgoingcallername": line.user_name if placed else "",
        "outgoingcallerphone": OFFICE if placed else "",
        "callstatus": str(leg.status),
        "customdata": CUSTOM_DATA,
        "direction": str(leg.direction),
        "ivrid": leg.ivrid,
        "recording": {"Filename": f"{leg.ivrid}-rec.mp3", "Options": "", "ApproximateURL": "", "IsMuted": 0},
        "did": "" if placed else OFFICE,
        "relatedIvrUniqueIDs": list(leg.related),
        "callType": str(leg.direction),
        "actualDialedNumber": leg.party.phone if placed else OFFICE,
        "channel": f"SIP/{line.sip}-{leg.channel:08x}",
        "channel2": f"SIP/ProviderProxy01-{leg.channel:08x}",
        "isSpyed": False,
        "isInternal": leg.internal,
        "ip": "192.0.2.1",
        "blcServerID": 1,
    }
    if not placed:
        payload["originalCallerID"] = leg.party.phone
    if leg.queue_id is not None:
        payload["queueID"] = leg.queue_id
    if leg.c2c_direction is not None:
        payload["c2cdirection"] = leg.c2c_direction
    return payload


def extension_event(change: LineChanged, clock: VendorClock) -> Payload:
    """All but the time of sending, which the feed puts in."""
    data = line_payload(change.line, clock)
    event: Payload = {"data": data, "eventName": "extension", "reason": str(change.reason)}
    if change.leg is None:
        return event
    data["currentCall"] = leg_payload(change.leg, change.line, clock)
    event["telephonyservertime"] = clock.tell(change.at)
    if change.reason is Reason.HANGUP:
        event |= {
            "callerID": change.leg.party.phone,
            "ivruniqueid": change.leg.ivrid,
            "dialStatus": "",
            "cause": change.cause,
        }
    return event


def queue_event(change: QueueChanged, clock: VendorClock) -> Payload:
    data = queue_payload(change.queue, clock)
    if change.reason is QueueReason.EXIT:
        data["AnsweredAgent"] = change.agent
    return {
        "data": data,
        "eventName": "queue",
        "reason": str(change.reason),
        "ivruniqueid": change.ivrid,
        "telephonyservertime": clock.tell(change.at),
    }


def queue_payload(queue: Queue, clock: VendorClock) -> Payload:
    return {
        "QueueID": queue.queue_id,
        "QueueName": queue.name,
        "UserID": ACCOUNT,
        "DistributorID": ACCOUNT,
        "IsDistributedQueue": False,
        "Calls": [waiting_payload(waiting, clock) for waiting in queue.calls],
    }


def waiting_payload(waiting: Waiting, clock: VendorClock) -> Payload:
    return {
        "CallerID": waiting.party.phone,
        "CallerName": waiting.party.name,
        "IvrUniqueID": waiting.ivrid,
        "JoinTimeStamp": clock.tell(waiting.joined_at),
        "calldurationinterval": clock.tell(waiting.joined_at),
        "ivrid": waiting.ivrid,
        "isDistributedQueue": False,
        "customdata": CUSTOM_DATA,
    }


def show_mutes(line: Payload, muted: Callable[[str], bool]) -> Payload:
    """The line's payload with every recording as it is."""
    shown = line | {"calls": [_shown(leg, muted) for leg in line["calls"]]}
    if line.get("currentCall"):
        shown["currentCall"] = _shown(line["currentCall"], muted)
    return shown


def _shown(leg: Payload, muted: Callable[[str], bool]) -> Payload:
    recording = leg.get("recording") or {}
    return leg | {"recording": recording | {"IsMuted": int(muted(leg["ivrid"]))}}
