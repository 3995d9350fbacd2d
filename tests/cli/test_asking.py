"""`sections`, `calls` and `end-section` against a real server."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from orchestrator.web.gate import OPERATE, PAGE, READ, WRITE
from orchestrator.web.health import health_app, serve, tls_context
from orchestrator.web.ports import Clash, Order, Refusal, Shut, Unfit, Unheard
from tests.certificate import certificate_in
from tests.cli.centre import Centre, call, section
from tests.cli.command import Result, command
from tests.web.desk import refusal, site
from tests.web.test_board import Site
from tests.web.test_board import site as page
from tests.web.test_gate import token

AT, TOKEN = "MUTE_ORCHESTRATOR_URL", "MUTE_ORCHESTRATOR_TOKEN"
EVERYWHERE = "0.0.0.0"
LISTS = ("sections", "calls")


@asynccontextmanager
async def answering(handler: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[str]:
    """A server that is no daemon."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with serve(app, "127.0.0.1", 0) as url:
        yield url


def told(result: Result) -> str:
    """The one sentence of a command that could not ask."""
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("mute-orchestrator: ")
    (line,) = result.err.splitlines()
    return line


async def test_lists_are_json_lines_where_no_terminal_is() -> None:
    desk = Centre(active=[section("pay", "protected")], up=[call("c1", "verified", "pay"), call("c2", None)])
    async with site(desk) as on:
        sections, calls = await command("sections", "--url", on.url), await command("calls", environ={AT: on.url})
        assert (sections.code, sections.err, calls.code, calls.err) == (0, "", 0, "")
        assert json.loads(sections.out)["state"] == "protected"
        assert [json.loads(line)["ivrid"] for line in calls.out.splitlines()] == ["c1", "c2"]
        await command("sections", "--url", on.url, "--account", "main")
        assert desk.asked_of == [None, "main"]


async def test_the_address_is_where_the_configuration_says_that_the_daemon_listens(tmp_path: Path) -> None:
    async with site(Centre()) as on:
        file = tmp_path / "orchestrator.toml"
        port = on.url.rpartition(":")[2]
        secret = 'token_file = "/nowhere"'
        file.write_text(f'[http]\nhost = "0.0.0.0"\nport = {port}\n[accounts.main]\nlogin_type = "token"\n{secret}\n')
        assert (await command("sections", "--config", str(file), environ={AT: "http://127.0.0.1:1"})).code == 0
        assert (await command("sections", environ={"ORCHESTRATOR_HTTP__PORT": port})).code == 0


async def test_a_certificate_of_the_configuration_is_trusted_and_no_other(tmp_path: Path) -> None:
    (other := tmp_path / "other").mkdir()
    pair, wrong = certificate_in(tmp_path), certificate_in(other, "other")
    handler = health_app(dict, lambda: b"")
    handler.router.add_get("/v1/sections", _no_sections)
    async with serve(handler, "127.0.0.1", 0, tls_context(*pair)) as url:
        environ = {"ORCHESTRATOR_HTTP__PORT": url.rpartition(":")[2], "ORCHESTRATOR_HTTP__TLS_CERT": str(pair[0])}
        assert (await command("sections", environ=environ)).code == 0
        result = await command("sections", environ=environ | {"ORCHESTRATOR_HTTP__TLS_CERT": str(wrong[0])})
        assert "certificate is not the one" in told(result)
        assert "vouches" in told(await command("sections", "--url", url))
        assert "https" in told(await command("sections", "--url", url.replace("https", "http")))


async def _no_sections(_request: web.Request) -> web.Response:
    return web.json_response({"sections": []})


async def test_a_token_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("readerreader\n")
    async with site(Centre(), [token("reader", READ)], EVERYWHERE) as on:
        assert (await command("sections", "--url", on.url, environ={TOKEN: "readerreader"})).code == 0
        assert (await command("sections", "--url", on.url, "--token-file", str(file))).code == 0


async def test_who_may_not_is_told_which_token_is_needed() -> None:
    async with site(Centre(), [token("reader", READ), token("writer", WRITE)], EVERYWHERE) as on:
        none = told(await command("sections", "--url", on.url))
        assert "MUTE_ORCHESTRATOR_TOKEN" in none
        assert "--token-file" in none
        unknown = told(await command("sections", "--url", on.url, environ={TOKEN: "wrongwrong"}))
        assert "does not know this token" in unknown
        assert "wrongwrong" not in unknown
        assert 'lacks the scope "read"' in told(
            await command("calls", "--url", on.url, environ={TOKEN: "writerwriter"})
        )
    async with page([token("viewer", PAGE)], EVERYWHERE) as at:
        ending = await command("end-section", "pay", "--yes", "--url", at.url, environ={TOKEN: "viewerviewer"})
        assert 'lacks the scope "operate"' in told(ending)


@pytest.mark.parametrize(
    ("arguments", "environ", "names"),
    [
        (["--url", "ftp://x"], {}, "--url"),
        (["--url", "http://a..b"], {}, "--url"),
        (["--url", "http://a b"], {}, "--url"),
        (["--url", "http://user:hush@127.0.0.1"], {}, "--url"),
        ([], {AT: "127.0.0.1:8080"}, AT),
        (["--url", "http://mute.example.com"], {TOKEN: "hush"}, "https"),
        ([], {TOKEN: "hush\nhush"}, TOKEN),
        (["--token-file", "/nowhere"], {}, "/nowhere"),
        ([], {"ORCHESTRATOR_HTTP__PORT": "0"}, "--url"),
        ([], {"ORCHESTRATOR_HTTP__TLS_CERT": "/nowhere"}, "http.tls_cert"),
    ],
)
async def test_an_address_or_token_of_no_use_is_2_and_repeats_no_secret(
    arguments: list[str], environ: dict[str, str], names: str
) -> None:
    result = await command("sections", *arguments, environ=environ)
    assert (result.code, result.out) == (2, "")
    assert names in result.err
    assert "hush" not in result.err
    assert "Traceback" not in result.err


