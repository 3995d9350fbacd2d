"""Where calls are: they come into the sight of extensions and leave it, and what that says of our claims on them."""

from msgspec.structs import replace

from orchestrator.core import mutes
from orchestrator.core.changes import Changes
from orchestrator.core.claims import Verdict
from orchestrator.core.model import Call
from orchestrator.core.policy import Policy
from orchestrator.core.state import State


def leave(state: State, ivrid: str, sip: str, now: float, policy: Policy) -> None:
    """This extension sees the call no more. The call itself may go on elsewhere, so a claim on it stands, and that
    somebody else has muted it is remembered for a while."""
    call = state.calls[ivrid]
    call = replace(call, on=call.on - {sip})
    if call.on or ivrid in state.mutes:
        state.calls[ivrid] = call
        mutes.stray(state, ivrid, now + policy.unseen_s)
    else:
        del state.calls[ivrid]
        if call.muted:
            state.parted[ivrid] = (call, now + policy.unseen_s)


def enter(state: State, ivrid: str, sip: str, now: float, changes: Changes) -> None:
    """This extension sees the call."""
    parted, _ = state.parted.pop(ivrid, (Call(), 0.0))
    call = state.calls.get(ivrid, parted)
    if not call.on:
        state.strays.pop(ivrid, None)
        appear(state, ivrid, now, changes)
    if sip not in call.on:
        state.calls[ivrid] = replace(call, on=call.on | {sip})


def appear(state: State, ivrid: str, now: float, changes: Changes) -> None:
    """There is a sign of the call. If the API did not know it, it is worth asking at once: it was over and came back
    (a redial keeps the ivrid), or was named before it began (Click2Call)."""
    mute = state.mutes.get(ivrid)
    if mute is not None and mute.gone:
        mutes.write(state, replace(mute, gone=False, due_since=now), changes)
    elif mute is not None and mute.error == Verdict.NOT_FOUND:
        mutes.write(state, replace(mute, attempts=0, retry_at=0.0), changes)
