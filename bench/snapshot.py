"""An account of 20,000 extensions: how long until the daemon is ready, and how much memory it takes."""

import time
from pathlib import Path

from bench.proc import most_memory_mib
from bench.report import Row
from orchestrator.simulator import account
from orchestrator.simulator.process import account_environ, running
from orchestrator.simulator.simulation import Simulation

EXTENSIONS = 20_000
CALLS = 2_000


async def measure(folder: Path) -> list[Row]:
    async with Simulation(agents=EXTENSIONS) as sim:
        for number in range(1, CALLS + 1):
            await sim.talk(f"call{number}", account.sip(number))
        began = time.perf_counter()
        async with running(folder, account_environ(sim)) as daemon:
            seconds = time.perf_counter() - began
            return [
                Row("20,000 extensions, 2,000 calls: ready after", seconds, "s", bound=15.0),
                Row(
                    "20,000 extensions, 2,000 calls: memory, most", most_memory_mib(daemon.process.pid), "MiB", 400.0
                ),
            ]
