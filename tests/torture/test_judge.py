"""The judge of the torture, judged."""

from orchestrator.simulator.recordings import Stretch
from orchestrator.simulator.verdict import Requests, Spread, Verdict
from tests.torture.judge import Excuse, Fault, judge, unexcused


def stretch(since: float, until: float, ivrid: str = "a") -> Stretch:
    return Stretch(ivrid, since, until - since, ((since, until),))


def verdict(*exposures: Stretch) -> Verdict:
    return Verdict(1, 1, Spread.of(exposures), Spread.of(()), Requests(), (), ())


def test_what_is_excused_is_cut_out() -> None:
    pieces = list(unexcused(stretch(1.0, 9.0), [Excuse((2.0, 3.0)), Excuse((4.0, 20.0))]))
    assert pieces == [(1.0, 2.0), (3.0, 4.0)]


def test_an_excuse_of_one_call_is_none_for_another() -> None:
    assert list(unexcused(stretch(1.0, 2.0), [Excuse((0.0, 9.0), "b")])) == [(1.0, 2.0)]
    assert list(unexcused(stretch(1.0, 2.0), [Excuse((0.0, 9.0), "a")])) == []


def test_a_piece_counts_for_the_fault_in_which_it_begins() -> None:
    faults = [Fault("killed", 2.0, began_at=10.0, ended_at=12.0)]
    report = judge("s", faults, [Excuse((10.0, 11.0))], [], verdict(stretch(9.9, 12.5), stretch(20.0, 21.0)), 1.5)
    killed, between = report.rows
    assert (killed.fault, killed.longest_open_s, killed.ok) == ("killed", 1.5, True)
    assert (between.fault, between.longest_open_s, between.ok) == ("(between)", 1.0, True)
    assert report.ok


def test_over_the_bound_is_not_good() -> None:
    report = judge("s", [Fault("cut", 0.5, 0.0, 9.0)], [], [], verdict(stretch(1.0, 2.0)), 1.5)
    assert not report.ok
