"""The API's own rules, over real sockets, before a desk that does as the test says."""

import asyncio
import gzip

import pytest

from orchestrator.engine.notices import RequestServed
from orchestrator.web import api
from orchestrator.web.ports import Clash, Over, Refusal, Shut, Unfit, Unheard
from tests.stories.stage import SOON_S, until
from tests.web.desk import FakeDesk, Site, refusal, site


class TestStart:
    async def test_a_section_that_is_protected_already_is_200(self) -> None:
        async with site(FakeDesk(state="protected")) as on:
            got = await on.put("pay", json={"extension": "s1"})
            assert got.status == 200
            assert got.document == {"section_id": "pay", "account": "main", "state": "protected", "saved": True}
            assert on.desk.handed_in == [("start", "pay", b'{"extension": "s1"}')]

    async def test_one_that_is_not_yet_is_202_at_once_unless_it_is_waited_for(self) -> None:
        async with site() as on:
            got = await on.put("pay")
            assert (got.status, got.document["state"]) == (202, "muting")

    async def test_who_waits_hears_when_it_is_protected(self) -> None:
        async with site() as on, asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(on.put("pay?wait_ms=10000"))
            await until(lambda: bool(on.desk.handed_in))
            on.desk.turns("exposed")
            await asyncio.sleep(0)
            assert not asked.done()
            on.desk.turns("protected")
            got = await asked
            assert (got.status, got.document["state"]) == (200, "protected")

    async def test_what_nobody_tells_is_seen_all_the_same(self) -> None:
        async with site() as on, asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(on.put("pay?wait_ms=10000"))
            await until(lambda: bool(on.desk.handed_in))
            on.desk.state = "protected"
            async with asyncio.timeout(SOON_S / 2):  # far less than it would wait
                assert (await asked).status == 200

    async def test_when_the_time_is_up_the_state_so_far_is_told(self) -> None:
        async with site(FakeDesk(state="no_call")) as on:
            got = await on.put("pay?wait_ms=20")
            assert (got.status, got.document["state"]) == (202, "no_call")

    async def test_that_it_ended_while_it_was_waited_for_is_a_conflict(self) -> None:
        async with site() as on, asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(on.put("pay?wait_ms=10000"))
            await until(lambda: bool(on.desk.handed_in))
            on.desk.refuses = Over("ended", "message", "2026-11-23T10:00:00Z")
            on.desk.news.set()
            assert (await asked).status == 409

    @pytest.mark.parametrize("wait", ["-1", "10001", "1.5", "soon", "", "0x10", "١", "9" * 5000])
    async def test_a_wait_that_is_none_starts_nothing(self, wait: str) -> None:
        async with site() as on:
            params = {"wait_ms": wait}
            got = await on.problem(400, "PUT", "/v1/sections/pay", params=params, json={})
            assert got.document["detail"] == "wait_ms: not a whole number from 0 to 10000"
            assert not on.desk.handed_in

    async def test_with_too_many_waiting_it_starts_and_is_not_waited_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(api, "MOST_WAITS", 1)
        async with site() as on, asyncio.TaskGroup() as tasks:
            first = tasks.create_task(on.put("pay?wait_ms=10000"))
            await until(lambda: bool(on.desk.handed_in))
            got = await on.problem(503, "PUT", "/v1/sections/other?wait_ms=1", json={})
            assert got.headers["Retry-After"] == "1"
            assert [what[1] for what in on.desk.handed_in] == ["pay", "other"]
            assert (await on.put("third")).status == 202
            on.desk.turns("protected")
            assert (await first).status == 200
            assert (await on.put("other?wait_ms=1")).status == 200

    async def test_an_id_may_have_any_letters(self) -> None:
        async with site() as on:
            await on.put("a%2Fb%20%C3%B6")
            assert on.desk.handed_in[0][1] == "a/b ö"


