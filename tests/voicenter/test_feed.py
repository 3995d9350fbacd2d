"""The feed against a real server: connected, followed, lost and found again."""

import asyncio
import logging
import random
import time
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from orchestrator.clock import SystemClock
from orchestrator.core.facts import ExtensionSeen, Fact, SnapshotTaken, UserSeen
from orchestrator.core.model import FeedState
from orchestrator.engine.notices import FeedConnected, FeedEventRejected, FeedLost, LoginDone, LoginFailed
from orchestrator.voicenter.feed import Feed
from tests.voicenter.conftest import Follow, Told, settings_for
from tests.voicenter.vendor import Json, Vendor, call, event, extension, snapshot, until

DOWN, SYNCING, SYNCED, STALE = FeedState.DOWN, FeedState.SYNCING, FeedState.SYNCED, FeedState.STALE


def expiring(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def new_call(ivrid: str) -> Json:
    return event("NEWCALL", extension("SIP1", call(ivrid), currentCall=call(ivrid)))


def calls(told: Told) -> list[str]:
    return [ivrid for seen in told.all(ExtensionSeen) for ivrid in seen.extension.legs]


# --- following ----------------------------------------------------------------------------------------------------


async def test_a_snapshot_makes_it_synced(vendor: Vendor, follow: Follow, told: Told) -> None:
    async with follow(vendor) as feed:
        assert feed.problem == "not logged in yet"
        await until(lambda: feed.problem is None)
        assert feed.server == vendor.url
    assert told.states == [SYNCING, SYNCED]
    assert vendor.logins == [("Token", {"token": "secret-token"})]
    assert told.notices == [LoginDone(False, 1, None), FeedConnected(vendor.url, 3)]


async def test_a_lost_feed_still_names_a_server_to_ask(vendor: Vendor, follow: Follow, told: Told) -> None:
    """Where `mute_url` is "feed", nothing else says where recordings are muted."""
    async with follow(vendor) as feed:
        assert feed.server_to_ask is None
        await until(lambda: feed.problem is None)
        vendor.handshake_status = 503
        vendor.peer.reset()
        await until(lambda: told.states[-1] is DOWN)
        assert feed.server_to_ask == vendor.url


async def test_a_server_that_is_gone_is_not_asked_for_long(vendor: Vendor, follow: Follow, told: Told) -> None:
    async with Vendor().running() as other:
        vendor.servers = [vendor.url, other.url]
        async with follow(vendor) as feed:
            await until(lambda: feed.problem is None)
            assert feed.server_to_ask == vendor.url
            vendor.handshake_status = other.handshake_status = 503  # or it would be back before anybody looks
            vendor.peer.reset()
            await until(lambda: feed.server_to_ask == other.url)


async def test_until_the_snapshot_it_is_syncing(vendor: Vendor, follow: Follow, told: Told) -> None:
    vendor.greeting = vendor.greeting[:2]
    async with follow(vendor) as feed:
        await until(lambda: vendor.peers and told.states)
        assert (told.states, feed.problem) == ([SYNCING], f"waiting for the snapshot of {vendor.url}")
        await vendor.peer.emit("AllExtensionsStatus", snapshot(extension("SIP1")))
        await until(lambda: feed.problem is None)
    assert told.states == [SYNCING, SYNCED]


async def test_the_token_is_in_the_address_and_the_transport_is_websocket(vendor: Vendor, follow: Follow) -> None:
    async with follow(vendor) as feed:
        await until(lambda: feed.problem is None)
        assert vendor.peer.query == {"token": "token+/=1&0", "transport": "websocket", "EIO": "3"}
        assert "Sec-WebSocket-Extensions" not in vendor.peer.request.headers


async def test_events_are_told_once_and_in_the_order_of_arrival(vendor: Vendor, follow: Follow, told: Told) -> None:
    async with follow(vendor) as feed:
        await until(lambda: feed.problem is None)
        for n in range(500):
            await vendor.peer.emit("ExtensionEvent", new_call(f"c{n}"))
        await vendor.peer.emit("ExtensionEvent", event("userStatusUpdate", extension("SIP1", onlineUserID=0)))
        await vendor.peer.emit("AllExtensionsStatus", snapshot())
        await until(lambda: told.facts[-1] == SnapshotTaken(()))
    assert told.facts[-2] == UserSeen("SIP1", "7001", None)
    assert calls(told) == [f"c{n}" for n in range(500)]


async def test_events_before_the_snapshot_are_passed_on(vendor: Vendor, follow: Follow, told: Told) -> None:
    vendor.greeting.insert(0, ("ExtensionEvent", new_call("early")))
    async with follow(vendor) as feed:
        await until(lambda: feed.problem is None)
    assert [type(fact).__name__ for fact in told.facts] == ["FeedChanged", "ExtensionSeen", "SnapshotTaken"]


async def test_what_concerns_others_is_passed_over(vendor: Vendor, follow: Follow, told: Told) -> None:
    async with follow(vendor) as feed:
        await until(lambda: feed.problem is None)
        for name in ("QueueEvent", "DialerEvent", "AllDialersStatus", "QueuesUpdated", "neverHeardOf", "message"):
            await vendor.peer.emit(name, {"x": 1})
        await vendor.peer.ws.send_str('42["noArguments"]')
        await vendor.peer.emit("ExtensionEvent", new_call("c"))
        await until(lambda: calls(told) == ["c"])
    assert told.all(FeedEventRejected) == []
    assert vendor.peer.received == []


async def test_an_event_that_cannot_be_understood_is_told_and_passed_over(
    vendor: Vendor, follow: Follow, told: Told
) -> None:
    async with follow(vendor) as feed:
        await until(lambda: feed.problem is None)
        await vendor.peer.emit("ExtensionEvent", {"data": None})
        await vendor.peer.ws.send_str('42["ExtensionEvent"]')
        await vendor.peer.emit("AllExtensionsStatus", {"extensions": 7})
        await vendor.peer.emit("AllExtensionsStatus", snapshot(*[extension("")] * 3))
        await vendor.peer.emit("ExtensionEvent", new_call("c"))
        await until(lambda: calls(told) == ["c"])
        assert feed.problem is None
    sip = "expected text that is not empty, or a number"
    assert told.all(FeedEventRejected) == [
        FeedEventRejected("ExtensionEvent", "data: expected an object"),
        FeedEventRejected("ExtensionEvent", "ExtensionEvent: expected an object"),
        FeedEventRejected("AllExtensionsStatus", "extensions: expected a list"),
        FeedEventRejected("AllExtensionsStatus", f"extensions[0].extenUser: {sip} (and 2 more)"),
    ]


async def test_20_000_extensions_are_taken_in(vendor: Vendor, follow: Follow, told: Told) -> None:
    idle = {f"field{n}": "some text of the vendor's" for n in range(12)}
    many = [extension(f"SIP{n}", *([call(f"c{n}")] * (n % 2)), **idle) for n in range(20_000)]
    vendor.greeting[-1] = ("AllExtensionsStatus", snapshot(*many))
    async with follow(vendor) as feed:
        await until(lambda: feed.problem is None, within_s=60)
        (taken,) = told.all(SnapshotTaken)
        assert len(taken.extensions) == 20_000
        assert sum(len(seen.legs) for seen in taken.extensions) == 10_000


async def test_reconfigured_extensions_are_fetched_once_for_a_burst(
    vendor: Vendor, follow: Follow, told: Told
) -> None:
    async with follow(vendor, resync_pause_s=1.0) as feed:
        await until(lambda: feed.problem is None)
        for _ in range(20):
            await vendor.peer.emit("ExtensionsUpdated", {})
        await until(lambda: len(vendor.peer.named("resync")) == 2)
        assert vendor.peer.named("resync") == [{"cache": False}] * 2
        await until(lambda: len(told.all(SnapshotTaken)) == 3)
    assert told.states == [SYNCING, SYNCED]


# --- both generations ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client_version", "setting", "generation"),
    [("/v=2.4.0", "auto", 3), ("/v=4.8.1", "auto", 4), ("", "auto", 3), ("/v=2.4.0", 4, 4), ("/v=4.8.1", 3, 3)],
)
async def test_the_generation_is_the_set_one_else_the_told_one(
    follow: Follow, told: Told, client_version: str, setting: object, generation: int
) -> None:
    async with Vendor(generation=4 if generation == 4 else 3).running() as vendor:
        vendor.client_version = client_version
        async with follow(vendor, engineio=setting) as feed:
            await until(lambda: feed.problem is None)
    assert told.all(FeedConnected) == [FeedConnected(vendor.url, generation)]


