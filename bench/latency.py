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
HURRIED_ROUNDS = 200
WARM_UP = 40
EXTENSION = "SIPSIP1"
REST_S = 0.02
"""Between two turns: the daemon tells of what it did (logs, audit, status) some milliseconds after the answer."""
HURRIED_S = 0.005
"""So soon after another section a turn carries what that one left over. Shown beside it, without a bound."""

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
    ours, theirs = await _compared(publish, api, WARM_UP + ROUNDS, REST_S)
    ours, theirs = ours[WARM_UP:], theirs[WARM_UP:]
    hurried = await _compared(publish, api, HURRIED_ROUNDS, HURRIED_S)
    return [
        Row("message → request, daemon, p50", statistics.median(ours) * 1000, "ms"),
        Row("message → request, script without state, p50", statistics.median(theirs) * 1000, "ms"),
        Row("message → request, daemon / script, p50", _ratio(ours, theirs), "×", bound=1.6),
        Row("the same, 5 ms after another section", _ratio(*hurried), "×"),
        Row("message → request, daemon, p99", statistics.quantiles(ours, n=100)[98] * 1000, "ms"),
        Row("message → request, script, p99", statistics.quantiles(theirs, n=100)[98] * 1000, "ms"),
    ]


async def _compared(publish: Publish, api: Sink, rounds: int, rest_s: float) -> tuple[list[float], list[float]]:
    """The seconds of the daemon and of the script, in turns."""
    ours, theirs = [], []
    for turn in range(rounds):
        section_id = f"pay{turn}-{rest_s:g}"
        ours.append(await _round(publish, api, "crm.sensitive", section_id, rest_s))
        theirs.append(await _round(publish, api, "stateless", section_id, rest_s))
    return ours, theirs


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(ours) / statistics.median(theirs)


async def _round(publish: Publish, api: Sink, channel: str, section_id: str, rest_s: float) -> float:
    """One section, started and ended; the time from its start's message to the request."""
    message = {"section_id": section_id, "extension": EXTENSION}
    began = time.perf_counter()
    await publish(channel, message | {"type": "sensitive_section.started"})
    seconds = await api.next() - began
    await asyncio.sleep(rest_s)
    await publish(channel, message | {"type": "sensitive_section.ended"})
    await api.next()
    await asyncio.sleep(rest_s)
    return seconds
