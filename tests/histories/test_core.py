"""What holds for every history of facts, whatever it is."""

import copy
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core import blind
from orchestrator.core.claims import Recording
from orchestrator.core.coverage import aimed_at
from orchestrator.core.facts import (
    BacklogBegan,
    BacklogDone,
    ExtensionAnswered,
    ExtensionAsked,
    ExtensionSeen,
    ExtensionWithdrawn,
    Fact,
    FeedChanged,
    MuteAnswered,
    MuteAsked,
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
    Leg,
    LegStatus,
    OnCall,
    OnExtension,
    OnUser,
    Target,
)
from orchestrator.core.policy import Policy
from orchestrator.core.reconcile import Settled
from orchestrator.core.state import Polled, State
from tests.core.world import T0, World
from tests.histories.covering import Covering
from tests.histories.drawing import (
    BUSY,
    FROM_OUTSIDE,
    LEGS,
    POLICIES,
    SECTIONS,
    STEPS,
    Step,
    extension_of,
    finish,
    play,
)


def covered(state: State) -> set[str]:
    """By what the core keeps with its sections, without its index."""
    return {ivrid for section in state.sections.values() for ivrid in section.calls}


@settings(max_examples=400, deadline=None)
@given(POLICIES, BUSY)
def test_a_call_is_muted_exactly_while_covered(policy: Policy, steps: list[Step]) -> None:
    world = Covering(policy)
    play(world, steps)
    finish(world)
    held = {ivrid for ivrid, mute in world.state.mutes.items() if mute.held}
    over = {ivrid for ivrid, mute in world.state.mutes.items() if mute.gone}
    muted = {ivrid for ivrid, mute in world.state.mutes.items() if mute.recording is Recording.MUTED}
    assert muted == (world.covered | held) - over
    policies = [policy, *(what for kind, what in steps if kind == "govern")]
    assert not held or any(each.hold_on_expiry for each in policies)


@settings(max_examples=300, deadline=None)
@given(POLICIES, STEPS)
def test_the_indexes_are_what_the_rest_of_the_state_says(policy: Policy, steps: list[Step]) -> None:
    world = World(policy)
    play(world, steps)
    state = world.state
    assert set(state.covering) == covered(state)
    for ivrid, ids in state.covering.items():
        assert ids == {s.section_id for s in state.sections.values() if ivrid in s.calls}
        assert ivrid in state.mutes
    on = {(ivrid, ext.sip) for ext in state.extensions.values() for ivrid in ext.legs}
    assert on == {(ivrid, sip) for ivrid, call in state.calls.items() for sip in call.on}
    named = {
        (ivrid, ext.sip) for ext in state.extensions.values() for leg in ext.legs.values() for ivrid in leg.related
    }
    assert named == {(ivrid, sip) for ivrid, sips in state.naming.items() for sip in sips}
    held = {(section_id, ivrid) for ivrid, mute in state.mutes.items() for section_id in mute.held_for}
    assert held == {(section_id, ivrid) for section_id, ivrids in state.holding.items() for ivrid in ivrids}
    assert state.strays.keys() <= state.mutes.keys()
    people = {
        (user, ext.sip)
        for ext in state.extensions.values()
        for user in (ext.user_id, ext.online_user_id)
        if user is not None
    }
    assert people == {(user, sip) for user, sips in state.users.items() for sip in sips}
    assert all(ids <= state.sections.keys() for ids in state.watching.values())
    aims = {(sip, s.section_id) for s in state.sections.values() for sip in aimed_at(state, s.target)}
    assert aims == {(sip, section_id) for sip, ids in state.watching.items() for section_id in ids}
    followed = {(s.target.user_id, s.section_id) for s in state.sections.values() if isinstance(s.target, OnUser)}
    assert followed == {(user, section_id) for user, ids in state.following.items() for section_id in ids}
    assert all(
        blind.wanted(state, sip) or claim.muted or claim.in_flight or claim.open_lands_by
        for sip, claim in state.blind.items()
    )


@settings(max_examples=300, deadline=None)
@given(POLICIES, STEPS, FROM_OUTSIDE)
def test_folding_a_fact_twice_changes_nothing(policy: Policy, steps: list[Step], fact: Fact) -> None:
    world = World(policy)
    play(world, steps)
    world.learn(fact)
    once = copy.deepcopy(world.state)
    if not isinstance(fact, SectionWoke):  # a wake does one thing at a time: a notice first, then the end
        world.learn(fact)
        assert world.state == once


@settings(max_examples=300, deadline=None)
@given(st.lists(LEGS, max_size=3, unique_by=lambda leg: leg.ivrid), st.data())
def test_order_and_repetition_of_messages_do_not_matter(legs: list[Leg], data: st.DataObject) -> None:
    """Sections as a CRM would send them: one target an id, every message named and dated."""
    targets: dict[str, Target] = {"a": OnExtension("s1"), "b": OnCall("c1"), "c": OnUser("u1")}
    started = st.builds(
        lambda section_id, max_seconds, at, message_id: SectionStarted(
            section_id, targets[section_id], max_seconds, None, at, f"{section_id}{message_id}{max_seconds}{at}"
        ),
        SECTIONS,
        st.sampled_from([30.0, 60.0]),
        st.sampled_from([T0, T0 + 5, T0 + 9]),
        st.sampled_from("12"),
    )
    messages = data.draw(st.lists(st.one_of(started, st.builds(SectionEnded, SECTIONS)), max_size=8))
    again = data.draw(
        st.permutations(messages + data.draw(st.lists(st.sampled_from(messages)) if messages else st.just([])))
    )

    def outcome(order: Sequence[Fact]) -> tuple[object, ...]:
        world = World(now=T0 + 10)
        world.learn(ExtensionSeen(extension_of("s1", None, "u1", legs)))
        for message in order:
            world.learn(message)
        finish(world)
        state = world.state
        muted = {ivrid for ivrid, mute in state.mutes.items() if mute.recording is Recording.MUTED}
        times = {key: (s.expires_at, s.renewed_at, set(s.messages)) for key, s in state.sections.items()}
        return muted, times, state.covering, set(state.ended)

    assert outcome(messages) == outcome(again)


