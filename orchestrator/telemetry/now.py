"""The figures of one account at this moment, for the gauges.

Guarantees: counted from the state when asked, never kept, so they cannot drift from it. The cost grows with the
claims alone: sections, calls and extensions are counted by their tables' sizes.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.model import FeedState
from orchestrator.core.mutes import wanted
from orchestrator.core.standing import Stage, stage
from orchestrator.core.state import State


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
        mutes={each: stages[each] for each in Stage if each not in (Stage.RELEASED, Stage.GONE)},
        store_up=store_up,
    )
