"""What the assessor gets of a day with faults: each exposure and over-mute with its seconds, each gap with its
times."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from orchestrator.simulator.api import ApiCall, no_fault
from orchestrator.simulator.crm import Sections
from orchestrator.simulator.floor import Tempo
from orchestrator.simulator.publisher import By, redis_publisher
from orchestrator.simulator.recordings import Stretch
from orchestrator.simulator.run import Shift, centre_of
from orchestrator.simulator.run import run as play
from orchestrator.simulator.settings import VoicenterSettings
from tests.cli.command import command
from tests.stories.stage import stage, until
from tests.valkey import Valkey

A = "SIPSIP1"
NEAR_S = 0.35
"""Feed, request and the machine's other work."""


def records(folder: Path, event: str | None = None) -> list[dict[str, Any]]:
    """What stands in the daily files, one event or all."""
    paths = sorted((folder / "data" / "audit").glob("*.jsonl"))
    lines = [line for path in paths for line in path.read_bytes().splitlines()]
    return [record for record in map(json.loads, lines) if event in (None, record["event"])]


async def report(environ: Mapping[str, str]) -> dict[str, Any]:
    result = await command("audit", "report", "--since", "1h", "--format", "json", environ=environ)
    assert (result.code, result.err) == (0, "")
    found: dict[str, Any] = json.loads(result.out)
    return found


async def test_a_killed_daemon_leaves_whole_files_and_the_time_it_was_down_is_told(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A)
        await on.muted("caller")
        await until(lambda: bool(records(tmp_path, "exposure")))
        killed_at = time.time()
        await on.daemon.kill()
        await on.start_again()
        back_at = time.time()
        await on.form_closes("pay")
        await on.muted()
        assert await on.daemon.stop() == 0
        environ = on.daemon.environ
    verified = await command("audit", "verify", environ=environ)
    assert (verified.code, verified.err) == (0, "")
    found = await report(environ)
    assert found["whole"]
    (down,) = [gap for gap in found["gaps"] if gap["kind"] == "daemon down"]
    assert down["sections"] == ["pay"]
    opened = records(tmp_path, "audit.opened")[1]
    assert killed_at - 3.0 < epoch(down["from"]) <= killed_at + 0.1
    assert down["to"] == opened["at"]
    assert epoch(down["to"]) < back_at


async def test_of_a_shift_with_faults_every_exposure_and_over_mute_is_there_and_nothing_else(tmp_path: Path) -> None:
    """A generated centre; the mute API refuses for a while, then the daemon is killed and comes back. Held
    against the simulator's truth, record by record."""
    valkey = Valkey(tmp_path)
    await valkey.start()
    sim = centre_of(10, settings=VoicenterSettings(api_latency_s=(0.03, 0.12)), seed=7)
    try:
        async with (
            stage(tmp_path, sim, ORCHESTRATOR_REDIS__URL=valkey.url) as on,
            redis_publisher(valkey.url, By.STREAM) as publish,
        ):
            shift = Shift(14.0, tempo=Tempo(scale=0.4), sections=Sections(every_s=(0.2, 0.6), last_s=(1.0, 3.0)))
            playing = asyncio.create_task(play(sim, shift, publish))
            await until(lambda: len(records(tmp_path, "exposure")) > 5, within_s=20.0)
            sim.voicenter.faults.before = _refused
            await until(
                lambda: sim.truth.verdict().exposures.worst > 1.2, within_s=20.0, why="a call is open for long"
            )
            sim.voicenter.faults.before = no_fault
            await until(lambda: bool(records(tmp_path, "api.back")) or not sim.truth.open_calls())
            await until(lambda: bool(sim.truth.active_sections))
            await on.daemon.kill()
            await on.daemon.start()
            await playing
            await on.muted()
            assert await on.daemon.stop() == 0
            truth = sim.truth.verdict()
            environ = on.daemon.environ
    finally:
        await valkey.kill()
    found = await report(environ)
    assert found["whole"]
    exposures = [record for record in found["exposures"] if record["ended_by"] != "unknown"]
    down = [(epoch(gap["from"]), epoch(gap["to"])) for gap in found["gaps"] if gap["kind"] == "daemon down"]
    told = records(tmp_path, "exposure")
    assert any(record["exposure_ms"] > 1000 for record in told)
    missing, invented = compared(truth.exposures.stretches, found["exposures"], down)
    assert missing == []
    assert invented == []
    assert len(exposures) == len(told)
    unmuted = [record for record in records(tmp_path, "call.unmuted") if "overmute_ms" in record]
    ends = {(record["ivrid"], epoch(record["at"])): record["overmute_ms"] / 1000 for record in unmuted}
    for over_mute in truth.over_mutes.stretches:
        ended_at = over_mute.began_at + over_mute.seconds
        near = [s for (ivrid, at), s in ends.items() if ivrid == over_mute.ivrid and abs(at - ended_at) < NEAR_S]
        known = any(abs(s - over_mute.seconds) < NEAR_S for s in near)
        over = not near  # the call ended before its recording was opened
        assert known or over or within(down, over_mute.began_at, ended_at), over_mute


Span = tuple[float, float]


def compared(
    stretches: Sequence[Stretch], exposures: list[dict[str, Any]], down: list[Span]
) -> tuple[list[Any], list[Any]]:
    """What the truth has and the records have not, and the other way round."""
    told = [(record, (epoch(record["from"]), epoch(record["to"]))) for record in exposures]
    spans = [(stretch.ivrid, span) for stretch in stretches for span in stretch.spans]
    missing = [
        (ivrid, span)
        for ivrid, span in spans
        if not within([*down, *(of for record, of in told if record["ivrid"] == ivrid)], *span)
    ]
    invented = [record for record, of in told if not _is_true(record, of, spans, down)]
    return missing, invented


def _is_true(record: Mapping[str, Any], of: Span, spans: list[tuple[str, Span]], down: list[Span]) -> bool:
    """It begins when the call was open indeed, and ends soon after that ended: at once where it was muted; where the
    call was over, when its cover ended."""
    if within(down, of[0], of[0]) or within(down, of[1], of[1]):
        return True  # what was then is not known to the end
    for ivrid, (since, until_) in spans:
        if ivrid == record["ivrid"] and abs(since - of[0]) < NEAR_S:
            return abs(until_ - of[1]) < NEAR_S or record["ended_by"] != "muted"
    return False


def within(spans: Sequence[Span], since: float, until_: float) -> bool:
    """Whether these, together and give or take `NEAR_S`, have all of it."""
    reached = since
    for begin, end in sorted(spans):
        if begin - NEAR_S <= reached:
            reached = max(reached, end + NEAR_S)
    return reached >= until_


async def _refused(_call: ApiCall) -> web.Response | None:
    return web.Response(status=503) if _call.name == "mute" else None


def epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
