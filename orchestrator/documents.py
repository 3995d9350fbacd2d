"""What others read of a section: the object in status events and in the answers of the HTTP API.

Guarantees: ids and figures only, never personal data; what a field means and its unit stands in docs/status.md.
"""

from collections.abc import Iterable
from typing import Any

from orchestrator.clock import utc
from orchestrator.core import view
from orchestrator.core.model import EndCause, Extension, Leg, Section, target_fields
from orchestrator.core.policy import Policy
from orchestrator.core.standing import CallStanding, Told, Word
from orchestrator.core.state import State


def running_document(account: str, state: State, section: Section, now: float, policy: Policy) -> dict[str, Any]:
    """The section as it stands now."""
    stands = view.stand(state, section, now, policy)
    return section_document(account, section, stands.standing.value, stands.calls)


def section_document(account: str, section: Section, state: str, calls: Iterable[CallStanding]) -> dict[str, Any]:
    """`state` is its standing, or "ended"."""
    return {
        "section_id": section.section_id,
        "account": account,
        **target_fields(section.target),
        "state": state,
        "started_at": utc(section.started_at),
        "expires_at": utc(section.expires_at),
        "calls": [_call(call) for call in calls],
    }


def ended_document(
    account: str, section: Section, calls: Iterable[CallStanding], at: float, cause: EndCause
) -> dict[str, Any]:
    """A section that ended, with its calls as they stood then."""
    document = section_document(account, section, Word.ENDED.value, calls)
    return document | {"ended_at": utc(at), "cause": cause.value}


def extension_document(account: str, extension: Extension, section_ids: Iterable[str]) -> dict[str, Any]:
    """`section_ids`: the active sections that are aimed at it."""
    return {
        "extension": extension.sip,
        "account": account,
        "user_id": extension.user_id,
        "online_user_id": extension.online_user_id,
        "calls": [leg_document(leg) for leg in extension.legs.values()],
        "sections": sorted(section_ids),
    }


def call_document(
    account: str, ivrid: str, on: Iterable[str], section_ids: Iterable[str], claim: CallStanding | None
) -> dict[str, Any]:
    """`on`: the extensions that see it now; `section_ids`: the active sections that cover it."""
    figures = {"state": None, "exposure_ms": None, "action_id": None} if claim is None else _call(claim)
    named = {"ivrid": ivrid, "account": account, "extensions": sorted(on), "sections": sorted(section_ids)}
    return figures | named


def status_event(account: str, event_id: str, told: Told) -> dict[str, Any]:
    """A CloudEvent 1.0 in structured mode. `event_id` is its own."""
    if told.cause is None:
        data = section_document(account, told.section, told.state, told.calls)
    else:
        data = ended_document(account, told.section, told.calls, told.at, told.cause)
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": f"/mute-orchestrator/{account}",
        "type": f"mute-orchestrator.section.{told.word.value}",
        "subject": told.section.section_id,
        "time": utc(told.at),
        "datacontenttype": "application/json",
        "data": data,
    }


def _call(call: CallStanding) -> dict[str, Any]:
    return {
        "ivrid": call.ivrid,
        "state": call.stage.value,
        "exposure_ms": round(call.exposure_s * 1000),
        "action_id": call.action_id or None,
    }


def leg_document(leg: Leg) -> dict[str, Any]:
    return {
        "ivrid": leg.ivrid,
        "direction": leg.direction.value,
        "status": leg.status.value,
        "answered": leg.answered,
        "counts": leg.counts,
        "muted": leg.muted,
    }
