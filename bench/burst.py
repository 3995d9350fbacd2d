"""A thousand sections at once, against an API that takes 50 ms for each request."""

import asyncio
import json
import time
from pathlib import Path

from redis.asyncio import Redis

from bench.report import Row
from bench.sink import sink
from orchestrator.simulator import account
from orchestrator.simulator.process import account_environ, running
from orchestrator.simulator.simulation import Simulation

SECTIONS = 1000
LATENCY_S = 0.05
GIVE_UP_S = 60.0


async def measure(folder: Path) -> list[Row]:
    async with Simulation(agents=SECTIONS) as sim, sink(LATENCY_S) as api:
        for number in range(1, SECTIONS + 1):
            await sim.talk(f"call{number}", account.sip(number))
        environ = account_environ(sim) | {"ORCHESTRATOR_ACCOUNTS__MAIN__MUTE_URL": api.url}
        async with running(folder, environ) as daemon, Redis.from_url(daemon.redis_url) as redis:
            began = time.perf_counter()
            pipe = redis.pipeline(transaction=False)
            for number in range(1, SECTIONS + 1):
                pipe.publish("crm.sensitive", _started(number))
            await pipe.execute()
            give_up = began + GIVE_UP_S
            while len(api.done_at) < SECTIONS and time.perf_counter() < give_up:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.5)  # whatever is superfluous comes now
            muted = {request["ivrid"] for _, request in api.arrivals if request["state"] == "1"}
            return [
                Row("1,000 sections at once: all muted after", max(api.done_at) - began, "s", bound=2.0),
                Row("1,000 sections at once: calls muted", len(muted), "", bound=SECTIONS, at_least=True),
                Row("1,000 sections at once: requests at a time, most", api.most, "", bound=64),
                Row("1,000 sections at once: superfluous requests", len(api.arrivals) - len(muted), "", bound=0),
            ]


def _started(number: int) -> str:
    message = {"type": "sensitive_section.started", "section_id": f"pay{number}", "extension": account.sip(number)}
    return json.dumps(message)
