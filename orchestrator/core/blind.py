"""Muting by extension while an extension's calls cannot be seen: with the feed not synced, or no way to poll.

Such a request reaches the calls of that moment, known to us or not, and no later one, so it is repeated while a
section is aimed at the extension. Guarantees: it is taken back once no section is, unless the feed knows all calls
again by then (their claims take over) or taking it back would open a call that must stay muted.
"""

from collections.abc import Iterable
from dataclasses import replace

from orchestrator.core import circuit, mutes
from orchestrator.core.changes import Changes
from orchestrator.core.facts import ExtensionAnswered
from orchestrator.core.model import Blind, Call, FeedState, Policy, State, Verdict
from orchestrator.core.notices import ExtensionSet


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
            elif changes.darkened:
                _write(state, replace(claim, next_at=min(claim.next_at, at), attempts=0), changes)
        elif claim is not None and not claim.in_flight and (not claim.muted or not in_the_dark(state)):
            _drop(state, sip, changes)
        elif claim is not None:
            _write(state, replace(claim, next_at=now, attempts=0), changes)


def may_open(state: State, sip: str) -> bool:
    """Whether opening all calls of the extension opens none that must stay muted, as far as is known."""
    extension = state.extensions.get(sip)
    return not any(_must_stay(state, ivrid) for ivrid in (extension.legs if extension else ()))


def _must_stay(state: State, ivrid: str) -> bool:
    mute, call = state.mutes.get(ivrid), state.calls.get(ivrid, Call())
    return mutes.wanted(state, ivrid) or (mute.foreign if mute else call.muted is True)


def ask(state: State, sip: str, muted: bool, now: float, policy: Policy, changes: Changes) -> None:
    claim = state.blind[sip]
    circuit.spend(state, now, policy)
    _write(state, replace(claim, in_flight=True, muted=claim.muted or muted), changes)


def withdraw(state: State, sip: str, changes: Changes) -> None:
    _write(state, replace(state.blind[sip], in_flight=False), changes)


def answer(state: State, fact: ExtensionAnswered, now: float, policy: Policy, changes: Changes) -> None:
    claim = replace(state.blind[fact.sip], in_flight=False)
    circuit.hear(state, fact.outcome, now, policy, changes)
    match fact.outcome.verdict:
        case Verdict.DONE | Verdict.NOT_FOUND:  # not found: it has no call up
            if fact.outcome.verdict is Verdict.DONE:
                changes.tell(ExtensionSet(fact.sip, fact.muted, fact.outcome.action_id))
            next_at = now + policy.blind_every_s
            _write(state, replace(claim, muted=fact.muted, attempts=0, next_at=next_at), changes)
            if not wanted(state, fact.sip):
                look(state, (fact.sip,), now, policy, changes)
        case _:
            attempts = claim.attempts + 1
            retry_at = max(now, state.api.resumes_at) + circuit.backoff_s(attempts, fact.jitter, policy)
            _write(state, replace(claim, attempts=attempts, next_at=retry_at), changes)


def explains(state: State, ivrid: str) -> bool:
    """Whether the call may be muted because we muted an extension that sees it."""
    return any(sip in state.blind and state.blind[sip].muted for sip in state.calls[ivrid].on)


def restore(state: State, claim: Blind, now: float, changes: Changes) -> None:
    _write(state, replace(claim, in_flight=False, attempts=0, next_at=now), changes)


def _drop(state: State, sip: str, changes: Changes) -> None:
    del state.blind[sip]
    changes.blind.add(sip)


def _write(state: State, claim: Blind, changes: Changes) -> None:
    if state.blind.get(claim.sip) != claim:
        state.blind[claim.sip] = claim
        changes.blind.add(claim.sip)