async def test_on_engineio_3_the_client_pings(vendor: Vendor, follow: Follow, told: Told) -> None:
    vendor.ping_interval_ms = 50
    async with follow(vendor) as feed:
        await until(lambda: feed.problem is None and vendor.peer.pings >= 5)
    assert told.all(FeedLost) == []


async def test_on_engineio_3_a_server_without_pongs_is_left(vendor: Vendor, follow: Follow, told: Told) -> None:
    vendor.ping_interval_ms, vendor.ping_timeout_ms, vendor.pongs = 100, 100, False
    async with follow(vendor, heartbeat_s=60.0):
        await until(lambda: told.all(FeedLost))
    assert told.all(FeedLost)[0].why == "server fell silent"


async def test_a_server_of_the_other_generation_is_no_crash(vendor4: Vendor, follow: Follow, told: Told) -> None:
    vendor4.handshake_status = 400
    async with follow(vendor4, engineio=3):
        await until(lambda: told.all(FeedLost))
    assert told.all(FeedLost)[0].why == "HTTP 400 instead of a WebSocket"


# --- logging in ---------------------------------------------------------------------------------------------------


async def test_a_refused_login_is_told_once_and_tried_again_seldom(
    vendor: Vendor, follow: Follow, told: Told
) -> None:
    vendor.login_status = 401
    async with follow(vendor, refused_retry_s=0.2) as feed:
        started_s = time.monotonic()
        await until(lambda: len(vendor.logins) == 4)
        assert time.monotonic() - started_s >= 0.6
        assert feed.problem == "login refused: HTTP 401"
        assert told.all(LoginFailed) == [LoginFailed("HTTP 401", True, 0.2)]
        vendor.login_status = 200
        await until(lambda: feed.problem is None)


