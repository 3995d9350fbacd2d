"""The claims: from `wanted` over `asked` to `confirmed` and `released`.

A claim begins when a call gets its first cover and lives until the API has confirmed that the recording runs
again, or that the call is over. What is uncertain stays uncertain here (`Recording.UNKNOWN`) until an answer
settles it. A recording that somebody else muted before our first request is noted, and never touched unless an
operator orders its release: from then on it is ours.
"""

import math
from typing import assert_never

from msgspec.structs import replace

from orchestrator.core import circuit, index
from orchestrator.core.changes import Changes
from orchestrator.core.claims import Mute, Recording, Verdict
from orchestrator.core.facts import MuteAnswered, MuteAsked
from orchestrator.core.model import CoverReason
from orchestrator.core.notices import (
    CallExposed,
    CallGone,
    CallMuted,
    CallUnmuted,
    MuteDoubted,
    MuteFailed,
    MuteForeign,
    MuteReaffirmed,
)
from orchestrator.core.policy import Policy
from orchestrator.core.state import State


def wanted(state: State, ivrid: str) -> bool:
    """Whether this recording must be muted now."""
    mute = state.mutes.get(ivrid)
    return ivrid in state.covering or (mute is not None and mute.held)


def foreign(state: State, ivrid: str) -> bool:
    """Whether somebody else muted this recording, as far as is known."""
    mute, call = state.mutes.get(ivrid), state.calls.get(ivrid)
    return mute.foreign if mute is not None else ivrid in state.parted or (call is not None and call.muted is True)


def seen(state: State, ivrid: str) -> bool:
    """Whether an extension shows the call."""
    return ivrid in state.calls and bool(state.calls[ivrid].on)


def exposure_s(state: State, ivrid: str, now: float) -> float:
    """How long the call has been covered and yet recorded, under whichever sections."""
    mute = state.mutes.get(ivrid)
    return 0.0 if mute is None else _exposed_s(state, mute, now)


def _exposed_s(state: State, mute: Mute, now: float) -> float:
    shut = mute.recording is Recording.MUTED or mute.foreign or mute.gone or mute.ivrid not in state.covering
    return mute.exposed_s if shut else mute.exposed_s + now - mute.due_since


def want(state: State, ivrid: str, now: float, changes: Changes) -> None:
    """The call has its first cover."""
    mute = state.mutes.get(ivrid)
    if mute is None:
        mute = Mute(ivrid, due_since=now, foreign=foreign(state, ivrid))
        if mute.foreign:
            changes.tell(MuteForeign(ivrid))
    else:  # what was asked for before, and how often in vain, is no matter of this
        mute = replace(mute, due_since=now, gone=False, attempts=0, retry_at=0.0, alarm_at=0.0)
    if mute.recording is not Recording.MUTED and not mute.foreign:
        stray(state, ivrid, math.inf)  # until it is asked for
    write(state, mute, changes)
    changes.calls.add(ivrid)  # the wish changed, whether or not the claim did


def unwant(state: State, ivrid: str, now: float, changes: Changes) -> None:
    """The call has lost its last cover."""
    changes.calls.add(ivrid)  # the wish changed, whether or not the claim does
    mute = state.mutes[ivrid]
    if mute.foreign:
        forget(state, ivrid, changes)
        return
    if mute.gone:
        _leave_gone(state, mute, now, changes)
        return
    if mute.recording is not Recording.MUTED:
        changes.tell(CallExposed(ivrid, now - mute.due_since))
        mute = replace(mute, exposed_s=mute.exposed_s + now - mute.due_since)
    elif mute.ask_again_at and not mute.held:
        changes.tell(MuteDoubted(ivrid))
    if mute.held:
        write(state, mute, changes)
    else:
        _have_opened(state, mute, now, changes)


def _have_opened(state: State, mute: Mute, now: float, changes: Changes) -> None:
    """Nothing wants it muted any more."""
    if mute.recording is Recording.OPEN and not mute.in_flight and mute.confirmed_at is None:
        forget(state, mute.ivrid, changes)
    else:
        write(state, replace(mute, due_since=now, attempts=0, retry_at=0.0, alarm_at=0.0), changes)


def hold(state: State, ivrid: str, section_id: str, changes: Changes) -> None:
    """The section has expired, and the call stays muted for it. A call that is over, or somebody else's, does not."""
    mute = state.mutes[ivrid]
    if not (mute.foreign or mute.gone):
        write(state, replace(mute, held_for=mute.held_for | {section_id}), changes)
        index.add(state.holding, section_id, ivrid)


