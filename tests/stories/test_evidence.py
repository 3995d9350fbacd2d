"""What only a real process shows of the audit: files on a disk, which a kill leaves whole, and what they say of it.

That they have every exposure and over-mute with its seconds is shown in virtual time
(tests/simulation/test_proof.py).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator.audit.records import epoch_s
from tests.cli.command import command
from tests.stories.stage import stage, until

A = "SIPSIP1"


def records(folder: Path, event: str | None = None) -> list[dict[str, Any]]:
    """What stands in the daily files, one event or all."""
    paths = sorted((folder / "data" / "audit").glob("*.jsonl"))
    lines = [line for path in paths for line in path.read_bytes().splitlines()]
    return [record for record in map(json.loads, lines) if event in (None, record["event"])]


def last_known_alive(folder: Path) -> str:
    """As the files of a process say that has ended: by its head, or by a record after that."""
    head = json.loads((folder / "data" / "audit" / "head.json").read_bytes())
    return max(str(head["alive_at"]), str(records(folder)[-1]["at"]))


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
        await until(lambda: bool(records(tmp_path, "exposure")), within_s=20.0)
        await on.daemon.kill()
        alive_at = last_known_alive(tmp_path)
        await on.start_again()
        await on.form_closes("pay")
        await on.muted()
        assert await on.daemon.stop() == 0
        environ = on.daemon.environ
    verified = await command("audit", "verify", environ=environ)
    assert (verified.code, verified.err) == (0, "")
    found = await report(environ)
    assert found["whole"]
    down, stopped = [gap for gap in found["gaps"] if gap["kind"] == "daemon down"]
    assert (down["from"], down["to"]) == (alive_at, records(tmp_path, "audit.opened")[1]["at"])
    assert down["sections"] == ["pay"]
    assert (stopped["from"], stopped["to"]) == (records(tmp_path, "audit.closed")[-1]["at"], None)
    assert [exposure["ivrid"] for exposure in found["exposures"]] == ["caller"]


async def test_a_recording_that_somebody_opened_under_a_section_is_told_from_when_it_was_known_muted(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as on:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A)
        await on.muted("caller")
        await until(lambda: bool(records(tmp_path, "call.verified")), within_s=20.0)
        await on.sim.foreign_mute("caller", False)
        await on.muted()
        await until(lambda: len(records(tmp_path, "exposure")) == 2, within_s=20.0)
        spans = [span for stretch in on.sim.truth.verdict().exposures.stretches for span in stretch.spans]
        await on.form_closes("pay")
        await on.muted()
        assert await on.daemon.stop() == 0
        environ = on.daemon.environ
    opened, shut = max(spans)
    told = next(each for each in (await report(environ))["exposures"] if each["cause"] == "drift")
    ms = 0.001  # its times are rounded to it
    assert epoch_s(told["from"]) <= opened < epoch_s(told["seen_at"]) <= shut <= epoch_s(told["to"]) + ms
    assert told["exposure_s"] >= shut - opened - ms
    assert told["to_offset_s"] - told["from_offset_s"] == pytest.approx(told["exposure_s"], abs=0.01)
