import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, ServerDisconnectedError, web

from orchestrator.simulator.api import ApiCall, Cut
from orchestrator.simulator.settings import VoicenterSettings
from orchestrator.simulator.simulation import Simulation
from tests.simulator.timeline import HandClock

A = "SIPSIP1"


@pytest.fixture
async def sim() -> AsyncIterator[Simulation]:
    async with Simulation(2) as simulation:
        await simulation.ring("c1", [A])
        await simulation.answer(A, "c1")
        yield simulation


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def post(http: ClientSession, url: str, body: Any) -> dict[str, Any]:
    async with http.post(url, json=body) as answer:
        assert answer.status == 200
        found: dict[str, Any] = await answer.json()
        return found


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("Token", {"token": "simulated-token"}),
        ("Account", {"username": "simulated-account", "password": "simulated-password"}),
        ("User", {"email": "simulated@example.com", "pin": "simulated-password"}),
    ],
)
async def test_each_kind_of_login_is_granted(
    sim: Simulation, http: ClientSession, kind: str, body: dict[str, str]
) -> None:
    answer = await post(http, f"{sim.login_url}/{kind}", body)
    socket = answer["Data"]["Socket"]
    assert (answer["StatusCode"], answer["Status"]) == (200, "OK")
    assert socket["URLList"] == [sim.http_url]
    assert socket["Client"].endswith("v=2.4.0")
    async with http.post(f"{sim.login_url}/{kind}", json=dict.fromkeys(body, "wrong")) as refused:
        assert refused.status == 401


async def test_a_login_names_every_monitor_and_the_generation() -> None:
    settings = VoicenterSettings(monitors=3, engineio=4)
    async with Simulation(1, settings=settings) as sim, ClientSession() as http:
        answer = await post(http, f"{sim.login_url}/Token", {"token": "simulated-token"})
        socket = answer["Data"]["Socket"]
        assert len(set(socket["URLList"])) == 3
        assert socket["Version"] == "4.8.1"
        for url in socket["URLList"]:
            assert (await post(http, f"{url}/api/MuteUnmuteCalls", {"ivrid": "c9", "state": "1"}))["Message"]


async def test_a_login_names_the_host_as_the_client_knows_it(sim: Simulation, http: ClientSession) -> None:
    url = sim.login_url.replace("127.0.0.1", "localhost")
    answer = await post(http, f"{url}/Token", {"token": "simulated-token"})
    assert answer["Data"]["Socket"]["URLList"] == [sim.http_url.replace("127.0.0.1", "localhost")]


async def test_a_login_that_expires_can_be_refreshed_once() -> None:
    clock = HandClock()
    settings = VoicenterSettings(token_life_s=60)
    async with Simulation(1, settings=settings, clock=clock) as sim, ClientSession() as http:
        first = (await post(http, f"{sim.login_url}/Token", {"token": "simulated-token"}))["Data"]["Socket"]
        assert first["TokenExpiry"] == "1970-01-01T00:17:40.000Z"
        clock.at += 61
        assert not sim.voicenter.tokens.good(first["Token"])
        bearer = {"Authorization": f"Bearer {first['RefreshToken']}"}
        async with http.get(sim.refresh_url, headers=bearer) as answer:
            second = (await answer.json())["Data"]["Socket"]
        assert sim.voicenter.tokens.good(second["Token"])
        async with http.get(sim.refresh_url, headers=bearer) as answer:
            assert answer.status == 401


async def test_a_call_is_muted_by_post_and_opened_by_get(sim: Simulation, http: ClientSession) -> None:
    answer = await post(http, sim.mute_url, {"ivrid": "c1", "state": "1"})
    assert (answer["ErrorCode"], answer["Message"], bool(answer["ActionID"])) == (200, "Success", True)
    assert sim.truth.muted("c1")
    async with http.get(sim.mute_url, params={"ivrid": "c1", "state": "0"}) as response:
        answer = await response.json()
    assert (answer["ErrorCode"], answer["Message"]) == ("200", "Success")
    assert not sim.truth.muted("c1")


async def test_all_calls_of_an_extension_are_muted_at_once(sim: Simulation, http: ClientSession) -> None:
    consult = await sim.dial(A)
    await post(http, sim.mute_url, {"extension": A, "state": "1"})
    assert sim.truth.muted("c1")
    assert sim.truth.muted(consult)


async def test_a_call_that_begins_after_a_mute_by_extension_is_not_muted(
    sim: Simulation, http: ClientSession
) -> None:
    await post(http, sim.mute_url, {"extension": A, "state": "1"})
    later = await sim.dial(A)
    assert (sim.truth.muted("c1"), sim.truth.muted(later)) == (True, False)


async def test_a_call_that_is_muted_by_extension_stays_so_elsewhere_and_can_be_opened_by_either_way(
    sim: Simulation, http: ClientSession
) -> None:
    await post(http, sim.mute_url, {"extension": A, "state": "1"})
    await post(http, sim.mute_url, {"extension": "SIPSIP2", "state": "0"})
    assert sim.truth.muted("c1")
    await post(http, sim.mute_url, {"ivrid": "c1", "state": "0"})
    assert not sim.truth.muted("c1")
    async with http.get(sim.mute_url, params={"extension": A, "state": "1"}) as response:
        assert (await response.json())["Message"] == "Success"
    assert sim.truth.muted("c1")


@pytest.mark.parametrize("body", [{"ivrid": "c9", "state": "1"}, {"extension": "SIPSIP2", "state": "1"}])
async def test_what_is_not_up_is_not_found(sim: Simulation, http: ClientSession, body: dict[str, str]) -> None:
    answer = await post(http, sim.mute_url, body)
    assert (answer["ErrorCode"], answer["Message"]) == (404, "UniqueIvrID not found")