def let_go(state: State, section_id: str, now: float, changes: Changes) -> None:
    """The end of a section that had expired was said after all: nothing stays muted for it."""
    for ivrid in sorted(state.holding.pop(section_id, ())):
        mute = state.mutes[ivrid]
        mute = replace(mute, held_for=mute.held_for - {section_id})
        write(state, mute, changes)
        if not (mute.held or ivrid in state.covering or mute.gone):
            _have_opened(state, mute, now, changes)


def _unhold(state: State, mute: Mute) -> None:
    for section_id in mute.held_for:
        index.drop(state.holding, section_id, mute.ivrid)


def order_release(state: State, ivrid: str, now: float, changes: Changes) -> None:
    """An operator wants it to run: whoever muted it, and whatever it is believed to be, it is asked for. Not where a
    section covers the call, nor where that is under way already, nor for a call that nobody knows."""
    call, mute = state.calls.get(ivrid), state.mutes.get(ivrid)
    if ivrid in state.covering or (mute.gone if mute else call is None or not call.on):
        return
    if mute is not None:
        if not (mute.foreign or mute.held or mute.recording is Recording.OPEN):
            return
        _unhold(state, mute)
    known = Mute(ivrid, due_since=now) if mute is None or mute.foreign else mute
    changes.extensions |= call.on if call else frozenset()  # the next process must know that it is nobody else's now
    doubted = replace(known, held_for=frozenset(), recording=Recording.UNKNOWN, due_since=now, verified_at=None)
    write(state, replace(doubted, attempts=0, retry_at=0.0, alarm_at=0.0), changes)


def ask(state: State, fact: MuteAsked, now: float, policy: Policy, changes: Changes) -> None:
    mute = state.mutes[fact.ivrid]
    circuit.spend(state, now, policy)
    stray(state, fact.ivrid, now + policy.unseen_s)
    if fact.sip is not None:
        state.asking[fact.ivrid] = fact.sip
    write(state, replace(mute, in_flight=True, asked=fact.muted, asked_at=now), changes)


def withdraw(state: State, ivrid: str, changes: Changes) -> None:
    """It was not sent."""
    state.asking.pop(ivrid, None)
    mute = state.mutes[ivrid]
    if mute.confirmed_at is not None or mute.attempts or mute.recording is not Recording.OPEN:
        write(state, replace(mute, in_flight=False), changes)
    elif wanted(state, ivrid):
        write(state, replace(mute, in_flight=False, asked=None), changes)
    else:  # nothing was ever asked for this call
        forget(state, ivrid, changes)


def answer(state: State, fact: MuteAnswered, now: float, policy: Policy, changes: Changes) -> None:
    state.asking.pop(fact.ivrid, None)
    crossed = state.mutes[fact.ivrid].crossed
    mute = replace(state.mutes[fact.ivrid], in_flight=False, crossed=False)
    circuit.hear(state, fact.outcome, now, policy, changes)
    match fact.outcome.verdict:
        case Verdict.DONE if crossed:
            write(state, replace(mute, recording=Recording.UNKNOWN, attempts=0, retry_at=0.0), changes)
        case Verdict.DONE:
            _confirm(state, mute, fact, now, changes)
        case Verdict.NOT_FOUND if _over(state, mute, now, policy):
            _end(state, mute, now, changes)
        case Verdict.FAILED | Verdict.LOST:
            _retry(state, in_doubt(mute, fact.muted, now + policy.late_s), fact, now, policy, changes)
        case Verdict.NOT_FOUND | Verdict.REFUSED | Verdict.BUSY | Verdict.UNSENT:
            _retry(state, mute, fact, now, policy, changes)
        case never:
            assert_never(never)


def in_doubt(mute: Mute, muted: bool, lands_by: float) -> Mute:
    """A request that was not answered with a success: it may have been applied, or may be until `lands_by`. Where it
    was for what is confirmed already, that stands."""
    asked_for = Recording.MUTED if muted else Recording.OPEN
    recording = mute.recording if mute.recording is asked_for else Recording.UNKNOWN
    if muted:
        return replace(mute, recording=recording, mute_lands_by=max(lands_by, mute.mute_lands_by))
    return replace(mute, recording=recording, open_lands_by=max(lands_by, mute.open_lands_by))


def _confirm(state: State, mute: Mute, fact: MuteAnswered, now: float, changes: Changes) -> None:
    attempts, action_id = mute.attempts + 1, fact.outcome.action_id
    as_wanted = fact.muted is wanted(state, mute.ivrid)
    waited_s = now - mute.due_since if as_wanted else None
    recording = Recording.MUTED if fact.muted else Recording.OPEN
    if mute.recording is recording:
        changes.tell(MuteReaffirmed(mute.ivrid, fact.muted, action_id))
    elif fact.muted:
        sections = state.covering.get(mute.ivrid, frozenset())
        changes.tell(CallMuted(mute.ivrid, sections, waited_s, attempts, action_id))
    else:
        changes.tell(CallUnmuted(mute.ivrid, waited_s, attempts, action_id))
        call = state.calls.get(mute.ivrid)
        if call is not None:  # what was seen before was our mute: it says nothing about anybody else's
            state.calls[mute.ivrid] = replace(call, muted=None)
    confirmed = replace(
        mute,
        recording=recording,
        exposed_s=_exposed_s(state, mute, now) if fact.muted else mute.exposed_s,
        confirmed_at=now,
        verified_at=None,
        action_id=action_id,
        attempts=0,
        retry_at=0.0,
        error="",
        alarm_at=0.0,
        by_extension=fact.sip is not None if fact.muted else mute.by_extension,
    )
    write(state, confirmed, changes)


