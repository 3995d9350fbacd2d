"""The claims: from `wanted` over `asked` to `confirmed` and `released`.

A claim begins when a call gets its first cover and lives until the API has confirmed that the recording runs
again, or that the call is over. What is uncertain stays uncertain here (`Recording.UNKNOWN`) until an answer
settles it. A recording that somebody else muted before our first request is noted, and never touched.
"""

from dataclasses import replace
from typing import assert_never

from orchestrator.core.changes import Changes
from orchestrator.core.facts import MuteAnswered, MuteAsked
from orchestrator.core.model import Call, CoverReason, Leg, Mute, Policy, Recording, State, Verdict
from orchestrator.core.notices import CallExposed, CallGone, CallMuted, CallUnmuted, MuteFailed, MuteForeign


def wanted(state: State, ivrid: str) -> bool:
    """Whether this recording must be muted now."""
    mute = state.mutes.get(ivrid)
    return ivrid in state.covering or (mute is not None and mute.held)


def want(state: State, ivrid: str, now: float, changes: Changes) -> None:
    """The call has its first cover."""
    mute = state.mutes.get(ivrid)
    if mute is None:
        call = state.calls.get(ivrid)
        foreign = call is not None and call.muted is True
        mute = Mute(ivrid, due_since=now, foreign=foreign)
        if foreign:
            changes.tell(MuteForeign(ivrid))
    elif mute.recording is not Recording.MUTED:
        mute = replace(mute, due_since=now, gone=False, attempts=0, retry_at=0.0)
    _write(state, mute, changes)


def unwant(state: State, ivrid: str, now: float, hold: bool, changes: Changes) -> None:
    """The call has lost its last cover; with `hold` it stays muted until it is over."""
    mute = state.mutes[ivrid]
    if mute.foreign or mute.gone:
        forget(state, ivrid, changes)
        return
    if mute.recording is not Recording.MUTED:
        changes.tell(CallExposed(ivrid, now - mute.due_since))
    if hold or mute.held:
        _write(state, replace(mute, held=True), changes)
    elif mute.recording is Recording.OPEN and not mute.in_flight:
        forget(state, ivrid, changes)
    else:
        _write(state, replace(mute, due_since=now, attempts=0, retry_at=0.0), changes)


def see(state: State, leg: Leg, now: float, policy: Policy, changes: Changes) -> None:
    """A leg of this call was seen: what it shows of the recording, where no mute of ours explains it."""
    mute = state.mutes.get(leg.ivrid)
    if leg.muted is None or (mute is not None and _explains(mute, now, policy)):
        return
    call = state.calls[leg.ivrid]
    if call.muted is not leg.muted:
        state.calls[leg.ivrid] = replace(call, muted=leg.muted)
    if mute is None or mute.foreign is leg.muted:
        return
    if leg.muted:
        changes.tell(MuteForeign(leg.ivrid))
        _write(state, replace(mute, foreign=True), changes)
    else:
        _write(state, Mute(leg.ivrid, due_since=now), changes)


def _explains(mute: Mute, now: float, policy: Policy) -> bool:
    """Whether what the feed shows may be our own doing: a mute of ours, asked for, standing, or just released."""
    if mute.foreign:
        return False
    if mute.in_flight or mute.attempts or mute.recording is not Recording.OPEN:
        return True
    return mute.confirmed_at is not None and now < mute.confirmed_at + policy.feed_lag_s


def ask(state: State, fact: MuteAsked, now: float, changes: Changes) -> None:
    mute = state.mutes[fact.ivrid]
    _write(state, replace(mute, in_flight=True, asked=fact.muted, asked_at=now), changes)


def withdraw(state: State, ivrid: str, changes: Changes) -> None:
    _write(state, replace(state.mutes[ivrid], in_flight=False), changes)


def answer(state: State, fact: MuteAnswered, now: float, policy: Policy, changes: Changes) -> None:
    mute = replace(state.mutes[fact.ivrid], in_flight=False)
    match fact.outcome.verdict:
        case Verdict.DONE:
            _confirm(state, mute, fact, now, changes)
        case Verdict.NOT_FOUND if _over(state, mute, policy):
            _end(state, mute, changes)
        case Verdict.FAILED | Verdict.LOST:
            _retry(state, replace(mute, recording=Recording.UNKNOWN), fact, now, policy, changes)
        case Verdict.NOT_FOUND | Verdict.REFUSED | Verdict.BUSY | Verdict.UNSENT:
            _retry(state, mute, fact, now, policy, changes)
        case never:
            assert_never(never)


def _confirm(state: State, mute: Mute, fact: MuteAnswered, now: float, changes: Changes) -> None:
    attempts, action_id = mute.attempts + 1, fact.outcome.action_id
    as_wanted = fact.muted is wanted(state, mute.ivrid)
    waited_s = now - mute.due_since if as_wanted else None
    if fact.muted:
        sections = state.covering.get(mute.ivrid, frozenset())
        changes.tell(CallMuted(mute.ivrid, sections, waited_s, attempts, action_id))
    else:
        changes.tell(CallUnmuted(mute.ivrid, waited_s, attempts, action_id))
        call = state.calls.get(mute.ivrid)
        if call is not None:  # what was seen before was our mute: it says nothing about anybody else's
            state.calls[mute.ivrid] = replace(call, muted=None)
    recording = Recording.MUTED if fact.muted else Recording.OPEN
    confirmed = replace(
        mute, recording=recording, confirmed_at=now, action_id=action_id, attempts=0, retry_at=0.0, error=""
    )
    _write(state, confirmed, changes)


