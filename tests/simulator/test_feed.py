import json
import time

import pytest

from orchestrator.simulator.settings import VoicenterSettings
from orchestrator.simulator.simulation import Simulation
from tests.simulator.feedclient import FeedClient


async def test_an_old_server_connects_the_namespace_unasked_and_sends_the_snapshots() -> None:
    async with Simulation(2) as sim, FeedClient(sim, eio=3) as feed:
        opening = await feed.packet()
        assert opening is not None
        assert opening.startswith("0{")
        assert {"sid", "pingInterval", "pingTimeout", "upgrades"} <= json.loads(opening[1:]).keys()
        assert await feed.packet() == "40"
        names = [(await feed.event())[0] for _ in range(4)]
    assert names == ["loginSuccess", "loginStatus", "AllExtensionsStatus", "AllDialersStatus"]


async def test_an_old_server_answers_pings() -> None:
    async with Simulation(1) as sim, FeedClient(sim, eio=3) as feed:
        await feed.snapshot()
        await feed.send("2")
        assert await feed.packet() == "3"
        await feed.send("2probe")
        assert await feed.packet() == "3probe"


async def test_an_old_server_cuts_off_a_client_that_does_not_ping() -> None:
    settings = VoicenterSettings(ping_interval_s=0.05, ping_timeout_s=0.05)
    async with Simulation(1, settings=settings) as sim, FeedClient(sim, eio=3) as feed:
        await feed.snapshot()
        assert await feed.packet() is None


@pytest.mark.parametrize("packet", ["42", "42[", '42{"a": 1}'])
async def test_what_is_no_packet_ends_the_connection(packet: str) -> None:
    async with Simulation(1) as sim, FeedClient(sim, eio=3) as feed:
        await feed.snapshot()
        await feed.send(packet)
        assert await feed.packet() is None


async def test_an_old_server_joins_a_client_that_asks_for_it_a_second_time() -> None:
    async with Simulation(1) as sim, FeedClient(sim, eio=4) as feed:
        await feed.snapshot()
        await feed.send("40")
        names = [(await feed.event())[0] for _ in range(8)]
        assert names[-2:] == ["AllDialersStatus", "AllDialersStatus"]
        await sim.ring("c1", ["SIPSIP1"])
        twice = [await feed.event(), await feed.event()]
    assert twice[0] == twice[1]


async def test_a_new_server_waits_for_connect_and_pings_itself() -> None:
    settings = VoicenterSettings(engineio=4, ping_interval_s=0.1)
    async with Simulation(1, settings=settings) as sim, FeedClient(sim, eio=4) as feed:
        opening = await feed.packet()
        assert opening is not None
        assert opening.startswith("0{")
        await feed.send("40{}")
        answer = await feed.packet()
        assert answer is not None
        assert answer.startswith('40{"sid"')
        await feed.snapshot()
        assert await feed.packet() == "2"
        await feed.send("3")
        assert await feed.packet() == "2"


async def test_a_new_server_lets_an_old_client_in() -> None:
    async with Simulation(1, settings=VoicenterSettings(engineio=4)) as sim, FeedClient(sim, eio=3) as feed:
        assert (await feed.snapshot())["errorCode"] == 0


async def test_a_wrong_token_is_refused_and_disconnected() -> None:
    async with Simulation(1) as sim, FeedClient(sim, eio=3, token="wrong") as feed:
        assert (await feed.event())[1]["errorCode"] == 1
        assert await feed.packet() == "41"
        assert await feed.packet() == "1"
        assert await feed.packet() is None


async def test_keepalive_tells_whether_the_session_lives() -> None:
    async with Simulation(1) as sim, FeedClient(sim, eio=3) as feed:
        await feed.snapshot()
        await feed.emit("keepalive", feed.token)
        assert await feed.event() == ("keepaliveResponse", {"errorCode": 0})
        sim.voicenter.tokens.revoke_all()
        await feed.emit("keepalive", feed.token)
        assert await feed.event() == ("keepaliveResponse", {"errorCode": 1})


async def test_resync_brings_the_snapshot_as_it_is_now() -> None:
    async with Simulation(1) as sim, FeedClient(sim, eio=3) as feed:
        assert (await feed.snapshot())["extensions"][0]["calls"] == []
        await sim.ring("c1", ["SIPSIP1"])
        await feed.emit("resync", {"cache": False})
        [leg] = (await feed.snapshot())["extensions"][0]["calls"]
    assert (leg["ivrid"], leg["callstatus"], leg["answered"]) == ("c1", "Ringing", 0)


async def test_only_monitored_extensions_are_told_once_that_is_asked() -> None:
    async with Simulation(3) as sim, FeedClient(sim, eio=3) as feed:
        await feed.snapshot()
        await feed.emit("updateMonitoredExtensions", {"extensionsString": "SIPSIP2,SIPSIP3"})
        await feed.emit("resync", {"cache": False})
        assert len((await feed.snapshot())["extensions"]) == 2
        await sim.ring("c1", ["SIPSIP1", "SIPSIP2"])
        assert (await feed.event())[1]["data"]["extenUser"] == "SIPSIP2"


async def test_events_are_late_but_in_order_and_the_snapshot_agrees_with_them() -> None:
    settings = VoicenterSettings(feed_lag_s=0.3)
    async with Simulation(1, settings=settings) as sim, FeedClient(sim, eio=3) as feed:
        await feed.snapshot()
        for number in range(30):
            await sim.ring(f"c{number}", ["SIPSIP1"])
        await feed.emit("resync", {"cache": False})
        lengths: list[int] = []
        while len(lengths) < 30:
            name, payload = await feed.event()
            if name == "ExtensionEvent":
                lengths.append(len(payload["data"]["calls"]))
            elif name == "AllExtensionsStatus":
                assert len(payload["extensions"][0]["calls"]) == len(lengths)
    assert lengths == list(range(1, 31))


async def test_an_event_overtakes_none_that_is_overdue() -> None:
    """The loop stands still beyond an event's lag, and then the next one has none."""
    settings = VoicenterSettings(feed_lag_s=0.004)
    async with Simulation(1, settings=settings) as sim, FeedClient(sim, eio=3) as feed:
        await feed.snapshot()
        for number in range(40):
            await sim.ring(f"c{number}", ["SIPSIP1"])
            time.sleep(0.005)  # noqa: ASYNC251 - that is the point
        lengths = [len((await feed.event())[1]["data"]["calls"]) for _ in range(40)]
    assert lengths == list(range(1, 41))


@pytest.mark.parametrize("eio", [3, 4])
async def test_polling_is_not_served(eio: int) -> None:
    async with Simulation(1) as sim:
        feed = FeedClient(sim, eio)
        url = f"{sim.http_url}/socket.io/"
        async with feed._http as http, http.get(url, params={"EIO": str(eio), "transport": "polling"}) as answer:
            assert answer.status == 400


async def test_every_connection_ends_promptly_with_the_simulation() -> None:
    async with Simulation(1) as sim:
        feed = await FeedClient(sim, eio=3).__aenter__()
        await feed.snapshot()
    assert await feed.packet(1.0) is None
    await feed.__aexit__(None, None, None)
