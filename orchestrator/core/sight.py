"""What is seen of an extension, whoever tells of it: its calls, who works there, its recordings.

Guarantees: an extension is as it was last told of, and what changed with that (calls that came and went, covers,
people, idle sections) has changed when this returns; the cost does not grow with what else there is.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from orchestrator.core import blind, coverage, evidence, index, presence, sections
from orchestrator.core.changes import Changes
from orchestrator.core.facts import UserSeen
from orchestrator.core.model import CoverReason, Extension, FeedState, Leg, OnUser, Section
from orchestrator.core.notices import FeedTurned
from orchestrator.core.policy import Policy
from orchestrator.core.state import State

EVENT_AGE_S = 1.0
"""What an event or a snapshot shows may be so old: the vendor's times are whole seconds."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a fact shows of recordings: as they were at `at`, or later. Legs known from before are no evidence."""

    legs: Collection[Leg] = ()
    at: float = 0.0


def see(
    state: State, extensions: Iterable[Extension], shown: Shown, now: float, policy: Policy, changes: Changes
) -> None:
    """Extensions as they are now. Evidence of a call is weighed when all its legs are known and before it is covered:
    who muted it depends on where it is. Users are followed when all of them are known to be where they are now."""
    changed = [(state.extensions.get(after.sip), after) for after in extensions]
    changed = [(before, after) for before, after in changed if before != after]
    for before, after in changed:
        changes.extensions.add(after.sip)
        state.extensions[after.sip] = after
        note_names(state, before, after)
        for ivrid in after.legs:
            presence.enter(state, ivrid, after.sip, now, changes)
            if before is None or ivrid not in before.legs:
                blind.arrive(state, ivrid, after.sip, now, policy, changes)
    for before, after in changed:
        for ivrid in before.legs if before else ():
            if ivrid not in after.legs:
                blind.part(state, ivrid, after.sip, now, policy, changes)
                presence.leave(state, ivrid, after.sip, now, policy)
    _take_evidence(state, shown, now, policy, changes)
    moved: dict[str, set[str]] = {}
    for before, after in changed:
        _name_again(state, before, after, now, changes)
        for user_id in _sign_in(state, before, after):
            moved.setdefault(user_id, set()).add(after.sip)
    _follow(state, moved, now, changes)
    for before, after in changed:
        for section_id in sorted(_concerned(state, after)):
            coverage.cover_on(state, after, section_id, now, changes)
        idle = _concerned(state, after) | (_concerned(state, before) if before else set())
        note_idleness(state, idle, now, policy, changes)


def _name_again(state: State, before: Extension | None, after: Extension, now: float, changes: Changes) -> None:
    """A leg that began, or was answered, names calls as related: they may have come to be by that."""
    for leg in after.legs.values():
        known = before.legs.get(leg.ivrid) if before else None
        for ivrid in leg.related if known is None or known.answered is not leg.answered else ():
            presence.appear(state, ivrid, now, changes)


def _take_evidence(state: State, shown: Shown, now: float, policy: Policy, changes: Changes) -> None:
    for leg in shown.legs:
        if leg.ivrid in state.calls:
            evidence.see(state, leg, shown.at, now, policy, changes)


def _concerned(state: State, extension: Extension) -> set[str]:
    """The sections to which this extension, or a call on it, or one that such a call names, matters."""
    concerned = set(state.watching.get(extension.sip, ()))
    for ivrid in (*extension.legs, *_named(extension)):
        concerned |= state.covering.get(ivrid, frozenset())
    return concerned


def _named(extension: Extension) -> set[str]:
    return {ivrid for leg in extension.legs.values() for ivrid in leg.related}


def note_names(state: State, before: Extension | None, after: Extension) -> None:
    """Keep `naming` in step with what this extension's legs name as related."""
    was, names = _named(before) if before else set[str](), _named(after)
    for ivrid in was - names:
        index.drop(state.naming, ivrid, after.sip)
    for ivrid in names - was:
        index.add(state.naming, ivrid, after.sip)


def believe(state: State, extension: Extension, now: float, changes: Changes) -> None:
    """The feed has told of an extension: what polls missed there is there after all, if it is told again."""
    state.heard_at[extension.sip] = state.manned_at[extension.sip] = now
    for ivrid in sorted(state.denied.pop(extension.sip, frozenset()) & extension.legs.keys()):
        presence.appear(state, ivrid, now, changes)


