"""`python -m tests.torture [SCENARIO…] [--kills N] [--minutes M] [--seed S]`: real faults on real parts.

Prints a table; exits with 1 where a recording was wrong for longer than its fault explains.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path

from tests.torture import api, feed, freeze, kills, redis, soak, storm, table
from tests.torture.judge import Report

REDIS_AWAY_S = 15.0
FEED_AWAY_S = 30.0
API_AWAY_S = 10.0
STORM_S = 60.0
FROZEN_S = (5.0, 10.0, 20.0, 30.0)

Play = Callable[[Path], Coroutine[None, None, list[Report]]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--kills", type=int, default=500, help="how often the daemon is killed")
    parser.add_argument("--minutes", type=float, default=20.0, help="how long the soak lasts")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    plays: dict[str, Play] = {
        "kills": lambda folder: kills.play(folder, given.seed, given.kills),
        "redis": lambda folder: redis.play(folder, given.seed, REDIS_AWAY_S),
        "feed": lambda folder: feed.play(folder, given.seed, FEED_AWAY_S),
        "api": lambda folder: api.play(folder, given.seed, API_AWAY_S),
        "storm": lambda folder: storm.play(folder, given.seed, STORM_S),
        "soak": lambda folder: soak.play(folder, given.seed, given.minutes),
        "freeze": lambda folder: freeze.play(folder, given.seed, FROZEN_S),
    }
    chosen = given.scenarios or list(plays)
    if unknown := set(chosen) - set(plays):
        parser.error(f"'{unknown.pop()}' is not one of {', '.join(plays)}")
    good = [_played(plays[name]) for name in chosen]  # each of them, whatever comes of those before
    return 0 if all(good) else 1


def _played(play: Play) -> bool:
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        reports = asyncio.run(play(Path(folder)))
    print(*table.lines(reports), sep="\n", flush=True)
    return all(report.ok for report in reports)


if __name__ == "__main__":
    sys.exit(main())
