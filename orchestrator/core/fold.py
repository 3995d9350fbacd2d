"""State + fact -> state: the only place where anything is decided about what we know.

Guarantees: folding is deterministic in (state, fact, now); a fact folded twice changes nothing the second
time; and the cost of one event does not grow with the number of extensions, calls and sections beside it.
"""

from collections.abc import Iterable
from typing import assert_never

from msgspec.structs import replace

from orchestrator.core import blind, mutes, polls, presence, reach, sections, sight, watch
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
    PolicyChanged,
    PollAnswered,
    PollFact,
    PollingConfigured,
    PollSent,
    ReleaseOrdered,
    Restored,
    SectionEnded,
    SectionFact,
    SectionStarted,
    SectionWoke,
    SnapshotTaken,
    Swept,
    UserSeen,
)
from orchestrator.core.model import Extension, Leg
from orchestrator.core.policy import Policy
from orchestrator.core.state import Polled, State


def fold(state: State, fact: Fact, now: float, policy: Policy) -> Changes:
    """Take in one fact; `now` is when it was learned, in epoch seconds."""
    changes = Changes()
    match fact:
        case FeedChanged() | SnapshotTaken() | ExtensionSeen() | UserSeen():
            _hear_feed(state, fact, now, policy, changes)
        case SectionStarted() | SectionEnded() | SectionWoke():
            _hear_of_section(state, fact, now, policy, changes)
        case MuteAsked() | MuteWithdrawn() | MuteAnswered() | ReleaseOrdered():
            _work(state, fact, now, policy, changes)
        case ExtensionAsked() | ExtensionWithdrawn() | ExtensionAnswered():
            _work_blind(state, fact, now, policy, changes)
        case PollingConfigured() | PollSent() | PollAnswered():
            _poll(state, fact, now, policy, changes)
        case BacklogBegan() | BacklogDone():
            _turn_backlog(state, isinstance(fact, BacklogBegan), changes)
        case Restored():
            _restore(state, fact, now, policy, changes)
        case PolicyChanged():
            sight.note_idleness(state, list(state.sections), now, policy, changes)
            changes.sections |= state.sections.keys()  # when to look at them next follows from the policy
        case Swept():
            sections.sweep(state, now, policy, changes)
            watch.sweep(state, now, policy, changes)
            blind.sweep(state, now, policy, changes)
            polls.sweep(state, now, policy)
        case never:
            assert_never(never)
    if changes.aimed:
        blind.look(state, sorted(changes.aimed), now, policy, changes)
    return changes


def _hear_feed(state: State, fact: FeedFact, now: float, policy: Policy, changes: Changes) -> None:
    match fact:
        case ExtensionSeen(extension, lag_s, ages_s):
            sight.believe(state, extension, now, changes)
            shown = sight.Shown(extension.legs.values(), now - lag_s - sight.EVENT_AGE_S)
            sight.see(state, (extension,), shown, now, policy, changes)
            sight.note_begins(state, ages_s, now)
        case UserSeen(sip):
            state.manned_at[sip] = now
            sight.see_user(state, fact, now, policy, changes)
        case SnapshotTaken(extensions, ages_s):
            sight.take_snapshot(state, extensions, now, policy, changes)
            sight.note_begins(state, ages_s, now)
        case FeedChanged(feed):
            sight.turn_feed(state, feed, changes)
            sight.note_idleness(state, list(state.sections), now, policy, changes)
        case never:
            assert_never(never)


def _hear_of_section(state: State, fact: SectionFact, now: float, policy: Policy, changes: Changes) -> None:
    match fact:
        case SectionStarted():
            sections.start(state, fact, now, policy, changes)
            sight.note_idleness(state, changes.sections & state.sections.keys(), now, policy, changes)
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
        case ReleaseOrdered(ivrid):
            mutes.order_release(state, ivrid, now, changes)
        case MuteAnswered():
            mutes.answer(state, fact, now, policy, changes)
            until = reach.lands_by(fact.outcome, now, policy)
            if fact.sip is not None and until is not None:
                reach.reach_all(state, fact.sip, fact.muted, until, now, policy, changes)
                if fact.muted:
                    lasts_until = until if until > now else now + policy.unseen_s
                    blind.linger(state, fact.sip, True, lasts_until, now, changes)
                elif until > now:
                    blind.linger(state, fact.sip, False, until, now, changes)
        case never:
            assert_never(never)


def _work_blind(state: State, fact: ExtensionFact, now: float, policy: Policy, changes: Changes) -> None:
    match fact:
        case ExtensionAsked(sip):
            blind.ask(state, sip, now, policy, changes)
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
                _take_poll(state, answer, sent_at, now, policy, changes)
        case never:
            assert_never(never)


def _take_poll(state: State, polled: Polled, sent_at: float, now: float, policy: Policy, changes: Changes) -> None:
    """Calls that are news, and what it shows of the recordings of those that are not."""
    shown = sight.Shown([leg for extension in polled.extensions for leg in extension.legs.values()], sent_at)
    for extension in polled.extensions:
        for ivrid in sorted(polls.deny(state, extension, sent_at)):
            presence.appear(state, ivrid, now, changes)
    known = [polls.merged(state, extension, sent_at) for extension in polled.extensions]
    sight.see(state, known, shown, now, policy, changes)


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
    for sip, legs in fact.foreign_legs.items():
        if sip not in state.extensions:
            _recall(state, sip, legs, now, changes)
    for section in fact.sections.values():
        sight.recall_user(state, section)
    for section_id, section in fact.sections.items():
        if section_id not in state.sections and section_id not in state.ended:
            sections.restore(state, section, now, changes)
    changes.calls |= state.mutes.keys()
    changes.aimed |= state.blind.keys()


def _recall(state: State, sip: str, legs: Iterable[Leg], now: float, changes: Changes) -> None:
    """What an earlier process knew to be somebody else's mute is so still, whatever is asked by extension before the
    feed shows it again. The snapshot says what has become of it."""
    theirs = {leg.ivrid: leg for leg in legs if leg.ivrid not in state.mutes or state.mutes[leg.ivrid].foreign}
    if not theirs:
        return
    state.extensions[sip] = Extension(sip, legs=theirs)
    sight.note_names(state, None, state.extensions[sip])
    for ivrid in theirs:
        presence.enter(state, ivrid, sip, now, changes)
        state.calls[ivrid] = replace(state.calls[ivrid], muted=True)