def note_begins(state: State, ages_s: Mapping[str, float], now: float) -> None:
    """When the calls began: of an id that several legs tell of, the earliest."""
    for ivrid, age_s in ages_s.items():
        call = state.calls.get(ivrid)
        if call is not None and (call.began_at is None or now - age_s < call.began_at - EVENT_AGE_S):
            state.calls[ivrid] = replace(call, began_at=now - age_s)


def see_user(state: State, fact: UserSeen, now: float, policy: Policy, changes: Changes) -> None:
    before = state.extensions.get(fact.sip)
    legs = before.legs if before else {}
    nothing = Shown()
    see(state, (Extension(fact.sip, fact.user_id, fact.online_user_id, legs),), nothing, now, policy, changes)


def _sign_in(state: State, before: Extension | None, after: Extension) -> frozenset[str]:
    """Keep `users` in step with who works there. Returns those who came, went or took another's place."""
    was = _people(before) if before else frozenset()
    who = _people(after)
    if before and (before.user_id, before.online_user_id) == (after.user_id, after.online_user_id):
        return frozenset()
    for user_id in was - who:
        index.drop(state.users, user_id, after.sip)
    for user_id in who - was:
        index.add(state.users, user_id, after.sip)
    return was | who


def _follow(state: State, moved: Mapping[str, Collection[str]], now: float, changes: Changes) -> None:
    """The sections on these users follow them. `moved`: user id -> where something has changed for that user."""
    for user_id, sips in sorted(moved.items()):
        near = state.users.get(user_id, frozenset()).union(sips)
        for section_id in sorted(state.following.get(user_id, ())):
            section = state.sections[section_id]
            watched = frozenset(sip for sip in near if section_id in state.watching.get(sip, ()))
            coverage.unaim(state, section, watched, changes)
            coverage.aim(state, section, changes)
            coverage.cover_now(state, section_id, now, changes)


def recall_user(state: State, section: Section) -> None:
    """Who works where is known from the feed alone. Until it tells, a user is taken to be where a section of an
    earlier process covered a call of theirs last."""
    covers = [cover for cover in section.calls.values() if cover.reason is CoverReason.LEG and cover.sip is not None]
    if not isinstance(section.target, OnUser) or section.target.user_id in state.users or not covers:
        return
    sip = max(covers, key=lambda cover: cover.since).sip or ""
    if sip not in state.manned_at:
        user_id, known = section.target.user_id, state.extensions.get(sip, Extension(sip))
        state.extensions[sip] = replace(known, online_user_id=user_id)
        state.users[user_id] = frozenset({sip})


def _people(extension: Extension) -> frozenset[str]:
    return frozenset(user for user in (extension.user_id, extension.online_user_id) if user is not None)


def take_snapshot(
    state: State, extensions: Iterable[Extension], now: float, policy: Policy, changes: Changes
) -> None:
    """All extensions as they are: what is not listed is gone, whatever was missed is made good."""
    listed = {extension.sip: extension for extension in extensions}
    gone = state.extensions.keys() - listed.keys()
    shown = Shown([leg for extension in listed.values() for leg in extension.legs.values()], now - EVENT_AGE_S)
    see(state, (*map(Extension, sorted(gone)), *listed.values()), shown, now, policy, changes)
    for sip in gone:
        del state.extensions[sip]
        changes.extensions.add(sip)
    state.heard_at = dict.fromkeys(listed, now)
    state.manned_at = dict.fromkeys(listed, now)
    state.denied.clear()
    turn_feed(state, FeedState.SYNCED, changes)
    note_idleness(state, list(state.sections), now, policy, changes)


def turn_feed(state: State, feed: FeedState, changes: Changes) -> None:
    if state.feed is not feed:
        changes.darkened |= state.feed is FeedState.SYNCED
        state.feed = feed
        changes.aimed |= state.watching.keys() | state.blind.keys()
        live = sum(1 for call in state.calls.values() if call.on)
        changes.tell(FeedTurned(feed, len(state.extensions), live))


def note_idleness(state: State, section_ids: Iterable[str], now: float, policy: Policy, changes: Changes) -> None:
    for section_id in list(section_ids):
        sections.note_idleness(state, section_id, now, policy, changes)
