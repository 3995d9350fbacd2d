"""Stories that once found something, each kept with what it found: they are told again in every run of the tests.

The stories of seeds change with the simulation. Where a seed still finds what it found, `undone` takes back what
mended it, and the judge must notice; where it does not, it is kept as a sample, and tests of the core hold the rest.
"""

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from orchestrator.core import blind, mutes, presence, reach, sections
from orchestrator.core.claims import Mute, Recording
from orchestrator.core.model import Section
from orchestrator.core.policy import Policy
from orchestrator.core.state import State
from orchestrator.crm.stream import Stream
from orchestrator.voicenter import feed
from tests.simulation.mutants import put
from tests.simulation.story import Script


@dataclass(frozen=True, slots=True)
class Found:
    what: str
    undone: Callable[[ExitStack], None] | None = None
    """None: a sample."""
    script: Callable[[int], Script] = Script.plain
    """How its story was told."""


def _heed_no_cancellation(stack: ExitStack) -> None:
    put(stack, feed, "_heed_cancellation", lambda: None)


def _forget_who_is_gone(stack: ExitStack) -> None:
    def leave_gone(state: State, mute: Mute, _now: float, changes: Any) -> None:
        mutes.forget(state, mute.ivrid, changes)

    put(stack, mutes, "_leave_gone", leave_gone)


def _arrive_unheeded(stack: ExitStack) -> None:
    put(stack, blind, "arrive", lambda *_: None)


def _look_only_if_the_claim_changed(stack: ExitStack) -> None:
    def quietly(kept: Callable[..., None]) -> Callable[..., None]:
        def turn(state: State, ivrid: str, *rest: Any) -> None:
            marked, before = rest[-1].calls, state.mutes.get(ivrid)
            was_marked = ivrid in marked
            kept(state, ivrid, *rest)
            if state.mutes.get(ivrid) == before and not was_marked:
                marked.discard(ivrid)

        return turn

    for name in ("want", "unwant"):
        put(stack, mutes, name, quietly(getattr(mutes, name)))


def _asked_beside_others(stack: ExitStack) -> None:
    put(stack, blind, "asked", lambda *_: False)


def _muting_for_a_call_unheeded(stack: ExitStack) -> None:
    put(stack, blind, "_is_being_muted", lambda *_: False)


def _wait_with_the_release(stack: ExitStack) -> None:
    kept = mutes.want

    def want(state: State, ivrid: str, now: float, changes: Any) -> None:
        before = state.mutes.get(ivrid)
        kept(state, ivrid, now, changes)
        if before is not None and before.recording is Recording.MUTED and not before.in_flight:
            mutes.write(state, before, changes)

    put(stack, mutes, "want", want)


def _let_go_of_what_holds_still(stack: ExitStack) -> None:
    kept = mutes.let_go

    def let_go(state: State, section_id: str, now: float, changes: Any) -> None:
        with ExitStack() as inner:
            put(inner, mutes, "write", lambda *_: None)
            kept(state, section_id, now, changes)

    put(stack, mutes, "let_go", let_go)


def _date_anew(stack: ExitStack) -> None:
    kept = sections.restore

    def restore(state: State, section: Section, now: float, changes: Any) -> None:
        kept(state, section, now, changes)
        for ivrid, cover in section.calls.items():
            if len(state.covering[ivrid]) == 1:
                mutes.write(state, replace(state.mutes[ivrid], due_since=cover.since), changes)

    put(stack, sections, "restore", restore)


def _believe_slow_answers(stack: ExitStack) -> None:
    kept = Stream._measure_skew

    async def measure(self: Stream) -> None:
        self._skew_s = math.inf  # whatever is measured is another
        await kept(self)

    put(stack, Stream, "_measure_skew", measure)


def _trust_old_sight(stack: ExitStack) -> None:
    put(stack, reach, "_shown", mutes.seen)


def _forget_whose_mute_it_is(stack: ExitStack) -> None:
    kept = presence.leave

    def leave(state: State, ivrid: str, sip: str, now: float, policy: Policy) -> None:
        kept(state, ivrid, sip, now, policy)
        state.parted.clear()

    put(stack, presence, "leave", leave)


FOUND = {
    11: Found(
        "the feed went on for ever when it was cancelled in the moment in which its connection broke: a process that"
        " had stood still, and lost the account meanwhile, never ended",
        _heed_no_cancellation,
    ),
    1088: Found(
        "a mute by extension for one call's sake reached a call that was not seen yet, which was then taken for"
        " muted by somebody else and never opened"
    ),
    5006: Found(
        "an extension was asked for twice at once, for the sake of two calls that the API did not know by their ids",
        _asked_beside_others,
    ),
    795537348: Found(
        "a call that had ended was opened by extension, and with it a covered one there that the feed had not told of"
        " yet"
    ),
    20002778: Found(
        "a mute by extension that was refused counted as one that may have been applied, so a call that somebody else"
        " had muted was opened when it left",
    ),
    40000188: Found(
        "a redialled call that the API did not know between two legs came back with our mute on it, which was taken"
        " for somebody else's and never opened",
        _forget_who_is_gone,
    ),
    41000138: Found(
        "a covered call had moved, unseen, to an extension that was opened as a whole: it stayed open until the next"
        " poll",
        _arrive_unheeded,
    ),
    41000539: Found(
        "a call that rang, by an event that lagged, and was shown muted as it was now, was taken for muted by"
        " somebody else although its extension had been muted as a whole"
    ),
    41000575: Found(
        "a lost request to open was forgotten when its call had no section any more, and undid the mute of the next"
    ),
    42000812: Found(
        "a wish that changed twice in one moment was looked at once: the call stayed as it was first wanted",
        _look_only_if_the_claim_changed,
    ),
    42000844: Found(
        "a call that was seen muted before the request that muted it, for another's sake and with its extension, was"
        " answered was taken for somebody else's and never opened",
        _muting_for_a_call_unheeded,
    ),
    43000603: Found(
        "a held call that was never muted ended the daemon when the end of its section was said",
        _let_go_of_what_holds_still,
        Script.of,
    ),
    167491488: Found(
        "after a restart a call that no request had muted was told to be open since the earliest section that still"
        " ran, not since it was",
        _date_anew,
        Script.of,
    ),
    610000263: Found(
        "the stream's messages were dated by an answer of Redis that was late by one way only, so sections ran out"
        " early",
        _believe_slow_answers,
        Script.of,
    ),
    720827219: Found(
        "a mute that had to be asked for once more waited for what its call's release had had to wait for",
        _wait_with_the_release,
    ),
    710002202: Found(
        "a call that was seen elsewhere before we went blind had been transferred to an extension that we opened, and"
        " with it the call, which stayed open",
        _trust_old_sight,
        Script.of,
    ),
    710004240: Found(
        "a call that somebody else had muted was taken for ours while it went from one extension to another",
        _forget_whose_mute_it_is,
        Script.of,
    ),
}
"""Seed -> what it found."""
