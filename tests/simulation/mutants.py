"""Mutants: the daemon with one rule broken on purpose. The simulation must catch each.

`python -m tests.simulation.mutants [NAME ...]` (make mutants) plays stories with each of them until an invariant is
violated, and prints which one, after how many stories. Exit code 1 if one survives.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from dataclasses import replace as replaced
from typing import Any
from unittest import mock

from msgspec.structs import replace

from orchestrator.core import blind, coverage, evidence, mutes, polls, presence, reconcile, sections, sight, watch
from orchestrator.core.claims import Mute, Recording
from orchestrator.core.model import Call, Direction, Leg, LegStatus, Section
from orchestrator.core.policy import Policy
from orchestrator.core.state import State
from orchestrator.engine import loop as engine
from orchestrator.engine.keyqueue import KeyQueue
from orchestrator.store import lease, redis_store
from orchestrator.store.load import load as load_of_redis
from orchestrator.telemetry import lines
from tests.simulation.story import Script
from tests.simulation.world import Result, run

MOST_SEEDS = 400
Mutation = Callable[[ExitStack], None]


@dataclass(frozen=True, slots=True)
class Mutant:
    name: str
    breaks: str
    apply: Mutation
    provoke: tuple[str, ...]
    """Kinds of faults without which it does no harm: its stories have these and no others. None: all kinds."""
    ways: Mapping[str, Any]
    """What else is otherwise in its stories."""

    @property
    def quick(self) -> bool:
        """Caught within a few stories, whatever happens in them: hunted in every run of the tests."""
        return not self.provoke

    def script(self, seed: int) -> Script:
        script = Script.plain(seed, self.provoke) if self.provoke else Script.plain(seed)
        return replaced(script, **self.ways)


MUTANTS: dict[str, Mutant] = {}


def mutant(*provoke: str, **ways: Any) -> Callable[[Mutation], Mutation]:
    def register(apply: Mutation) -> Mutation:
        MUTANTS[apply.__name__] = Mutant(apply.__name__, (apply.__doc__ or "").strip(), apply, provoke, ways)
        return apply

    return register


def put(stack: ExitStack, where: object, name: str, what: object) -> None:
    stack.enter_context(mock.patch.object(where, name, what))


@mutant()
def new_calls_stay_open(stack: ExitStack) -> None:
    """A section covers the calls of its beginning only: new ones on its extension stay recorded."""
    put(stack, coverage, "cover_on", lambda *_: None)


@mutant()
def ringing_counts(stack: ExitStack) -> None:
    """A leg that merely rings in makes the call this extension's."""
    put(stack, Leg, "counts", property(lambda _: True))


@mutant()
def dialling_does_not_count(stack: ExitStack) -> None:
    """Calls placed from the extension count only once they are answered."""
    up = (LegStatus.TALKING, LegStatus.HOLD)
    put(stack, Leg, "counts", property(lambda leg: leg.answered or leg.status in up))


@mutant()
def flag_alone_counts(stack: ExitStack) -> None:
    """Legs that are shown as Talking with `answered` 0 do not count."""
    placed = (Direction.OUTGOING, Direction.CLICK2CALL)
    put(stack, Leg, "counts", property(lambda leg: leg.answered or leg.direction in placed))


@mutant()
def related_calls_forgotten(stack: ExitStack) -> None:
    """Related calls are not covered."""
    kept = coverage._covers

    def covers(*args: Any) -> Any:
        return (pair for pair in kept(*args) if pair[1].reason != "related")

    put(stack, coverage, "_covers", covers)


@mutant()
def hangup_ends_cover(stack: ExitStack) -> None:
    """A call that leaves one extension is taken for over: its cover ends."""
    kept = presence.leave

    def leave(state: State, ivrid: str, sip: str, now: float, policy: Policy) -> None:
        kept(state, ivrid, sip, now, policy)
        if ivrid in state.covering and not state.calls.get(ivrid, Call()).on:
            for section_id in state.covering.pop(ivrid):
                section = state.sections[section_id]
                calls = {name: cover for name, cover in section.calls.items() if name != ivrid}
                state.sections[section_id] = replace(section, calls=calls)

    put(stack, presence, "leave", leave)


