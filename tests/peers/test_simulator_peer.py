"""The simulated Voicenter followed by socket.io-client 2.x: written by others, so it does not share our mistakes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from orchestrator.simulator.settings import VoicenterSettings
from orchestrator.simulator.simulation import Simulation
from tests.peers.node import Program, peer, running

pytestmark = peer

A, B = "SIPSIP1", "SIPSIP2"


@asynccontextmanager
async def following(sim: Simulation) -> AsyncIterator[Program]:
    """A peer that is logged in, connected, and has its snapshots."""
    async with running("client.js", {"url": sim.http_url, "token": sim.settings.token}) as client:
        await client.until(lambda: client.all("AllDialersStatus"))
        yield client


async def test_it_logs_in_connects_and_gets_the_snapshots_in_order() -> None:
    async with Simulation(2) as sim, following(sim) as client:
        told = [line["what"] for line in client.told]
        assert told == ["login", "connect", "loginSuccess", "loginStatus", "AllExtensionsStatus", "AllDialersStatus"]
        assert client.all("login")[0]["version"] == "2.4.0"
        extensions = client.all("AllExtensionsStatus")[0]["data"]["extensions"]
        assert [extension["extenUser"] for extension in extensions] == [A, B]


async def test_it_gets_each_event_once_and_in_order() -> None:
    async with Simulation(2) as sim, following(sim) as client:
        await sim.ring("c1", [A, B])
        await sim.answer(A, "c1")
        await sim.hangup(A, "c1")
        await client.until(lambda: len(client.all("ExtensionEvent")) == 5)
        events = [line["data"] for line in client.all("ExtensionEvent")]
    reasons = [(event["data"]["extenUser"], event["reason"]) for event in events]
    assert reasons == [(A, "NEWCALL"), (B, "NEWCALL"), (A, "ANSWER"), (B, "HANGUP"), (A, "HANGUP")]


async def test_its_keepalive_is_answered_as_long_as_the_login_is_good() -> None:
    async with Simulation(1) as sim, following(sim) as client:
        client.do("keepalive")
        await client.until(lambda: len(client.all("keepaliveResponse")) == 1)
        sim.voicenter.tokens.revoke_all()
        client.do("keepalive")
        await client.until(lambda: len(client.all("keepaliveResponse")) == 2)
        assert [line["data"] for line in client.all("keepaliveResponse")] == [{"errorCode": 0}, {"errorCode": 1}]


async def test_its_pings_keep_the_connection_and_are_answered() -> None:
    settings = VoicenterSettings(ping_interval_s=0.2, ping_timeout_s=0.2)
    async with Simulation(1, settings=settings) as sim, following(sim) as client:
        await client.until(lambda: len(client.all("pong")) >= 4)
        assert sim.voicenter.feed.clients == 1
        assert client.all("disconnect") == []


async def test_it_can_resync_and_narrow_the_feed() -> None:
    async with Simulation(2) as sim, following(sim) as client:
        client.do("monitor", extensions=[B])
        client.do("resync")
        await client.until(lambda: len(client.all("AllExtensionsStatus")) == 2)
        extensions = client.all("AllExtensionsStatus")[1]["data"]["extensions"]
        assert [extension["extenUser"] for extension in extensions] == [B]
        await sim.ring("c1", [A, B])
        await client.until(lambda: client.all("ExtensionEvent"))
        assert [line["data"]["data"]["extenUser"] for line in client.all("ExtensionEvent")] == [B]


async def test_it_sees_that_the_server_cut_the_connection_or_told_it_to_go() -> None:
    async with Simulation(1) as sim:
        async with following(sim) as client:
            sim.voicenter.feed.cut()
            await client.until(lambda: client.all("disconnect"))
            assert client.all("disconnect")[0]["reason"] == "transport close"
        async with following(sim) as client:
            sim.voicenter.feed.disconnect()
            await client.until(lambda: client.all("disconnect"))
            assert client.all("disconnect")[0]["reason"] == "io server disconnect"


async def test_a_wrong_token_is_refused() -> None:
    async with (
        Simulation(1) as sim,
        running("client.js", {"url": sim.http_url, "token": "wrong"}) as client,
    ):
        await client.until(lambda: client.told)
        assert client.told == [{"what": "refused", "status": 401}]


async def test_it_also_follows_a_new_server_that_lets_engine_io_3_in() -> None:
    async with Simulation(1, settings=VoicenterSettings(engineio=4)) as sim, following(sim) as client:
        await sim.ring("c1", [A])
        await client.until(lambda: client.all("ExtensionEvent"))
        assert len(client.all("ExtensionEvent")) == 1
