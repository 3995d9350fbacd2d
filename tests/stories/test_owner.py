"""Two daemons started on one account, each a process of its own, on one Valkey: one works, the other waits."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from orchestrator.simulator.process import DaemonProcess, account_environ
from orchestrator.simulator.simulation import Simulation
from orchestrator.store.lease import LASTS_S
from tests.stories.stage import Stage, client, stage, until
from tests.valkey import Valkey

A = "SIPSIP1"


@asynccontextmanager
async def owner(folder: Path, valkey: Valkey) -> AsyncIterator[Stage]:
    """The stage, with its daemon on the test's Valkey."""
    (folder / "first").mkdir()
    async with stage(folder / "first", ORCHESTRATOR_REDIS__URL=valkey.url) as on:
        yield on


@asynccontextmanager
async def waiting(folder: Path, on: Stage) -> AsyncIterator[DaemonProcess]:
    """A second daemon for the same account, which was refused it."""
    (folder / "second").mkdir()
    environ = account_environ(on.sim) | {"ORCHESTRATOR_REDIS__URL": on.daemon.redis_url}
    second = DaemonProcess(folder / "second", environ)
    await second.launch()
    try:
        await until(lambda: bool(second.lines("owner.refused")), within_s=20.0)
        yield second
    finally:
        if second.alive:
            await second.stop()


def requests(on: Stage) -> int:
    return on.sim.truth.verdict().requests.total


async def test_the_second_one_waits_says_why_and_does_nothing(tmp_path: Path, valkey: Valkey) -> None:
    async with owner(tmp_path, valkey) as on, waiting(tmp_path, on) as second:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A)  # published to exactly one listener
        await on.muted("caller")
        status, text = await second.get("/readyz")
        assert status == 503
        why = f"process {on.daemon.process.pid} on "
        assert json.loads(text)["problems"]["main"].startswith(why)
        (refused,) = second.lines("owner.refused")
        assert (refused["account"], refused["level"]) == ("main", "warning")
        assert refused["why"].startswith(why)
        assert (await second.get("/livez"))[0] == 200
        assert not second.lines("login.done")
        await on.form_closes("pay")
        await on.muted()
        assert await second.stop() == 0
        assert not second.lines("owner.taken")
        assert on.verdict().requests.superfluous == 0


async def test_it_takes_over_within_5_s_of_the_first_ones_death(tmp_path: Path, valkey: Valkey) -> None:
    async with owner(tmp_path, valkey) as on, waiting(tmp_path, on) as second:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A)
        await on.muted("caller")
        await on.daemon.kill()
        consult = await on.sim.dial(A)
        await until(lambda: bool(second.lines("owner.taken")))
        assert second.lines("owner.taken")[0]["token"] == 2
        await on.muted("caller", consult)
        await until(lambda: bool(second.lines("crm.connected")))
        await on.form_closes("pay")
        await on.muted()
        assert on.sim.truth.verdict().left_open == ()


async def test_it_takes_over_at_once_from_one_that_stops(tmp_path: Path, valkey: Valkey) -> None:
    async with owner(tmp_path, valkey) as on, waiting(tmp_path, on) as second:
        began = time.monotonic()
        assert await on.daemon.stop() == 0
        await until(lambda: bool(second.lines("owner.taken")))
        assert time.monotonic() - began < LASTS_S
        await second.ready()


