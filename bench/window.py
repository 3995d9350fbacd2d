"""From a feed's event to Redis: how soon who reads an extension's hash there sees the call that just began."""

import asyncio
import statistics
import time
from pathlib import Path

from redis.asyncio import Redis

from bench.report import Row
from orchestrator.simulator.process import account_environ, running
from orchestrator.simulator.simulation import Simulation

CALLS = 400
WARM_UP = 40
EXTENSION = "SIPSIP1"
REST_S = 0.01
GIVE_UP_S = 10.0


async def measure(folder: Path) -> list[Row]:
    async with (
        Simulation(agents=4) as sim,
        running(folder, account_environ(sim)) as daemon,
        Redis.from_url(daemon.redis_url) as redis,
    ):
        every_ms = [await _shown_after_s(sim, redis, f"call{number}") * 1000 for number in range(WARM_UP + CALLS)]
    percentiles = statistics.quantiles(every_ms[WARM_UP:], n=100)
    return [
        Row("feed's event → HGETALL shows it, p50", percentiles[49], "ms"),
        Row("feed's event → HGETALL shows it, p99", percentiles[98], "ms", bound=100),
    ]


async def _shown_after_s(sim: Simulation, redis: Redis, ivrid: str) -> float:
    began = time.perf_counter()
    await sim.talk(ivrid, EXTENSION)
    async with asyncio.timeout(GIVE_UP_S):
        while ivrid.encode() not in await redis.hgetall(f"mute:{{main}}:extension:{EXTENSION}"):
            pass
    seconds = time.perf_counter() - began
    await sim.hangup(EXTENSION, ivrid)
    await asyncio.sleep(REST_S)
    return seconds
