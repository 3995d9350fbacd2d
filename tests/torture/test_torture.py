"""Every scenario of the torture, short: a handful of kills, short outages. `make torture` plays them in full."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.torture import api, feed, freeze, kills, redis, storm, table
from tests.torture.judge import Report

SEED = 7

SCENARIOS: dict[str, Callable[[Path], Awaitable[list[Report]]]] = {
    "kills": lambda folder: kills.play(folder, SEED, kills=5),
    "redis": lambda folder: redis.play(
        folder,
        SEED,
        outage_s=1.5,
        only=frozenset({"killed, back with its data", "frozen", "cut off and refused", "wiped"}),
    ),
    "feed": lambda folder: feed.play(folder, SEED, outage_s=2.0, only=frozenset({"cut by RST"})),
    "api": lambda folder: api.play(
        folder, SEED, outage_s=1.5, only=frozenset({"half-open", "cuts after having applied", api.FAR})
    ),
    "freeze": lambda folder: freeze.play(folder, SEED, frozen_s=(3.0,)),
    "storm": lambda folder: storm.play(folder, SEED, for_s=2.5, strictly=False),
}


@pytest.mark.parametrize("name", SCENARIOS)
async def test_nothing_is_left_open_or_muted(tmp_path: Path, name: str) -> None:
    reports = await SCENARIOS[name](tmp_path)
    assert all(report.ok for report in reports), "\n" + "\n".join(table.lines(reports))
