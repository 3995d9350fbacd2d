"""What the assessor gets is what was: the audit of seeded stories with faults, held against the truth."""

import re
from dataclasses import replace

import pytest

from tests.simulation.proof import Case, differences, tried
from tests.simulation.test_simulation import simulation
from tests.simulation.world import Script, World

STORIES = 40


def test_every_exposure_and_over_mute_of_many_stories_is_in_the_audit_and_nothing_else() -> None:
    done = simulation("--evidence", "--seeds", str(STORIES))
    assert done.returncode == 0, done.stdout
    assert _told(done.stdout) > 20 * STORIES


def test_and_of_a_shift_of_an_hour_with_a_fault_every_few_minutes() -> None:
    done = simulation("--evidence", "--hours", "1", "--first", "1")
    assert done.returncode == 0, done.stdout
    assert _told(done.stdout) > 500


def _told(line: str) -> int:
    found = re.search(r"(\d+) exposures and over-mutes told, 0 differences", line)
    assert found is not None
    return int(found[1])


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
    ivrid, spans = next((ivrid, spans) for ivrid, spans in case.over_muted.items() if spans[0][1] - spans[0][0] > 0.1)
    found = list(differences(replace(case, over_muted=case.over_muted | {ivrid: spans[1:]}), world))
    assert found
    assert all(each.startswith(f"over-mute missing: {ivrid}") for each in found)
