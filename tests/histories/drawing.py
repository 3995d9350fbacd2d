"""Histories of facts, drawn at random: legs that ring, talk, move and come back, sections that overlap, messages in
any order and any number, requests that fail, time that passes, polls and requests by extension, what is seen of
recordings (true or not), backlogs and restarts.
"""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from orchestrator.core.claims import Verdict
from orchestrator.core.facts import (
    BacklogBegan,
    BacklogDone,
    ExtensionSeen,
    ExtensionWithdrawn,
    Fact,
    FeedChanged,
    MuteWithdrawn,
    PolicyChanged,
    PollAnswered,
    PollingConfigured,
    PollSent,
    ReleaseOrdered,
    Restored,
    SectionEnded,
    SectionStarted,
    SectionWoke,
    SnapshotTaken,
    Swept,
    UserSeen,
)
from orchestrator.core.model import (
    Direction,
    Extension,
    FeedState,
    Leg,
    LegStatus,
    OnCall,
    OnExtension,
    OnUser,
    Target,
)
from orchestrator.core.policy import Policy
from orchestrator.core.polls import ALL
from orchestrator.core.reconcile import Ask
from orchestrator.core.state import Polled, PollFailed, State
from tests.core.world import T0, World

Step = tuple[str, Any]

SIPS = st.sampled_from(["s1", "s2", "s3"])
IVRIDS = st.sampled_from(["c1", "c2", "c3", "c4"])
USERS = st.sampled_from(["u1", "u2"])
SECTIONS = st.sampled_from(["a", "b", "c"])
STATUSES = st.sampled_from([LegStatus.RINGING, LegStatus.DIALING, LegStatus.TALKING, LegStatus.HOLD])

LEGS = st.builds(
    Leg,
    IVRIDS,
    st.sampled_from(Direction),
    STATUSES,
    st.booleans(),
    st.sampled_from([None, False]),
    st.lists(IVRIDS, max_size=2, unique=True).map(tuple),
)


def extension_of(sip: str, user: str | None, online: str | None, legs: Sequence[Leg]) -> Extension:
    return Extension(sip, user, online, {leg.ivrid: leg for leg in legs})


EXTENSIONS = st.builds(
    extension_of,
    SIPS,
    st.none() | USERS,
    st.none() | USERS,
    st.lists(LEGS, max_size=3, unique_by=lambda leg: leg.ivrid),
)
TARGETS: st.SearchStrategy[Target] = st.one_of(
    st.builds(OnExtension, SIPS), st.builds(OnUser, USERS), st.builds(OnCall, IVRIDS)
)
STARTS = st.builds(
    SectionStarted,
    SECTIONS,
    TARGETS,
    st.none() | st.sampled_from([5.0, 60.0, 9999.0]),
    st.none(),
    st.none() | st.sampled_from([T0, T0 + 20, T0 - 100]),
    st.none() | st.sampled_from(["m1", "m2", "m3"]),
)
SEEN = st.builds(ExtensionSeen, EXTENSIONS)
FROM_OUTSIDE: st.SearchStrategy[Fact] = st.one_of(
    SEEN,
    st.builds(UserSeen, SIPS, st.none() | USERS, st.none() | USERS),
    STARTS,
    st.builds(SectionEnded, SECTIONS),
    st.builds(SectionWoke, SECTIONS),
    st.builds(FeedChanged, st.sampled_from([FeedState.DOWN, FeedState.SYNCING])),
    st.lists(EXTENSIONS, max_size=3, unique_by=lambda ext: ext.sip).map(lambda exts: SnapshotTaken(tuple(exts))),
    st.just(Swept()),
    st.builds(ReleaseOrdered, IVRIDS),
    st.just(BacklogBegan()),
    st.just(BacklogDone()),
)
VERDICTS = st.sampled_from(Verdict)
BEHIND: st.SearchStrategy[Fact] = st.sampled_from([BacklogBegan(), BacklogDone(), PollingConfigured()])
KEYS = st.sampled_from(["s1", "s2", "s3", ALL])
POLLED = st.lists(EXTENSIONS, max_size=3, unique_by=lambda ext: ext.sip).map(lambda exts: Polled(tuple(exts)))
POLL_FAILED = st.builds(PollFailed, st.just("x"), st.booleans(), st.sampled_from([None, 3.0]), st.booleans())
POLICIES = st.sampled_from([Policy(), Policy(end_after_idle_s=10), Policy(hold_on_expiry=True)])


