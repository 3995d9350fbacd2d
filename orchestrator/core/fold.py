"""State + fact -> state: the only place where anything is decided about what we know.

Guarantees: folding is deterministic in (state, fact, now); a fact folded twice changes nothing the second
time; and the cost of one event does not grow with the number of extensions, calls and sections beside it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import assert_never

from orchestrator.core import blind, coverage, evidence, mutes, polls, reach, sections
from orchestrator.core.changes import Changes
from orchestrator.core.facts import (
    BacklogBegan,
    BacklogDone,
    ExtensionAnswered,
    ExtensionAsked,
    ExtensionFact,
    ExtensionSeen,
    ExtensionWithdrawn,
    Fact,
    FeedChanged,
    FeedFact,
    MuteAnswered,
    MuteAsked,
    MuteFact,
    MuteWithdrawn,
    PollAnswered,
    PollFact,
    PollingConfigured,
    PollSent,
    Restored,
    SectionEnded,
    SectionFact,
    SectionStarted,
    SectionWoke,
    SnapshotTaken,
    Swept,
    UserSeen,
)
from orchestrator.core.model import Extension, FeedState, Leg, Policy, Polled, State
from orchestrator.core.notices import FeedTurned

EVENT_AGE_S = 1.0
"""What an event or a snapshot shows may be so old: the vendor's times are whole seconds."""


def fold(state: State, fact: Fact, now: float, policy: Policy) -> Changes:
    """Take in one fact; `now` is when it was learned, in epoch seconds."""
    changes = Changes()
    match fact:
        case FeedChanged() | SnapshotTaken() | ExtensionSeen() | UserSeen():
            _hear_feed(state, fact, now, policy, changes)
        case SectionStarted() | SectionEnded() | SectionWoke():
            _hear_of_section(state, fact, now, policy, changes)
        case MuteAsked() | MuteWithdrawn() | MuteAnswered():
            _work(state, fact, now, policy, changes)
        case ExtensionAsked() | ExtensionWithdrawn() | ExtensionAnswered():
            _work_blind(state, fact, now, policy, changes)
        case PollingConfigured() | PollSent() | PollAnswered():
            _poll(state, fact, now, policy, changes)
        case BacklogBegan() | BacklogDone():
            _turn_backlog(state, isinstance(fact, BacklogBegan), changes)
        case Restored():
            _restore(state, fact, now, policy, changes)
        case Swept():
            sections.sweep(state, now, policy, changes)
            mutes.sweep(state, now, policy, changes)
            blind.sweep(state, now, policy, changes)
            polls.sweep(state, now, policy)
        case never:
            assert_never(never)
    if changes.aimed:
        blind.look(state, sorted(changes.aimed), now, policy, changes)
    return changes


def _hear_feed(state: State, fact: FeedFact, now: float, policy: Policy, changes: Changes) -> None:
    match fact:
        case ExtensionSeen(extension, lag_s):
            state.heard_at[extension.sip] = now
            shown = _Shown(extension.legs.values(), now - lag_s - EVENT_AGE_S)
            _see(state, extension, shown, now, policy, changes)
        case UserSeen():
            _see_user(state, fact, now, policy, changes)
        case SnapshotTaken(extensions):
            _take_snapshot(state, extensions, now, policy, changes)
        case FeedChanged(feed):
            _turn_feed(state, feed, changes)
            _note_idleness(state, list(state.sections), now, policy, changes)
        case never:
            assert_never(never)


def _hear_of_section(state: State, fact: SectionFact, now: float, policy: Policy, changes: Changes) -> None:
    match fact:
        case SectionStarted():
            sections.start(state, fact, now, policy, changes)
            _note_idleness(state, changes.sections & state.sections.keys(), now, policy, changes)
        case SectionEnded(section_id, cause):
            sections.end(state, section_id, cause, now, policy, changes)
        case SectionWoke(section_id):
            sections.wake(state, section_id, now, policy, changes)
        case never:
            assert_never(never)


def _work(state: State, fact: MuteFact, now: float, policy: Policy, changes: Changes) -> None:
    match fact:
        case MuteAsked():
            mutes.ask(state, fact, now, policy, changes)
        case MuteWithdrawn(ivrid):
            mutes.withdraw(state, ivrid, changes)
        case MuteAnswered():
            mutes.answer(state, fact, now, policy, changes)
            until = reach.lands_by(fact.outcome, now, policy)
            if fact.sip is not None and until is not None:
                reach.reach_all(state, fact.sip, fact.muted, until, now, policy, changes)
                if until > now:
                    blind.linger(state, fact.sip, fact.muted, until, now, changes)
        case never:
            assert_never(never)


def _work_blind(state: State, fact: ExtensionFact, now: float, policy: Policy, changes: Changes) -> None:
    match fact:
        case ExtensionAsked(sip, muted):
            blind.ask(state, sip, muted, now, policy, changes)
        case ExtensionWithdrawn(sip):
            blind.withdraw(state, sip, now, policy, changes)
        case ExtensionAnswered():
            blind.answer(state, fact, now, policy, changes)
        case never:
            assert_never(never)


def _poll(state: State, fact: PollFact, now: float, policy: Policy, changes: Changes) -> None:
    match fact:
        case PollingConfigured():
            state.polls.configured = state.polls.possible = True
            changes.aimed |= state.watching.keys() | state.blind.keys()
        case PollSent(key):
            polls.send(state, key, now)
        case PollAnswered(_, sent_at, answer):
            polls.answer(state, fact, now, policy, changes)
            if isinstance(answer, Polled):
                for extension in answer.extensions:
                    _take_poll(state, extension, sent_at, now, policy, changes)
        case never:
            assert_never(never)


