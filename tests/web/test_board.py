"""The page's part of the server, over real sockets, before a board and hands that do as the test says."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest

from orchestrator.engine.notices import RequestRefused
from orchestrator.web import board as page
from orchestrator.web import health
from orchestrator.web.board import board_app
from orchestrator.web.counting import counting
from orchestrator.web.files import PageFiles
from orchestrator.web.gate import OPERATE, PAGE, READ, WRITE, Gate, Token
from orchestrator.web.health import health_app, serve
from orchestrator.web.ports import BOARD, CHANGE, REASONS, Clash, Document, Event, Handed, Order, Over, Shut, Unheard
from orchestrator.web.problems import problems
from tests.engine.doubles import Notebook
from tests.stories.stage import until
from tests.web.desk import SITE
from tests.web.test_gate import EVERYWHERE, bearing, token

ORDERS = ["/v1/page/sections/pay/end", "/v1/page/calls/c1/mute", "/v1/page/calls/c1/release"]
WHY = {"reason": "drill"}


@dataclass
class FakeBoard:
    """Tells what the test puts in `telling`."""

    telling: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    readers: int = 0
    taken: int = 0
    operators: list[bool] = field(default_factory=list)
    refuses: Exception | None = None

    @contextmanager
    def follow(self, can_operate: bool) -> Iterator["FakeBoard"]:
        self.readers += 1
        self.operators.append(can_operate)
        try:
            yield self
        finally:
            self.readers -= 1

    async def next(self) -> Event:
        data = await self.telling.get()
        self.taken += 1
        return Event(BOARD if self.taken == 1 else CHANGE, self.taken, data)

    def call(self, ivrid: str, account: str | None) -> Document:
        if self.refuses:
            raise self.refuses
        return {"call": None, "legs": [], "timeline": [], "complete": False, "asked": [ivrid, account]}


@dataclass
class FakeHand:
    done: list[tuple[Any, ...]] = field(default_factory=list)
    refuses: Exception | None = None

    def end(self, section_id: str, order: Order) -> Handed:
        return self._do("end", section_id, order)

    def mute(self, ivrid: str, max_seconds: float, order: Order) -> Handed:
        return self._do("mute", ivrid, order, max_seconds)

    def release(self, ivrid: str, order: Order) -> Handed:
        return self._do("release", ivrid, order)

    def _do(self, *what: Any) -> Handed:
        if self.refuses:
            raise self.refuses
        self.done.append(what)

        async def kept() -> None:
            """At once."""

        return Handed("main", kept, {"did": what[0]})


@dataclass
class Site:
    url: str
    board: FakeBoard
    hand: FakeHand
    book: Notebook
    http: aiohttp.ClientSession

    async def order(self, path: str, body: Any = WHY, **headers: str) -> tuple[int, Any]:
        async with self.http.post(path, json=body, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    def refusals(self) -> list[str]:
        return [told.why for told in self.book.told if isinstance(told, RequestRefused)]


@asynccontextmanager
async def site(tokens: Sequence[Token] = (), host: str = SITE, folder: Path = Path("none")) -> AsyncIterator[Site]:
    board, hand, book = FakeBoard(), FakeHand(), Notebook()
    app = health_app(dict, bytes, counting(book), problems)
    app.add_routes(PageFiles(folder).routes())
    app.add_subapp("/v1/page", board_app(board, hand, Gate(tokens, host, book)))
    async with serve(app, SITE, 0) as url, aiohttp.ClientSession(url) as http:
        yield Site(url, board, hand, book, http)


async def event(response: aiohttp.ClientResponse) -> dict[str, str]:
    """The next one, field by field; a comment is the field without a name."""
    fields = {}
    async with asyncio.timeout(5):
        while line := (await response.content.readline()).decode().rstrip("\n"):
            name, _, value = line.partition(":")
            fields[name] = value.strip()
    return fields


class TestStream:
    async def test_it_begins_with_the_board_and_goes_on_with_changes(self) -> None:
        async with site() as on, on.http.get("/v1/page/stream") as response:
            assert (response.status, response.content_type) == (200, "text/event-stream")
            assert response.headers["Cache-Control"] == "no-store"
            on.board.telling.put_nowait(b'{"now":1}')
            on.board.telling.put_nowait(b'{"now":2}')
            first, second = await event(response), await event(response)
            assert (first["event"], first["data"]) == ("board", '{"now":1}')
            assert (second["event"], second["data"]) == ("change", '{"now":2}')
            assert first["id"].rpartition("-")[0] == second["id"].rpartition("-")[0]
            assert first["id"] != second["id"]

    async def test_one_that_comes_back_begins_with_the_board_under_another_name(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(page, "ALIVE_S", 0.01)
        async with site() as on:
            names = set()
            for _ in range(2):
                on.board.taken = 0
                on.board.telling.put_nowait(b"{}")
                async with on.http.get("/v1/page/stream", headers={"Last-Event-ID": "old-7"}) as response:
                    while "id" not in (told := await event(response)):
                        pass
                assert told["event"] == "board"
                names.add(told["id"])
                await until(lambda: on.board.readers == 0)
            assert len(names) == 2

    async def test_with_nothing_to_tell_it_says_that_it_is_alive(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(page, "ALIVE_S", 0.01)
        async with site() as on, on.http.get("/v1/page/stream") as response:
            assert await event(response) == {"": "alive"}

    async def test_who_leaves_is_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(page, "ALIVE_S", 0.01)
        async with site() as on:
            async with on.http.get("/v1/page/stream") as response:
                await event(response)
                assert on.board.readers == 1
                response.close()
            await until(lambda: on.board.readers == 0)

    async def test_one_too_many_is_told_to_come_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(page, "MOST_STREAMS", 1)
        async with site() as on, on.http.get("/v1/page/stream") as first:
            assert first.status == 200
            async with on.http.get("/v1/page/stream") as second:
                assert (second.status, second.content_type) == (503, "application/problem+json")
                assert second.headers["Retry-After"] == "1"
            assert on.board.readers == 1

    async def test_a_reader_that_takes_nothing_is_not_waited_for_and_fills_no_memory(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(page, "STUCK_S", 0.2)
        async with site() as on:
            for _ in range(1000):
                on.board.telling.put_nowait(b"x" * 100_000)
            reader, writer = await asyncio.open_connection(*on.url.removeprefix("http://").split(":"), limit=1)
            writer.write(b"GET /v1/page/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await until(lambda: on.board.taken > 0)
            await until(lambda: on.board.readers == 0)  # given up
            assert on.board.taken < 200  # what the sockets between us hold
            writer.close()
            assert reader is not None

    async def test_a_server_that_stops_waits_for_no_stream(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(health, "_CLOSE_WITHIN_S", 60.0)  # what it gives a request to end
        async with asyncio.timeout(10.0):
            async with site() as on, on.http.get("/v1/page/stream") as response:
                assert response.status == 200
                await until(lambda: on.board.readers == 1)
        assert on.board.readers == 0


class TestWhoMay:
    TOKENS = (token("viewer", PAGE), token("operator", PAGE, OPERATE), token("crm", READ, WRITE))

    async def test_to_look_on_needs_the_scope_page(self) -> None:
        async with site(self.TOKENS, EVERYWHERE) as on:
            for name, status in (("viewer", 200), ("operator", 200), ("crm", 403), ("no", 401)):
                headers = bearing(f"Bearer {name}{name}")
                async with on.http.get("/v1/page/stream", headers=headers) as response:
                    assert response.status == status, name
                async with on.http.get("/v1/page/calls/c1", headers=headers) as response:
                    assert response.status == status, name
            assert on.board.operators == [False, True]

    async def test_it_says_in_whose_name_one_looks_on(self) -> None:
        named = Token("עמירה ב", token("amira", PAGE).sha256, frozenset({PAGE}))
        token_sent = bearing("Bearer amiraamira")
        async with site((named,), EVERYWHERE) as on, on.http.get("/v1/page/stream", headers=token_sent) as response:
            assert unquote(response.headers["Token-Name"]) == named.name
        async with site() as on, on.http.get("/v1/page/stream") as response:
            assert response.headers["Token-Name"] == "loopback"

    @pytest.mark.parametrize("path", ORDERS)
    async def test_to_do_something_needs_the_scope_operate(self, path: str) -> None:
        async with site(self.TOKENS, EVERYWHERE) as on:
            for name, status in (("viewer", 403), ("crm", 403), ("no", 401)):
                assert (await on.order(path, Authorization=f"Bearer {name}{name}"))[0] == status
            assert not on.hand.done
            assert (await on.order(path, Authorization="Bearer operatoroperator"))[0] in (200, 202)
            assert on.hand.done[0][2].by == "operator"

    async def test_without_tokens_programs_on_this_machine_may_do_all(self) -> None:
        async with site() as on:
            assert (await on.order(ORDERS[0]))[0] == 200
            assert on.hand.done[0][2].by == "loopback"
            async with on.http.get("/v1/page/stream", headers={"Host": "evil.example"}) as response:
                assert response.status == 403

    @pytest.mark.parametrize("path", ORDERS)
    @pytest.mark.parametrize(
        "origin", ["https://evil.example", "null", "http://localhost.evil.example", "", "http://"]
    )
    async def test_another_sites_page_may_do_nothing(self, path: str, origin: str) -> None:
        async with site() as on:
            assert (await on.order(path, Origin=origin))[0] == 403
            assert not on.hand.done
            assert on.refusals() == ["another origin"]

    async def test_our_own_page_may(self) -> None:
        async with site() as on:
            assert (await on.order(ORDERS[0], Origin=on.url))[0] == 200

    @pytest.mark.parametrize("path", ORDERS)
    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
    async def test_what_a_form_of_another_site_could_send_is_refused(self, path: str, kind: str) -> None:
        async with site() as on:
            async with on.http.post(path, data=b'{"reason": "drill"}', headers={"Content-Type": kind}) as response:
                assert response.status == 415
            assert not on.hand.done


class TestByHand:
    async def test_who_and_why_are_handed_on(self) -> None:
        body = {"reason": "left_muted", "ticket": "INC-7", "account": "main"}
        order = Order("loopback", "left_muted", "INC-7", "main")
        async with site() as on:
            assert await on.order(ORDERS[0], body) == (200, {"did": "end", "saved": True})
            assert await on.order(ORDERS[1], body | {"max_seconds": 60}) == (202, {"did": "mute", "saved": True})
            assert await on.order(ORDERS[2], body) == (202, {"did": "release", "saved": True})
            assert on.hand.done == [("end", "pay", order), ("mute", "c1", order, 60.0), ("release", "c1", order)]

    async def test_a_mute_lasts_five_minutes_unless_said_otherwise(self) -> None:
        async with site() as on:
            await on.order(ORDERS[1])
            assert on.hand.done[0][3] == 300.0

    @pytest.mark.parametrize("reason", REASONS)
    async def test_each_of_the_reasons_is_one(self, reason: str) -> None:
        async with site() as on:
            assert (await on.order(ORDERS[0], {"reason": reason}))[0] == 200

    @pytest.mark.parametrize(
        ("body", "detail"),
        [
            ({}, "reason: not one of"),
            ({"reason": "Mrs Doe asked for it"}, "reason: not one of"),
            ({"reason": ["drill"]}, "reason: not one of"),
            ({"reason": "drill", "ticket": ""}, "ticket:"),
            ({"reason": "drill", "ticket": "Jane Doe"}, "ticket:"),
            ({"reason": "drill", "ticket": "0521234567"}, "ticket:"),
            ({"reason": "drill", "ticket": "050-123-4567"}, "ticket:"),
            ({"reason": "drill", "ticket": "4111.1111.1111.1111"}, "ticket:"),
            ({"reason": "drill", "ticket": "x-4111_1111--1111.1111"}, "ticket:"),
            ({"reason": "drill", "ticket": "x" * 41}, "ticket:"),
            ({"reason": "drill", "ticket": 7}, "ticket:"),
            ({"reason": "drill", "account": 7}, "account:"),
            ({"reason": "drill", "note": "Jane Doe"}, "1 unknown field"),
            ([], "not a JSON object"),
        ],
    )
    async def test_what_is_wrong_is_named_and_not_repeated(self, body: Any, detail: str) -> None:
        async with site() as on:
            for path in ORDERS:
                status, told = await on.order(path, body)
                assert (status, told["detail"][: len(detail)]) == (400, detail)
                assert "Doe" not in json.dumps(told)
            assert not on.hand.done

    @pytest.mark.parametrize("max_seconds", [0, -1, True, "60", None])
    async def test_a_time_that_is_none_is_refused(self, max_seconds: object) -> None:
        async with site() as on:
            status, told = await on.order(ORDERS[1], WHY | {"max_seconds": max_seconds})
            assert (status, told["detail"]) == (400, "max_seconds: not a number of seconds above 0")

    async def test_what_is_no_json_is_refused(self) -> None:
        async with site() as on:
            headers = {"Content-Type": "application/json"}
            for data in (b"{", b"\xff", b"[" * 60_000, b'{"reason": "drill", "max_seconds": NaN}'):
                async with on.http.post(ORDERS[1], data=data, headers=headers) as response:
                    assert response.status == 400

    async def test_refusals_have_their_status(self) -> None:
        refusals = [
            (Unheard("why"), 404),
            (Clash("why"), 409),
            (Over("why", "message", "then"), 410),
            (Shut("why"), 503),
        ]
        async with site() as on:
            for on.hand.refuses, status in refusals:
                assert (await on.order(ORDERS[0]))[0] == status
            on.board.refuses = Unheard("why")
            async with on.http.get("/v1/page/calls/c1?account=main") as response:
                assert response.status == 404
            on.board.refuses = None
            async with on.http.get("/v1/page/calls/a%2Fb?account=main") as response:
                assert (await response.json())["asked"] == ["a/b", "main"]


class TestFiles:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        inside = tmp_path / "page"
        (inside / "parts").mkdir(parents=True)
        (inside / "index.html").write_text("<!doctype html>")
        (inside / "page.js").write_text("export {}")
        (inside / "parts" / "log.js").write_text("export {}")
        (inside / "page.css").write_text("a {}")
        (inside / "icon.svg").write_text("<svg/>")
        (inside / "notes.txt").write_text("not for others")
        (tmp_path / "secret.js").write_text("not for others")
        return inside

    async def test_they_are_served_without_a_token_and_shut_to_everything_else(self, folder: Path) -> None:
        async with site(TestWhoMay.TOKENS, EVERYWHERE, folder) as on:
            for path, kind in (
                ("/", "text/html"),
                ("/page/page.js", "text/javascript"),
                ("/page/parts/log.js", "text/javascript"),
                ("/page/page.css", "text/css"),
                ("/page/icon.svg", "image/svg+xml"),
            ):
                async with on.http.get(path) as response:
                    assert (response.status, response.content_type) == (200, kind)
                    assert response.headers["Content-Security-Policy"] == (
                        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
                        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
                    )
                    assert response.headers["X-Content-Type-Options"] == "nosniff"
                    assert response.headers["Referrer-Policy"] == "no-referrer"
                    assert response.headers["Cache-Control"] == "no-cache"

    async def test_one_that_has_not_changed_is_not_sent_again(self, folder: Path) -> None:
        async with site(folder=folder) as on:
            async with on.http.get("/page/page.js") as response:
                tag = response.headers["ETag"]
            for known, status in ((tag, 304), (f'"other", W/{tag}', 304), ('"other"', 200)):
                async with on.http.get("/page/page.js", headers={"If-None-Match": known}) as response:
                    assert (response.status, response.headers["ETag"]) == (status, tag)

    @pytest.mark.parametrize(
        "path", ["notes.txt", "../secret.js", "..%2Fsecret.js", "%2e%2e/secret.js", "none.js", ""]
    )
    async def test_nothing_else_can_be_had(self, folder: Path, path: str) -> None:
        async with site(folder=folder) as on:
            address, port = on.url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(address, port)
            writer.write(f"GET /page/{path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            assert b" 404 " in await reader.readline()
            writer.close()

    async def test_without_a_page_there_is_none(self) -> None:
        async with site() as on, on.http.get("/") as response:
            assert response.status == 404
