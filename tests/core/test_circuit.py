"""The mute API as a whole: an outage is told once, is no storm, and its end is noticed; exposure is never silent."""

from orchestrator.core.claims import Recording, Verdict
from orchestrator.core.notices import ApiBack, ApiLost, CallOpen, MuteFailed
from orchestrator.core.policy import Policy
from orchestrator.core.reconcile import Ask, Later
from tests.core.world import World, in_sight, talking


def world_of(calls: int) -> World:
    world = in_sight()
    world.sees("s1", *(talking(f"c{number}") for number in range(calls)))
    world.starts("pay", on="s1")
    return world


def down(calls: int = 5) -> World:
    world = world_of(calls)
    for number in range(calls):
        world.ask(f"c{number}", True)
    for number in range(calls):
        world.answer(f"c{number}", True, Verdict.UNSENT)
    return world


def test_after_five_failures_in_a_row_the_api_is_down_whichever_the_calls() -> None:
    world = down(4)
    assert world.of(ApiLost) == []
    world.passes(1)
    world.attempt("c0", Verdict.UNSENT)
    assert world.of(ApiLost) == [ApiLost(Verdict.UNSENT, "x", 5)]


def test_it_is_told_once_and_not_for_each_call() -> None:
    world = down(30)
    assert len(world.of(ApiLost)) == 1
    assert len(world.of(MuteFailed)) == 4


def test_a_success_between_failures_is_no_outage() -> None:
    world = world_of(9)
    for number in range(9):
        world.attempt(f"c{number}", Verdict.DONE if number == 4 else Verdict.FAILED)
    assert world.of(ApiLost) == []


def test_not_found_is_the_word_of_an_api_that_works() -> None:
    world = world_of(9)
    for number in range(9):
        world.attempt(f"c{number}", Verdict.NOT_FOUND if number == 4 else Verdict.FAILED)
    assert world.of(ApiLost) == []


def test_a_429_is_neither_a_failure_nor_a_success() -> None:
    world = world_of(6)
    for number in range(6):
        world.ask(f"c{number}", True)
    for number in range(6):
        world.answer(f"c{number}", True, Verdict.BUSY if number == 2 else Verdict.LOST)
    assert len(world.of(ApiLost)) == 1


def test_a_429_without_a_time_holds_nothing_back() -> None:
    world = world_of(2)
    world.attempt("c0", Verdict.BUSY)
    assert world.decision("c1") == Ask(True)


def test_while_it_is_down_requests_go_out_no_closer_than_the_probes() -> None:
    world = down()
    world.passes(2)
    world.attempt("c0", Verdict.UNSENT)
    for number in range(1, 5):
        assert world.decision(f"c{number}") == Later(world.now + 0.2, "the API is down, or asked us to wait")
    world.passes(0.2)
    assert world.decision("c1") == Ask(True)


def test_a_success_brings_it_back_and_with_it_every_call_that_waits() -> None:
    world = down()
    world.passes(7)
    world.attempt("c0")
    assert world.of(ApiBack) == [ApiBack(7.0, 5)]
    assert all(world.decision(f"c{number}") == Ask(True) for number in range(1, 5))
    assert world.state.api.down_since is None


def test_when_it_comes_back_every_call_is_looked_at_anew() -> None:
    world = down()
    world.passes(7)
    world.ask("c0", True)
    before = world.now
    world.answer("c0", True)
    assert all(world.state.mutes[f"c{number}"].retry_at <= before for number in range(5))


def test_a_call_that_is_as_wanted_costs_no_request_when_it_comes_back() -> None:
    world = world_of(7)
    world.attempt("c6")
    for number in range(5):
        world.attempt(f"c{number}", Verdict.FAILED)
    world.passes(1)
    world.attempt("c5")
    assert world.settle() == [(f"c{number}", True) for number in range(5)]


def test_extensions_that_wait_come_back_with_it() -> None:
    world = World()
    world.starts("pay", on="s1")
    world.starts("other", on="s2")
    for _ in range(5):
        world.passes(10)
        world.attempt_all("s1", Verdict.UNSENT)
    assert len(world.of(ApiLost)) == 1
    assert isinstance(world.of_extension("s1"), Later)
    world.passes(0.2)
    world.attempt_all("s2")
    assert world.of_extension("s1") == Ask(True)
    assert len(world.of(ApiBack)) == 1


def test_a_429_holds_extensions_back_too() -> None:
    world = World()
    world.sees("s1", talking("c1"))
    world.starts("pay", on="s1")
    world.attempt("c1", Verdict.BUSY, told_s=7.0)
    assert world.of_extension("s1") == Later(world.now + 7, "asked a moment ago, or backing off")


# Exposure is never silent


def alarms(world: World, seconds: float) -> list[float]:
    began, told = world.now, []
    while world.now < began + seconds:
        world.passes(0.5)
        before = len(world.of(CallOpen))
        world.sweeps()
        told += [world.now - began] * (len(world.of(CallOpen)) - before)
    return told


def test_a_call_that_is_open_is_told_of_after_1_5_s_and_each_time_that_this_has_doubled() -> None:
    world = world_of(1)
    assert alarms(world, 300) == [1.5, 3, 6, 12, 24, 48, 96, 156, 216, 276]


def test_an_alarm_says_what_stands_in_the_way() -> None:
    world = world_of(1)
    world.attempt("c0", Verdict.REFUSED)
    world.passes(2)
    world.sweeps()
    assert world.of(CallOpen) == [CallOpen("c0", frozenset({"pay"}), 2.0, 1, "refused")]


def test_a_call_that_is_muted_foreign_or_over_raises_no_alarm() -> None:
    world = in_sight()
    world.sees("s1", talking("c1"), talking("c2", muted=True), talking("c3"))
    world.starts("pay", on="s1")
    world.attempt("c1")
    world.sees("s1", talking("c1"), talking("c2", muted=True))
    world.attempt("c3", Verdict.NOT_FOUND)
    assert alarms(world, 100) == []


def test_a_drift_starts_the_count_anew() -> None:
    world = world_of(1)
    assert len(alarms(world, 5)) == 2
    world.passes(1)
    world.attempt("c0")
    world.passes(10)
    world.sees("s1", talking("c0", muted=False))
    assert world.state.mutes["c0"].recording is Recording.UNKNOWN
    assert alarms(world, 5) == [0.5, 2.0, 5.0]  # what was seen is a second old already


def test_what_counts_as_too_long_is_a_setting() -> None:
    world = in_sight(Policy(exposure_alert_s=10.0))
    world.sees("s1", talking("c0"))
    world.starts("pay", on="s1")
    assert alarms(world, 30) == [10, 20]
