"""The figures of one account at this moment, for the gauges.

Guarantees: counted from the state when asked, never kept, so they cannot drift from it. The cost grows with the
claims alone: sections, calls and extensions are counted by their tables' sizes.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.core.model import FeedState, Mute, Recording, State
from orchestrator.core.mutes import wanted


class Stage(StrEnum):
    """How far a claim is."""

    WANTED = "wanted"  # covered, not asked for yet
    ASKED = "asked"  # covered, asked for, and not confirmed
    CONFIRMED = "confirmed"  # muted, as the API confirmed
    VERIFIED = "verified"  # muted, as the feed or a poll showed since
    RELEASING = "releasing"  # not covered any more, and not confirmed to run again
    FOREIGN = "foreign"  # covered, and muted by somebody else


@dataclass(frozen=True, slots=True)
class Now:
    feed: FeedState
    extensions: int
    calls: int
    """Calls that an extension sees, and those with a claim of ours."""
    sections: int
    mutes: Mapping[Stage, int]
    store_up: bool


def now_of(state: State, store_up: bool) -> Now:
    stages = Counter(stage(mute, wanted(state, mute.ivrid)) for mute in state.mutes.values())
    return Now(
        feed=state.feed,
        extensions=len(state.extensions),
        calls=len(state.calls),
        sections=len(state.sections),
        mutes={each: stages[each] for each in Stage},
        store_up=store_up,
    )


def stage(mute: Mute, wish: bool) -> Stage | None:
    """None for a claim that is over: released, or its call gone."""
    if mute.foreign:
        return Stage.FOREIGN
    if mute.gone:
        return None
    if not wish:
        return None if mute.recording is Recording.OPEN and not mute.in_flight else Stage.RELEASING
    if mute.recording is Recording.MUTED:
        return Stage.CONFIRMED if mute.verified_at is None else Stage.VERIFIED
    under_way = mute.in_flight or mute.attempts > 0 or mute.recording is Recording.UNKNOWN
    return Stage.ASKED if under_way else Stage.WANTED