class TestEnd:
    async def test_of_one_that_ran_it_tells_how_it_ended(self) -> None:
        async with site() as on:
            got = await on.ask("DELETE", "/v1/sections/pay?account=main")
            assert (got.status, got.document) == (200, {"section_id": "pay", "state": "ended", "saved": True})
            assert on.desk.handed_in == [("end", "pay", "main")]

    async def test_of_one_that_did_not_it_has_nothing_to_tell(self) -> None:
        async with site(FakeDesk(ran=False)) as on:
            for _ in range(2):
                got = await on.ask("DELETE", "/v1/sections/pay")
                assert (got.status, got.text) == (204, "")


class TestRedis:
    """That it is away costs `SAVED_WITHIN_S` at most, and is said."""

    @pytest.fixture(autouse=True)
    def _soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api, "SAVED_WITHIN_S", 0.02)

    async def test_a_start_is_answered_when_redis_has_it(self) -> None:
        async with site(FakeDesk(state="protected")) as on, asyncio.TaskGroup() as tasks:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(api, "SAVED_WITHIN_S", 60.0)
                on.desk.redis.clear()
                asked = tasks.create_task(on.put("pay"))
                await until(lambda: bool(on.desk.handed_in))
                assert not asked.done()
                on.desk.redis.set()
                assert (await asked).document["saved"] is True

    async def test_a_start_and_an_end_are_told_as_not_saved(self) -> None:
        async with site(FakeDesk(state="protected")) as on:
            on.desk.redis.clear()
            started, ended = await on.put("pay"), await on.ask("DELETE", "/v1/sections/pay")
            assert (started.status, started.document["saved"]) == (200, False)
            assert (ended.status, ended.document["saved"]) == (200, False)

    async def test_an_end_of_what_did_not_run_is_accepted_and_not_saved(self) -> None:
        async with site(FakeDesk(ran=False)) as on:
            on.desk.redis.clear()
            got = await on.ask("DELETE", "/v1/sections/pay")
            assert (got.status, got.document) == (202, {"saved": False})


class TestLook:
    @pytest.mark.parametrize(
        ("path", "document"),
        [
            ("sections", {"sections": [{"section_id": "pay", "account": "a"}]}),
            ("sections/pay", {"section_id": "pay", "account": "a", "state": "muting"}),
            ("extensions/s1", {"extension": "s1", "account": "a"}),
            ("calls", {"calls": [{"ivrid": "c1", "account": "a"}]}),
        ],
    )
    async def test_documents(self, path: str, document: dict[str, object]) -> None:
        async with site() as on:
            got = await on.ask("GET", f"/v1/{path}?account=a")
            assert (got.status, got.document) == (200, document)
            assert got.headers["Cache-Control"] == "no-store"

    async def test_how_a_section_ended_is_told_with_its_cause(self) -> None:
        async with site(FakeDesk(refuses=Over("has ended", "expired", "2026-11-23T10:00:00Z"))) as on:
            got = await on.problem(410, "GET", "/v1/sections/pay")
            assert (got.document["cause"], got.document["ended_at"]) == ("expired", "2026-11-23T10:00:00Z")