@settings(max_examples=300, deadline=None)
@given(POLICIES, STEPS)
def test_nothing_foreign_is_ever_asked_for(policy: Policy, steps: list[Step]) -> None:
    """Calls that were muted by somebody else all along: no request names them, neither to mute nor to open."""
    world = World(policy)
    foreign = {"c1", "c2"}
    for kind, what in steps:
        if kind == "learn" and isinstance(what, ExtensionSeen):
            world.learn(ExtensionSeen(_as_foreign(what.extension, foreign)))
        elif kind == "learn" and isinstance(what, SnapshotTaken):
            world.learn(SnapshotTaken(tuple(_as_foreign(ext, foreign) for ext in what.extensions)))
        elif kind == "learn" and isinstance(what, SectionStarted):
            _show(world, foreign)  # the feed has shown them before any section covers them
            world.learn(what)
        elif kind == "polled" and isinstance(what[1], Polled):
            polled = Polled(tuple(_as_foreign(ext, foreign) for ext in what[1].extensions))
            play(world, [(kind, (what[0], polled, what[2]))])
        elif not isinstance(what, ReleaseOrdered):  # that makes it ours
            play(world, [(kind, what)])
    finish(world)
    assert not foreign & {ivrid for ivrid, _ in world.asked}


def _as_foreign(ext: Extension, foreign: set[str]) -> Extension:
    legs = {
        ivrid: Leg(ivrid, leg.direction, leg.status, leg.answered, ivrid in foreign, ())
        for ivrid, leg in ext.legs.items()
    }
    return Extension(ext.sip, ext.user_id, ext.online_user_id, legs)


def _show(world: World, foreign: set[str]) -> None:
    legs = [Leg(ivrid, Direction.INCOMING, LegStatus.TALKING, True, True) for ivrid in sorted(foreign)]
    world.learn(ExtensionSeen(extension_of("s9", None, None, legs)))


@settings(max_examples=300, deadline=None)
@given(POLICIES, STEPS)
def test_an_active_section_has_a_wake_and_ends_by_it(policy: Policy, steps: list[Step]) -> None:
    world = World(policy)
    play(world, steps)
    world.passes(policy.max_section_s)
    for section_id in list(world.state.sections):
        world.learn(SectionWoke(section_id))
    assert world.state.sections == {}


@settings(max_examples=300, deadline=None)
@given(POLICIES, STEPS)
def test_a_restart_comes_to_the_same_wishes(policy: Policy, steps: list[Step]) -> None:
    world = World(policy)
    play(world, steps)
    after = World(policy, now=world.now)
    state = world.state
    after.learn(Restored(dict(state.sections), dict(state.ended), dict(state.mutes), dict(state.blind)))
    after.learn(SnapshotTaken(tuple(world.state.extensions.values())))
    assert after.state.covering == world.state.covering
    finish(after)
    for ivrid in after.state.mutes:
        assert isinstance(after.decision(ivrid), Settled)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_while_a_request_is_under_way_no_other_is_due(steps: list[Step]) -> None:
    world = World()
    play(world, steps)
    for ivrid, mute in world.state.mutes.items():
        if mute.in_flight:
            assert world.decision(ivrid) == Settled("a request is under way")
    for sip, claim in world.state.blind.items():
        if claim.in_flight:
            assert world.of_extension(sip) == Settled("a request is under way")


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_a_claim_byextension_of_lasts_no_longer_than_it_is_of_use(steps: list[Step]) -> None:
    world = World()
    play(world, steps)
    finish(world)
    for section_id in list(world.state.sections):
        world.ends(section_id)
    world.learn_to_see()
    world.passes(5)
    world.sweeps()
    assert world.state.blind == {}
    assert world.state.watching == world.state.following == world.state.covering == {}


@settings(max_examples=200, deadline=None)
@given(STEPS, STEPS)
def test_while_a_backlog_waits_nothing_is_opened(before: list[Step], during: list[Step]) -> None:
    world = World()
    play(world, before)
    world.learn(BacklogBegan())
    asked = len(world.asked)
    play(world, [step for step in during if step != ("learn", BacklogDone())])
    assert all(muted for _, muted in world.asked[asked:])


def test_the_facts_of_the_engine_are_drawn_too() -> None:
    """A reminder for whoever adds a fact: histories must contain it."""
    drawn = {
        ReleaseOrdered,
        ExtensionSeen,
        UserSeen,
        SectionStarted,
        SectionEnded,
        SectionWoke,
        FeedChanged,
        SnapshotTaken,
        Swept,
    }
    played = {MuteAsked, MuteWithdrawn, MuteAnswered, ExtensionAsked, ExtensionWithdrawn, ExtensionAnswered}
    behind = {PollingConfigured, PollSent, PollAnswered, BacklogBegan, BacklogDone, Restored, PolicyChanged}
    assert drawn | played | behind == set(Fact.__args__)
