"""How a section stands, and what each of its calls cost."""

import pytest
from hypothesis import given, settings

from orchestrator.core import view
from orchestrator.core.claims import Verdict
from orchestrator.core.model import FeedState
from orchestrator.core.notices import CallExposed, CallMuted, SectionClosed
from orchestrator.core.standing import SectionStanding, Stage, Standing
from tests.core.world import World, dialing, in_sight, ringing, talking
from tests.histories.drawing import STEPS, Step, play


def stands(world: World, section_id: str = "pay") -> SectionStanding:
    return view.stand(world.state, world.state.sections[section_id], world.now, world.policy)


def standing(world: World, section_id: str = "pay") -> Standing:
    return stands(world, section_id).standing


def exposures(world: World, section_id: str = "pay") -> dict[str, float]:
    return {call.ivrid: round(call.exposure_s, 3) for call in stands(world, section_id).calls}


def started(*, call: str | None = None) -> World:
    world = in_sight()
    world.sees("s1", talking("c1"))
    world.starts("pay", call=call) if call else world.starts("pay", on="s1")
    return world


def test_from_muting_to_protected() -> None:
    world = started()
    assert standing(world) is Standing.MUTING
    world.passes(0.2)
    world.attempt("c1")
    assert standing(world) is Standing.PROTECTED
    assert exposures(world) == {"c1": 0.2}
    assert [call.action_id for call in stands(world).calls] == ["a1"]


def test_open_for_too_long_it_is_exposed() -> None:
    world = started()
    world.attempt("c1", Verdict.FAILED)
    world.passes(world.policy.exposure_alert_s)
    assert standing(world) is Standing.MUTING
    world.passes(0.1)
    assert standing(world) is Standing.EXPOSED
    world.attempt("c1")
    assert standing(world) is Standing.PROTECTED
    assert exposures(world) == {"c1": 1.6}


def test_every_call_counts() -> None:
    world = started()
    world.attempt("c1")
    world.sees("s1", talking("c1"), dialing("c2"))
    assert standing(world) is Standing.MUTING
    world.attempt("c2")
    assert standing(world) is Standing.PROTECTED


def test_without_a_call() -> None:
    world = in_sight()
    world.starts("pay", on="s1")
    assert standing(world) is Standing.NO_CALL
    world.sees("s1", ringing("c1"))
    assert standing(world) is Standing.NO_CALL
    world.sees("s1", talking("c1"))
    assert standing(world) is Standing.MUTING
    world.attempt("c1")
    world.sees("s1")
    assert standing(world) is Standing.NO_CALL


def test_a_call_that_the_crm_names_counts_before_it_is_seen() -> None:
    world = in_sight()
    world.starts("pay", call="c9")
    assert standing(world) is Standing.MUTING
    world.attempt("c9")
    assert standing(world) is Standing.PROTECTED


def test_a_call_muted_by_somebody_else_is_protected() -> None:
    world = in_sight()
    world.sees("s1", talking("c1", muted=True))
    world.starts("pay", on="s1")
    assert standing(world) is Standing.PROTECTED
    assert [call.stage for call in stands(world).calls] == [Stage.FOREIGN]
    assert exposures(world) == {"c1": 0.0}


def test_unseen_the_extension_stands_for_its_calls() -> None:
    world = in_sight()
    world.turns(FeedState.DOWN)
    world.starts("pay", on="s1")
    assert standing(world) is Standing.MUTING
    world.attempt_all("s1")
    assert standing(world) is Standing.PROTECTED
    world.passes(5)
    world.ask_all("s1", True)
    assert standing(world) is Standing.PROTECTED
    world.answer_all("s1", True, Verdict.FAILED)
    assert standing(world) is Standing.EXPOSED


def test_unseen_and_without_a_call_as_the_api_says() -> None:
    world = in_sight()
    world.turns(FeedState.DOWN)
    world.starts("pay", on="s1")
    world.attempt_all("s1", Verdict.NOT_FOUND)
    assert standing(world) is Standing.NO_CALL


