"""What the feed and the polls show of a recording, held against what was confirmed.

Guarantees: evidence counts from the moment it speaks of, not from its arrival (an event may have been under way for
seconds); what is older than what is known already says nothing; a recording that is seen other than the API
confirmed is unknown again, so it is asked for anew; one that was muted before our first request is somebody else's.
"""

from msgspec.structs import replace

from orchestrator.core import blind, reach
from orchestrator.core.changes import Changes
from orchestrator.core.claims import Mute, Recording
from orchestrator.core.model import Call, Leg
from orchestrator.core.mutes import wanted, write
from orchestrator.core.notices import CallVerified, MuteDrifted, MuteForeign
from orchestrator.core.policy import Policy
from orchestrator.core.state import State


def see(state: State, leg: Leg, seen_at: float, now: float, policy: Policy, changes: Changes) -> None:
    """A leg of this call was seen, as it was at `seen_at` or a little later."""
    call = state.calls[leg.ivrid]
    if leg.muted is None or seen_at < call.seen_at or (leg.muted and _opened_since(state, call, seen_at, policy)):
        return
    mute = state.mutes.get(leg.ivrid)
    unclaimed = call.muted is not True and (mute is None or (_unasked(mute) and not mute.foreign))
    ours = blind.explains(state, leg.ivrid, now, policy) if leg.muted and unclaimed else False
    if ours is None:
        return
    if ours:
        # Nobody was seen to mute it, and we muted its extension: it is ours, and its own claim takes over.
        state.calls[leg.ivrid] = replace(call, muted=None, seen_at=seen_at)
        reach.reach(state, leg.ivrid, True, 0.0, now, policy, changes)
    elif mute is None or mute.foreign or _unasked(mute):
        state.calls[leg.ivrid] = replace(call, muted=leg.muted, seen_at=seen_at)
        if call.muted is not leg.muted:
            changes.extensions |= call.on  # the next process must know whose mute it is
        if mute is not None and mute.foreign is not leg.muted:
            _change_hands(state, mute, leg.muted, now, changes)
    elif not mute.in_flight and mute.confirmed_at is not None and mute.recording is not Recording.UNKNOWN:
        state.calls[leg.ivrid] = replace(call, seen_at=seen_at)
        _judge(state, mute, leg.muted, seen_at, now, policy, changes)


def _opened_since(state: State, call: Call, seen_at: float, policy: Policy) -> bool:
    """We opened the extension with all that it had up, known or not, and this may be how it was before."""
    return any(seen_at < state.opened_at.get(sip, 0.0) + policy.evidence_grace_s for sip in call.on)


def _unasked(mute: Mute) -> bool:
    """Nothing was asked for this call yet: what is seen cannot be our doing."""
    return mute.asked is None and mute.recording is Recording.OPEN


def _change_hands(state: State, mute: Mute, muted: bool, now: float, changes: Changes) -> None:
    if muted:
        changes.tell(MuteForeign(mute.ivrid))
        write(state, replace(mute, foreign=True), changes)
    else:  # whoever muted it has opened it
        write(state, Mute(mute.ivrid, due_since=now, held_for=mute.held_for, exposed_s=mute.exposed_s), changes)


def _judge(
    state: State, mute: Mute, shown: bool, seen_at: float, now: float, policy: Policy, changes: Changes
) -> None:
    confirmed_at = mute.confirmed_at or 0.0
    call = state.calls[mute.ivrid]
    if shown is (mute.recording is Recording.MUTED):
        state.calls[mute.ivrid] = replace(call, agreed_at=seen_at)
        if mute.verified_at is None and seen_at >= confirmed_at:
            changes.tell(CallVerified(mute.ivrid, shown, now - confirmed_at))
            write(state, replace(mute, verified_at=now), changes)
    elif seen_at >= confirmed_at + policy.evidence_grace_s and not _is_anothers(mute, shown):
        drifts = mute.drifts + 1
        known_at = max(confirmed_at, call.agreed_at)
        changes.tell(MuteDrifted(mute.ivrid, shown, now - seen_at, drifts, now - known_at))
        doubted = replace(mute, recording=Recording.UNKNOWN, verified_at=None, drifts=drifts)
        doubted = replace(doubted, attempts=0, retry_at=0.0)
        if wanted(state, mute.ivrid) is (mute.recording is Recording.MUTED):  # else it has been wrong for longer
            doubted = replace(doubted, due_since=max(seen_at, mute.due_since), alarm_at=0.0)
        write(state, doubted, changes)


def _is_anothers(mute: Mute, shown: bool) -> bool:
    """Muted after our release was seen to hold: not our doing."""
    return shown and mute.recording is Recording.OPEN and mute.verified_at is not None