@mutant()
def first_end_opens(stack: ExitStack) -> None:
    """The end of one section opens a call that another still covers."""
    kept = coverage.lift

    def lift(state: State, section: Any, now: float, hold: bool, changes: Any) -> None:
        for ivrid in section.calls:
            for other in state.covering[ivrid] - {section.section_id}:
                calls = {name: cover for name, cover in state.sections[other].calls.items() if name != ivrid}
                state.sections[other] = replace(state.sections[other], calls=calls)
            state.covering[ivrid] = frozenset({section.section_id})
        kept(state, section, now, hold, changes)

    put(stack, coverage, "lift", lift)


@mutant()
def ended_ids_forgotten(stack: ExitStack) -> None:
    """A `started` that comes after its `ended` runs."""
    kept = sections._why_not

    def why_not(state: State, fact: Any, *rest: Any) -> str | None:
        state.ended.pop(fact.section_id, None)
        return kept(state, fact, *rest)

    put(stack, sections, "_why_not", why_not)


@mutant()
def never_expires(stack: ExitStack) -> None:
    """A section whose end is never told runs on."""
    put(stack, sections, "wake", lambda *_: None)
    put(stack, engine, "wakes_at", lambda section, _: section.expires_at + 3600.0)


@mutant("api_lost")
def unknown_taken_for_done(stack: ExitStack) -> None:
    """A request that was never answered counts as done."""
    put(stack, mutes, "in_doubt", lambda mute, muted, _: replace(
        mute, recording=Recording.MUTED if muted else Recording.OPEN, confirmed_at=mute.asked_at))  # fmt: skip


@mutant("api_lost")
def unknown_taken_for_undone(stack: ExitStack) -> None:
    """A request that was never answered counts as not applied."""
    put(stack, mutes, "in_doubt", lambda mute, *_: mute)


@mutant("api_late")
def late_requests_win(stack: ExitStack) -> None:
    """Where nothing shows the recordings, not asked once more after a request may have come late."""
    put(stack, evidence, "_judge", lambda *_: None)
    put(stack, Mute, "ask_again_at", property(lambda _: 0.0))


@mutant("api_hollow")
def evidence_ignored(stack: ExitStack) -> None:
    """What feed and polls show of a recording changes nothing."""
    put(stack, evidence, "_judge", lambda *_: None)


@mutant("foreign_mute")
def foreign_mutes_touched(stack: ExitStack) -> None:
    """A recording that somebody else muted is taken for our own."""
    kept = mutes.want

    def want(state: State, ivrid: str, now: float, changes: Any) -> None:
        if ivrid in state.calls:
            state.calls[ivrid] = replace(state.calls[ivrid], muted=None)
        kept(state, ivrid, now, changes)

    put(stack, mutes, "want", want)
    put(stack, evidence, "_change_hands", lambda *_: None)


@mutant("feed_loses", "feed_silent")
def never_polls(stack: ExitStack) -> None:
    """Active Calls is never asked."""
    put(stack, polls, "plan", lambda *_: ([], None))


@mutant("login_refused", "polls_refused")
def blind_means_idle(stack: ExitStack) -> None:
    """While the calls of an extension cannot be seen, nothing is asked."""
    put(stack, blind, "wanted", lambda *_: False)


@mutant("login_refused", "polls_refused")
def blind_mutes_stay(stack: ExitStack) -> None:
    """What was muted by extension is not opened by extension."""
    put(stack, blind, "may_open", lambda *_: False)


@mutant()
def gives_up(stack: ExitStack) -> None:
    """A request that failed is not made again."""
    kept = mutes._retry

    def retry(state: State, mute: Any, fact: Any, now: float, policy: Any, changes: Any) -> None:
        kept(state, mute, fact, now, policy, changes)
        state.mutes[mute.ivrid] = replace(state.mutes[mute.ivrid], retry_at=now + 3600.0)

    put(stack, mutes, "_retry", retry)