class TestProblems:
    @pytest.mark.parametrize(("kind", "status"), [(Unfit, 400), (Unheard, 404), (Clash, 409), (Shut, 503)])
    async def test_what_the_desk_refuses(self, kind: type[Refusal], status: int) -> None:
        async with site(FakeDesk(refuses=refusal(kind))) as on:
            for method, path in (("PUT", "sections/pay"), ("DELETE", "sections/pay"), ("GET", "calls")):
                got = await on.problem(status, method, f"/v1/{path}", **({"json": {}} if method == "PUT" else {}))
                assert got.document["detail"] == "said why"

    @pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/v1/section/pay", "/v1/sections/a/b", "/v2/calls"])
    async def test_a_path_that_is_none(self, path: str) -> None:
        async with site() as on:
            await on.problem(404, "GET", path)

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("POST", "/v1/sections/pay", "DELETE, GET, HEAD, PUT"),
            ("GET", "/v1/webhooks", "POST"),
            ("PUT", "/livez", "GET, HEAD"),
            ("OPTIONS", "/v1/calls", "GET, HEAD"),
        ],
    )
    async def test_a_method_that_the_path_does_not_take(self, method: str, path: str, allowed: str) -> None:
        async with site() as on:
            got = await on.problem(405, method, path)
            assert got.headers["Allow"] == allowed

    async def test_a_body_of_another_type(self) -> None:
        async with site() as on:
            for options in (
                {"data": b"{}", "headers": {"Content-Type": "text/plain"}},
                {"data": {"extension": "s1"}},
            ):
                got = await on.problem(415, "PUT", "/v1/sections/pay", **options)
                assert "application/json" in got.document["detail"]
            assert not on.desk.handed_in

    async def test_a_body_may_have_64_kb_and_no_byte_more(self) -> None:
        async with site() as on:
            json = {"Content-Type": "application/json"}
            assert (await on.ask("PUT", "/v1/sections/pay", data=b"x" * 65536, headers=json)).status == 202
            await on.problem(413, "PUT", "/v1/sections/pay", data=b"x" * 65537, headers=json)
            packed = gzip.compress(b" " * 1_000_000)
            await on.problem(413, "PUT", "/v1/sections/pay", data=packed, headers=json | {"Content-Encoding": "gzip"})
            assert len(on.desk.handed_in) == 1

    async def test_a_body_that_is_not_encoded_as_it_says(self) -> None:
        async with site() as on:
            headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
            await on.problem(400, "PUT", "/v1/sections/pay", data=b"{}", headers=headers)

    async def test_a_body_that_does_not_come(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api, "BODY_WITHIN_S", 0.05)
        async with site() as on:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(on.url.rpartition(":")[2]))
            writer.write(
                b"PUT /v1/sections/pay HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: 10\r\n\r\n{"
            )
            answer = await reader.readuntil(b"\r\n")
            assert answer == b"HTTP/1.1 408 Request Timeout\r\n"
            writer.close()
            assert not on.desk.handed_in

    async def test_a_caller_that_goes_away_in_the_middle_is_no_bug_of_ours(self, loop_faults: list[object]) -> None:
        async with site() as on:
            _, writer = await asyncio.open_connection("127.0.0.1", int(on.url.rpartition(":")[2]))
            writer.write(
                b"PUT /v1/sections/pay HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: 10\r\n\r\n{"
            )
            await writer.drain()
            await on.ask("GET", "/livez")  # by now the other request is being read
            writer.close()
            await until(lambda: served(on, "/v1/sections/{id}") == [400])
        assert loop_faults == []

    async def test_a_bug_is_500_and_keeps_its_text_to_itself(self, loop_faults: list[object]) -> None:
        async with site(FakeDesk(refuses=RuntimeError("4111111111111111"))) as on:
            got = await on.problem(500, "GET", "/v1/calls")
            assert "4111" not in got.text
        assert [str(fault) for fault in loop_faults] == ["4111111111111111"]  # for the log, which leaves texts out

    async def test_nothing_of_what_was_sent_is_repeated(self) -> None:
        async with site() as on:
            for method, path in (("GET", "/4111"), ("PUT", "/v1/sections/4111?wait_ms=4111411141114111")):
                assert "4111" not in (await on.ask(method, path, json={"extension": "4111"})).text


@pytest.fixture
async def loop_faults() -> list[object]:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["exception"]))
    return faults


def served(on: Site, route: str) -> list[int]:
    return [told.status for told in on.book.told if isinstance(told, RequestServed) and told.route == route]


class TestCounting:
    async def test_by_route_and_method_never_by_path(self) -> None:
        async with site() as on:
            await on.put("pay-81f3")
            await on.ask("GET", "/livez")
            await on.ask("GET", "/v1/sections/pay/81f3")
            await on.ask("PROPFIND", "/81f3")
            assert on.book.told == [
                RequestServed("/v1/sections/{id}", "PUT", 202),
                RequestServed("/livez", "GET", 200),
                RequestServed("other", "GET", 404),
                RequestServed("other", "OTHER", 404),
            ]
