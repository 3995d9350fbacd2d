"""New stories at each run, the same ones twice, and those that once found something."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.simulation.mutants import MUTANTS, hunt
from tests.simulation.regressions import FOUND
from tests.simulation.world import Result, Script, run

NEW_STORIES = 100
WITHIN_S = 200.0


def _first_seed() -> int:
    """New stories with every commit, so that a run on the same commit can be repeated; without git, at every run."""
    try:
        command = ["git", "rev-parse", "--short=8", "HEAD"]
        head = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, check=True, text=True)
        return int(head.stdout, 16) % 1_000_000_000
    except (OSError, subprocess.CalledProcessError):
        return int(time.time()) % 1_000_000_000


@pytest.mark.alone  # it takes all cores
def test_new_stories_hold_every_invariant(capsys: pytest.CaptureFixture[str]) -> None:
    first = _first_seed()
    done = simulation("--first", str(first), "--seeds", str(NEW_STORIES))
    with capsys.disabled():
        sys.stdout.write(f"\nnew stories from seed {first} on:\n{done.stdout}")
    assert done.returncode == 0, f"from seed {first} on:\n{done.stdout}"


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_found_once_is_not_found_again(seed: int) -> None:
    done = simulation("--seed", str(seed))
    assert done.returncode == 0, done.stdout


def simulation(*arguments: str) -> subprocess.CompletedProcess[str]:
    """As its command is run: with the same order of sets each time, so that a story can be told again."""
    command = [sys.executable, "-m", "tests.simulation", *arguments]
    root = Path(__file__).parents[2]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=WITHIN_S, check=False)


def test_a_seed_tells_the_same_story_twice(tmp_path: Path) -> None:
    """In two processes: no address, no order of a set, no clock of this machine is in it."""
    told = [_told(7) for _ in range(2)]
    assert len(told[0]) > 1000
    assert told[0] == told[1]


def _told(seed: int) -> str:
    done = simulation("--seed", str(seed), "--story")
    assert done.returncode == 0
    return done.stdout


@pytest.mark.parametrize("name", [mutant.name for mutant in MUTANTS.values() if mutant.quick])
def test_a_broken_rule_is_noticed(name: str) -> None:
    caught = hunt(MUTANTS[name], most=40, within_s=60.0)
    assert caught.by is not None, f"{name} survived {caught.seeds} stories"


def test_the_judge_sees_what_the_story_tells() -> None:
    """A story of a good daemon has requests and messages in it: it is no empty stage."""
    result: Result = run(Script.of(2))
    assert result.violated is None
    assert result.requests > 10
    assert result.messages > 10