def _over(state: State, mute: Mute, policy: Policy) -> bool:
    """Whether "not found" means that there is no such call (now). The feed decides for a call that it has shown; a
    call that is only named as related may be long over; one that the CRM names is worth asking for a while."""
    call = state.calls.get(mute.ivrid)
    if call is not None:
        return not call.on
    covers = [state.sections[section_id].calls[mute.ivrid] for section_id in state.covering.get(mute.ivrid, ())]
    named = any(cover.reason is CoverReason.TARGET for cover in covers)
    return not named or mute.attempts + 1 >= policy.not_found_patience


def _end(state: State, mute: Mute, changes: Changes) -> None:
    changes.tell(CallGone(mute.ivrid))
    if mute.ivrid in state.covering:  # it may come back: `enter` revives the claim
        _write(state, replace(mute, gone=True, recording=Recording.OPEN, attempts=0, error=""), changes)
    else:
        forget(state, mute.ivrid, changes)


def _retry(state: State, mute: Mute, fact: MuteAnswered, now: float, policy: Policy, changes: Changes) -> None:
    """Full jitter: anywhere between now and a bound that doubles with each failure."""
    outcome = fact.outcome
    attempts = mute.attempts + 1
    bound_s = min(policy.backoff_most_s, policy.backoff_first_s * 2.0 ** min(attempts - 1, 30))
    retry_at = now + fact.jitter * bound_s
    if outcome.verdict is Verdict.BUSY and outcome.retry_after_s is not None:
        state.api_resumes_at = now + min(outcome.retry_after_s, policy.busy_most_s)
        retry_at += state.api_resumes_at - now
    failed = replace(mute, attempts=attempts, retry_at=retry_at, error=outcome.verdict.value)
    _write(state, failed, changes)
    open_s = now - mute.due_since
    changes.tell(
        MuteFailed(mute.ivrid, fact.muted, outcome.verdict, outcome.detail, attempts, failed.retry_at - now, open_s)
    )


def sweep(state: State, now: float, policy: Policy, changes: Changes) -> None:
    """Forget the claims that stand for nothing any more."""
    for ivrid, mute in list(state.mutes.items()):
        if ivrid in state.covering or mute.in_flight:
            continue
        since = mute.confirmed_at if mute.confirmed_at is not None else mute.due_since
        live = ivrid in state.calls and bool(state.calls[ivrid].on)
        released = mute.recording is Recording.OPEN and not mute.held and now >= since + policy.feed_lag_s
        held_to_the_end = mute.held and not live and now >= since + policy.keep_ended_s
        if released or held_to_the_end:
            forget(state, ivrid, changes)


def forget(state: State, ivrid: str, changes: Changes) -> None:
    del state.mutes[ivrid]
    if ivrid in state.calls and not state.calls[ivrid].on:
        del state.calls[ivrid]
    changes.calls.add(ivrid)


def restore(state: State, mute: Mute, changes: Changes) -> None:
    """A claim of an earlier process: what was in flight when it died may have been applied."""
    if mute.in_flight:
        mute = replace(mute, in_flight=False, recording=Recording.UNKNOWN)
    _write(state, replace(mute, attempts=0, retry_at=0.0), changes)


def leave(state: State, ivrid: str, sip: str) -> None:
    """This extension sees the call no more. The call itself may go on elsewhere, so a claim on it stands."""
    call = state.calls[ivrid]
    call = replace(call, on=call.on - {sip})
    if call.on or ivrid in state.mutes:
        state.calls[ivrid] = call
    else:
        del state.calls[ivrid]


def enter(state: State, ivrid: str, sip: str, now: float, changes: Changes) -> None:
    """This extension sees the call."""
    call = state.calls.get(ivrid, Call())
    if not call.on:
        _appear(state, ivrid, now, changes)
    if sip not in call.on:
        state.calls[ivrid] = replace(call, on=call.on | {sip})


def _appear(state: State, ivrid: str, now: float, changes: Changes) -> None:
    """No extension saw the call, now one does. If the API did not know it, it is worth asking at once: it was over
    and came back (a redial keeps the ivrid), or was named as related before it began (Click2Call)."""
    mute = state.mutes.get(ivrid)
    if mute is not None and mute.gone:
        _write(state, replace(mute, gone=False, due_since=now), changes)
    elif mute is not None and mute.error == Verdict.NOT_FOUND:
        _write(state, replace(mute, attempts=0, retry_at=0.0), changes)


def _write(state: State, mute: Mute, changes: Changes) -> None:
    if state.mutes.get(mute.ivrid) != mute:
        state.mutes[mute.ivrid] = mute
        changes.calls.add(mute.ivrid)
