"""What is due for one call, and when to look again. Level-triggered: it never asks what happened, only what is.

`reconcile` looks at what is wanted and at what was last confirmed, and names its reason. It is asked anew
before every request, so a request is always for the state wanted when it is sent.
"""

from dataclasses import dataclass

from orchestrator.core import blind, circuit, mutes
from orchestrator.core.claims import Mute, Recording, Verdict
from orchestrator.core.state import State


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
    sip: str | None = None
    """By this extension, with whatever calls it has up, where the API does not know the call by its own id."""


Decision = Settled | Later | Ask

BESIDE_S = 0.1
"""How soon to look again where a request that names the same extension is under way: one at a time."""
HELD_UP_S = 1.0
"""How soon to look again at what cannot be opened, because something beside it must stay muted."""


def reconcile(state: State, ivrid: str, now: float) -> Decision:
    """What is due for one call."""
    mute = state.mutes.get(ivrid)
    if mute is None:
        return Settled("not ours")
    if mute.foreign:
        return Settled("muted by somebody else")
    if mute.gone:
        return Settled("the call is over")
    if mute.in_flight:
        return Settled("a request is under way")
    wish = mutes.wanted(state, ivrid)
    if not wish and state.backlog:
        return Settled("the CRM's backlog comes first")
    if mute.recording is (Recording.MUTED if wish else Recording.OPEN):
        if not mute.ask_again_at:
            return Settled("as wanted")
        if now < mute.ask_again_at:
            return Later(mute.ask_again_at, "once more, when no late request can undo it")
    waits = ((circuit.resumes_at(state), "the API is down, or asked us to wait"), (mute.retry_at, "backing off"))
    at, why = max(waits)
    if now < at:
        return Later(at, why)
    sip = _by_extension(state, mute, wish, now)
    if sip is not None and blind.asked(state, sip):
        return Later(now + BESIDE_S, "its extension is being asked for")
    return Ask(wish, sip)


def _by_extension(state: State, mute: Mute, wish: bool, now: float) -> str | None:
    """Every other time, where the API says "not found" of a call that an extension shows."""
    call = state.calls.get(mute.ivrid)
    if mute.error != Verdict.NOT_FOUND or mute.attempts % 2 == 0 or call is None:
        return None
    if not wish and not mute.by_extension:
        return None  # over, most likely, and its end was not told: what is up there now is another's
    covering = state.covering.get(mute.ivrid, frozenset())
    for sip in sorted(call.on):
        if not covering.isdisjoint(state.watching.get(sip, ())) if wish else blind.may_open(state, sip, now):
            return sip
    return None


def reconcile_extension(state: State, sip: str, now: float) -> Decision:
    """What is due for an extension whose calls cannot be seen."""
    claim = state.blind.get(sip)
    if claim is None:
        return Settled("not ours")
    if claim.in_flight:
        return Settled("a request is under way")
    if blind.asked(state, sip):
        return Later(now + BESIDE_S, "it is being asked for, for the sake of a call")
    wish = blind.wanted(state, sip)
    if not wish and not blind.in_the_dark(state):
        return Settled("its calls are seen: each has a claim of its own")
    if not wish and not claim.muted:
        return Settled("as wanted")
    if not wish and state.backlog:
        return Settled("the CRM's backlog comes first")
    at = max(claim.next_at, circuit.resumes_at(state))
    if now < at:
        return Later(at, "asked a moment ago, or backing off")
    if not wish and not blind.may_open(state, sip, now):
        return Later(now + HELD_UP_S, "a call beside it must stay muted")
    return Ask(wish)


def urgent(state: State, ivrid: str) -> bool:
    """Mutes go before unmutes: an open recording cannot be taken back, a late release can be borne."""
    return mutes.wanted(state, ivrid)
