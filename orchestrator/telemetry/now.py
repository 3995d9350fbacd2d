"""The figures of one account at this moment, for the gauges.

Guarantees: counted from the state when asked, never kept, so they cannot drift from it. The cost grows with the
claims alone: sections, calls and extensions are counted by their tables' sizes.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.claims import Mute, Recording
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
    exposure_s: float
    """How long the covered call that is open for longest has been open; 0: none is."""
    overmute_s: float
    """The same, of calls that are still muted and covered no more."""
    backlog: bool
    """What the CRM said while nobody listened is still being read."""
    api_up: bool
    store_up: bool


_OPEN = (Stage.WANTED, Stage.ASKED)


def now_of(state: State, store_up: bool, at: float) -> Now:
    """`at` is the time, in epoch seconds of our clock."""
    staged = [(stage(mute, wanted(state, mute.ivrid)), mute) for mute in state.mutes.values()]
    stages = Counter(each for each, _ in staged)
    open_s = [at - mute.due_since for each, mute in staged if each in _OPEN]
    shut_s = [at - mute.due_since for each, mute in staged if each is Stage.RELEASING and not _runs(mute)]
    return Now(
        feed=state.feed,
        extensions=len(state.extensions),
        calls=len(state.calls),
        sections=len(state.sections),
        mutes={each: stages[each] for each in Stage if each not in (Stage.RELEASED, Stage.GONE)},
        exposure_s=max(open_s, default=0.0),
        overmute_s=max(shut_s, default=0.0),
        backlog=state.backlog,
        api_up=state.api.down_since is None,
        store_up=store_up,
    )


def _runs(mute: Mute) -> bool:
    """It is being asked for once more what was confirmed already."""
    return mute.recording is Recording.OPEN
