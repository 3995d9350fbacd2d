"""What a request by extension does to the calls that are up there: it names none of them, so it reaches all.

Guarantees: each of them that nobody else muted is from then on a claim of ours, in doubt until it is asked for by its
own id; so none stays muted because it rang beside the call that was meant, and none that must stay muted is opened
by a request that crossed its own.
"""

from msgspec.structs import replace

from orchestrator.core import mutes
from orchestrator.core.changes import Changes
from orchestrator.core.claims import Mute, Outcome, Recording, Verdict
from orchestrator.core.model import FeedState
from orchestrator.core.policy import Policy
from orchestrator.core.state import State


def lands_by(outcome: Outcome, now: float, policy: Policy) -> float | None:
    """Until when the request may still be applied; past, where it was answered; None where it reached nobody."""
    match outcome.verdict:
        case Verdict.DONE:
            return 0.0
        case Verdict.LOST | Verdict.FAILED:
            return now + policy.late_s
        case _:
            return None


def reach_all(
    state: State, sip: str, muted: bool, until: float, now: float, policy: Policy, changes: Changes
) -> None:
    """It reached every call that the extension is known to have up, or may reach them until then. A claimed call may
    be on any extension, and have been opened too, unless a feed that is synced shows it elsewhere."""
    if not muted and until <= now:
        state.opened_at[sip] = now
    extension = state.extensions.get(sip)
    reached = dict.fromkeys(extension.legs if extension else ())
    if not muted:
        reached |= dict.fromkeys(ivrid for ivrid in state.mutes if not _shown(state, ivrid))
    for ivrid in reached:
        reach(state, ivrid, muted, until, now, policy, changes)


def _shown(state: State, ivrid: str) -> bool:
    """Whether it is known where the call is: what was seen before we went blind may have been transferred since."""
    return state.feed is FeedState.SYNCED and mutes.seen(state, ivrid)


def reach(state: State, ivrid: str, muted: bool, until: float, now: float, policy: Policy, changes: Changes) -> None:
    mute = state.mutes.get(ivrid)
    if mute is None:
        if not muted or state.calls[ivrid].muted is True:
            return
        mute = Mute(ivrid, due_since=now, asked=True, asked_at=now, by_extension=True)
    if mute.foreign:
        return
    if mute.in_flight and mute.asked is not muted and until <= now:
        mute = replace(mute, crossed=True)
    wish = mutes.wanted(state, ivrid)
    as_wanted = mute.recording is (Recording.MUTED if wish else Recording.OPEN)
    as_wanted = as_wanted and not (mute.in_flight and mute.asked is not wish)  # in doubt since that was wanted
    doubted = mutes.in_doubt(mute, muted, until)
    if as_wanted and doubted.recording is not mute.recording:
        doubted = replace(doubted, due_since=now, alarm_at=0.0)
    mutes.write(state, doubted, changes)
