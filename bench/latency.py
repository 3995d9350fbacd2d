"""From the CRM's message to the request at the API: the daemon beside a script without state, turn by turn."""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from redis.asyncio import Redis

from bench.report import Row
from bench.sink import Sink, sink
from orchestrator.simulator.process import account_environ, running
from orchestrator.simulator.simulation import Simulation

ROUNDS = 400
WARM_UP = 40
EXTENSION = "SIPSIP1"
REST_S = 0.02
"""Between two turns. The daemon tells of what it did (logs, audit, status events) some milliseconds after the answer;
measured sooner, a turn would carry what the one before it left over."""

Publish = Callable[[str, dict[str, str]], Awaitable[int]]


async def measure(folder: Path) -> list[Row]:
    async with Simulation(agents=4) as sim, sink() as api:
        await sim.talk("caller", EXTENSION)
        environ = account_environ(sim) | {"ORCHESTRATOR_ACCOUNTS__MAIN__MUTE_URL": api.url}
        async with running(folder, environ) as daemon, Redis.from_url(daemon.redis_url) as redis:
            script = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bench.stateless", daemon.redis_url, "stateless", api.url
            )
            try:
                return await _turns(redis, api)
            finally:
                script.kill()
                await script.wait()


async def _turns(redis: Redis, api: Sink) -> list[Row]:
    async def publish(channel: str, message: dict[str, str]) -> int:
        heard: int = await redis.publish(channel, json.dumps(message))
        return heard

    while not await publish("stateless", {"type": "none", "extension": EXTENSION}):
        await asyncio.sleep(0.02)
    await api.next()
    ours, theirs = [], []
    for turn in range(WARM_UP + ROUNDS):
        ours.append(await _round(publish, api, "crm.sensitive", f"pay{turn}"))
        theirs.append(await _round(publish, api, "stateless", f"pay{turn}"))
    ours, theirs = ours[WARM_UP:], theirs[WARM_UP:]
    ratio = statistics.median(ours) / statistics.median(theirs)
    return [
        Row("message → request, daemon, p50", statistics.median(ours) * 1000, "ms"),
        Row("message → request, script without state, p50", statistics.median(theirs) * 1000, "ms"),
        Row("message → request, daemon / script, p50", ratio, "×", bound=1.6),
        Row("message → request, daemon, p99", statistics.quantiles(ours, n=100)[98] * 1000, "ms"),
        Row("message → request, script, p99", statistics.quantiles(theirs, n=100)[98] * 1000, "ms"),
    ]


async def _round(publish: Publish, api: Sink, channel: str, section_id: str) -> float:
    """One section, started and ended; the time from its start's message to the request."""
    message = {"section_id": section_id, "extension": EXTENSION}
    began = time.perf_counter()
    await publish(channel, message | {"type": "sensitive_section.started"})
    seconds = await api.next() - began
    await asyncio.sleep(REST_S)
    await publish(channel, message | {"type": "sensitive_section.ended"})
    await api.next()
    await asyncio.sleep(REST_S)
    return seconds
