"""A CRM that speaks HTTP: it starts a section, hears that it is protected, and ends it."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from standardwebhooks.webhooks import Webhook

from orchestrator.simulator.process import DaemonProcess, account_environ
from tests.stories.stage import MUTED, Stage, stage, until

A = "SIPSIP1"
TOKEN = "a-token-of-the-crm"
SECRET = "whsec_" + "c2VjcmV0" * 6
TOKENS = [{"name": "crm", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "scopes": ["sections:write", "read"]}]
API = {"ORCHESTRATOR_HTTP__TOKENS": json.dumps(TOKENS), "ORCHESTRATOR_HTTP__WEBHOOK_SECRETS": SECRET}


@asynccontextmanager
async def crm(daemon: DaemonProcess, token: str = TOKEN) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(f"{daemon.http_url}/v1/", headers=headers) as session:
        yield session


async def got(http: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    async with http.get(path) as response:
        return response.status, await response.json(content_type=None)


async def form_opens(on: Stage, http: aiohttp.ClientSession, section_id: str, **target: str) -> tuple[int, Any]:
    on.sim.truth.section_started(section_id, max_s=900.0, **target)
    async with http.put(f"sections/{section_id}?wait_ms=5000", json={**target, "max_seconds": 900}) as response:
        return response.status, await response.json(content_type=None)


async def test_a_crm_waits_for_its_call_to_be_muted_and_releases_it(tmp_path: Path) -> None:
    async with stage(tmp_path, None, **API) as on, crm(on.daemon) as http:
        await on.sim.talk("caller", A)
        await until(lambda: on.daemon_knows(A, "caller"))
        status, section = await form_opens(on, http, "pay", extension=A)
        assert on.sim.truth.muted("caller")
        assert (status, section["state"], section["saved"]) == (200, "protected", True)
        assert [call["ivrid"] for call in section["calls"]] == ["caller"]
        assert await on.crm.hexists("mute:{main}:sections", "pay")

        _, calls = await got(http, "calls")
        (call,) = [call for call in calls["calls"] if call["ivrid"] == "caller"]
        assert (call["extensions"], call["sections"]) == ([A], ["pay"])
        assert call["state"] in MUTED
        _, extension = await got(http, f"extensions/{A}")
        assert (extension["sections"], [leg["ivrid"] for leg in extension["calls"]]) == (["pay"], ["caller"])

        on.sim.truth.section_ended("pay")
        async with http.delete("sections/pay") as response:
            ended = await response.json()
        assert (response.status, ended["state"], ended["cause"], ended["saved"]) == (200, "ended", "message", True)
        await on.muted()
        assert (await got(http, "sections/pay"))[0] == 410
        async with http.put("sections/pay", json={"extension": A}) as response:
            assert response.status == 409
        on.verdict()


async def test_who_has_no_token_of_ours_starts_nothing_and_the_log_does_not_know_the_token(tmp_path: Path) -> None:
    async with stage(tmp_path, None, **API) as on, crm(on.daemon, "not-the-token") as http:
        await on.sim.talk("caller", A)
        async with http.put("sections/pay-secret", json={"extension": A}) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
        await until(lambda: bool(on.daemon.lines("http.refused")))
        assert (await got(http, "sections"))[0] == 401
        assert not on.sim.truth.muted("caller")
        assert (await on.daemon.get("/readyz"))[0] == 200
        text = on.daemon.text()
        assert "not-the-token" not in text
        assert "pay-secret" not in text
        _, page = await on.daemon.get("/metrics")
        assert 'http_refusals_total{why="unknown token"} 2.0' in page
        assert 'http_requests_total{method="PUT",route="/v1/sections/{id}",status="4xx"} 1.0' in page


async def test_a_signed_webhook_mutes_and_one_that_is_not_does_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path, None, **API) as on, aiohttp.ClientSession(on.daemon.http_url) as http:
        await on.sim.talk("caller", A)
        await until(lambda: on.daemon_knows(A, "caller"))
        body = json.dumps({"type": "sensitive_section.started", "section_id": "pay", "extension": A})
        now = datetime.now(UTC)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": "msg_1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign("msg_1", now, body),
        }
        async with http.post("/v1/webhooks", data=body + " ", headers=headers) as response:
            assert response.status == 401
        for _ in range(2):
            async with http.post("/v1/webhooks", data=body, headers=headers) as response:
                assert response.status == 204
        await on.muted("caller")
        await until(lambda: bool(on.daemon.lines("call.muted")))  # the log is written a moment later
        assert len(on.daemon.lines("section.started")) == 1
        assert not on.daemon.lines("section.renewed")


async def test_a_second_daemon_that_waits_for_its_turn_takes_and_tells_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path, None, **API) as on:
        spare_folder = tmp_path / "spare"
        spare_folder.mkdir()
        given = account_environ(on.sim) | API | {"ORCHESTRATOR_REDIS__URL": on.daemon.redis_url}
        spare = DaemonProcess(spare_folder, given)
        await spare.launch()
        try:
            await until(lambda: bool(spare.lines("owner.refused")), within_s=20)
            async with crm(spare) as http:
                async with http.put("sections/pay", json={"extension": A}) as response:
                    assert (response.status, response.headers["Retry-After"]) == (503, "1")
                assert (await got(http, "sections"))[0] == 503
        finally:
            await spare.stop()
        assert not on.daemon.lines("section.started")


async def test_who_waits_for_a_daemon_that_is_stopped_is_told_to_ask_again(tmp_path: Path) -> None:
    async with stage(tmp_path, None, **API) as on, crm(on.daemon) as http:
        waiting = asyncio.ensure_future(http.put("sections/pay?wait_ms=10000", json={"extension": A}))
        await until(lambda: bool(on.daemon.lines("section.started")))
        assert await on.daemon.stop() == 0
        async with await waiting as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "1")
        await on.daemon.start()
        _, section = await got(http, "sections/pay")
        assert section["state"] == "no_call"


async def test_without_a_token_programs_on_this_machine_may(tmp_path: Path) -> None:
    async with stage(tmp_path) as on, aiohttp.ClientSession(on.daemon.http_url) as http:
        async with http.put("/v1/sections/pay", json={"extension": A}) as response:
            assert response.status == 202
        async with http.delete("/v1/sections/pay") as response:
            assert (await response.json())["state"] == "ended"