@pytest.mark.parametrize(
    "body",
    [
        {"ivrid": "c1"},
        {"ivrid": "c1", "state": 1},
        {"ivrid": "c1", "state": "yes"},
        {"extension": A, "state": 1},
        {"extension": 1, "state": "1"},
        {"state": "1"},
        [],
        "c1",
    ],
)
async def test_wrong_parameters_are_refused_in_the_vendors_words(
    sim: Simulation, http: ClientSession, body: Any
) -> None:
    answer = await post(http, sim.mute_url, body)
    assert answer["Message"] == 'Parameters are not valid, should be "ivrid" and "mute"'
    assert not sim.truth.muted("c1")


async def test_a_body_that_is_no_json_has_no_parameters(sim: Simulation, http: ClientSession) -> None:
    async with http.post(sim.mute_url, data=b"{") as response:
        assert (await response.json())["Message"].startswith("Parameters are not valid")


async def test_active_calls_shows_the_legs_and_their_mutes(sim: Simulation, http: ClientSession) -> None:
    await post(http, sim.mute_url, {"ivrid": "c1", "state": "1"})
    answer = await post(http, sim.active_calls_url, {"code": "simulated-code", "extension": A})
    assert (answer["ERR"], answer["DESC"]) == (0, "OK")
    [row] = answer["EXTENSIONS"]
    assert (row["username"], row["onlineUserID"]) == (A, 1001)
    assert [(leg["ivrid"], leg["recording"]["IsMuted"]) for leg in row["calls"]] == [("c1", 1)]
    every = await post(http, sim.active_calls_url, {"code": "simulated-code"})
    assert len(every["EXTENSIONS"]) == 2


async def test_active_calls_wants_its_code(sim: Simulation, http: ClientSession) -> None:
    answer = await post(http, sim.active_calls_url, {"code": "wrong"})
    assert answer == {"ERR": 2, "DESC": "Authorization failed."}


@pytest.mark.parametrize("body", [{}, {"code": 1}, {"code": "simulated-code", "extension": 7}, [], "simulated-code"])
async def test_active_calls_wants_its_fields_as_text(sim: Simulation, http: ClientSession, body: Any) -> None:
    assert (await post(http, sim.active_calls_url, body))["ERR"] == 1


async def test_active_calls_may_be_asked_by_get(sim: Simulation, http: ClientSession) -> None:
    async with http.get(sim.active_calls_url, params={"code": "simulated-code", "extension": A}) as response:
        answer = await response.json()
    assert [leg["ivrid"] for leg in answer["EXTENSIONS"][0]["calls"]] == ["c1"]


async def test_active_calls_lists_the_idle_and_not_the_unknown(sim: Simulation, http: ClientSession) -> None:
    idle = await post(http, sim.active_calls_url, {"code": "simulated-code", "extension": "SIPSIP2"})
    assert [(row["username"], row["calls"]) for row in idle["EXTENSIONS"]] == [("SIPSIP2", [])]
    unknown = await post(http, sim.active_calls_url, {"code": "simulated-code", "extension": "SIPSIP9"})
    assert unknown == {"ERR": 0, "DESC": "OK", "EXTENSIONS": []}


async def test_queue_callers_lists_who_waits(sim: Simulation, http: ClientSession) -> None:
    await sim.join_queue("c2")
    url = sim.active_calls_url.replace("GetExtensionsCalls", "GetQueuesCallers")
    answer = await post(http, url, {"code": "simulated-code", "queue": "501"})
    assert [caller["CallID"] for caller in answer["QUEUES"][0]["Callers"]] == ["c2"]


async def test_a_request_takes_effect_within_its_latency() -> None:
    settings = VoicenterSettings(api_latency_s=(0.05, 0.1))
    async with Simulation(1, settings=settings) as sim, ClientSession() as http:
        await sim.talk("c1", A)
        began = asyncio.get_running_loop().time()
        await post(http, sim.mute_url, {"ivrid": "c1", "state": "1"})
        assert asyncio.get_running_loop().time() - began >= 0.049
        assert sim.truth.muted("c1")


async def test_a_fault_before_keeps_a_request_from_taking_effect(sim: Simulation, http: ClientSession) -> None:
    async def overloaded(call: ApiCall) -> web.StreamResponse | None:
        return web.Response(status=503) if call.name == "mute" else None

    sim.voicenter.faults.before = overloaded
    async with http.post(sim.mute_url, json={"ivrid": "c1", "state": "1"}) as answer:
        assert answer.status == 503
    assert not sim.truth.muted("c1")


async def test_a_fault_after_hides_that_a_request_took_effect(sim: Simulation, http: ClientSession) -> None:
    async def cut(_call: ApiCall) -> web.StreamResponse | None:
        raise Cut

    sim.voicenter.faults.after = cut
    with pytest.raises(ServerDisconnectedError):
        await post(http, sim.mute_url, {"ivrid": "c1", "state": "1"})
    assert sim.truth.muted("c1")


async def test_a_request_that_hangs_does_not_keep_the_simulation_from_ending() -> None:
    hanging = asyncio.Event()

    async def hang(_call: ApiCall) -> web.StreamResponse | None:
        hanging.set()
        await asyncio.Event().wait()
        return None

    async def ask(http: ClientSession, url: str) -> None:
        with pytest.raises(ServerDisconnectedError):
            await post(http, url, {"ivrid": "c1", "state": "1"})

    async with asyncio.timeout(5), ClientSession() as http, asyncio.TaskGroup() as group, Simulation(1) as sim:
        sim.voicenter.faults.before = hang
        group.create_task(ask(http, sim.mute_url))
        await hanging.wait()
