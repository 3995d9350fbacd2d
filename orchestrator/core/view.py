"""How a section stands now: what its CRM is told, and whoever asks.

Guarantees: worked out from the state when asked, never kept, so it cannot drift from it. A section is `protected`
only while every call that it covers and that is up is muted, as far as is known.
"""

from orchestrator.core import coverage, mutes
from orchestrator.core.claims import Mute, Recording
from orchestrator.core.model import FeedState, OnCall, Section
from orchestrator.core.policy import Policy
from orchestrator.core.standing import CallStanding, SectionStanding, Standing, stage
from orchestrator.core.state import State


def stand(state: State, section: Section, now: float, policy: Policy) -> SectionStanding:
    """An active section as it is now."""
    return SectionStanding(section, _standing(state, section, now, policy), calls(state, section, now))


def calls(state: State, section: Section, now: float) -> tuple[CallStanding, ...]:
    """Every call that the section covers or covered."""
    found = (call(state, ivrid, now, cover.exposed_before_s) for ivrid, cover in section.calls.items())
    return tuple(standing for standing in found if standing is not None)


def call(state: State, ivrid: str, now: float, exposed_before_s: float = 0.0) -> CallStanding | None:
    """The claim on a call; None: there is none. Its exposure counts from where it was `exposed_before_s`."""
    mute = state.mutes.get(ivrid)
    if mute is None:
        return None
    exposure_s = max(0.0, mutes.exposure_s(state, ivrid, now) - exposed_before_s)
    return CallStanding(ivrid, stage(mute, mutes.wanted(state, ivrid)), exposure_s, mute.action_id)


def _standing(state: State, section: Section, now: float, policy: Policy) -> Standing:
    """While calls cannot be seen, the section's extension stands for those that it has up."""
    claims = [mute for ivrid in section.calls if (mute := _claim_on_a_live_call(state, section, ivrid)) is not None]
    blindly = [state.blind[sip] for sip in _unseen(state, section) if sip in state.blind]
    open_since = [mute.due_since for mute in claims if not (mute.foreign or mute.recording is Recording.MUTED)]
    open_since += [section.started_at for claim in blindly if not claim.holds]
    if open_since:
        return Standing.EXPOSED if now - min(open_since) > policy.exposure_alert_s else Standing.MUTING
    return Standing.PROTECTED if claims or any(claim.muted for claim in blindly) else Standing.NO_CALL


def _unseen(state: State, section: Section) -> frozenset[str]:
    """The extensions at which the section is aimed, where the feed does not tell what they have up."""
    return frozenset() if state.feed is FeedState.SYNCED else coverage.aimed_at(state, section.target)


def _claim_on_a_live_call(state: State, section: Section, ivrid: str) -> Mute | None:
    """A call that the CRM names may be up and not seen yet; any other is up while an extension shows it."""
    mute, call = state.mutes.get(ivrid), state.calls.get(ivrid)
    if mute is None or mute.gone:
        return None
    named = call is None and isinstance(section.target, OnCall)
    return mute if named or (call is not None and call.on) else None
