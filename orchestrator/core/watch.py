"""What is looked at now and then of each claim, though nothing happened.

Guarantees: nothing is given up silently; a release is watched until it was seen to hold, and after that nothing is
kept of it.
"""

from msgspec.structs import replace

from orchestrator.core import mutes
from orchestrator.core.changes import Changes
from orchestrator.core.claims import Mute, Recording
from orchestrator.core.notices import CallGone, CallOpen
from orchestrator.core.policy import Policy
from orchestrator.core.state import State


def sweep(state: State, now: float, policy: Policy, changes: Changes) -> None:
    """Forget the claims that stand for nothing any more, and tell of the covered calls that are still open."""
    for ivrid, mute in list(state.mutes.items()):
        if mutes.wanted(state, ivrid):
            _alarm(state, mute, now, policy, changes)
        if ivrid not in state.covering and not mute.in_flight and _spent(state, mute, now, policy):
            if mute.recording is not Recording.OPEN and not mute.gone:
                changes.tell(CallGone(ivrid))
            mutes.forget(state, ivrid, changes)


def _alarm(state: State, mute: Mute, now: float, policy: Policy, changes: Changes) -> None:
    """Nothing is given up silently: told at `exposure_alert_s`, and again each time that this has doubled."""
    open_s = now - mute.due_since
    silent = mute.foreign or mute.gone or mute.recording is Recording.MUTED
    if silent or open_s < policy.exposure_alert_s or now < mute.alarm_at:
        return
    sections = state.covering.get(mute.ivrid, mute.held_for)
    changes.tell(CallOpen(mute.ivrid, sections, open_s, mute.attempts, mute.error))
    again_s = min(open_s, policy.exposure_alert_most_s)
    mutes.write(state, replace(mute, alarm_at=now + again_s), changes)


def _spent(state: State, mute: Mute, now: float, policy: Policy) -> bool:
    """Whether a claim on a call that nothing covers is over. A release is watched until it was seen to hold."""
    call = state.calls.get(mute.ivrid)
    live = call is not None and bool(call.on)
    if mute.gone:
        return now >= mute.due_since + policy.keep_gone_s
    if not live and not mute.held and now >= mute.due_since + policy.keep_ended_s:
        return True  # over, whatever the API says: nobody has seen it for an hour
    since = mute.confirmed_at if mute.confirmed_at is not None else mute.due_since
    if mute.held:
        return not live and now >= since + policy.keep_ended_s
    if mute.recording is not Recording.OPEN or mute.ask_again_at or now < mute.open_lands_by:
        return False  # a late request may undo this, or a mute that is asked for next
    return mute.verified_at is not None or now >= since + policy.release_watch_s
