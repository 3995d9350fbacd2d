"""The daemon as systemd has it: told when it is ready, asked to read its configuration again, ended."""

import asyncio
import json
import os
import pty
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.simulator.process import DaemonProcess, account_environ
from orchestrator.simulator.simulation import Simulation
from tests.service.manager import Manager, managing
from tests.stories.stage import Stage, client, until

A, B = "SIPSIP1", "SIPSIP2"
WATCHDOG_S = 3.0


@dataclass
class Served:
    on: Stage
    manager: Manager
    file: Path

    @property
    def daemon(self) -> DaemonProcess:
        return self.on.daemon

    @property
    def records(self) -> list[dict[str, Any]]:
        """What the audit's files hold."""
        days = sorted((self.file.parent / "data" / "audit").glob("audit-*.jsonl"))
        return [json.loads(line) for day in days for line in day.read_text().splitlines()]

    async def reload(self, text: str) -> None:
        """Write the configuration, have it read again, and wait until that is done."""
        done = self.manager.words.count("READY=1") + 1
        self.file.write_text(text)
        self.daemon.process.send_signal(signal.SIGHUP)
        await until(lambda: self.manager.words.count("READY=1") == done)

    async def logged(self, event: str, times: int) -> list[dict[str, Any]]:
        """The log is written by a thread: a line may come after what it tells of."""
        await until(lambda: len(self.daemon.lines(event)) == times)
        return self.daemon.lines(event)

    async def opens(self, section_id: str, sip: str) -> float:
        """A form whose message does not say how long: how long the daemon gives it."""
        self.on.sim.truth.section_started(section_id, max_s=900.0, extension=sip)
        await self.on.publish(
            {"type": "sensitive_section.started", "section_id": section_id, "extension": sip},
        )
        started = self.daemon.lines
        await until(lambda: any(line["section_id"] == section_id for line in started("section.started")))
        (line,) = [line for line in started("section.started") if line["section_id"] == section_id]
        return float(line["max_s"])


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path, "[policy]\ndefault_section_seconds = 600\n") as served:
        yield served


@asynccontextmanager
async def serving(folder: Path, text: str) -> AsyncIterator[Served]:
    (file := folder / "orchestrator.toml").write_text(text)
    async with Simulation(agents=4) as sim, managing(str(folder / "notify")) as manager:
        environ = account_environ(sim, polling=True) | {
            "NOTIFY_SOCKET": manager.address,
            "WATCHDOG_USEC": str(round(WATCHDOG_S * 1e6)),
        }
        daemon = DaemonProcess(folder, environ, "--config", str(file))
        try:
            await daemon.start()
            async with client(daemon) as crm:
                yield Served(Stage(sim, daemon, crm), manager, file)
        finally:
            if daemon.alive:
                await daemon.stop()


async def test_it_tells_when_it_has_started_how_it_is_that_it_lives_and_that_it_stops(served: Served) -> None:
    manager = served.manager
    await until(lambda: len(manager.beats) >= 4 and manager.words[-1] == "STATUS=ready")
    assert manager.words[0] == "READY=1"
    assert max(b - a for a, b in zip(manager.beats, manager.beats[1:], strict=False)) < WATCHDOG_S
    assert await served.daemon.stop() == 0
    await until(lambda: manager.words[-2:] == ["STOPPING=1", "STATUS=stopping"])


async def test_it_is_ready_for_systemd_while_voicenter_is_away_and_says_what_is_missing(tmp_path: Path) -> None:
    """Nothing is gained by a start that is given up: sections may wait in Redis already."""
    async with Simulation(agents=1) as sim:
        nowhere = account_environ(sim) | {"ORCHESTRATOR_ACCOUNTS__MAIN__LOGIN_URL": "http://127.0.0.1:9/Login"}
    async with managing(str(tmp_path / "notify")) as manager:
        daemon = DaemonProcess(tmp_path, nowhere | {"NOTIFY_SOCKET": manager.address})
        await daemon.launch()
        try:
            await until(lambda: "READY=1" in manager.words, within_s=20)
            await until(lambda: any(word.startswith("STATUS=not ready: main: feed") for word in manager.words))
            assert not manager.beats
        finally:
            assert await daemon.stop() == 0


