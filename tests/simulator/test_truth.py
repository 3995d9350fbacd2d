import pytest

from orchestrator.simulator.recordings import Stretch
from orchestrator.simulator.verdict import Spread
from tests.simulator.timeline import Timeline

A, B, C = "SIPSIP1", "SIPSIP2", "SIPSIP3"


@pytest.fixture
def line() -> Timeline:
    return Timeline()


def test_a_covered_call_is_exposed_until_it_is_muted(line: Timeline) -> None:
    line.talk(A, "c1")
    line.wait(10)
    line.truth.section_started("s", extension=A)
    line.wait(0.5)
    line.truth.asked("c1", True)
    line.wait(30)
    assert line.exposures() == {"c1": 0.5}
    assert line.over_mutes() == {}


def test_a_mute_that_outlives_its_section_is_an_over_mute(line: Timeline) -> None:
    line.talk(A, "c1")
    line.truth.section_started("s", extension=A)
    line.truth.asked("c1", True)
    line.wait(20)
    line.truth.section_ended("s")
    line.wait(0.25)
    assert line.truth.verdict().left_muted == ("c1",)
    line.truth.asked("c1", False)
    line.wait(5)
    verdict = line.truth.verdict()
    assert line.over_mutes() == {"c1": 0.25}
    assert verdict.left_muted == ()
    assert verdict.ok(0.25)
    assert not verdict.ok(0.2)


def test_a_leg_that_rings_in_is_not_covered_until_it_is_answered(line: Timeline) -> None:
    line.truth.section_started("s", extension=A)
    line.ring(A, "c1")
    line.ring(B, "c1")
    line.wait(5)
    assert not line.truth.covered("c1")
    line.answer(A, "c1")
    line.wait(1)
    assert line.exposures() == {"c1": 1}


def test_the_loser_of_a_ringing_group_is_not_covered(line: Timeline) -> None:
    line.truth.section_started("s", extension=B)
    line.ring(A, "c1")
    line.ring(B, "c1")
    line.answer(A, "c1")
    line.wait(5)
    assert line.board.lines[B].legs == ()
    assert line.exposures() == {}


def test_a_call_placed_by_the_extension_is_covered_from_the_first_dialling(line: Timeline) -> None:
    line.truth.section_started("s", extension=A)
    line.dial(A, "c1")
    line.wait(3)
    assert line.exposures() == {"c1": 3}


def test_once_covered_covered_until_the_section_ends_wherever_the_call_goes(line: Timeline) -> None:
    line.talk(A, "c1")
    line.truth.section_started("s", extension=A)
    line.truth.asked("c1", True)
    line.move("c1", A, B)
    line.wait(7)
    assert line.truth.covered("c1")
    assert line.truth.muted("c1")
    assert line.over_mutes() == {}
    line.truth.section_ended("s")
    line.wait(1)
    assert line.over_mutes() == {"c1": 1}


def test_a_call_whose_leaving_is_still_under_way_may_be_muted_until_the_section_ends() -> None:
    line = Timeline(lag_s=1.0)
    line.talk(A, "c1")
    line.wait(5)
    line.move("c1", A, B)
    line.wait(0.4)
    line.truth.section_started("s", extension=A)
    line.truth.asked("c1", True)
    line.wait(7)
    assert not line.truth.covered("c1")
    assert (line.over_mutes(), line.exposures()) == ({}, {})
    line.truth.section_ended("s")
    line.wait(2)
    assert line.over_mutes() == {"c1": 2}


def test_one_that_left_so_long_before_that_everybody_knows_may_not() -> None:
    line = Timeline(lag_s=1.0)
    line.talk(A, "c1")
    line.wait(5)
    line.move("c1", A, B)
    line.wait(1.1)
    line.truth.section_started("s", extension=A)
    line.truth.asked("c1", True)
    line.wait(7)
    assert line.over_mutes() == {"c1": 7}


def test_a_call_stays_covered_while_one_of_two_sections_covers_it(line: Timeline) -> None:
    line.talk(A, "c1")
    line.truth.section_started("s1", extension=A)
    line.truth.section_started("s2", user_id="1001")
    line.truth.section_ended("s1")
    line.wait(2)
    assert line.exposures() == {"c1": 2}
    line.truth.section_ended("s2")
    line.wait(2)
    assert line.exposures() == {"c1": 2}


def test_related_calls_are_covered_with_the_call_that_names_them(line: Timeline) -> None:
    line.talk(B, "far")
    line.truth.section_started("s", extension=A)
    line.talk(A, "near", related=("far",))
    line.wait(1)
    assert line.exposures() == {"far": 1, "near": 1}


def test_a_related_call_that_no_extension_sees_is_covered_too(line: Timeline) -> None:
    line.board.begin(line.clock.at, "unseen")
    line.truth.section_started("s", extension=A)
    line.talk(A, "near", related=("unseen",))
    line.wait(1)
    line.board.release(line.clock.at, "unseen")
    line.wait(1)
    assert line.exposures() == {"near": 2, "unseen": 1}


def test_a_section_on_a_call_covers_that_call_alone_even_before_it_begins(line: Timeline) -> None:
    line.truth.section_started("s", ivrid="c2")
    line.talk(A, "c1", related=("c3",))
    line.dial(A, "c2")
    line.wait(1)
    assert line.exposures() == {"c2": 1}