async def test_a_login_that_cannot_be_asked_is_tried_again_with_backoff(
    vendor: Vendor, follow: Follow, told: Told
) -> None:
    vendor.login_status = 503
    async with follow(vendor) as feed:
        await until(lambda: len(vendor.logins) == 5)
        assert feed.problem == "login not possible: HTTP 503"
        vendor.login_status = 200
        await until(lambda: feed.problem is None)
    waits_s = [failed.retry_in_s for failed in told.all(LoginFailed)]
    longest_s = [0.05, 0.1, 0.2, 0.2, 0.2]
    assert all(longest / 2 <= wait <= longest for wait, longest in zip(waits_s, longest_s, strict=False))
    assert not any(failed.refused for failed in told.all(LoginFailed))


@pytest.mark.parametrize("generation", [3, 4])
async def test_a_refused_connect_takes_a_new_login(follow: Follow, told: Told, generation: int) -> None:
    async with Vendor(generation=4 if generation == 4 else 3).running() as vendor:
        vendor.refuses = True
        async with follow(vendor, engineio=generation) as feed:
            await until(lambda: len(vendor.logins) == 3)
            vendor.refuses = False
            await until(lambda: feed.problem is None)
    assert told.all(FeedLost)[0] == FeedLost(vendor.url, "server refused the connection", 0.0)
    assert told.all(FeedLost)[1].retry_in_s > 0


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_handshake_takes_a_new_login(vendor: Vendor, follow: Follow, told: Told, status: int) -> None:
    vendor.handshake_status = status
    async with follow(vendor) as feed:
        await until(lambda: len(vendor.logins) == 2)
        vendor.handshake_status = 101
        await until(lambda: feed.problem is None)
    assert told.all(FeedLost)[0].why == f"HTTP {status} instead of a WebSocket"


@pytest.mark.parametrize("name", ["loginStatus", "loginSuccess"])
async def test_a_refused_session_takes_a_new_login(vendor: Vendor, follow: Follow, told: Told, name: str) -> None:
    async with follow(vendor) as feed:
        await until(lambda: feed.problem is None)
        await vendor.peer.emit(name, {"errorCode": 3, "errorDesc": "text of the server"})
        await until(lambda: len(vendor.logins) == 2 and feed.problem is None)
    assert told.all(FeedLost) == [FeedLost(vendor.url, "session refused: errorCode 3", 0.0)]
    assert told.states == [SYNCING, SYNCED, DOWN, SYNCING, SYNCED]