def histories(least: int, *facts: st.SearchStrategy[Fact]) -> st.SearchStrategy[list[Step]]:
    """Of at least so many steps; the more often such a fact is named, the more often one is learned."""
    return st.lists(
        st.one_of(
            *(st.tuples(st.just("learn"), fact) for fact in facts),
            st.tuples(st.just("pass"), st.sampled_from([0.05, 3.0, 40.0, 4000.0])),
            st.tuples(st.just("ask"), IVRIDS),
            st.tuples(st.just("withdraw"), IVRIDS),
            st.tuples(st.just("answer"), st.tuples(IVRIDS, VERDICTS)),
            st.tuples(st.just("ask all"), SIPS),
            st.tuples(st.just("withdraw all"), SIPS),
            st.tuples(st.just("answer all"), st.tuples(SIPS, VERDICTS)),
            st.tuples(st.just("show"), st.tuples(IVRIDS, st.booleans())),
            st.tuples(st.just("poll"), KEYS),
            st.tuples(st.just("polled"), st.tuples(KEYS, POLLED | POLL_FAILED, st.sampled_from([0.0, 2.0]))),
            st.tuples(st.just("learn"), BEHIND),
            st.tuples(st.just("restart"), st.none()),
            st.tuples(st.just("govern"), POLICIES),
        ),
        min_size=least,
        max_size=30,
    )


STEPS = histories(0, FROM_OUTSIDE)
BUSY = histories(5, FROM_OUTSIDE, *[SEEN] * 6, *[STARTS] * 5)
"""In every second of these a section covers a call; of the others, in one of ten."""


def play(world: World, steps: Sequence[Step]) -> None:
    """The history as drawn; an answer comes only to a request that is under way."""
    for kind, what in steps:
        if kind == "learn":
            world.learn(what)
        elif kind == "pass":
            world.passes(what)
        elif kind == "restart":
            restart(world)
        elif kind == "govern":
            world.policy = what
            world.learn(PolicyChanged())
        elif kind == "show":
            show(world, *what)
        elif kind in ("poll", "polled"):
            poll(world, kind, what)
        else:
            work(world, kind, what)


def work(world: World, kind: str, what: Any) -> None:
    name, verdict = what if isinstance(what, tuple) else (what, Verdict.DONE)
    of_all = kind.endswith("all")
    claim = world.state.blind.get(name) if of_all else world.state.mutes.get(name)
    if kind.startswith("ask"):
        decision = world.of_extension(name) if of_all else world.decision(name)
        if isinstance(decision, Ask) and of_all:
            world.ask_all(name, decision.muted)
        elif isinstance(decision, Ask):
            world.ask(name, decision.muted, decision.sip)
    elif claim is not None and claim.in_flight:
        last = [muted for asked, muted in world.asked if asked.split(" by ")[0] in (name, f"all of {name}")][-1]
        if kind.startswith("withdraw"):
            world.learn(ExtensionWithdrawn(name) if of_all else MuteWithdrawn(name))
        elif of_all:
            world.answer_all(name, last, verdict)
        else:
            world.answer(name, last, verdict)


def poll(world: World, kind: str, what: Any) -> None:
    if not world.state.polls.configured:
        world.learn(PollingConfigured())
    key, answer, ago_s = (what, None, 0.0) if kind == "poll" else what
    if answer is None and key not in world.state.polls.in_flight:
        world.learn(PollSent(key))  # whether it is due is for test_polls
    elif answer is not None and key in world.state.polls.in_flight:
        world.learn(PollAnswered(key, world.now - ago_s, answer))


def show(world: World, ivrid: str, muted: bool) -> None:
    """An event shows the recording of a call that we asked for: as it is, or not."""
    call, mute = world.state.calls.get(ivrid), world.state.mutes.get(ivrid)
    if call is not None and call.on and mute is not None and mute.asked is not None:
        before = world.state.extensions[min(call.on)]
        legs = {**before.legs, ivrid: replace(before.legs[ivrid], muted=muted)}
        world.learn(ExtensionSeen(replace(before, legs=legs)))


def restart(world: World) -> None:
    """The process dies and another one takes over what is in Redis; what the feed told before is gone."""
    before, world.state = world.state, State()
    world.learn(Restored(dict(before.sections), dict(before.ended), dict(before.mutes), dict(before.blind)))
    world.snapshot(*before.extensions.values())


def finish(world: World) -> None:
    """Let what is under way be answered and everything be worked off."""
    world.learn(BacklogDone())
    for ivrid, mute in list(world.state.mutes.items()):
        if mute.in_flight:
            work(world, "answer", ivrid)
    for sip, claim in list(world.state.blind.items()):
        if claim.in_flight:
            work(world, "answer all", sip)
    world.passes(100)
    world.settle()