def _over(state: State, mute: Mute, now: float, policy: Policy) -> bool:
    """Whether "not found" means that there is no such call (now). The feed decides for a call that it has shown,
    unless the polls know nothing of it either; a call that is only named as related may be long over; one that the
    CRM names may be about to begin."""
    call = state.calls.get(mute.ivrid)
    asked_long = now >= mute.due_since + policy.unseen_s
    if call is not None:
        return not call.on or (asked_long and all(mute.ivrid in state.denied.get(sip, ()) for sip in call.on))
    covers = [state.sections[section_id].calls[mute.ivrid] for section_id in state.covering.get(mute.ivrid, ())]
    return asked_long or not any(cover.reason is CoverReason.TARGET for cover in covers)


def _end(state: State, mute: Mute, now: float, changes: Changes) -> None:
    was_open = mute.recording is not Recording.MUTED and not mute.gone and mute.ivrid in state.covering
    if mute.recording is Recording.MUTED and mute.ask_again_at and wanted(state, mute.ivrid):
        changes.tell(MuteDoubted(mute.ivrid))
    changes.tell(CallGone(mute.ivrid, now - mute.due_since if was_open else None))
    if mute.ivrid in state.covering:  # it may come back: `enter` revives the claim
        exposed_s = _exposed_s(state, mute, now)
        over = replace(mute, gone=True, recording=Recording.OPEN, exposed_s=exposed_s, attempts=0, error="")
        write(state, over, changes)
    else:
        _leave_gone(state, mute, now, changes)


def _leave_gone(state: State, mute: Mute, now: float, changes: Changes) -> None:
    """Nothing covers it any more. If it comes back (a redial keeps the ivrid), it may do so with our mute on it."""
    if mute.confirmed_at is None and mute.recording is Recording.OPEN:
        forget(state, mute.ivrid, changes)
    else:
        left = replace(mute, gone=True, recording=Recording.UNKNOWN, due_since=now, attempts=0, error="")
        write(state, left, changes)


def _retry(state: State, mute: Mute, fact: MuteAnswered, now: float, policy: Policy, changes: Changes) -> None:
    """Full jitter: anywhere between now and a bound that doubles with each failure."""
    outcome = fact.outcome
    attempts = mute.attempts + 1
    retry_at = max(now, state.api.resumes_at) + circuit.backoff_s(attempts, fact.jitter, policy)
    failed = replace(mute, attempts=attempts, retry_at=retry_at, error=outcome.verdict.value)
    write(state, failed, changes)
    if state.api.down_since is not None:
        return  # told once, for all calls
    open_s, retry_in_s = now - mute.due_since, failed.retry_at - now
    changes.tell(MuteFailed(mute.ivrid, fact.muted, outcome.verdict, outcome.detail, attempts, retry_in_s, open_s))


def forget(state: State, ivrid: str, changes: Changes) -> None:
    _unhold(state, state.mutes.pop(ivrid))
    state.strays.pop(ivrid, None)
    if ivrid in state.calls and not state.calls[ivrid].on:
        del state.calls[ivrid]
    changes.calls.add(ivrid)


def restore(state: State, mute: Mute, now: float, policy: Policy, changes: Changes) -> None:
    """A claim of an earlier process: what was in flight when it died may have been applied."""
    stray(state, mute.ivrid, now + policy.unseen_s)
    if mute.in_flight:
        mute = in_doubt(replace(mute, in_flight=False), mute.asked is True, now + policy.late_s)
    for section_id in mute.held_for:
        index.add(state.holding, section_id, mute.ivrid)
    write(state, replace(mute, attempts=0, retry_at=0.0, alarm_at=0.0), changes)


def stray(state: State, ivrid: str, until: float) -> None:
    """A claimed call that no extension shows may be up on any."""
    if not seen(state, ivrid):
        state.strays[ivrid] = until


def write(state: State, mute: Mute, changes: Changes) -> None:
    if state.mutes.get(mute.ivrid) != mute:
        state.mutes[mute.ivrid] = mute
        changes.calls.add(mute.ivrid)
