"""A story told twice is the same one, those that once found something are good, and broken rules are noticed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.mutants import MUTANTS, hunt
from tests.simulation.regressions import FOUND
from tests.simulation.story import Script
from tests.simulation.world import Result, run

WITHIN_S = 300.0

pytestmark = pytest.mark.timeout(WITHIN_S)


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_found_once_is_not_found_again(seed: int) -> None:
    done = simulation("--seed", str(seed))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("seed", [seed for seed, found in FOUND.items() if found.undone])
def test_what_was_mended_is_found_where_it_is_undone(seed: int) -> None:
    done = simulation("--seed", str(seed), "--undone")
    assert done.returncode == 1, done.stdout


def simulation(*arguments: str) -> subprocess.CompletedProcess[str]:
    """As its command is run: with the same order of sets each time, so that a story can be told again."""
    command = [sys.executable, "-m", "tests.simulation", *arguments]
    root, same = Path(__file__).parents[2], {**os.environ, "PYTHONHASHSEED": "0"}  # else it begins twice
    return subprocess.run(command, cwd=root, env=same, capture_output=True, text=True, timeout=WITHIN_S, check=False)


def test_a_seed_tells_the_same_story_twice(tmp_path: Path) -> None:
    """In two processes: no address, no order of a set, no clock of this machine is in it."""
    told = [_told(8) for _ in range(2)]
    assert len(told[0]) > 1000
    assert told[0] == told[1]


def _told(seed: int) -> str:
    done = simulation("--seed", str(seed), "--story")
    assert done.returncode == 0
    return done.stdout


@pytest.mark.parametrize("name", [mutant.name for mutant in MUTANTS.values() if mutant.quick])
def test_a_broken_rule_is_noticed(name: str) -> None:
    caught = hunt(MUTANTS[name], most=40, within_s=WITHIN_S - 60.0)
    assert caught.by is not None, f"{name} survived {caught.seeds} stories"


def test_the_judge_sees_what_the_story_tells() -> None:
    """A story of a good daemon has requests and messages in it: it is no empty stage."""
    result: Result = run(Script.plain(2))
    assert result.violated is None
    assert result.requests > 10
    assert result.messages > 10