def test_a_section_on_a_user_follows_the_sign_in_and_keeps_what_it_covered(line: Timeline) -> None:
    line.talk(A, "c1")
    line.talk(B, "c2")
    line.truth.section_started("s", user_id="1001")
    line.wait(1)
    assert line.exposures() == {"c1": 1}
    line.board.sign_in(line.clock.at, "1001", B)
    line.wait(1)
    assert line.exposures() == {"c1": 2, "c2": 1}


def test_a_user_signed_in_nowhere_is_at_their_own_extension_unless_a_colleague_is(line: Timeline) -> None:
    line.board.sign_out(line.clock.at, "1001")
    line.truth.section_started("s", user_id="1001")
    line.talk(A, "c1")
    assert line.truth.covered("c1")
    line.board.sign_in(line.clock.at, "1002", A)
    line.talk(A, "c2")
    assert not line.truth.covered("c2")


def test_a_section_runs_out_at_its_own_time_however_late_one_asks(line: Timeline) -> None:
    line.talk(A, "c1")
    line.truth.section_started("s", extension=A, max_s=10)
    line.wait(4)
    line.truth.section_started("s", extension=A, max_s=10)
    line.wait(100)
    assert line.exposures() == {"c1": 14}
    assert line.truth.active_sections == ()


def test_a_section_whose_end_came_first_never_runs(line: Timeline) -> None:
    line.talk(A, "c1")
    line.truth.section_ended("s")
    line.truth.section_started("s", extension=A)
    assert not line.truth.covered("c1")
    assert line.truth.verdict().sections == 0


def test_a_mute_of_somebody_else_is_not_judged_and_opening_it_is_a_trespass(line: Timeline) -> None:
    line.talk(A, "c1")
    line.truth.foreign_mute("c1")
    line.wait(5)
    line.truth.section_started("s", extension=A)
    line.wait(5)
    line.truth.section_ended("s")
    line.wait(5)
    assert line.exposures() == {"c1": 0}
    assert line.over_mutes() == {}
    line.truth.asked("c1", False)
    assert line.truth.verdict().requests.trespasses == 1
    assert not line.truth.verdict().ok(60)


def test_a_mute_undone_by_somebody_else_is_an_exposure(line: Timeline) -> None:
    line.talk(A, "c1")
    line.truth.section_started("s", extension=A)
    line.truth.asked("c1", True)
    line.truth.foreign_mute("c1", False)
    line.wait(2)
    assert line.truth.verdict().left_open == ("c1",)
    assert line.exposures() == {"c1": 2}


def test_requests_are_counted_by_what_they_were_worth(line: Timeline) -> None:
    line.talk(A, "c1")
    assert line.truth.asked("c1", True)
    assert line.truth.asked("c1", True)
    assert not line.truth.asked("never", True)
    line.hangup(A, "c1")
    assert not line.truth.asked("c1", False)
    requests = line.truth.verdict().requests
    assert (requests.total, requests.superfluous, requests.unknown, requests.trespasses) == (4, 1, 2, 0)


def test_a_request_by_extension_takes_the_calls_of_that_moment_that_are_its_own(line: Timeline) -> None:
    line.talk(A, "c1")
    line.dial(A, "c2")
    line.ring(A, "c3")
    assert line.truth.asked_by_extension(A, True)
    line.talk(A, "c4")
    assert [line.truth.muted(ivrid) for ivrid in ("c1", "c2", "c3", "c4")] == [True, True, False, False]
    assert not line.truth.asked_by_extension(B, True)


def test_a_call_that_waits_in_a_queue_or_between_redials_lives_on_with_its_mute(line: Timeline) -> None:
    line.dial(A, "c1")
    line.truth.section_started("s", extension=A)
    line.truth.asked("c1", True)
    line.board.keep("c1")
    line.hangup(A, "c1")
    line.wait(3)
    assert line.truth.alive("c1")
    line.dial(A, "c1")
    assert line.truth.muted("c1")
    line.board.end(line.clock.at, "c1")
    assert not line.truth.alive("c1")


def test_a_call_that_is_over_takes_its_mute_with_it(line: Timeline) -> None:
    line.truth.section_started("s", extension=A)
    line.talk(A, "c1")
    line.truth.asked("c1", True)
    line.hangup(A, "c1")
    line.wait(5)
    assert not line.truth.muted("c1")
    assert line.truth.last_muted("c1"), "as a list shows it that has not heard of its end"
    line.talk(B, "c1")
    line.wait(1)
    assert line.truth.covered("c1")
    assert not line.truth.muted("c1")
    assert not line.truth.last_muted("c1")
    assert [(s.began_at, s.seconds) for s in line.truth.verdict().exposures.stretches] == [
        (1000.0, 0.0),
        (1005.0, 1.0),
    ]


def test_the_percentiles_speak_of_all_covered_stretches() -> None:
    spread = Spread.of(Stretch(f"c{number}", 0.0, float(number)) for number in range(1, 201))
    assert (spread.p50, spread.p99, spread.worst) == (100.0, 198.0, 200.0)
    assert Spread.of([]).worst == 0.0


def test_a_section_needs_exactly_one_target(line: Timeline) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        line.truth.section_started("s")
    with pytest.raises(ValueError, match="exactly one"):
        line.truth.section_started("s", extension=A, user_id="1001")