@mutant("api_lost", "api_slow")
def asks_for_yesterday(stack: ExitStack) -> None:
    """What is wanted is not asked again when the request is ready to go, and a retry repeats the request."""
    kept = reconcile.reconcile

    def decide(state: State, ivrid: str, now: float) -> Any:
        decision, mute = kept(state, ivrid, now), state.mutes.get(ivrid)
        if isinstance(decision, reconcile.Ask) and mute is not None and mute.attempts and mute.asked is not None:
            return replaced(decision, muted=mute.asked)
        return decision

    put(stack, engine, "reconcile", decide)
    put(stack, mutes, "wanted", lambda state, ivrid: ivrid in state.covering)


@mutant()
def two_at_a_time(stack: ExitStack) -> None:
    """A call is asked for while a request for it is under way."""
    kept = KeyQueue.add

    def add(self: Any, key: Any) -> None:
        self._working.discard(key)
        kept(self, key)

    def decide(state: State, ivrid: str, now: float) -> Any:
        mute = state.mutes.get(ivrid)
        if mute is not None and mute.in_flight:
            state.mutes[ivrid] = replace(mute, in_flight=False)
        return reconcile.reconcile(state, ivrid, now)

    put(stack, KeyQueue, "add", add)
    put(stack, KeyQueue, "done", lambda self, key: self._working.discard(key))
    put(stack, engine, "reconcile", decide)


@mutant("api_one_hangs")
def one_at_a_time(stack: ExitStack) -> None:
    """Whoever asks waits for the request before, whichever call that was for."""
    kept = engine.Engine.run

    async def run_alone(self: Any) -> None:
        self._max_concurrency = 1
        await kept(self)

    put(stack, engine.Engine, "run", run_alone)


@mutant("killed")
def nothing_written_ahead(stack: ExitStack) -> None:
    """The store writes nothing down: a new process knows nothing."""
    put(stack, redis_store.RedisStore, "mark", lambda *_: None)


@mutant()
def intention_later(stack: ExitStack) -> None:
    """A request does not wait until its intention is written."""

    async def nothing(_: Any) -> None: ...

    put(stack, engine.Engine, "_write_ahead", nothing)


@mutant()
def intention_with_the_answer(stack: ExitStack) -> None:
    """A claim is written once its request was answered."""
    kept = redis_store.RedisStore._write_urgent

    async def write(self: Any) -> None:
        mutes = self._state.mutes
        self._marks.mutes = {ivrid for ivrid in self._marks.mutes if not (ivrid in mutes and mutes[ivrid].in_flight)}
        await kept(self)

    put(stack, redis_store.RedisStore, "_write_urgent", write)


@mutant("redis_slow", "redis_silent")
def waits_for_redis(stack: ExitStack) -> None:
    """A request waits for a second until its intention is written."""
    put(stack, engine, "WRITE_AHEAD_S", 1.0)


@mutant()
def opens_by_extension(stack: ExitStack) -> None:
    """Whatever is released is released with all that its extension has up."""

    def decide(state: State, ivrid: str, now: float) -> Any:
        decision, call = reconcile.reconcile(state, ivrid, now), state.calls.get(ivrid, Call())
        if isinstance(decision, reconcile.Ask) and not decision.muted and call.on:
            return replaced(decision, sip=min(call.on))
        return decision

    put(stack, engine, "reconcile", decide)
    put(stack, blind, "may_open", lambda *_: True)


@mutant("killed")
def starts_from_nothing(stack: ExitStack) -> None:
    """A new process does not take up the mutes of the one before it."""
    kept = load_of_redis

    async def load(*args: Any) -> Any:
        found = await kept(*args)
        return replaced(found, restored=replace(found.restored, mutes={}))

    put(stack, redis_store, "load", load)


@mutant("killed", "restarted")
def backlog_later(stack: ExitStack) -> None:
    """Calls are opened before the messages that wait were read."""
    put(stack, State, "backlog", property(lambda _: False, lambda *_: None))


@mutant("second_started", "frozen")
def no_lease(stack: ExitStack) -> None:
    """Whoever starts takes the account at once, and nobody minds."""

    async def nothing(_: Any) -> None: ...

    async def take(self: Any) -> None:
        self.problem = None
        self.words = (self.words[0], 1, self.words[2])
        self._taken.set()

    put(stack, lease.Lease, "take", take)
    put(stack, lease.Lease, "assured", nothing)
    put(stack, lease.Lease, "_renew_once", nothing)