async def test_a_configuration_that_says_no_address_is_78() -> None:
    result = await command("sections", environ={"ORCHESTRATOR_HTTP__PORT": "many"})
    assert result.code == 78
    assert "http.port" in result.err


@pytest.mark.parametrize("name", LISTS)
async def test_nobody_there_names_the_address(name: str) -> None:
    assert "http://127.0.0.1:1 cannot be reached" in told(await command(name, "--url", "http://127.0.0.1:1"))


@pytest.mark.parametrize("status", [200, 302, 404, 500])
async def test_what_is_no_daemon_is_said_to_be_none_and_no_redirect_is_followed(status: int) -> None:
    async def page(request: web.Request) -> web.Response:
        assert request.path != "/elsewhere"
        return web.Response(
            status=status, text="<html>", content_type="text/html", headers={"Location": "/elsewhere"}
        )

    async with answering(page) as url:
        assert f"what answers at {url} is no mute-orchestrator" in told(await command("sections", "--url", url))


async def test_another_programs_json_is_no_list_of_ours() -> None:
    async def page(_request: web.Request) -> web.Response:
        return web.json_response({"hello": "world"})

    async with answering(page) as url:
        assert "no mute-orchestrator" in told(await command("calls", "--url", url))


async def test_a_refusal_is_told_in_the_daemons_words() -> None:
    async with site(Centre(refuses=refusal(Unfit))) as on:
        assert "said why" in told(await command("sections", "--url", on.url))
    async with site(Centre(refuses=refusal(Shut))) as on:
        assert "cannot tell now: said why" in told(await command("sections", "--url", on.url))


async def test_check_is_3_where_a_section_is_exposed_and_names_it() -> None:
    desk = Centre(active=[section("fine", "protected"), section("pay-1", "exposed"), section("pay-2", "exposed")])
    async with site(desk) as on:
        result = await command("sections", "--check", "--url", on.url)
        assert (result.code, result.out, result.err) == (3, "exposed: pay-1, pay-2\n", "")
        desk.active = [section("fine", "protected")]
        result = await command("sections", "--check", "--url", on.url)
        assert (result.code, result.out, result.err) == (0, "none of 1 sections is exposed\n", "")


async def test_check_is_1_where_the_daemon_may_not_know_and_says_why() -> None:
    desk = Centre(active=[section("fine", "protected")])
    async with site(desk, unready={"main": "feed: down", "crm": "not heard"}) as on:
        result = await command("sections", "--check", "--url", on.url)
        assert (result.code, result.out, result.err) == (1, "not ready: main: feed: down; crm: not heard\n", "")
        desk.active = [section("pay", "exposed")]
        result = await command("sections", "--check", "--url", on.url)
        assert (result.code, result.out) == (3, "exposed: pay\n")


async def ends(on: Site, *arguments: str) -> Result:
    return await command("end-section", *arguments, "--url", on.url)


async def test_a_section_is_ended_by_hand_whatever_its_name_and_the_audit_is_told_who_and_why() -> None:
    async with page([token("amira", PAGE, OPERATE)], EVERYWHERE) as on:
        why = ("--reason", "left_muted", "--ticket", "INC-7", "--account", "main")
        environ = {TOKEN: "amiraamira"}
        result = await command("end-section", "a/b c?☎%2F", "--yes", *why, "--url", on.url, environ=environ)
        assert (result.code, result.out, result.err) == (0, "a/b c?☎%2F has ended\n", "")
        assert on.hand.done == [("end", "a/b c?☎%2F", Order("amira", "left_muted", "INC-7", "main"))]


async def test_why_may_be_left_out_and_must_be_a_reason() -> None:
    async with page() as on:
        assert (await ends(on, "pay", "--yes", "--reason", "whim")).code == 2
        assert (await ends(on, "pay", "--yes")).code == 0
        assert on.hand.done == [("end", "pay", Order("loopback", "other", None, None))]


@pytest.mark.parametrize("kind", [Unheard, Clash])
async def test_a_section_that_is_not_known_or_cannot_be_ended_is_1_and_says_why(kind: type[Refusal]) -> None:
    async with page() as on:
        on.hand.refuses = refusal(kind)
        assert f"{on.url} refuses: said why" in told(await ends(on, "pay", "--yes"))


async def test_an_end_that_redis_does_not_have_yet_says_so() -> None:
    async def unsaved(_request: web.Request) -> web.Response:
        return web.json_response({"saved": False})

    async with answering(unsaved) as url:
        result = await command("end-section", "pay", "--yes", "--url", url)
        assert (result.code, "Redis does not have that yet" in result.out) == (0, True)


async def test_nothing_is_ended_unasked_where_nobody_can_be_asked() -> None:
    async with page() as on:
        result = await ends(on, "pay")
        assert (result.code, result.out) == (2, "")
        assert "--yes" in result.err
        assert (await ends(on, "", "--yes")).code == 2
        assert on.hand.done == []


@pytest.mark.parametrize("section_id", [".", "..", "a/../b"])
async def test_a_name_that_looks_like_a_path_is_a_name(section_id: str) -> None:
    async with page() as on:
        result = await ends(on, section_id, "--yes")
        assert (result.code, result.err) == (0, "")
        assert [done[1] for done in on.hand.done] == [section_id]
