"""Which extensions are asked for at Active Calls, and when; and what an answer may change.

While a section is active its extension is polled: that verifies each mute, and finds calls that the feed did not
tell. So is every extension that sees a call with a claim that is not verified yet. Guarantees: a section that covers
no live call is polled at once and more often; with many extensions one request asks for all; while the feed is
synced a poll adds calls and evidence, and takes nothing away.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from orchestrator.core.changes import Changes
from orchestrator.core.facts import PollAnswered
from orchestrator.core.model import Extension, FeedState, OnCall, Section
from orchestrator.core.notices import PollingBack, PollingLost
from orchestrator.core.policy import Policy
from orchestrator.core.state import PollFailed, State

ALL = ""
"""Stands for the whole account; no SIP id is empty."""


def plan(state: State, now: float, policy: Policy) -> tuple[list[str], float | None]:
    """The keys (SIP ids, or `ALL`) to ask for now, and when to plan again if nothing changes (None: no need)."""
    polls = state.polls
    if not polls.configured:
        return [], None
    wanted = keys(state)
    if ALL in wanted or len(wanted) > policy.poll_singly:
        wanted = {ALL: any(wanted.values())}
    at = {key: _due_at(state, key, soon, policy) for key, soon in wanted.items() if key not in polls.in_flight}
    due = sorted(key for key, due_at in at.items() if due_at <= now)
    return due, min((due_at for due_at in at.values() if due_at > now), default=None)


def _due_at(state: State, key: str, soon: bool, policy: Policy) -> float:
    polls = state.polls
    period_s = policy.suspect_s if soon else policy.verify_s
    rest_s = min(policy.poll_rest * polls.took_s.get(key, 0.0), policy.poll_rest_most_s)
    gap_s = max(period_s, rest_s)
    return max(polls.sent_at[key] + gap_s if key in polls.sent_at else 0.0, polls.resumes_at)


def keys(state: State) -> dict[str, bool]:
    """What is worth polling now, and whether soon."""
    suspects = {section_id for section_id, section in state.sections.items() if suspect(state, section)}
    wanted = {sip: not ids.isdisjoint(suspects) for sip, ids in state.watching.items()}
    aimed = frozenset[str]().union(*state.watching.values())
    for section_id, section in state.sections.items():
        if section_id not in aimed and not isinstance(section.target, OnCall):
            wanted[ALL] = True  # a user who was not seen to sign in anywhere
        for ivrid in section.calls:
            wanted |= {sip: wanted.get(sip, False) for sip in _on(state, ivrid)}
    for sip in _unverified(state):
        wanted.setdefault(sip, False)
    return wanted


def suspect(state: State, section: Section) -> bool:
    """Whether the section covers no live call: it began before its call, or what it should cover is not seen."""
    return not any(_on(state, ivrid) for ivrid in section.calls)


def _unverified(state: State) -> Iterator[str]:
    for ivrid, mute in state.mutes.items():
        if mute.verified_at is None and mute.asked is not None:
            yield from _on(state, ivrid)


def _on(state: State, ivrid: str) -> frozenset[str]:
    call = state.calls.get(ivrid)
    return call.on if call is not None else frozenset()


def send(state: State, key: str, now: float) -> None:
    state.polls.in_flight.add(key)
    state.polls.sent_at[key] = now


def answer(state: State, fact: PollAnswered, now: float, policy: Policy, changes: Changes) -> None:
    """A poll is over. Whether polling works as a whole is told once; with it goes our sight."""
    polls = state.polls
    polls.in_flight.discard(fact.key)
    polls.took_s[fact.key] = now - fact.sent_at
    failed = fact.answer if isinstance(fact.answer, PollFailed) and not fact.answer.answered else None
    polls.failures = polls.failures + 1 if failed else 0
    if failed is not None and failed.retry_after_s is not None:
        polls.resumes_at = now + min(failed.retry_after_s, policy.busy_most_s)
    if failed is not None and failed.refused:
        polls.resumes_at = now + policy.poll_refused_s
    possible = failed is None or (polls.possible and not failed.refused and polls.failures < policy.poll_patience)
    if possible is not polls.possible:
        polls.possible = possible
        changes.tell(PollingBack() if failed is None else PollingLost(failed.why, failed.refused))
        changes.darkened |= not possible
        changes.aimed |= state.watching.keys() | state.blind.keys()


def merged(state: State, extension: Extension, sent_at: float) -> Extension:
    """What is known of the extension once a poll that was sent at `sent_at` has shown it so."""
    before = state.extensions.get(extension.sip)
    if before is None:
        return extension
    if state.heard_at.get(extension.sip, 0.0) >= sent_at:  # the feed has told of it since
        return before
    if state.feed is not FeedState.SYNCED:
        return extension
    manned = replace(before, **_people(state, before, extension, sent_at))
    if not extension.legs:
        return manned
    return replace(manned, legs={**before.legs, **extension.legs})


def _people(state: State, before: Extension, extension: Extension, sent_at: float) -> dict[str, str | None]:
    """Who works there: a poll may name somebody whose coming the feed has not told; that somebody left is not taken
    from it."""
    if state.manned_at.get(extension.sip, 0.0) >= sent_at:
        return {}
    return {
        "user_id": extension.user_id or before.user_id,
        "online_user_id": extension.online_user_id or before.online_user_id,
    }


def deny(state: State, extension: Extension, sent_at: float) -> frozenset[str]:
    """Note which calls that the feed told of this poll does not show. It takes none of them away. Returns those that
    an earlier one did not show, and this one does."""
    before, denied = state.extensions.get(extension.sip), state.denied.get(extension.sip, frozenset())
    if before is not None and state.heard_at.get(extension.sip, 0.0) < sent_at:
        state.denied[extension.sip] = frozenset(before.legs.keys() - extension.legs.keys())
    return denied & extension.legs.keys()


def sweep(state: State, now: float, policy: Policy) -> None:
    """Forget when keys were asked for that are due again, if anybody wants them: it delays nothing any more."""
    for key in state.polls.sent_at.keys() - state.polls.in_flight:
        if _due_at(state, key, False, policy) <= now:
            del state.polls.sent_at[key]
            state.polls.took_s.pop(key, None)
