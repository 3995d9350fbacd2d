"""Muting by extension while an extension's calls cannot be seen: with the feed not synced, or no way to poll.

Such a request reaches the calls of that moment, known to us or not, and no later one, so it is repeated while a
section is aimed at the extension. Guarantees: it is taken back once no section is, unless the feed knows all calls
again by then (their claims take over) or taking it back would open a call that must stay muted.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from orchestrator.core import circuit, mutes, reach
from orchestrator.core.changes import Changes
from orchestrator.core.claims import Blind, Verdict
from orchestrator.core.facts import ExtensionAnswered
from orchestrator.core.model import FeedState
from orchestrator.core.notices import ExtensionSet
from orchestrator.core.policy import Policy
from orchestrator.core.state import State


def in_the_dark(state: State) -> bool:
    return state.feed is not FeedState.SYNCED or not state.polls.possible


def wanted(state: State, sip: str) -> bool:
    """Whether whatever calls the extension has up must be muted, seen or not."""
    return sip in state.watching and in_the_dark(state)


def look(state: State, sips: Iterable[str], now: float, policy: Policy, changes: Changes) -> None:
    """Sections came or went at these extensions, or our sight changed: begin, hasten or end the claims."""
    for sip in sips:
        claim = state.blind.get(sip)
        if wanted(state, sip):
            synced = state.feed is FeedState.SYNCED
            at = now + policy.blind_every_s if synced else now  # the feed tells at once what it knows
            if claim is None:
                _write(state, Blind(sip, at), changes)
            elif changes.darkened or not claim.holds:
                _write(state, replace(claim, next_at=min(claim.next_at, at), attempts=0), changes)
        elif claim is not None and _over(state, claim, now):
            _drop(state, claim, now, policy, changes)
        elif claim is not None and not _remembered(claim, now):
            _write(state, replace(claim, next_at=now, attempts=0), changes)


def sweep(state: State, now: float, policy: Policy, changes: Changes) -> None:
    """Calls that came while a lost request might still be applied are claimed when it cannot be any more."""
    for claim in list(state.blind.values()):
        if _over(state, claim, now):
            _drop(state, claim, now, policy, changes)
    for sip, at in list(state.opened_at.items()):
        if now >= at + policy.release_watch_s:
            del state.opened_at[sip]
    for ivrid in [ivrid for ivrid, (_, until) in state.parted.items() if now >= until]:
        del state.parted[ivrid]


def _over(state: State, claim: Blind, now: float) -> bool:
    standing = claim.muted and in_the_dark(state)
    lingering = now < max(claim.mute_lands_by, claim.open_lands_by)
    return not (wanted(state, claim.sip) or claim.in_flight or standing or lingering or _remembered(claim, now))


def _remembered(claim: Blind, now: float) -> bool:
    """Whether it is over but for what it may explain."""
    return now < claim.late_until and not (claim.may_hold or claim.open_lands_by)


def linger(state: State, sip: str, muted: bool, until: float, now: float, changes: Changes) -> None:
    """A request that named this extension for the sake of one call may reach others: calls that are up and not seen
    yet and, if it was lost, those that come until then."""
    _write(state, _in_doubt(state.blind.get(sip, Blind(sip, now)), muted, until, now), changes)


def _in_doubt(claim: Blind, muted: bool, until: float, now: float) -> Blind:
    if muted:
        applied_by = max(until, now, claim.applied_by)
        return replace(claim, muted=True, mute_lands_by=max(until, claim.mute_lands_by), applied_by=applied_by)
    return replace(claim, open_lands_by=max(until, claim.open_lands_by))


def part(state: State, ivrid: str, sip: str, now: float, policy: Policy, changes: Changes) -> None:
    """The call leaves this extension. Where it went the claim by extension does not reach it."""
    claim = state.blind.get(sip)
    if _may_hold(state, sip):
        reach.reach(state, ivrid, True, claim.mute_lands_by if claim else 0.0, now, policy, changes)
    if claim is not None and claim.open_lands_by:
        reach.reach(state, ivrid, False, claim.open_lands_by, now, policy, changes)


def arrive(state: State, ivrid: str, sip: str, now: float, policy: Policy, changes: Changes) -> None:
    """The call is seen on this extension. If that was opened a moment ago, and the call was asked for before, it may
    have been there, and have been opened with it."""
    mute, opened_at = state.mutes.get(ivrid), state.opened_at.get(sip, 0.0)
    if mute is not None and mute.asked_at <= opened_at and now < opened_at + policy.unseen_s:
        reach.reach(state, ivrid, False, 0.0, now, policy, changes)


def may_open(state: State, sip: str, now: float) -> bool:
    """Whether opening all calls of the extension opens none that must stay muted, as far as is known. One that was
    seen or asked for a moment ago and is not seen anywhere may be on any extension: even a feed that is synced tells
    of a leg seconds late. After that it is over, most likely, or will not be seen however long we wait."""
    extension = state.extensions.get(sip)
    if any(_must_stay(state, ivrid) for ivrid in (extension.legs if extension else ())):
        return False
    astray = (ivrid for ivrid, until in state.strays.items() if now < until)
    return not any(_must_stay(state, ivrid) for ivrid in astray if not state.mutes[ivrid].gone)


def _must_stay(state: State, ivrid: str) -> bool:
    return mutes.wanted(state, ivrid) or mutes.foreign(state, ivrid)


def _may_hold(state: State, sip: str) -> bool:
    """Whether a request to mute whatever the extension has up may have been applied, and was not taken back."""
    return (sip in state.blind and state.blind[sip].may_hold) or _is_being_muted(state, sip)


def _is_being_muted(state: State, sip: str) -> bool:
    """For the sake of a call."""
    return any(sip == asked and state.mutes[ivrid].asked for ivrid, asked in state.asking.items())


def asked(state: State, sip: str) -> bool:
    """Whether a request that names this extension is under way, for its own sake or for that of a call."""
    return sip in state.asking.values() or (sip in state.blind and state.blind[sip].in_flight)


def ask(state: State, sip: str, now: float, policy: Policy, changes: Changes) -> None:
    circuit.spend(state, now, policy)
    _write(state, replace(state.blind[sip], in_flight=True), changes)


def withdraw(state: State, sip: str, now: float, policy: Policy, changes: Changes) -> None:
    """It was not sent."""
    _write(state, replace(state.blind[sip], in_flight=False), changes)
    look(state, (sip,), now, policy, changes)


def answer(state: State, fact: ExtensionAnswered, now: float, policy: Policy, changes: Changes) -> None:
    outcome = fact.outcome
    circuit.hear(state, outcome, now, policy, changes)
    until = reach.lands_by(outcome, now, policy)
    if until is not None and not fact.muted:
        reach.reach_all(state, fact.sip, False, until, now, policy, changes)
    if outcome.verdict is Verdict.DONE:
        changes.tell(ExtensionSet(fact.sip, fact.muted, outcome.action_id))
    claim = replace(state.blind[fact.sip], in_flight=False)
    if until is not None:
        claim = _in_doubt(claim, fact.muted, until, now)
    if outcome.verdict in (Verdict.DONE, Verdict.NOT_FOUND):  # not found: it has no call up, none muted
        muted = fact.muted and outcome.verdict is Verdict.DONE
        claim = _heard(state, claim, fact.muted, muted, now, policy)
    else:
        attempts = claim.attempts + 1
        retry_at = max(now, state.api.resumes_at) + circuit.backoff_s(attempts, fact.jitter, policy)
        claim = replace(claim, holds=False, attempts=attempts, next_at=retry_at)
    _write(state, claim, changes)
    if _over(state, claim, now):
        _drop(state, claim, now, policy, changes)


def _heard(state: State, claim: Blind, asked: bool, muted: bool, now: float, policy: Policy) -> Blind:
    """A request was answered. What was wanted meanwhile is asked next; a release is asked once more when no request
    to mute can be applied after it."""
    claim = replace(claim, muted=muted or now < claim.mute_lands_by, holds=asked, attempts=0)
    if asked is not wanted(state, claim.sip):
        return replace(claim, next_at=now)
    if not asked and claim.muted:
        return replace(claim, next_at=claim.mute_lands_by)
    return replace(claim, next_at=now + policy.blind_every_s)


def explains(state: State, ivrid: str, now: float, policy: Policy) -> bool | None:
    """Whether the call may be muted because we muted an extension that has it. None: it merely rings there, and such
    a request does not reach it; but what shows it ringing may be older than what shows it muted."""
    seen_on = state.calls[ivrid].on
    suspects = [sip for sip in seen_on if _may_have_muted(state, sip, ivrid, now, policy)]
    if not suspects:
        return False
    return any(state.extensions[sip].legs[ivrid].counts for sip in suspects) or None


def _may_have_muted(state: State, sip: str, ivrid: str, now: float, policy: Policy) -> bool:
    """For a while after all calls are seen again, too, of a call of which nothing newer was seen: its event lags."""
    call, claim = state.calls[ivrid], state.blind.get(sip)
    if _is_being_muted(state, sip):
        return True
    if claim is None:
        return False
    if claim.may_hold:
        seen_open_since = call.muted is False and call.seen_at >= claim.applied_by + policy.evidence_grace_s
        return claim.in_flight or not seen_open_since
    return now < claim.late_until and (call.muted is None or call.seen_at < claim.late_until - policy.unseen_s)


def restore(state: State, claim: Blind, now: float, policy: Policy, changes: Changes) -> None:
    """A claim of an earlier process: what was in flight when it died may be applied yet, and what had yet to be seen
    may be seen by us."""
    late_until = now + policy.unseen_s if claim.late_until else 0.0
    restored = replace(claim, in_flight=False, attempts=0, next_at=now, late_until=late_until)
    if claim.in_flight:  # for what, nobody knows
        for muted in (True, False):
            restored = _in_doubt(restored, muted, now + policy.late_s, now)
    _write(state, restored, changes)


def _drop(state: State, claim: Blind, now: float, policy: Policy, changes: Changes) -> None:
    """It is taken back, or the calls are seen again: their own claims take over."""
    late_until = now + policy.unseen_s if claim.muted else claim.late_until
    if now < late_until:
        _write(state, Blind(claim.sip, late_until, late_until=late_until), changes)
    else:
        del state.blind[claim.sip]
        changes.blind.add(claim.sip)
    if claim.muted:
        reach.reach_all(state, claim.sip, True, claim.mute_lands_by, now, policy, changes)
    if claim.open_lands_by:
        reach.reach_all(state, claim.sip, False, claim.open_lands_by, now, policy, changes)


def _write(state: State, claim: Blind, changes: Changes) -> None:
    if state.blind.get(claim.sip) != claim:
        state.blind[claim.sip] = claim
        changes.blind.add(claim.sip)
