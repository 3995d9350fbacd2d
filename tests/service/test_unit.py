"""The unit for systemd: sound, tight, and as the daemon's exit codes and signals have it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.account import FLUSH_S
from orchestrator.app import DRAIN_S
from orchestrator.cli.codes import BAD_CONFIG

UNIT = Path(__file__).parents[2] / "config" / "systemd" / "mute-orchestrator.service"
PROGRAM = "/opt/mute-orchestrator/bin/mute-orchestrator"
EXPOSED_MOST = 2.0
"""As `systemd-analyze security` counts it: 0 is closed up, 10 wide open."""

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")


def settings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


def test_a_wrong_configuration_is_not_tried_again_and_nothing_else_is_given_up() -> None:
    unit = settings()
    assert unit["Restart"] == ["on-failure"]
    assert str(BAD_CONFIG) in unit["RestartPreventExitStatus"][0].split()
    assert unit["StartLimitIntervalSec"] == ["0"]
    # Of a command before the daemon the exit code would not count, and the start be tried for ever.
    assert "ExecStartPre" not in unit


def test_it_has_the_time_to_stop_that_it_needs_and_its_valkey_outlives_it() -> None:
    unit = settings()
    assert float(unit["TimeoutStopSec"][0]) > 2 * (DRAIN_S + FLUSH_S)
    assert unit["KillMode"] == ["mixed"]


def test_it_is_told_to_systemd_when_it_is_ready_and_that_it_lives() -> None:
    unit = settings()
    assert unit["Type"] == ["notify"]
    assert float(unit["WatchdogSec"][0]) > 0
    assert "HUP" in unit["ExecReload"][0]


@pytest.fixture
def unit_here(tmp_path: Path) -> Path:
    """The unit, with a program that is there."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text("utf-8").replace(PROGRAM, sys.executable))
    return unit


def analyze(*arguments: str | Path) -> str:
    done = subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@needs_systemd
def test_systemd_finds_it_sound(unit_here: Path) -> None:
    assert analyze("verify", unit_here).strip() == ""


@needs_systemd
def test_it_may_do_little_that_it_does_not_need(unit_here: Path) -> None:
    analyze("security", "--offline=true", f"--threshold={EXPOSED_MOST * 10:.0f}", unit_here)
