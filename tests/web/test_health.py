"""The pages for machines, over real sockets."""

import socket
import ssl
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from orchestrator.web.health import CannotListen, health_app, serve, tls_context
from tests.certificate import certificate_in


async def got(url: str) -> tuple[int, str, Mapping[str, str]]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text(), response.headers


async def test_alive_while_the_loop_runs_even_if_nothing_is_ready() -> None:
    async with serve(health_app(lambda: {"redis": "away"}, lambda: b""), "127.0.0.1", 0) as url:
        status, text, _ = await got(f"{url}/livez")
    assert (status, text) == (200, "ok\n")


async def test_ready_when_nothing_is_in_the_way() -> None:
    async with serve(health_app(dict, lambda: b""), "127.0.0.1", 0) as url:
        status, text, headers = await got(f"{url}/readyz")
    assert (status, text) == (200, '{"ready": true, "problems": {}}')
    assert headers["Cache-Control"] == "no-store"


async def test_not_ready_names_each_thing_and_why() -> None:
    problems = {"main": "the feed is down", "crm": "not subscribed"}
    async with serve(health_app(lambda: problems, lambda: b""), "127.0.0.1", 0) as url:
        status, text, _ = await got(f"{url}/readyz")
        assert (status, text) == (
            503,
            '{"ready": false, "problems": {"main": "the feed is down", "crm": "not subscribed"}}',
        )
        problems.clear()
        assert (await got(f"{url}/readyz"))[0] == 200


async def test_metrics_are_served_as_prometheus_text() -> None:
    async with serve(health_app(dict, lambda: b"up 1\n"), "127.0.0.1", 0) as url:
        status, text, headers = await got(f"{url}/metrics")
    assert (status, text) == (200, "up 1\n")
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_nothing_else_is_served() -> None:
    async with serve(health_app(dict, lambda: b""), "127.0.0.1", 0) as url:
        assert (await got(f"{url}/"))[0] == 404


async def test_a_port_that_is_taken_is_told_in_plain_words() -> None:
    app = health_app(dict, lambda: b"")
    async with serve(app, "127.0.0.1", 0) as url:
        port = int(url.rsplit(":", 1)[1])
        with pytest.raises(CannotListen, match=rf"127\.0\.0\.1:{port} \(http\.host, http\.port\): taken by another"):
            async with serve(health_app(dict, lambda: b""), "127.0.0.1", port):
                pass


async def test_an_address_of_another_machine_is_told_too() -> None:
    with pytest.raises(CannotListen, match="not an address of this machine"):
        async with serve(health_app(dict, lambda: b""), "192.0.2.1", 0):
            pass


async def test_the_port_is_free_again_afterwards() -> None:
    async with serve(health_app(dict, lambda: b""), "127.0.0.1", 0) as url:
        port = int(url.rsplit(":", 1)[1])
        await got(f"{url}/livez")
    with socket.socket() as again, pytest.raises(ConnectionRefusedError):
        again.connect(("127.0.0.1", port))


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
async def test_an_ipv6_address_comes_back_in_brackets() -> None:
    try:
        async with serve(health_app(dict, lambda: b""), "::1", 0) as url:
            assert url.startswith("http://[::1]:")
            assert (await got(f"{url}/livez"))[0] == 200
    except CannotListen:
        pytest.skip("no IPv6 loopback here")


async def test_tls_is_spoken_where_there_is_a_certificate(tmp_path: Path) -> None:
    certificate, key = certificate_in(tmp_path)
    trusting = ssl.create_default_context(cafile=certificate)
    async with serve(health_app(dict, lambda: b""), "127.0.0.1", 0, tls_context(certificate, key)) as url:
        assert url.startswith("https://127.0.0.1:")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/livez", ssl=trusting, server_hostname="localhost") as response:
                assert await response.text() == "ok\n"
            with pytest.raises(aiohttp.ClientError):
                await session.get(url.replace("https", "http"))


@pytest.mark.parametrize(("spoilt", "why"), [("", "No such file or directory"), ("no key", "not a pair in PEM")])
def test_a_certificate_of_no_use_is_told_in_plain_words(tmp_path: Path, spoilt: str, why: str) -> None:
    certificate, key = certificate_in(tmp_path)
    key.unlink()
    if spoilt:
        key.write_text(spoilt)
    with pytest.raises(CannotListen, match=rf"tls\.key \(http\.tls_cert, http\.tls_key\): {why}"):
        tls_context(certificate, key)
