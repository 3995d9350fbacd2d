"""The HTTP API is what docs/api/openapi.json says: these paths and methods, scopes and status codes, no others."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from standardwebhooks import webhooks as standardwebhooks

from orchestrator.clock import SystemClock
from orchestrator.web import api, gate, ports, problems, webhooks
from orchestrator.web.health import health_app
from tests.contract.documents import HTTP, OPENAPI, examples, meant
from tests.contract.test_openapi import COMPONENTS, OPERATIONS, SCHEMAS
from tests.engine.doubles import Notebook
from tests.stories.stage import Stage, stage, until
from tests.web import desk as doubles

Operation = tuple[str, str]

PUT, DELETE, ONE = (("PUT", "/v1/sections/{id}"), ("DELETE", "/v1/sections/{id}"), ("GET", "/v1/sections/{id}"))
ALL, EXTENSION, CALLS = (("GET", "/v1/sections"), ("GET", "/v1/extensions/{sip}"), ("GET", "/v1/calls"))
WEBHOOK = ("POST", "/v1/webhooks")
GUARDED = [PUT, DELETE, ONE, ALL, EXTENSION, CALLS]

SECRET = "whsec_" + "c2VjcmV0" * 6
TOKENS = {scope: sha256(scope.encode()).hexdigest() for scope in ("sections:write", "read", "other")}
"""A token for each scope, and one that has none of them."""

OVER = ports.Over("It has ended.", "message", "2026-11-23T10:00:00.000Z")
REFUSALS: dict[Operation, list[Exception]] = {
    PUT: [ports.Unfit("why"), ports.Clash("why"), ports.Shut("why")],
    DELETE: [ports.Unfit("why"), ports.Shut("why")],
    ONE: [ports.Unfit("why"), ports.Unheard("why"), OVER, ports.Shut("why")],
    ALL: [ports.Unfit("why"), ports.Shut("why")],
    EXTENSION: [ports.Unfit("why"), ports.Unheard("why"), ports.Shut("why")],
    CALLS: [ports.Unfit("why"), ports.Shut("why")],
    WEBHOOK: [ports.Unfit("why"), ports.Shut("why")],
}
"""What the desk may say to each."""


def _scope(operation: Operation) -> str:
    (scope,) = OPERATIONS[operation]["security"][0]["token"]
    return str(scope)


class Asking:
    """One operation, asked for rightly but for what a test changes."""

    def __init__(self, on: Any, operation: Operation) -> None:
        self._on = on
        self._operation = operation
        self._webhooks = itertools.count(1)
        self.statuses: set[int] = set()

    async def ask(self, headers: dict[str, str] | None = None, data: Any = b"{}") -> Any:
        method, path = self._operation
        named = f"msg_{next(self._webhooks)}"
        own = (
            _signed(named, "{}")
            if self._operation == WEBHOOK
            else {"Authorization": f"Bearer {_scope(self._operation)}"}
        )
        body = {"data": data} if method in ("PUT", "POST") else {}
        own |= {"Content-Type": "application/json"} if body else {}
        got = await self._on.ask(method, path.format(id="pay", sip="s1"), headers=own | (headers or {}), **body)
        self._check(got)
        return got

    def _check(self, got: Any) -> None:
        self.statuses.add(got.status)
        response = meant(OPENAPI, OPERATIONS[self._operation]["responses"][str(got.status)])
        assert {name.lower() for name in response.get("headers", {})} <= {name.lower() for name in got.headers}
        if "content" in response:
            media = response["content"][got.headers["Content-Type"].partition(";")[0]]
            if got.status >= 400:
                assert HTTP.mistakes(got.document, media["schema"]["$ref"]) == []
        else:
            assert got.text == ""


def _signed(name: str, body: str) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": standardwebhooks.Webhook(SECRET).sign(name, now, body),
    }


async def _never() -> AsyncIterator[bytes]:
    yield b"{"
    await asyncio.Event().wait()


async def _provoke(on: Any, asking: Asking, operation: Operation) -> None:
    """Everything that an answer of this operation may depend on."""
    await asking.ask()
    on.desk.state = "protected"
    on.desk.redis.clear()
    await asking.ask()
    on.desk.ran = False
    await asking.ask()
    on.desk.redis.set()
    await asking.ask()
    for refusal in [*REFUSALS[operation], RuntimeError("a bug")]:
        on.desk.refuses = refusal
        await asking.ask()
    on.desk.refuses = None
    await asking.ask(headers={"Authorization": "Bearer nobody's", "webhook-signature": "v1,bm8="})
    if operation != WEBHOOK:
        await asking.ask(headers={"Authorization": "Bearer other"})
    if operation in (PUT, WEBHOOK):
        await asking.ask(data=b"x" * (problems.MOST_BYTES + 1))
        await asking.ask(headers={"Content-Type": "text/plain"})
        await asking.ask(data=_never())


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "SAVED_WITHIN_S", 0.02)
    monkeypatch.setattr(api, "BODY_WITHIN_S", 0.1)


@pytest.mark.parametrize("operation", [*GUARDED, WEBHOOK], ids=" ".join)
async def test_an_operation_gives_the_answers_that_are_named_and_no_others(operation: Operation, hasty: None) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)  # the bug is told: on purpose
    tokens = [gate.Token(scope, digest, frozenset({scope})) for scope, digest in TOKENS.items()]
    hooks = webhooks.Webhooks([SECRET], SystemClock())
    async with doubles.site(doubles.FakeDesk(), tokens, webhooks=hooks) as on:
        asking = Asking(on, operation)
        await _provoke(on, asking, operation)
    if operation == WEBHOOK:
        async with doubles.site() as on:  # without a secret
            shut = Asking(on, operation)
            await shut.ask()
            asking.statuses |= shut.statuses
    assert asking.statuses == {int(status) for status in OPERATIONS[operation]["responses"]}


def test_the_routes_are_those_that_are_named() -> None:
    book = Notebook()
    site = health_app(dict, bytes)
    site.add_subapp(
        "/v1",
        api.api_app(doubles.FakeDesk(), gate.Gate([], "localhost", book), webhooks.Webhooks([], SystemClock()), book),
    )
    served = {
        (route.method, route.resource.canonical)
        for route in site.router.routes()
        if route.resource is not None and route.method != "HEAD"  # comes with each GET
    }
    assert served == OPERATIONS.keys()


def test_limits_are_those_of_the_code() -> None:
    assert COMPONENTS["parameters"]["WaitMs"]["schema"]["maximum"] == api.MOST_WAIT_MS
    assert {of["requestBody"]["description"] for of in OPERATIONS.values() if "requestBody" in of} == {
        f"At most {problems.MOST_BYTES:,} bytes."
    }
    assert f"after {api.SAVED_WITHIN_S:g} seconds" in OPERATIONS[PUT]["description"]
    assert f"within {api.BODY_WITHIN_S:g} seconds" in COMPONENTS["responses"]["BodyMissing"]["description"]


def test_the_examples_on_the_page_fulfil_their_schemas() -> None:
    section, problem = examples("http-api.md")
    assert HTTP.mistakes(section, "#/components/schemas/SavedSection") == []
    assert HTTP.mistakes(problem, "#/components/schemas/Problem") == []


async def test_what_a_daemon_tells_is_described_field_by_field(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.sim.talk("caller", "SIPSIP1")
        await until(lambda: on.daemon_knows("SIPSIP1", "caller"))
        await on.form_opens("pay", extension="SIPSIP1")
        await on.form_opens("other", user_id="4711")
        await on.muted("caller")
        for path, schema, lists in (
            ("sections", "Section", "sections"),
            ("sections/pay", "Section", None),
            ("extensions/SIPSIP1", "Extension", None),
            ("calls", "LiveCall", "calls"),
        ):
            status, text = await on.daemon.get(f"/v1/{path}")
            assert status == 200
            found = json.loads(text)
            for document in found[lists] if lists else [found]:
                _described(document, schema)
                for call in document.get("calls", []):
                    _described(call, "Leg" if schema == "Extension" else "Call")
        await on.form_closes("pay")
        await until(lambda: _ended(on, "pay"))
        status, text = await on.daemon.get("/v1/sections/pay")
        assert status == 410
        assert HTTP.mistakes(json.loads(text), "#/components/schemas/OverProblem") == []
        for path in ("/livez", "/readyz", "/metrics"):
            status, _ = await on.daemon.get(path)
            assert str(status) in OPERATIONS["GET", path]["responses"]


async def test_what_a_start_and_an_end_are_answered_is_described(tmp_path: Path) -> None:
    async with stage(tmp_path) as on, aiohttp.ClientSession(on.daemon.http_url) as http:
        for method, body in (("PUT", {"extension": "SIPSIP1"}), ("DELETE", None)):
            async with http.request(method, "/v1/sections/pay", json=body) as response:
                section = await response.json()
            assert str(response.status) in OPERATIONS[method, "/v1/sections/{id}"]["responses"]
            assert HTTP.mistakes(section, "#/components/schemas/SavedSection") == []
            assert section.keys() - {"saved"} <= SCHEMAS["Section"]["properties"].keys()


async def test_every_example_of_a_request_is_taken_by_a_daemon_and_answered_as_described(tmp_path: Path) -> None:
    sent: set[Operation] = set()
    async with (
        stage(tmp_path, None, ORCHESTRATOR_HTTP__WEBHOOK_SECRETS=SECRET) as on,
        aiohttp.ClientSession(on.daemon.http_url) as http,
    ):
        for operation, described in OPERATIONS.items():
            for kind, media in described.get("requestBody", {}).get("content", {}).items():
                for name, example in media.get("examples", {}).items():
                    body = json.dumps(example["value"])
                    headers = {"Content-Type": kind} | (_signed(name, body) if operation == WEBHOOK else {})
                    method, path = operation
                    async with http.request(method, path.format(id=name), data=body, headers=headers) as response:
                        text = await response.text()
                    assert response.status < 300, f"{name}: {text}"
                    _as_described(operation, response.status, response.content_type, text)
                    sent.add(operation)
    assert sent == {operation for operation, of in OPERATIONS.items() if "requestBody" in of}


def _as_described(operation: Operation, status: int, kind: str, text: str) -> None:
    response = meant(OPENAPI, OPERATIONS[operation]["responses"][str(status)])
    if "content" in response:
        assert HTTP.mistakes(json.loads(text), response["content"][kind]["schema"]["$ref"]) == []
    else:
        assert text == ""


async def _ended(on: Stage, section_id: str) -> bool:
    status, _ = await on.daemon.get(f"/v1/sections/{section_id}")
    return status == 410


def _described(document: dict[str, Any], schema: str) -> None:
    assert HTTP.mistakes(document, f"#/components/schemas/{schema}") == []
    assert document.keys() <= SCHEMAS[schema]["properties"].keys()