async def test_a_disconnect_before_anything_was_told_takes_a_new_login(vendor: Vendor, follow: Follow) -> None:
    vendor.closes_at_once = True
    async with follow(vendor) as feed:
        await until(lambda: len(vendor.logins) == 3)
        vendor.closes_at_once = False
        await until(lambda: feed.problem is None)


# --- the token ----------------------------------------------------------------------------------------------------


async def test_a_token_is_renewed_before_it_expires(vendor: Vendor, follow: Follow, told: Told) -> None:
    vendor.expiry = lambda: expiring(1.0) if not vendor.refreshes else None
    async with follow(vendor) as feed:
        await until(lambda: len(vendor.peers) == 2 and feed.problem is None)
        assert vendor.refreshes == ["Bearer refresh-1-0"]
        assert [peer.query["token"] for peer in vendor.peers] == ["token+/=1&0", "token+/=1&1"]
        await until(lambda: vendor.open == {vendor.peer})
    assert told.states == [SYNCING, SYNCED, SYNCING, SYNCED]
    assert told.all(FeedLost) == []
    assert len(vendor.logins) == 1


async def test_a_refused_refresh_takes_a_new_login_while_the_feed_goes_on(
    vendor: Vendor, follow: Follow, told: Told
) -> None:
    vendor.expiry = lambda: expiring(1.0) if not vendor.refreshes else None
    vendor.refresh_status = 401
    async with follow(vendor) as feed:
        await until(lambda: feed.problem is None)
        vendor.login_status = 503
        await until(lambda: len(vendor.logins) == 4)
        await vendor.peer.emit("ExtensionEvent", new_call("c"))
        await until(lambda: calls(told) == ["c"])
        assert (feed.problem, len(vendor.peers)) == (None, 1)
        vendor.login_status = 200
        await until(lambda: len(vendor.peers) == 2 and feed.problem is None)
    assert told.states == [SYNCING, SYNCED, SYNCING, SYNCED]
    assert told.all(LoginFailed)[0] == LoginFailed("token refresh: HTTP 401", False, 0.0)


async def test_an_expiry_in_the_past_starts_no_chase(vendor: Vendor, follow: Follow) -> None:
    vendor.expiry = lambda: expiring(-3600)
    async with follow(vendor) as feed:
        await until(lambda: feed.problem is None)
        await asyncio.sleep(0.2)
    assert (len(vendor.logins), len(vendor.refreshes), len(vendor.peers)) == (1, 0, 1)


# --- keeping alive ------------------------------------------------------------------------------------------------


async def test_silence_is_broken_by_keepalive_with_the_token(vendor: Vendor, follow: Follow, told: Told) -> None:
    async with follow(vendor, keepalive_s=0.6) as feed:
        await until(lambda: feed.problem is None and len(vendor.peer.named("keepalive")) >= 4)
        assert set(vendor.peer.named("keepalive")) == {"token+/=1&0"}
    assert told.states == [SYNCING, SYNCED]


async def test_a_keepalive_refused_takes_a_new_login(vendor: Vendor, follow: Follow, told: Told) -> None:
    vendor.keepalive_code = 4
    async with follow(vendor, keepalive_s=1.0):
        await until(lambda: len(vendor.logins) == 2)
    assert told.all(FeedLost)[0].why == "session refused: errorCode 4"


async def test_a_silent_server_is_stale_and_left_for_the_next(vendor: Vendor, follow: Follow, told: Told) -> None:
    vendor.keepalive_code = None
    async with Vendor().running() as second:
        vendor.servers = [vendor.url, second.url]
        async with follow(vendor, keepalive_s=0.6) as feed:
            await until(lambda: feed.server == second.url and feed.problem is None)
            assert vendor.peer.named("keepalive") == ["token+/=1&0"]
    assert told.states == [SYNCING, SYNCED, STALE, SYNCING, SYNCED]


async def test_a_server_without_a_snapshot_is_asked_and_then_left(vendor: Vendor, follow: Follow, told: Told) -> None:
    vendor.greeting = [("AllExtensionsStatus", {"errorCode": 9})]
    async with follow(vendor, snapshot_within_s=1.0) as feed:
        await until(lambda: feed.problem is None)
        assert vendor.peer.named("resync") == [{"cache": False}]
    assert told.all(FeedLost) == []


