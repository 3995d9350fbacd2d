"""What the assessor gets is what was: the audit of seeded stories with faults, held against the truth."""

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from orchestrator.audit.gaps import BLIND, Gaps
from orchestrator.audit.recorder import Known, Recorder
from orchestrator.audit.records import Value
from orchestrator.core import sight
from orchestrator.core.state import State
from tests.simulation.faults import Fault
from tests.simulation.proof import Case, differences, tried
from tests.simulation.story import Script
from tests.simulation.test_simulation import WITHIN_S, simulation
from tests.simulation.world import World

STORIES = 5

pytestmark = pytest.mark.timeout(WITHIN_S)


@pytest.mark.parametrize("first", [1, 6, 11, 16, 21])
def test_every_exposure_and_over_mute_of_many_stories_is_in_the_audit_and_nothing_else(first: int) -> None:
    done = simulation("--evidence", "--first", str(first), "--seeds", str(STORIES))
    assert done.returncode == 0, done.stdout
    assert _told(done.stdout) > 20 * STORIES


def test_and_of_half_an_hour_with_a_fault_every_few_minutes() -> None:
    done = simulation("--evidence", "--hours", "0.5")
    assert done.returncode == 0, done.stdout
    assert _told(done.stdout) > 250


def _told(line: str) -> int:
    found = re.search(r"(\d+) exposures and over-mutes told, 0 differences", line)
    assert found is not None
    return int(found[1])


TROUBLED = Script(7, 5, 1.0, 60.0, (Fault("api_down", 12.0, 8.0, 0.5), Fault("feed_refused", 32.0, 8.0, 0.1)))
_times, _note_begins, _end, _begin = Recorder._times, sight.note_begins, Gaps._end, Gaps._begin


def a_minute_late(self: Recorder, known: Known, began: float, now: float) -> dict[str, Value]:
    fields = _times(self, known, began, now)
    return {name: value + 60 if name.endswith("offset_s") else value for name, value in fields.items()}  # type: ignore[operator]  # a number


def a_minute_old(state: State, ages_s: Mapping[str, float], now: float) -> None:
    _note_begins(state, {ivrid: age_s + 60 for ivrid, age_s in ages_s.items()}, now)


def blind_for_good(self: Gaps, account: str | None, kind: str, at: float) -> None:
    if kind != BLIND:
        _end(self, account, kind, at)


def never_blind(self: Gaps, account: str | None, kind: str, at: float) -> None:
    if kind != BLIND:
        _begin(self, account, kind, at)


@pytest.mark.parametrize(
    ("where", "name", "mutant", "told"),
    [
        (None, "", None, ""),
        (Recorder, "_times", a_minute_late, "from_offset_s of exposure"),
        (sight, "note_begins", a_minute_old, "offset_s of"),
        (Recorder, "_cause", lambda *_: "request", "cause request"),
        (Recorder, "_cause", lambda *_: "api_down", "cause api_down"),
        (Gaps, "_end", blind_for_good, "gap without a fault: feed blind"),
        (Gaps, "_begin", never_blind, "fault without its gap: feed_refused"),
    ],
)
def test_offsets_causes_and_gaps_that_are_wrong_are_noticed(
    where: object, name: str, mutant: object, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And none where all is right."""
    if where is not None:
        monkeypatch.setattr(where, name, mutant)
    found = list(differences(*tried(TROUBLED)))
    assert any(told in each for each in found) is (where is not None), found


@pytest.fixture(scope="module")
def quiet() -> tuple[Case, World]:
    """A story without faults: nothing in it is excused."""
    return tried(Script(seed=5, agents=5, tempo=1.0, shift_s=60.0, faults=()))


def test_a_story_without_faults_agrees(quiet: tuple[Case, World]) -> None:
    assert list(differences(*quiet)) == []


def test_a_record_that_is_missing_or_wrong_is_noticed(quiet: tuple[Case, World]) -> None:
    case, world = quiet
    ivrid, (first, *_) = next(
        (ivrid, of) for ivrid, of in case.exposed.items() if len(of) == 1 and of[0].seconds > 0.1
    )
    for wrong, what in (
        ([], "exposure missing"),
        ([replace(first, at=first.at + 0.06)], "exposure missing"),
        ([replace(first, until=first.until + 1.0)], "exposure invented"),
    ):
        exposed = case.exposed | {ivrid: wrong}
        found = list(differences(replace(case, exposed=exposed), world))
        assert found
        assert all(each.startswith(f"{what}: {ivrid}") for each in found)
    ivrid, spans = next(
        (ivrid, spans)
        for ivrid, spans in case.over_muted.items()
        if spans[0][1] - spans[0][0] > 0.1 and (ivrid, spans[0]) not in case.perhaps_over
    )
    found = list(differences(replace(case, over_muted=case.over_muted | {ivrid: spans[1:]}), world))
    assert found
    assert all(each.startswith(f"over-mute missing: {ivrid}") for each in found)
