"""What a daemon is told of the account that it shall look after."""

from orchestrator.simulator.process import account_environ
from orchestrator.simulator.simulation import Simulation


async def test_a_daemon_is_told_of_active_calls_where_it_shall_poll() -> None:
    async with Simulation(1) as sim:
        blind, polling = account_environ(sim, "ONE"), account_environ(sim, "ONE", polling=True)
        assert dict(polling.items() - blind.items()) == {
            "ORCHESTRATOR_ACCOUNTS__ONE__ACTIVE_CALLS_URL": sim.active_calls_url,
            "ORCHESTRATOR_ACCOUNTS__ONE__API_CODE": sim.settings.api_code,
        }
        assert blind.items() < polling.items()
