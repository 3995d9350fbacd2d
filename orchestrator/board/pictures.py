"""How calls, extensions and the daemon's health are shown to people; docs/page-interface.md says what
the fields mean.

Guarantees: worked out from the state when asked; ids and figures only, never personal data.
"""

from typing import Any, assert_never

from orchestrator.core import mutes
from orchestrator.core.claims import Mute
from orchestrator.core.model import Call
from orchestrator.core.policy import Policy
from orchestrator.core.standing import Stage, stage
from orchestrator.core.state import State

Document = dict[str, Any]

RECORDED, COVERED, MUTED, VERIFIED = "recorded", "covered", "muted", "verified"
EXPOSED, FOREIGN, RELEASING = "exposed", "foreign", "releasing"

RIPENING = (COVERED, "muting")
"""States of a call or a section that time alone turns into another."""


def call_picture(
    account: str, state: State, ivrid: str, now: float, policy: Policy, began_at: float | None
) -> Document | None:
    """None: it is over, or was never heard of. `began_at` is when it was first seen, where that is known."""
    call, mute = state.calls.get(ivrid, Call()), state.mutes.get(ivrid)
    shown, since = _state_of_call(state, call, mute, now, policy)
    if shown is None:
        return None
    return {
        "account": account,
        "ivrid": ivrid,
        "state": shown,
        "since": began_at if since is None else since,
        "extensions": sorted(call.on),
        "sections": sorted(state.covering.get(ivrid, ())),
        "exposure_ms": round(mutes.exposure_s(state, ivrid, now) * 1000),
        "action_id": (mute.action_id if mute else "") or None,
    }


def _state_of_call(
    state: State, call: Call, mute: Mute | None, now: float, policy: Policy
) -> tuple[str | None, float | None]:
    """With when it came to be so; None: with the call."""
    unclaimed = (FOREIGN, call.seen_at) if call.muted else (RECORDED, None)
    if mute is None:
        return unclaimed if call.on else (None, None)
    match stage(mute, mutes.wanted(state, mute.ivrid)):
        case Stage.WANTED | Stage.ASKED:
            late = now - mute.due_since > policy.exposure_alert_s
            return (EXPOSED if late else COVERED), mute.due_since
        case Stage.CONFIRMED:
            return MUTED, mute.confirmed_at
        case Stage.VERIFIED:
            return VERIFIED, mute.verified_at
        case Stage.FOREIGN:
            return FOREIGN, mute.due_since
        case Stage.RELEASING:
            return RELEASING, mute.due_since
        case Stage.RELEASED:
            return (RECORDED, mute.confirmed_at) if call.on else (None, None)
        case Stage.GONE:
            return None, None
        case never:
            assert_never(never)


def extension_picture(account: str, state: State, sip: str) -> Document | None:
    """None: it has no call, and no section is aimed at it."""
    extension = state.extensions.get(sip)
    legs = extension.legs.values() if extension else ()
    if not legs and sip not in state.watching:
        return None
    calls = [
        {"ivrid": leg.ivrid, "direction": leg.direction.value, "status": leg.status.value, "counts": leg.counts}
        for leg in legs
    ]
    return {"account": account, "extension": sip, "calls": calls}


def polling_picture(state: State) -> str:
    if not state.polls.configured:
        return "none"
    return "ok" if state.polls.possible else "failing"
