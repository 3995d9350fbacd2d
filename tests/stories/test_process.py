"""The daemon as a process: stopped, killed and started again in the middle of a section; several accounts; health."""

import asyncio
import json
from pathlib import Path
from typing import Any

from orchestrator.simulator.process import DaemonProcess, account_environ, running
from orchestrator.simulator.settings import VoicenterSettings
from orchestrator.simulator.simulation import Simulation
from tests.stories.stage import client, dead_letters, stage, until
from tests.valkey import Valkey, client_of

A, B = "SIPSIP1", "SIPSIP2"


async def test_stopped_in_a_section_it_opens_nothing_and_the_next_process_carries_on(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A)
        await on.muted("caller")
        assert await on.daemon.stop() == 0
        assert on.sim.truth.muted("caller")
        assert on.daemon.lines("daemon.stopped")
        await on.start_again()
        assert on.sim.truth.muted("caller")
        consult = await on.sim.dial(A)
        await on.muted("caller", consult)
        await on.form_closes("pay")
        await on.muted()
        blindly = on.daemon.lines("extension.muted")  # before the new process saw its calls
        assert on.verdict().requests.superfluous <= len(blindly)


async def test_killed_in_a_section_it_mutes_what_came_meanwhile_and_releases_all(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A)
        await on.muted("caller")
        await on.daemon.kill()
        consult = await on.sim.dial(A)  # nobody is there to see it
        await on.sim.transfer("caller", A, B)
        await on.start_again()
        await on.muted("caller", consult)
        await on.form_closes("pay")
        await on.muted()
        verdict = on.sim.truth.verdict()
        assert verdict.left_muted == verdict.left_open == ()


async def test_killed_while_a_request_is_under_way(tmp_path: Path) -> None:
    """Whether it was applied is unknown: it is asked again."""
    sim = Simulation(agents=4, settings=VoicenterSettings(api_latency_s=(0.3, 0.3)))
    async with stage(tmp_path, sim) as on:
        await on.sim.talk("caller", A)
        await until(lambda: on.daemon_knows(A, "caller"))
        await on.form_opens("pay", extension=A)
        await until(lambda: on.written("caller"))
        await on.daemon.kill()
        await on.start_again()
        await on.muted("caller")
        await on.form_closes("pay")
        await on.muted()


async def test_a_section_that_expired_while_the_daemon_was_down_is_released_at_once(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A, max_seconds=1.0)
        await on.muted("caller")
        await on.daemon.kill()
        await asyncio.sleep(1.0)
        await on.start_again()
        await on.muted()
        assert on.daemon.lines("section.ended")[0]["cause"] == "expired"


async def test_what_was_answered_while_stopping_is_in_the_audit(tmp_path: Path) -> None:
    sim = Simulation(agents=4, settings=VoicenterSettings(api_latency_s=(0.5, 0.5)))
    async with stage(tmp_path, sim) as on:
        await on.sim.talk("caller", A)
        await until(lambda: on.daemon_knows(A, "caller"))
        await on.form_opens("pay", extension=A)
        await until(lambda: on.written("caller"))
        assert await on.daemon.stop() == 0
        assert on.daemon.lines("call.muted")
        await on.start_again()
        audit: Any = await on.crm.xrange("mute:{main}:audit")  # typed as anything and nothing by the library
        events = [entry["event"] for _, entry in audit]
        assert events.count("call.muted") == 1
        await on.form_closes("pay")
        await on.muted()