def test_drift_exposes_anew_and_adds_up() -> None:
    world = started()
    world.passes(0.2)
    world.attempt("c1")
    world.passes(10)
    world.sees("s1", talking("c1", muted=False))
    assert standing(world) is Standing.MUTING
    world.passes(0.5)
    world.attempt("c1")
    assert standing(world) is Standing.PROTECTED
    assert exposures(world) == {"c1": 1.7}  # an event is dated a second back


def test_a_second_section_answers_for_its_own_time_only() -> None:
    world = started()
    world.passes(1)
    world.starts("later", on="s1")
    world.passes(0.3)
    world.attempt("c1")
    assert (exposures(world), exposures(world, "later")) == ({"c1": 1.3}, {"c1": 0.3})
    world.starts("last", on="s1")
    assert exposures(world, "last") == {"c1": 0.0}


def test_in_the_end_each_call_is_told_with_what_it_cost() -> None:
    world = started()
    world.passes(0.2)
    world.attempt("c1")
    world.sees("s1", talking("c1"), dialing("c2"))
    world.passes(0.7)
    world.ends("pay")
    (closed,) = world.of(SectionClosed)
    assert isinstance(closed, SectionClosed)
    told = {call.ivrid: (call.stage, round(call.exposure_s, 3), call.action_id) for call in closed.calls}
    assert told == {"c1": (Stage.CONFIRMED, 0.2, "a1"), "c2": (Stage.WANTED, 0.7, "")}


def test_a_call_that_is_over_while_it_is_open_costs_nothing_more() -> None:
    world = started(call="c9")
    for _ in range(6):
        world.attempt("c9", Verdict.NOT_FOUND)
        world.passes(2)
    assert standing(world) is Standing.NO_CALL
    before = exposures(world)
    world.passes(60)
    assert exposures(world) == before
    assert [call.stage for call in stands(world).calls] == [Stage.GONE]


def test_a_mute_that_somebody_else_takes_back_keeps_what_was_counted() -> None:
    world = in_sight()
    world.sees("s1", talking("c1", muted=True))
    world.starts("pay", on="s1")
    world.passes(5)
    world.sees("s1", talking("c1", muted=False))
    assert standing(world) is Standing.MUTING
    world.passes(0.4)
    world.attempt("c1")
    assert exposures(world) == {"c1": 0.4}


@pytest.mark.parametrize(
    ("verdict", "stage"),
    [(Verdict.DONE, Stage.CONFIRMED), (Verdict.LOST, Stage.ASKED), (Verdict.UNSENT, Stage.ASKED)],
)
def test_the_stage_of_a_claim(verdict: Verdict, stage: Stage) -> None:
    world = started()
    assert stands(world).calls[0].stage is Stage.WANTED
    world.attempt("c1", verdict)
    assert stands(world).calls[0].stage is stage


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_what_is_told_when_a_call_is_muted_adds_up_to_what_it_cost(steps: list[Step]) -> None:
    """Whatever happens: the seconds of the notices are those of the claim, and no cover costs less than nothing."""
    world = World()
    play(world, steps)
    for section in world.state.sections.values():
        for call in view.calls(world.state, section, world.now):
            assert call.exposure_s >= 0.0
    told: dict[str, float] = {}
    for notice in world.told:
        if isinstance(notice, CallMuted | CallExposed):
            told[notice.ivrid] = told.get(notice.ivrid, 0.0) + (notice.exposure_s or 0.0)
    for ivrid, mute in world.state.mutes.items():
        assert mute.exposed_s <= told.get(ivrid, 0.0) + 1e-6


def test_a_claim_that_outlives_its_sections_is_being_released_until_it_is() -> None:
    world = started()
    world.attempt("c1")
    world.ends("pay")
    for then in (Stage.RELEASING, Stage.RELEASED):
        claim = view.call(world.state, "c1", world.now)
        assert claim is not None
        assert claim.stage is then
        world.settle()


def test_a_call_without_a_claim_stands_nowhere() -> None:
    world = in_sight()
    world.sees("s1", talking("c1"))
    assert view.call(world.state, "c1", world.now) is None
