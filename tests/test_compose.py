"""docker-compose.yml with config/simulator.env: the daemon is pointed at the simulator as `simulate` tells it."""

from pathlib import Path

from orchestrator.simulator.process import account_environ
from orchestrator.simulator.simulation import Simulation

ROOT = Path(__file__).parents[1]
OTHERWISE = {"LOGIN_TYPE", "TOKEN"}
"""Given in the file itself, and as a secret."""


async def test_the_daemon_is_told_all_that_it_needs_of_the_simulator() -> None:
    compose = (ROOT / "docker-compose.yml").read_text("utf-8")
    lines = (ROOT / "config" / "simulator.env").read_text("utf-8").splitlines()
    told = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    async with Simulation(agents=1) as sim:
        for key, value in account_environ(sim, polling=True).items():
            name = key.rpartition("__")[2]
            if name not in OTHERWISE:
                assert f"      {key}: ${{VOICENTER_{name}:-}}" in compose
                assert told[f"VOICENTER_{name}"] == value.replace(sim.http_url, "http://simulator:8090")
        token = (ROOT / told["VOICENTER_TOKEN_FILE"]).read_text("utf-8").strip()
        assert token == sim.settings.token
