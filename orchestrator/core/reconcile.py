"""What is due for one call, and when to look again. Level-triggered: it never asks what happened, only what is.

`reconcile` looks at what is wanted and at what was last confirmed, and names its reason. It is asked anew
before every request, so a request is always for the state wanted when it is sent.
"""

from dataclasses import dataclass

from orchestrator.core.model import Recording, State
from orchestrator.core.mutes import wanted


@dataclass(frozen=True, slots=True)
class Settled:
    """Nothing to do until something changes."""

    why: str


@dataclass(frozen=True, slots=True)
class Later:
    """Something is due, but not before `at` (epoch seconds)."""

    at: float
    why: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask now for this call's recording to be muted (or, with `muted` False, to run)."""

    muted: bool


Decision = Settled | Later | Ask


def reconcile(state: State, ivrid: str, now: float) -> Decision:
    mute = state.mutes.get(ivrid)
    if mute is None:
        return Settled("not ours")
    if mute.foreign:
        return Settled("muted by somebody else")
    if mute.gone:
        return Settled("the call is over")
    if mute.in_flight:
        return Settled("a request is under way")
    wish = wanted(state, ivrid)
    if mute.recording is (Recording.MUTED if wish else Recording.OPEN):
        return Settled("as wanted")
    if state.backlog and not wish:
        return Settled("the CRM's backlog comes first")
    if now < state.api_resumes_at:
        return Later(state.api_resumes_at, "the API asked us to wait")
    if now < mute.retry_at:
        return Later(mute.retry_at, "backing off")
    return Ask(wish)


def urgent(state: State, ivrid: str) -> bool:
    """Mutes go before unmutes: an open recording cannot be taken back, a late release can be borne."""
    return wanted(state, ivrid)
