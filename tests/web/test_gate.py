"""Who may use the API, over real sockets."""

import asyncio
import hashlib
import hmac
from collections.abc import Iterable

import pytest

from orchestrator.engine.notices import RequestRefused
from orchestrator.web.gate import READ, WRITE, Token
from tests.web.desk import Site, site

EVERYWHERE = "0.0.0.0"
ASKED = [
    ("PUT", "/v1/sections/pay", WRITE),
    ("DELETE", "/v1/sections/pay", WRITE),
    ("GET", "/v1/sections", READ),
    ("GET", "/v1/sections/pay", READ),
    ("GET", "/v1/extensions/s1", READ),
    ("GET", "/v1/calls", READ),
]


def token(name: str, *scopes: str) -> Token:
    """Its text is its name, said twice."""
    return Token(name, hashlib.sha256(f"{name}{name}".encode()).hexdigest(), frozenset(scopes))


TOKENS = [token("writer", WRITE), token("reader", READ), token("pager", "page"), token("both", WRITE, READ)]


def bearing(text: str) -> dict[str, str]:
    return {"Authorization": text}


def refusals(on: Site) -> Iterable[str]:
    return [told.why for told in on.book.told if isinstance(told, RequestRefused)]


@pytest.mark.parametrize(("method", "path", "scope"), ASKED)
async def test_each_request_needs_its_own_scope(method: str, path: str, scope: str) -> None:
    async with site(tokens=TOKENS, host=EVERYWHERE) as on:
        for one in TOKENS:
            headers = bearing(f"Bearer {one.name}{one.name}")
            got = await on.ask(method, path, headers=headers, json={})
            assert got.status in ((200, 202) if scope in one.scopes else (403,)), one.name
            if got.status == 403:
                assert got.headers["WWW-Authenticate"].endswith(f'error="insufficient_scope", scope="{scope}"')
                assert scope in got.document["detail"]
        assert refusals(on) == ["scope missing", "scope missing"]


@pytest.mark.parametrize(
    "text", ["", "Bearer", "Bearer ", "Basic cmVhZGVyOnJlYWRlcg==", "readerreader", "Token readerreader"]
)
async def test_without_a_token_it_is_401_and_says_which_scheme(text: str) -> None:
    async with site(tokens=TOKENS) as on:
        got = await on.problem(401, "GET", "/v1/calls", headers=bearing(text))
        assert got.headers["WWW-Authenticate"] == 'Bearer realm="mute-orchestrator"'
        assert refusals(on) == ["no token"]


@pytest.mark.parametrize("text", ["reader", "readerreaderr", "READERREADER", "ö", "a b", TOKENS[1].sha256])
async def test_a_token_that_is_none_of_ours_is_401(text: str) -> None:
    async with site(tokens=TOKENS) as on:
        got = await on.problem(401, "GET", "/v1/calls", headers=bearing(f"Bearer {text}"))
        assert got.headers["WWW-Authenticate"] == 'Bearer realm="mute-orchestrator", error="invalid_token"'
        assert text not in got.text
        assert refusals(on) == ["unknown token"]


@pytest.mark.parametrize(("text", "status"), [("writerwriter", 403), ("nobodynobody", 401)])
async def test_each_token_is_compared_in_a_time_that_tells_nothing(
    text: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever it is, and however near: no comparison stops at the first difference."""
    compared: list[str] = []
    constant_time = hmac.compare_digest

    def noted(given: str, configured: str) -> bool:
        compared.append(configured)
        return constant_time(given, configured)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    async with site(tokens=TOKENS) as on:
        assert (await on.ask("GET", "/v1/calls", headers=bearing(f"Bearer {text}"))).status == status
    assert compared == [one.sha256 for one in TOKENS]


async def test_bytes_that_are_no_text_are_no_token() -> None:
    async with site(tokens=TOKENS) as on:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(on.url.rpartition(":")[2]))
        writer.write(b"GET /v1/calls HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\xfe\r\n\r\n")
        assert await reader.readuntil(b"\r\n") == b"HTTP/1.1 401 Unauthorized\r\n"
        writer.close()


async def test_the_word_bearer_may_be_written_as_one_likes() -> None:
    async with site(tokens=TOKENS) as on:
        assert (await on.ask("GET", "/v1/calls", headers=bearing("bearer  readerreader "))).status == 200


async def test_a_token_in_the_address_does_not_count() -> None:
    async with site(tokens=TOKENS) as on:
        await on.problem(401, "GET", "/v1/calls?access_token=readerreader")


@pytest.mark.parametrize(("method", "path", "scope"), ASKED)
async def test_without_tokens_it_is_open_on_loopback_and_shut_elsewhere(method: str, path: str, scope: str) -> None:
    async with site() as on:
        assert (await on.ask(method, path, json={})).status in (200, 202)
    async with site(host=EVERYWHERE) as on:
        got = await on.problem(403, method, path, json={})
        assert "mute-orchestrator token" in got.document["detail"]
        assert not on.desk.handed_in


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "localhost:1", "[::1]:8080", "LOCALHOST"])
async def test_open_to_who_calls_us_by_a_name_of_this_machine(host: str) -> None:
    async with site() as on:
        assert (await on.ask("GET", "/v1/calls", headers={"Host": host})).status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "localhost.evil.example", "10.0.0.1", ""])
async def test_shut_to_a_page_that_was_led_here_under_another_name(host: str) -> None:
    """A browser on this machine calls us by whatever name its page's owner has point to us."""
    async with site() as on:
        await on.problem(403, "GET", "/v1/calls", headers={"Host": host})
        assert refusals(on) == ["another host named"]


async def test_the_pages_for_machines_ask_for_no_token() -> None:
    for tokens in (TOKENS, []):
        async with site(tokens=tokens, host=EVERYWHERE) as on:
            for path in ("/livez", "/readyz", "/metrics"):
                assert (await on.ask("GET", path)).status == 200