async def test_a_server_that_never_sends_a_snapshot_is_left(vendor: Vendor, follow: Follow, told: Told) -> None:
    vendor.greeting, vendor.resyncs = vendor.greeting[:2], False
    async with follow(vendor, snapshot_within_s=0.3):
        await until(lambda: told.all(FeedLost))
    assert told.all(FeedLost)[0].why == "no snapshot within 0 s"


async def test_a_half_open_connection_is_noticed_by_its_heartbeat(vendor: Vendor, follow: Follow, told: Told) -> None:
    vendor.pongs = False
    async with follow(vendor, heartbeat_s=0.4) as feed:
        await until(lambda: feed.problem is None)
        synced_s = time.monotonic()
        await until(lambda: told.all(FeedLost))
        assert time.monotonic() - synced_s < 10
    assert told.all(FeedLost)[0].why == "server does not answer pings"


def test_by_default_a_half_open_connection_is_noticed_within_20_s(vendor: Vendor) -> None:
    rounding_s = 2  # aiohttp rounds both timers up to whole seconds
    assert settings_for(vendor).heartbeat_s * 1.5 + rounding_s <= 20


async def test_the_time_limits_of_the_http_session_do_not_end_the_feed(vendor: Vendor, told: Told) -> None:
    limits = aiohttp.ClientTimeout(total=0.3, sock_read=0.3)
    async with aiohttp.ClientSession(timeout=limits) as http:
        feed = Feed(settings_for(vendor), http, SystemClock(), random.Random(1), told.learn, told)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(feed.run(), 1.2)
    assert told.states == [SYNCING, SYNCED]
    assert told.all(FeedLost) == []


# --- lost and found -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["close", "reset", "leave", "engine close"])
async def test_a_lost_feed_comes_back_at_once(vendor: Vendor, follow: Follow, told: Told, way: str) -> None:
    async with follow(vendor, retry_first_s=30.0) as feed:
        await until(lambda: feed.problem is None)
        if way == "close":
            await vendor.peer.close()
        elif way == "reset":
            vendor.peer.reset()
        else:
            await vendor.peer.ws.send_str("41" if way == "leave" else "1")
        await until(lambda: len(vendor.peers) == 2 and feed.problem is None)
    assert told.states == [SYNCING, SYNCED, DOWN, SYNCING, SYNCED]
    assert [lost.retry_in_s for lost in told.all(FeedLost)] == [0.0]
    assert len(vendor.logins) == 1


async def test_a_server_that_drops_again_and_again_is_not_hammered(
    vendor: Vendor, follow: Follow, told: Told
) -> None:
    async with follow(vendor) as feed:
        for n in range(5):
            await until(lambda n=n: len(vendor.peers) == n + 1 and feed.problem is None)  # type: ignore[misc]
            vendor.peer.reset()
            await until(lambda n=n: len(told.all(FeedLost)) == n + 1)  # type: ignore[misc]
    waits_s = [lost.retry_in_s for lost in told.all(FeedLost)]
    assert waits_s[0] == 0.0
    assert all(
        longest / 2 <= wait <= longest for wait, longest in zip(waits_s[1:], [0.05, 0.1, 0.2, 0.2], strict=True)
    )


async def test_after_a_good_while_the_way_back_starts_at_once_again(
    vendor: Vendor, follow: Follow, told: Told
) -> None:
    async with follow(vendor, settled_s=0.0) as feed:
        for n in range(3):
            await until(lambda n=n: len(vendor.peers) == n + 1 and feed.problem is None)  # type: ignore[misc]
            vendor.peer.reset()
            await until(lambda n=n: len(told.all(FeedLost)) == n + 1)  # type: ignore[misc]
    assert [lost.retry_in_s for lost in told.all(FeedLost)] == [0.0, 0.0, 0.0]


async def test_the_servers_are_taken_in_their_order_and_round_again(
    vendor: Vendor, follow: Follow, told: Told, unused_tcp_port: int
) -> None:
    dead = f"http://127.0.0.1:{unused_tcp_port}"
    async with Vendor().running() as third:
        vendor.servers = [vendor.url, dead, third.url]
        async with follow(vendor, retry_first_s=30.0) as feed:
            await until(lambda: feed.problem is None)
            assert feed.server == vendor.url
            vendor.peer.reset()
            await until(lambda: feed.server == third.url and feed.problem is None)
            third.peer.reset()
            await until(lambda: feed.server == vendor.url and feed.problem is None)
    lost = [(lost.server, lost.retry_in_s) for lost in told.all(FeedLost)]
    assert lost == [(vendor.url, 0.0), (dead, 0.0), (third.url, 0.0)]


