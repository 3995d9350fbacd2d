"""The life of a section: started, renewed, warned, ended.

Order and copies of messages do not matter: an `ended` wins over any `started` of the same id, and of several
`started` the one that happened last says when the section expires. Every section ends.
"""

from msgspec.structs import replace

from orchestrator.core import coverage, mutes, presence, view
from orchestrator.core.changes import Changes
from orchestrator.core.facts import SectionStarted
from orchestrator.core.model import EndCause, EndedSection, FeedState, OnCall, Section, target_fields
from orchestrator.core.notices import (
    SectionClosed,
    SectionExpiring,
    SectionIgnored,
    SectionOpened,
    SectionRenewed,
)
from orchestrator.core.policy import Policy
from orchestrator.core.state import State


def start(state: State, fact: SectionStarted, now: float, policy: Policy, changes: Changes) -> None:
    """A `started` message: opens the section, renews it, or is without effect for a reason that is told."""
    happened_at = now if fact.occurred_at is None else min(now, fact.occurred_at)
    max_s = policy.default_section_s if fact.max_seconds is None else fact.max_seconds
    expires_at = happened_at + min(max_s, policy.max_section_s)
    why_not = _why_not(state, fact, happened_at, expires_at, now, policy)
    if why_not is not None:
        changes.tell(SectionIgnored(fact.section_id, why_not))
    elif fact.section_id in state.sections:
        _renew(state, fact, happened_at, expires_at, now, policy, changes)
    else:
        _open(state, fact, happened_at, expires_at, now, policy, changes)


def _why_not(
    state: State, fact: SectionStarted, happened_at: float, expires_at: float, now: float, policy: Policy
) -> str | None:
    section, ended = state.sections.get(fact.section_id), state.ended.get(fact.section_id)
    if ended is not None and ended.cause.final:
        return "ended already: a new section needs a new section_id"
    if section is not None and section.target != fact.target:
        return f"runs already, for {' '.join(*target_fields(section.target).items())}: a section keeps its target"
    taken = section or ended
    if taken is not None and fact.message_id is not None and fact.message_id in taken.messages:
        return "a copy of a message taken before"
    if expires_at <= now:
        return "expired on arrival: occurred_at + max_seconds is past"
    if ended is not None and ended.renewed_at is not None and happened_at <= ended.renewed_at:
        return "older than the end of the section"
    if section is None and len(state.sections) >= policy.sections_most:
        return f"{policy.sections_most} sections run already"
    return None


def _open(
    state: State,
    fact: SectionStarted,
    happened_at: float,
    expires_at: float,
    now: float,
    policy: Policy,
    changes: Changes,
) -> None:
    section = Section(
        fact.section_id,
        fact.target,
        started_at=now,
        renewed_at=happened_at,
        expires_at=expires_at,
        reason=fact.reason,
        messages=() if fact.message_id is None else (fact.message_id,),
        warned=expires_at - now <= policy.expiring_notice_s,
    )
    state.ended.pop(fact.section_id, None)
    state.sections[fact.section_id] = section
    changes.sections.add(fact.section_id)
    changes.tell(SectionOpened(section))
    coverage.aim(state, section, changes)
    coverage.cover_now(state, fact.section_id, now, changes)


def _renew(
    state: State,
    fact: SectionStarted,
    happened_at: float,
    expires_at: float,
    now: float,
    policy: Policy,
    changes: Changes,
) -> None:
    section = state.sections[fact.section_id]
    messages = section.messages
    if fact.message_id is not None:
        messages = (*messages, fact.message_id)[-policy.keep_messages_most :]
    if (happened_at, expires_at) > (section.renewed_at, section.expires_at):
        warned = expires_at - happened_at <= policy.expiring_notice_s
        renewed = replace(
            section,
            messages=messages,
            renewed_at=happened_at,
            expires_at=expires_at,
            warned=warned,
            reason=fact.reason or section.reason,
        )
        changes.tell(SectionRenewed(renewed))
    else:
        renewed = replace(section, messages=messages)
    _write(state, renewed, changes)
    if isinstance(section.target, OnCall):
        presence.appear(state, section.target.ivrid, now, changes)
    if now >= section.expires_at:  # its time was up, unnoticed: what came since is not covered yet
        coverage.cover_now(state, section.section_id, now, changes)