async def test_policy_and_log_level_change_in_the_middle_of_a_call(served: Served) -> None:
    on = served.on
    await on.sim.talk("caller", A)
    await on.sim.talk("other", B)
    assert await served.opens("before", A) == 600
    await on.muted("caller")
    assert not served.daemon.lines("crm.message.taken")  # below the level
    await served.reload("[policy]\ndefault_section_seconds = 60\n[log]\nlevel = 'debug'\n[http]\nport = 1\n")
    (line,) = await served.logged("config.reloaded", 1)
    assert set(line["changed"]) == {"policy.default_section_seconds", "log.level"}
    assert "default_section_seconds=60.0" in line["policy"]
    assert "needs_restart" not in line  # http.port is set by the environment, which wins
    assert await served.opens("after", B) == 60
    await on.muted("caller", "other")
    await until(lambda: len(served.daemon.lines("crm.message.taken")) == 1)
    assert [word for word in served.manager.words if not word.startswith(("STATUS", "MONO"))] == [
        "READY=1",
        "RELOADING=1",
        "READY=1",
    ]
    await on.form_closes("before")
    await on.form_closes("after")
    await on.muted()
    on.verdict()
    assert await served.daemon.stop() == 0
    held = {record["event"]: record.get("policy", ()) for record in served.records}
    assert "default_section_seconds=600.0" in held["daemon.ready"]
    assert "default_section_seconds=60.0" in held["config.reloaded"]


async def test_a_wrong_file_changes_nothing_and_each_mistake_is_told(served: Served) -> None:
    await served.reload("[policy]\ndefault_section_seconds = 60\nverify_secs = 3\n[log]\nlevel = 'loud'\n")
    told = [line["mistake"] for line in await served.logged("config.rejected", 2)]
    assert any("policy.verify_secs: unknown key; did you mean verify_seconds?" in mistake for mistake in told)
    assert any("log.level" in mistake for mistake in told)
    await served.reload("[policy\n")
    assert "is not TOML" in (await served.logged("config.rejected", 3))[-1]["mistake"]
    served.file.unlink()
    served.daemon.process.send_signal(signal.SIGHUP)
    assert "cannot be read" in (await served.logged("config.rejected", 4))[-1]["mistake"]
    assert not served.daemon.lines("config.reloaded")
    assert await served.opens("pay", A) == 600


async def test_what_needs_a_restart_is_named_without_its_value(served: Served) -> None:
    await served.reload("[api]\nmax_concurrency = 3\n[redis]\nurl = 'redis://:s3cret@127.0.0.1:1/0'\n")
    (line,) = await served.logged("config.reloaded", 1)
    assert line["changed"] == ["policy.default_section_seconds"]  # left out: the default again
    assert set(line["needs_restart"]) == {"api.max_concurrency", "redis.url"}
    assert "s3cret" not in served.daemon.text()


async def test_a_terminal_that_closes_ends_it(tmp_path: Path) -> None:
    async with Simulation(agents=1) as sim:
        daemon = DaemonProcess(tmp_path, account_environ(sim))
        ours, its = pty.openpty()
        try:
            await daemon.launch(stdin=its)
            await daemon.ready()
            os.close(its)
            daemon.process.send_signal(signal.SIGHUP)
            await until(lambda: bool(daemon.lines("config.reloaded")))  # the terminal is there: it was meant
        finally:
            os.close(ours)
        daemon.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(15):
            assert await daemon.process.wait() == 0
        assert daemon.lines("daemon.stopping")[0]["signal"] == "SIGHUP"