def _take_poll(state: State, polled: Extension, sent_at: float, now: float, policy: Policy, changes: Changes) -> None:
    """Calls that are news, and what it shows of the recordings of those that are not."""
    shown = _Shown(polled.legs.values(), sent_at)
    _see(state, polls.merged(state, polled, sent_at), shown, now, policy, changes)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a fact shows of recordings: as they were at `at`, or later. Legs known from before are no evidence."""

    legs: Collection[Leg] = ()
    at: float = 0.0


def _see(state: State, extension: Extension, shown: _Shown, now: float, policy: Policy, changes: Changes) -> None:
    """An extension as it is now."""
    sip = extension.sip
    before = state.extensions.get(sip)
    if before == extension:
        _take_evidence(state, shown, now, policy, changes)
        return
    changes.extensions.add(sip)
    state.extensions[sip] = extension
    for ivrid in before.legs if before else ():
        if ivrid not in extension.legs:
            blind.part(state, ivrid, sip, now, policy, changes)
            mutes.leave(state, ivrid, sip)
    for ivrid in extension.legs:
        mutes.enter(state, ivrid, sip, now, changes)
    _take_evidence(state, shown, now, policy, changes)
    _sign_in(state, before, extension, now, changes)
    for section_id in sorted(_concerned(state, extension)):
        coverage.cover_on(state, extension, section_id, now, changes)
    idle = _concerned(state, extension) | (_concerned(state, before) if before else set())
    _note_idleness(state, idle, now, policy, changes)


def _take_evidence(state: State, shown: _Shown, now: float, policy: Policy, changes: Changes) -> None:
    for leg in shown.legs:
        if leg.ivrid in state.calls:
            evidence.see(state, leg, shown.at, now, policy, changes)


def _concerned(state: State, extension: Extension) -> set[str]:
    """The sections to which this extension, or a call on it, matters."""
    concerned = set(state.watching.get(extension.sip, ()))
    for ivrid in extension.legs:
        concerned |= state.covering.get(ivrid, frozenset())
    return concerned


def _see_user(state: State, fact: UserSeen, now: float, policy: Policy, changes: Changes) -> None:
    before = state.extensions.get(fact.sip)
    legs = before.legs if before else {}
    nothing = _Shown()
    _see(state, Extension(fact.sip, fact.user_id, fact.online_user_id, legs), nothing, now, policy, changes)


def _sign_in(state: State, before: Extension | None, after: Extension, now: float, changes: Changes) -> None:
    """Somebody came, went or was replaced: the sections on these users follow."""
    was = _people(before) if before else frozenset()
    who = _people(after)
    if before and (before.user_id, before.online_user_id) == (after.user_id, after.online_user_id):
        return
    for user_id in was - who:
        state.users[user_id] -= {after.sip}
        if not state.users[user_id]:
            del state.users[user_id]
    for user_id in who - was:
        state.users[user_id] = state.users.get(user_id, frozenset()) | {after.sip}
    for user_id in sorted(was | who):
        near = state.users.get(user_id, frozenset()) | {after.sip}
        for section_id in sorted(state.following.get(user_id, ())):
            section = state.sections[section_id]
            watched = frozenset(sip for sip in near if section_id in state.watching.get(sip, ()))
            coverage.unaim(state, section, watched, changes)
            coverage.aim(state, section, changes)
            coverage.cover_now(state, section_id, now, changes)


def _people(extension: Extension) -> frozenset[str]:
    return frozenset(user for user in (extension.user_id, extension.online_user_id) if user is not None)


def _take_snapshot(
    state: State, extensions: Iterable[Extension], now: float, policy: Policy, changes: Changes
) -> None:
    """All extensions as they are: what is not listed is gone, whatever was missed is made good."""
    listed = {extension.sip: extension for extension in extensions}
    for sip in state.extensions.keys() - listed.keys():
        _see(state, Extension(sip), _Shown(), now, policy, changes)
        del state.extensions[sip]
        changes.extensions.add(sip)
    for extension in listed.values():
        _see(state, extension, _Shown(extension.legs.values(), now - EVENT_AGE_S), now, policy, changes)
    state.heard_at = dict.fromkeys(listed, now)
    _turn_feed(state, FeedState.SYNCED, changes)
    _note_idleness(state, list(state.sections), now, policy, changes)


def _turn_feed(state: State, feed: FeedState, changes: Changes) -> None:
    if state.feed is not feed:
        state.feed = feed
        changes.aimed |= state.watching.keys() | state.blind.keys()
        live = sum(1 for call in state.calls.values() if call.on)
        changes.tell(FeedTurned(feed, len(state.extensions), live))


def _turn_backlog(state: State, backlog: bool, changes: Changes) -> None:
    state.backlog = backlog
    changes.calls |= state.mutes.keys()
    changes.blind |= state.blind.keys()


def _restore(state: State, fact: Restored, now: float, policy: Policy, changes: Changes) -> None:
    known = {**fact.ended, **state.ended}
    state.ended = dict(sorted(known.items(), key=lambda item: item[1].at))
    for ivrid, mute in fact.mutes.items():
        if ivrid not in state.mutes:
            mutes.restore(state, mute, now, policy, changes)
    for sip, claim in fact.blind.items():
        if sip not in state.blind:
            blind.restore(state, claim, now, policy, changes)
    for section_id, section in fact.sections.items():
        if section_id not in state.sections and section_id not in state.ended:
            sections.restore(state, section, now, changes)
    changes.calls |= state.mutes.keys()
    changes.aimed |= state.blind.keys()


def _note_idleness(state: State, section_ids: Iterable[str], now: float, policy: Policy, changes: Changes) -> None:
    for section_id in list(section_ids):
        sections.note_idleness(state, section_id, now, policy, changes)