async def test_from_another_server_that_was_good_for_a_while_the_way_leads_back_to_the_first(
    vendor: Vendor, follow: Follow, unused_tcp_port: int
) -> None:
    async with Vendor().running() as second:
        vendor.servers = [vendor.url, second.url, f"http://127.0.0.1:{unused_tcp_port}"]
        async with follow(vendor, settled_s=0.0) as feed:
            await until(lambda: feed.problem is None)
            vendor.peer.reset()
            await until(lambda: feed.server == second.url and feed.problem is None)
            second.peer.reset()
            await until(lambda: feed.server == vendor.url and feed.problem is None)


async def test_with_a_new_token_it_is_the_first_server_again(vendor: Vendor, follow: Follow) -> None:
    async with Vendor().running() as second:
        vendor.servers = [vendor.url, second.url]
        vendor.expiry = lambda: expiring(2.0) if not vendor.refreshes else None
        async with follow(vendor) as feed:
            await until(lambda: feed.problem is None)
            vendor.peer.reset()
            await until(lambda: feed.server == second.url and feed.problem is None)
            await until(lambda: bool(vendor.refreshes) and feed.server == vendor.url and feed.problem is None)


async def test_a_token_goes_to_no_server_in_clear(vendor: Vendor, follow: Follow, told: Told) -> None:
    vendor.servers = ["http://monitor.example", vendor.url]
    async with follow(vendor) as feed:
        await until(lambda: feed.problem is None)
        assert feed.server == vendor.url
    assert not told.all(FeedLost)


async def test_a_login_that_names_servers_in_clear_alone_is_none_unless_they_are_allowed(
    vendor: Vendor, follow: Follow, told: Told
) -> None:
    vendor.servers = ["http://monitor.example"]
    async with follow(vendor) as feed:
        await until(lambda: told.all(LoginFailed))
        assert feed.problem == 'login not possible: all servers are http://, which takes allow_http = "yes"'
    async with follow(vendor, allow_http=True) as feed:
        await until(lambda: told.all(LoginDone))


async def test_with_no_server_to_be_had_the_list_is_asked_for_again(
    vendor: Vendor, follow: Follow, told: Told, unused_tcp_port: int
) -> None:
    vendor.servers = [f"http://127.0.0.1:{unused_tcp_port}"]
    async with follow(vendor) as feed:
        await until(lambda: len(told.all(FeedLost)) >= 2)
        assert feed.server is None
        vendor.servers = None
        await until(lambda: feed.problem is None)


async def test_a_login_server_that_is_away_does_not_keep_it_from_the_monitors(
    vendor: Vendor, follow: Follow, told: Told
) -> None:
    async with follow(vendor) as feed:
        await until(lambda: feed.problem is None)
        vendor.login_status, vendor.handshake_status = 503, 502
        vendor.peer.reset()
        await until(lambda: len(vendor.logins) >= 3)
        vendor.handshake_status = 101
        await until(lambda: feed.problem is None)
    assert told.states == [SYNCING, SYNCED, DOWN, SYNCING, SYNCED]


@pytest.mark.parametrize(
    "frame",
    [
        *["", "9", "x", "4", "4x", "42", "42{}", "42[]", "42[7]", '42["ExtensionEvent",{', "40[]", "43{}", "49"],
        *["451-x", "4[]", "b!", "2" * 5000, "42" + "[" * 100_000],
        '451-["ExtensionEvent",{"_placeholder":true,"num":7}]',
    ],
    ids=lambda frame: frame[:20],
)
async def test_garbage_ends_the_connection_and_nothing_else(
    vendor: Vendor, follow: Follow, told: Told, frame: str
) -> None:
    async with follow(vendor) as feed:
        await until(lambda: feed.problem is None)
        await vendor.peer.ws.send_str(frame)
        await vendor.peer.ws.send_bytes(b"\x00")
        await until(lambda: len(vendor.peers) == 2 and feed.problem is None)
    assert told.states == [SYNCING, SYNCED, DOWN, SYNCING, SYNCED]