async def test_a_first_one_that_stood_still_finds_itself_replaced_and_sends_nothing_more(
    tmp_path: Path, valkey: Valkey
) -> None:
    """What it wakes up to would make it ask: a new call in the feed, a section's end in Redis."""
    async with owner(tmp_path, valkey) as on, waiting(tmp_path, on) as second:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A)
        await on.confirmed("caller")  # else its release would be asked for once more, seconds later
        on.daemon.process.send_signal(signal.SIGSTOP)
        await until(lambda: bool(second.lines("owner.taken")), within_s=10.0)
        await second.ready()
        consult = await on.sim.dial(A)
        await on.muted("caller", consult)
        assert await on.crm.publish("crm.sensitive", '{"type": "sensitive_section.ended", "section_id": "pay"}') == 2
        on.sim.truth.section_ended("pay")
        await on.muted()
        await until(lambda: len(second.lines("call.unmuted")) == 2)  # its requests are over, all of them
        before = requests(on)
        on.daemon.process.send_signal(signal.SIGCONT)
        async with asyncio.timeout(10.0):
            assert await on.daemon.process.wait() == 1
        (lost,) = on.daemon.lines("owner.lost")
        assert (lost["level"], lost["account"]) == ("error", "main")
        (told,) = [line for line in on.daemon.text().splitlines() if line.startswith("mute-orchestrator: ")]
        assert f"account 'main': process {second.process.pid} on " in told
        assert not on.daemon.lines("daemon.crashed")
        assert requests(on) == before
        assert on.verdict().calls_covered == 2


async def test_one_that_stood_still_with_nobody_waiting_goes_on(tmp_path: Path, valkey: Valkey) -> None:
    async with owner(tmp_path, valkey) as on:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A)
        await on.muted("caller")
        await until(lambda: bool(on.daemon.lines("call.muted")))  # else the answer could be lost to its own timeout
        on.daemon.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(LASTS_S + 1.0)
        on.daemon.process.send_signal(signal.SIGCONT)
        consult = await on.sim.dial(A)
        await on.muted("caller", consult)
        await on.form_closes("pay")
        await on.muted()
        assert on.daemon.alive
        assert not on.daemon.lines("owner.lost")
        assert on.verdict().requests.superfluous == 0


async def test_killed_and_started_again_on_this_machine_it_waits_for_nothing(tmp_path: Path, valkey: Valkey) -> None:
    async with owner(tmp_path, valkey) as on:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A)
        await on.muted("caller")
        await on.daemon.kill()
        await on.daemon.start()
        waits = [line["waited_s"] for line in on.daemon.lines("owner.taken")]
        assert len(waits) == 2
        assert waits[1] < 1.0
        consult = await on.sim.dial(A)
        await on.muted("caller", consult)
        await on.form_closes("pay")
        await on.muted()
        assert on.verdict().calls_covered == 2


async def test_two_that_want_the_same_accounts_do_not_each_get_one(tmp_path: Path, valkey: Valkey) -> None:
    async with Simulation(agents=2) as one, Simulation(agents=2) as two:
        environ = account_environ(one, "ONE") | account_environ(two, "TWO") | {"ORCHESTRATOR_REDIS__URL": valkey.url}
        daemons = []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            daemons.append(DaemonProcess(tmp_path / name, environ))
        try:
            await asyncio.gather(*(daemon.launch() for daemon in daemons))

            def settled() -> bool:
                taken = sorted(len(daemon.lines("owner.taken")) for daemon in daemons)
                return taken == [0, 2] and any(daemon.lines("owner.refused") for daemon in daemons)

            await until(settled, within_s=30.0)
            async with client(daemons[0]) as redis:
                assert len({await redis.hget(f"mute:{{{name}}}:owner", "instance") for name in ("one", "two")}) == 1
        finally:
            for daemon in daemons:
                if daemon.alive:
                    await daemon.stop()


async def test_a_restart_while_redis_takes_no_writes_goes_on_muting(tmp_path: Path, valkey: Valkey) -> None:
    """Full: what was written can be read, so the sections are known, and the killed owner is seen to be gone."""
    async with owner(tmp_path, valkey) as on:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A)
        await on.muted("caller")
        await until(lambda: on.crm.hexists("mute:{main}:mutes", "caller"))
        await on.daemon.kill()
        await on.crm.config_set("maxmemory-policy", "noeviction")
        await on.crm.config_set("maxmemory", 1)
        await on.daemon.launch()
        consult = await on.sim.dial(A)
        await until(lambda: on.sim.truth.muted(consult), within_s=20.0)
        status, text = await on.daemon.get("/readyz")
        assert (status, json.loads(text)["problems"]["main"]) == (503, "Redis takes no writes")
        await on.crm.config_set("maxmemory", 0)
        await on.daemon.ready()
        await on.form_closes("pay")
        await on.muted()
