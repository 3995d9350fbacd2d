"""Which section covers which call, and why.

A section covers every leg that counts on the extensions it is aimed at, whenever the leg begins, and the
related calls of what it covers that way. Once covered, a call stays covered until the section ends, wherever
the call goes: covers are added here and removed only by `lift`. An attended transfer ends the calls that it joins
and goes on as a new one, which names them as related: so what names a covered call is covered, too.
"""

from collections.abc import Iterable, Iterator
from typing import assert_never

from msgspec.structs import replace

from orchestrator.core import index, mutes, presence
from orchestrator.core.changes import Changes
from orchestrator.core.model import Cover, CoverReason, Extension, OnCall, OnExtension, OnUser, Section, Target
from orchestrator.core.notices import CallCovered
from orchestrator.core.state import State


def aimed_at(state: State, target: Target) -> frozenset[str]:
    """The extensions that a target means now.

    A user is where signed in; one who is signed in nowhere is at an extension of their own, unless somebody
    else works there: muting a colleague's calls would destroy evidence and protect nobody.
    """
    match target:
        case OnExtension(sip):
            return frozenset({sip})
        case OnCall():
            return frozenset()
        case OnUser(user_id):
            near = [state.extensions[sip] for sip in state.users.get(user_id, ())]
            online = frozenset(ext.sip for ext in near if ext.online_user_id == user_id)
            return online or frozenset(ext.sip for ext in near if ext.online_user_id is None)
        case never:
            assert_never(never)


def aim(state: State, section: Section, changes: Changes) -> None:
    """Point the section at its extensions as they are now."""
    if isinstance(section.target, OnUser):
        index.add(state.following, section.target.user_id, section.section_id)
    for sip in aimed_at(state, section.target):
        changes.aimed.add(sip)
        index.add(state.watching, sip, section.section_id)


def unaim(state: State, section: Section, sips: frozenset[str], changes: Changes) -> None:
    changes.aimed |= sips
    if isinstance(section.target, OnUser):
        index.drop(state.following, section.target.user_id, section.section_id)
    for sip in sips:
        index.drop(state.watching, sip, section.section_id)


def cover_now(state: State, section_id: str, now: float, changes: Changes) -> None:
    """Cover all that the section covers as things are: on its start, and when its target moved."""
    section = state.sections[section_id]
    if isinstance(section.target, OnCall):
        _cover(state, section_id, section.target.ivrid, Cover(now, CoverReason.TARGET, None), changes)
    near = set(aimed_at(state, section.target))
    for ivrid in section.calls:
        near |= state.calls[ivrid].on if ivrid in state.calls else frozenset()
    for sip in near & state.extensions.keys():
        cover_on(state, state.extensions[sip], section_id, now, changes)


def cover_on(state: State, extension: Extension, section_id: str, now: float, changes: Changes) -> None:
    """Cover what the legs of one extension bring under one section, unless its time is up: after a standstill its end
    may come to be noticed late."""
    if now >= state.sections[section_id].expires_at:
        return
    looked_at = [extension.sip]
    for sip in looked_at:
        for ivrid, cover in list(_covers(state, state.extensions[sip], section_id, now)):
            if _cover(state, section_id, ivrid, cover, changes):
                looked_at += sorted(state.naming.get(ivrid, ()))


def _covers(state: State, extension: Extension, section_id: str, now: float) -> Iterator[tuple[str, Cover]]:
    section = state.sections[section_id]
    follows = not isinstance(section.target, OnCall)
    aimed = section_id in state.watching.get(extension.sip, ())
    for leg in extension.legs.values():
        known = section.calls.get(leg.ivrid)
        by_leg = known is not None and known.reason is CoverReason.LEG
        related: Iterable[str] = leg.related if by_leg else ()
        if aimed and leg.counts and not by_leg:
            yield leg.ivrid, Cover(now, CoverReason.LEG, extension.sip)
            related = _related(state, leg.ivrid)
        elif known is None and follows and not section.calls.keys().isdisjoint(leg.related):
            yield leg.ivrid, Cover(now, CoverReason.RELATED, extension.sip)
        for ivrid in related:
            yield ivrid, Cover(now, CoverReason.RELATED, extension.sip)


def _related(state: State, ivrid: str) -> list[str]:
    """The related calls that any leg of this call names, on whichever extension."""
    legs = [state.extensions[sip].legs[ivrid] for sip in sorted(state.calls[ivrid].on)]
    return [related for leg in legs for related in leg.related]


def _cover(state: State, section_id: str, ivrid: str, cover: Cover, changes: Changes) -> bool:
    """Returns whether the section did not cover the call before."""
    section = state.sections[section_id]
    known = section.calls.get(ivrid)
    if known is not None:
        if known.reason is cover.reason or cover.reason is not CoverReason.LEG:
            return False
        # A related call has now a leg of its own here.
        cover = replace(cover, since=known.since, exposed_before_s=known.exposed_before_s)
    else:
        changes.tell(CallCovered(ivrid, section_id, cover.sip, cover.reason))
        add(state, section_id, ivrid, cover.since, changes)
        cover = replace(cover, exposed_before_s=mutes.exposure_s(state, ivrid, cover.since))
    state.sections[section_id] = replace(section, calls={**section.calls, ivrid: cover})
    changes.sections.add(section_id)
    return known is None


def add(state: State, section_id: str, ivrid: str, since: float, changes: Changes) -> None:
    """The section is one of those that cover the call; if it is the first, the mute is due `since` then."""
    covering = state.covering.get(ivrid)
    if covering is None:
        state.covering[ivrid] = frozenset({section_id})
        mutes.want(state, ivrid, since, changes)
    else:
        state.covering[ivrid] = covering | {section_id}
        presence.appear(state, ivrid, since, changes)


def lift(state: State, section: Section, now: float, hold: bool, changes: Changes) -> None:
    """The section covers nothing any more; what others still cover stays covered. With `hold` its calls stay muted
    until they are over."""
    for ivrid in section.calls:
        if hold:
            mutes.hold(state, ivrid, section.section_id, changes)
        left = state.covering[ivrid] - {section.section_id}
        if left:
            state.covering[ivrid] = left
        else:
            del state.covering[ivrid]
            mutes.unwant(state, ivrid, now, changes)


def has_call(state: State, section: Section) -> bool:
    """Whether the section's extension (or, aimed at a call, that call) has a call now."""
    if isinstance(section.target, OnCall):
        call = state.calls.get(section.target.ivrid)
        return call is not None and bool(call.on)
    sips = aimed_at(state, section.target) & state.extensions.keys()
    return any(leg.counts for sip in sips for leg in state.extensions[sip].legs.values())
