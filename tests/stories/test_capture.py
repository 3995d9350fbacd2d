"""A real day, replayed through a real socket, with sections on its busiest extensions."""

from pathlib import Path

import pytest

from orchestrator.simulator.crm import Sections
from orchestrator.simulator.process import account_environ, running
from orchestrator.simulator.publisher import redis_publisher
from orchestrator.simulator.replay import Replay, read_capture
from orchestrator.simulator.run import Shift, run
from tests.capture import needs_capture, trace

BOUND_S = 1.0
"""The API answers at once here: what remains is the request itself, on a machine that runs other tests."""

FAULTLESS = Sections(share_copied=0.0, share_never_ended=0.0, share_ended_first=0.0)
"""A CRM that gives no cause for a warning."""


@needs_capture
@pytest.mark.alone  # on a busy machine there is cause for a warning: Redis takes longer than 50 ms
@pytest.mark.timeout(180)
async def test_no_exposure_beyond_the_request_and_no_over_mute_and_no_warning(tmp_path: Path) -> None:
    stage = Replay(read_capture(trace()), speed=200.0)
    async with stage, running(tmp_path, account_environ(stage, polling=True)) as daemon:
        async with redis_publisher(daemon.redis_url) as publish:
            verdict = await run(stage, Shift(sections=FAULTLESS), publish)
        warnings = [line for line in daemon.lines() if line["level"] in ("warning", "error")]
    assert verdict.sections > 10
    assert verdict.calls_covered > 10
    assert verdict.left_open == ()
    assert verdict.left_muted == ()
    assert verdict.ok(BOUND_S), verdict
    assert verdict.requests.superfluous == 0
    assert [line["event"] for line in warnings] == []
