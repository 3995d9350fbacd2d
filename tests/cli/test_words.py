"""Tables and verdicts as text."""

import pytest

from orchestrator.cli.table import as_lines, as_table
from orchestrator.cli.verdict import Judgement, judgement, summary
from orchestrator.simulator.recordings import Stretch
from orchestrator.simulator.verdict import Requests, Spread, Verdict

NONE = Spread.of(())


def verdict(*exposures: Stretch, covered: int = 1, trespasses: int = 0, **left: tuple[str, ...]) -> Verdict:
    nothing_left = {"left_muted": (), "left_open": ()}
    return Verdict(
        1, covered, Spread.of(exposures), NONE, Requests(2, trespasses=trespasses), **(nothing_left | left)
    )


def test_a_table_is_as_wide_as_it_must_be_and_leaves_out_empty_columns() -> None:
    rows: list[dict[str, object]] = [{"a": "one", "b": None, "c": True}, {"a": "three\x1b", "c": ["x", "y"]}]
    assert as_table(rows, ("a", "b", "c")) == "A       C\none     yes\nthree?  x, y\n"


def test_an_empty_table_says_so() -> None:
    assert as_table([], ("a",)) == "none\n"


def test_lines_are_json() -> None:
    assert as_lines([{"a": 1}, {"b": None}]) == '{"a": 1}\n{"b": null}\n'


@pytest.mark.parametrize(
    "wrong",
    [
        verdict(left_muted=("c1",)),
        verdict(left_open=("c1",)),
        verdict(trespasses=1),
        verdict(Stretch("c1", 0.0, 2.0)),
        verdict(covered=0, left_muted=("c1",)),
    ],
)
def test_a_verdict_is_bad_for_each_reason(wrong: Verdict) -> None:
    assert judgement(verdict(), 1.5) is Judgement.GOOD
    assert judgement(wrong, 1.5) is Judgement.BAD


def test_where_no_call_was_covered_nothing_was_proved() -> None:
    assert judgement(verdict(covered=0), 1.5) is Judgement.NONE
    assert "NONE: no call was covered" in summary(verdict(covered=0), 1.5)


def test_a_verdict_in_words() -> None:
    text = summary(verdict(Stretch("c1", 0.0, 0.25)), 1.5)
    assert "p50 250 ms, p99 250 ms, worst 250 ms" in text
    assert "GOOD" in text
    assert "BAD" in summary(verdict(left_muted=("c1",)), 1.5)