async def test_sigint_stops_it_too(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        on.daemon.process.send_signal(2)
        assert await on.daemon.process.wait() == 0


async def test_several_accounts_each_on_its_own(tmp_path: Path) -> None:
    """One account's Voicenter goes away; the other one's calls are muted as ever."""
    async with Simulation(agents=2) as one, Simulation(agents=2) as two:
        environ = account_environ(one, "ONE") | account_environ(two, "TWO")
        async with running(tmp_path, environ) as daemon, client(daemon) as crm:
            await one.talk("caller", A)
            await two.talk("caller", A)  # the same id, in another world
            message = {"type": "sensitive_section.started", "section_id": "pay", "extension": A}
            await crm.publish("crm.sensitive", json.dumps(message | {"account": "two"}))
            await until(lambda: two.truth.muted("caller"))
            assert not one.truth.muted("caller")
            await one.__aexit__(None, None, None)
            await until(lambda: bool(daemon.lines("feed.lost")))
            status, text = await daemon.get("/readyz")
            assert status == 503
            assert list(json.loads(text)["problems"]) == ["one"]
            consult = await two.dial(A)
            await until(lambda: two.truth.muted(consult))
            await crm.publish("crm.sensitive", json.dumps(message | {"section_id": "nobody's"}))
            await until(lambda: bool(daemon.lines("crm.message.rejected")))
            await until(lambda: dead_letters(crm, 1))
            await one.__aenter__()


async def test_what_cannot_be_read_of_one_account_keeps_no_other_from_work(tmp_path: Path, valkey: Valkey) -> None:
    async with Simulation(agents=2) as one, Simulation(agents=2) as two:
        environ = account_environ(one, "ONE") | account_environ(two, "TWO") | {"ORCHESTRATOR_REDIS__URL": valkey.url}
        daemon = DaemonProcess(tmp_path, environ)
        async with client_of(valkey.url) as crm:
            await crm.set("mute:{one}:mutes", "not ours")
            await daemon.launch()
            try:
                await two.talk("caller", A)
                await until(lambda: bool(daemon.lines("feed.synced")), within_s=20)
                message = {"type": "sensitive_section.started", "section_id": "pay", "extension": A}
                await crm.publish("crm.sensitive", json.dumps(message | {"account": "two"}))
                await until(lambda: two.truth.muted("caller"))
                status, text = await daemon.get("/readyz")
                assert (status, list(json.loads(text)["problems"])) == (503, ["one"])
                await crm.delete("mute:{one}:mutes")
                await daemon.ready()
            finally:
                await daemon.stop()


async def test_a_wrong_login_is_told_once_and_readiness_says_why(tmp_path: Path) -> None:
    async with Simulation(agents=2) as sim:
        environ = account_environ(sim) | {"ORCHESTRATOR_ACCOUNTS__MAIN__TOKEN": "not-the-token"}
        daemon = DaemonProcess(tmp_path, environ)
        starting = asyncio.ensure_future(daemon.start())
        try:
            await until(lambda: bool(daemon.lines("login.failed")), within_s=20)
            status, text = await daemon.get("/readyz")
            assert status == 503
            assert "refused" in text
            assert (await daemon.get("/livez"))[0] == 200
            assert len(daemon.lines("login.failed")) == 1
            assert daemon.lines("login.failed")[0]["level"] == "error"
            assert "not-the-token" not in daemon.text()
        finally:
            starting.cancel()
            await daemon.stop()


async def test_metrics_tell_of_exposure_sections_and_feed(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.sim.talk("caller", A)
        await on.form_opens("pay", extension=A)
        await on.muted("caller")
        await until(lambda: bool(on.daemon.lines("call.verified")), within_s=10.0)
        _, page = await on.daemon.get("/metrics")
        assert 'mute_orchestrator_exposure_seconds_count{account="main"} 1.0' in page
        assert 'mute_orchestrator_sections_active{account="main"} 1.0' in page
        assert 'mute_orchestrator_mutes_active{account="main",stage="verified"} 1.0' in page
        assert 'mute_orchestrator_feed_state{account="main",state="synced"} 1.0' in page
        assert 'mute_orchestrator_crm_messages_total{result="started"} 1.0' in page
        (muted,) = on.daemon.lines("call.muted")
        assert muted["ivrid"] == "caller"
        assert muted["section_ids"] == ["pay"]
        assert muted["action_id"]
        assert 0 <= muted["exposure_ms"] < 1500
        await on.form_closes("pay")
        await on.muted()