@pytest.mark.parametrize(
    "opening",
    [
        "",
        "40",
        "0",
        "0[]",
        '0{"sid":"s"}',
        '0{"sid":"s","pingInterval":"x"}',
        '0{"sid":"s","pingInterval":0,"pingTimeout":0}',
        "hello",
    ],
)
async def test_a_server_that_opens_with_garbage_is_passed_by(
    vendor: Vendor, follow: Follow, told: Told, opening: str
) -> None:
    vendor.opening = opening
    async with follow(vendor) as feed:
        await until(lambda: told.all(FeedLost))
        vendor.opening = None
        await until(lambda: feed.problem is None)


async def test_a_server_that_opens_with_nothing_is_passed_by(vendor: Vendor, follow: Follow, told: Told) -> None:
    vendor.opening = "wait"
    async with follow(vendor, connect_timeout_s=0.2):
        await until(lambda: told.all(FeedLost))
    assert told.all(FeedLost)[0].why == "no answer in time"


async def test_a_message_over_the_bound_is_named(vendor: Vendor, follow: Follow, told: Told) -> None:
    async with follow(vendor, max_message_bytes=10_000) as feed:
        await until(lambda: feed.problem is None)
        await vendor.peer.emit("x", "x" * 20_000)
        await until(lambda: told.all(FeedLost))
    assert told.all(FeedLost)[0].why == "message is longer than allowed"


# --- its own behaviour --------------------------------------------------------------------------------------------


async def test_a_bug_in_what_it_tells_is_not_swallowed(
    vendor: Vendor, http: aiohttp.ClientSession, told: Told
) -> None:
    def stumble(fact: Fact) -> None:
        if isinstance(fact, ExtensionSeen):
            raise TypeError("a bug")

    feed = Feed(settings_for(vendor), http, SystemClock(), random.Random(1), stumble, told)
    vendor.greeting.append(("ExtensionEvent", new_call("c")))
    with pytest.raises(BaseExceptionGroup) as group:
        await asyncio.wait_for(feed.run(), 10)
    assert group.group_contains(TypeError, match="a bug")


@pytest.mark.parametrize("state", ["following", "connecting", "waiting", "logging in", "half-open"])
async def test_cancelled_it_ends_promptly_and_leaves_nothing(
    vendor: Vendor, http: aiohttp.ClientSession, told: Told, state: str
) -> None:
    settings = settings_for(vendor)
    before = asyncio.all_tasks()
    if state == "connecting":
        vendor.opening = "wait"
    if state == "waiting":
        vendor.login_status = 401
    if state == "logging in":
        vendor.login_status = 0
    feed = Feed(settings, http, SystemClock(), random.Random(1), told.learn, told)
    run = asyncio.create_task(feed.run())
    await until(lambda: vendor.logins)
    if state in ("connecting", "following", "half-open"):
        await until(lambda: vendor.open)
    if state in ("following", "half-open"):
        await until(lambda: feed.problem is None)
    if state == "half-open":
        assert vendor.peer.request.transport is not None
        vendor.peer.request.transport.pause_reading()
    ours = asyncio.all_tasks() - before
    started_s = time.monotonic()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert time.monotonic() - started_s < 5
    assert feed.server is None
    await until(lambda: not [task for task in ours & asyncio.all_tasks() if "orchestrator" in repr(task)])


async def test_no_secret_and_no_payload_is_told_or_logged(
    vendor: Vendor, follow: Follow, told: Told, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    async with follow(vendor) as feed:
        await until(lambda: feed.problem is None)
        vendor.handshake_status = 500
        await vendor.peer.emit("ExtensionEvent", new_call("c"))
        await vendor.peer.ws.send_str('42["ExtensionEvent",{"callername":"somebody"')
        await until(lambda: len(told.all(FeedLost)) == 3)
        problem = feed.problem
    captured = capfd.readouterr()
    said = f"{problem} {told.notices} {captured.out} {captured.err} " + " ".join(
        record.getMessage() for record in caplog.records if record.name != "aiohttp.access"
    )
    for secret in ("secret-token", "token+", "token%2B", "refresh-1", "somebody", "0000000000"):
        assert secret not in said
