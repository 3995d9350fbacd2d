"""`python -m tests.simulation --seeds N [--first K | --new] [--jobs J]`, or `--seed K --story` for one of them.

`--undone` takes back what mended that which the seed once found: the judge must notice.
`--idle` is an hour in which nothing happens: what the daemon's own watching costs, which no story can do without.
`--evidence` holds the audit against the truth.
"""

import argparse
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from tests.simulation.batch import play
from tests.simulation.proof import KINDS, Checked, shift
from tests.simulation.regressions import FOUND
from tests.simulation.story import Script
from tests.simulation.world import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=int, default=200, help="how many stories")
    first = parser.add_mutually_exclusive_group()
    first.add_argument("--first", type=int, default=1, help="the first seed")
    first.add_argument("--new", action="store_true", help="stories that nobody has seen: other ones with each commit")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="one story alone")
    parser.add_argument("--undone", action="store_true", help="with what it found once not mended")
    parser.add_argument("--story", action="store_true", help="tell it line by line")
    parser.add_argument("--idle", action="store_true", help="an hour in which nothing happens")
    parser.add_argument("--evidence", action="store_true", help="hold the audit of each story against the truth")
    parser.add_argument("--hours", type=float, help="with --evidence: one shift of so many hours instead")
    given = parser.parse_args()
    if given.evidence:
        return _evidence(range(given.first, given.first + given.seeds), given.hours)
    if given.idle:
        return _idle()
    if given.seed is None:
        first_seed = _drawn_from_commit() if given.new else given.first
        print(f"stories from seed {first_seed} on", flush=True)
        summary = play(range(first_seed, first_seed + given.seeds), given.jobs)
        print(summary)
        return 1 if summary.failed or summary.interrupted else 0
    with ExitStack() as stack:
        if given.undone and (undone := FOUND[given.seed].undone) is not None:
            undone(stack)
        result = run(FOUND[given.seed].script(given.seed) if given.seed in FOUND else Script.of(given.seed))
    if given.story:
        print(result.story())
    print(f"seed {given.seed}: {result.violated or 'good'}")
    return 1 if result.violated else 0


def _drawn_from_commit() -> int:
    """The same for the same commit, so that its run can be repeated; without git, another one each time."""
    try:
        command = ["git", "rev-parse", "--short=8", "HEAD"]
        head = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, check=True, text=True)
        return int(head.stdout, 16) % 1_000_000_000
    except (OSError, subprocess.CalledProcessError):
        return int(time.time()) % 1_000_000_000


def _evidence(seeds: range, hours: float | None) -> int:
    scripts = [Script.plain(seed, KINDS) for seed in seeds] if hours is None else [shift(seeds.start, hours)]
    checked = Checked()
    for script in scripts:
        checked.add(script)
    print(*checked.differences, checked, sep="\n")
    return 1 if checked.differences else 0


def _idle() -> int:
    began = time.process_time()
    result = run(Script(seed=1, agents=0, tempo=1.0, shift_s=3600.0, faults=()))
    took_s = time.process_time() - began
    hours = result.virtual_s / 3600
    speed = hours / took_s * 60
    print(f"an idle daemon: {hours:.1f} virtual hours in {took_s:.1f} s of a core, {speed:.0f} hours a minute")
    return 1 if result.violated else 0


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets of strings must have the same order each time
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])  # noqa: S606 - ourselves, anew
    sys.exit(main())