@mutant()
def figures_are_nought(stack: ExitStack) -> None:
    """The log says of every exposure and every over-mute that it was none."""
    put(stack, lines, "_ms", lambda seconds: None if seconds is None else 0)


@mutant("api_down", "api_slow", "api_5xx")
def figures_of_the_last_attempt(stack: ExitStack) -> None:
    """What an exposure took before the attempt that succeeded is left out."""
    kept = mutes._confirm

    def confirm(state: State, mute: Any, fact: Any, now: float, changes: Any) -> None:
        kept(state, replace(mute, due_since=mute.asked_at), fact, now, changes)

    put(stack, mutes, "_confirm", confirm)


@mutant("api_down", "api_slow")
def open_calls_untold(stack: ExitStack) -> None:
    """A covered call that stays open is not in the log."""
    put(stack, watch, "_alarm", lambda *_: None)


@mutant("crm_late", desk_changes=0.8)
def users_do_not_move(stack: ExitStack) -> None:
    """A section on a user stays where the user was when it began."""
    kept = coverage.unaim

    def unaim(state: State, section: Section, _sips: frozenset[str], changes: Any) -> None:
        watched = (sip for sip, watching in state.watching.items() if section.section_id in watching)
        kept(state, section, frozenset(watched), changes)

    put(stack, sight, "_follow", lambda *_: None)
    put(stack, coverage, "unaim", unaim)


@mutant(holds=True, max_s=5)
def holds_nothing(stack: ExitStack) -> None:
    """What a section covers when it runs out is opened, though the policy is to hold it."""
    put(stack, mutes, "hold", lambda *_: None)


@mutant(holds=True, max_s=5)
def held_for_good(stack: ExitStack) -> None:
    """What is held stays muted, though the end of its section is said after all."""
    put(stack, mutes, "let_go", lambda *_: None)


@mutant(idle_s=3.0)
def idle_too_soon(stack: ExitStack) -> None:
    """A section without a call is ended before its time."""
    kept = sections._idle_until

    def idle_until(section: Section, policy: Policy) -> float | None:
        until = kept(section, policy)
        return None if until is None else until - 2.0

    put(stack, sections, "_idle_until", idle_until)


@dataclass(frozen=True, slots=True)
class Caught:
    mutant: str
    by: str | None
    """The invariant; None: it survived."""
    seeds: int
    took_s: float


def hunt(one: Mutant, first: int = 1, most: int = MOST_SEEDS, within_s: float = 120.0) -> Caught:
    """Play stories with the mutant until one is violated."""
    began = time.monotonic()
    with ExitStack() as stack:
        one.apply(stack)
        for number in range(most):
            by = _violated(one.script(first + number))
            if by is not None:
                return Caught(one.name, by, number + 1, time.monotonic() - began)
            if time.monotonic() - began > within_s:
                break
    return Caught(one.name, None, number + 1, time.monotonic() - began)


def _violated(script: Script) -> str | None:
    try:
        result: Result = run(script)
    except Exception as error:  # noqa: BLE001 - a mutant may break anything
        return f"no exception ({type(error).__name__})"
    return result.violated.invariant if result.violated else None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants")
    parser.add_argument("names", nargs="*", help="which ones; none: all")
    parser.add_argument("--within", type=float, default=120.0, help="seconds for each")
    given = parser.parse_args()
    survived = 0
    print(f"{'mutant':28} {'seeds':>5} {'s':>6}  caught by")
    for name in given.names or MUTANTS:
        caught = hunt(MUTANTS[name], within_s=given.within)
        survived += caught.by is None
        print(f"{name:28} {caught.seeds:5} {caught.took_s:6.1f}  {caught.by or 'NOBODY'}", flush=True)
    return 1 if survived else 0


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        again = [sys.executable, "-m", "tests.simulation.mutants", *sys.argv[1:]]
        os.execv(sys.executable, again)  # noqa: S606 - ourselves, anew
    sys.exit(main())