def end(state: State, section_id: str, cause: EndCause, now: float, policy: Policy, changes: Changes) -> None:
    """End it, or, where it never started, keep in mind that it must not."""
    ended = state.ended.get(section_id)
    section = state.sections.get(section_id)
    if section is None:
        if ended is None or not ended.cause.final:
            state.ended.pop(section_id, None)  # they stand in the order of their ends
            state.ended[section_id] = replace(ended or EndedSection(now, cause), at=now, cause=cause)
            changes.sections.add(section_id)
            mutes.let_go(state, section_id, now, changes)
        return
    state.ended[section_id] = EndedSection(now, cause, section.renewed_at, section.messages)
    changes.sections.add(section_id)
    changes.tell(SectionClosed(section, cause, now, view.calls(state, section, now)))
    del state.sections[section_id]
    coverage.unaim(state, section, coverage.aimed_at(state, section.target), changes)
    hold = cause is EndCause.EXPIRED and policy.hold_on_expiry
    coverage.lift(state, section, now, hold, changes)
    if cause.final:
        mutes.let_go(state, section_id, now, changes)


def wake(state: State, section_id: str, now: float, policy: Policy, changes: Changes) -> None:
    """Do what the time asks for."""
    section = state.sections.get(section_id)
    if section is None:
        return
    if now >= section.expires_at:
        end(state, section_id, EndCause.EXPIRED, now, policy, changes)
    elif (idle_until := _idle_until(section, policy)) is not None and now >= idle_until:
        end(state, section_id, EndCause.IDLE, now, policy, changes)
    elif not section.warned and now >= section.expires_at - policy.expiring_notice_s:
        section = replace(section, warned=True)
        changes.tell(SectionExpiring(section, section.expires_at - now))
        _write(state, section, changes)


def wakes_at(section: Section, policy: Policy) -> float:
    """When to look at the section next, if nothing else happens."""
    times = [section.expires_at]
    if not section.warned:
        times.append(section.expires_at - policy.expiring_notice_s)
    if (idle_until := _idle_until(section, policy)) is not None:
        times.append(idle_until)
    return min(times)


def _idle_until(section: Section, policy: Policy) -> float | None:
    """None: idleness ends it not, or it is not idle. (It may have been noted as idle under another policy.)"""
    if section.idle_since is None or not policy.end_after_idle_s:
        return None
    return section.idle_since + policy.end_after_idle_s


def note_idleness(state: State, section_id: str, now: float, policy: Policy, changes: Changes) -> None:
    """Keep in mind since when a section that has covered a call has none. Only a synced feed can tell."""
    section = state.sections[section_id]
    heeded = policy.end_after_idle_s > 0 and state.feed is FeedState.SYNCED
    idle = heeded and bool(section.calls) and not coverage.has_call(state, section)
    if idle and section.idle_since is None:
        _write(state, replace(section, idle_since=now), changes)
    elif not idle and section.idle_since is not None:
        _write(state, replace(section, idle_since=None), changes)


def restore(state: State, section: Section, now: float, changes: Changes) -> None:
    """A section of an earlier process: it covers what it covered. Since when a call is not as wanted, its claim says
    itself. Whether the section was idle all the time nobody knows."""
    section = replace(section, idle_since=None)
    state.sections[section.section_id] = section
    changes.sections.add(section.section_id)
    coverage.aim(state, section, changes)
    for ivrid, cover in section.calls.items():
        claim = state.mutes.get(ivrid)
        due_since = cover.since if claim is None else claim.due_since
        coverage.add(state, section.section_id, ivrid, due_since, changes)
    coverage.cover_now(state, section.section_id, now, changes)


def sweep(state: State, now: float, policy: Policy, changes: Changes) -> None:
    """Forget the ended ids that were kept long enough; they stand in the order of their ends."""
    too_many = len(state.ended) - policy.keep_ended_most
    forgotten: list[str] = []
    for section_id, ended in state.ended.items():
        if len(forgotten) >= too_many and now < ended.at + policy.keep_ended_s:
            break
        forgotten.append(section_id)
    for section_id in forgotten:
        del state.ended[section_id]
    changes.sections.update(forgotten)


def _write(state: State, section: Section, changes: Changes) -> None:
    if state.sections[section.section_id] != section:
        state.sections[section.section_id] = section
        changes.sections.add(section.section_id)
