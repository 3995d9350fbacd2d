"""docs/http-api.md has every path, scope and configuration key of the API."""

from pathlib import Path

from orchestrator.clock import SystemClock
from orchestrator.web.api import api_app
from orchestrator.web.gate import OPERATE, PAGE, READ, WRITE, Gate
from orchestrator.web.webhooks import Webhooks
from tests.engine.doubles import Notebook
from tests.web.desk import FakeDesk

TEXT = (Path(__file__).parents[2] / "docs" / "http-api.md").read_text("utf-8")


def test_every_request_stands_in_it() -> None:
    book = Notebook()
    app = api_app(FakeDesk(), Gate((), "127.0.0.1", book), Webhooks([], SystemClock()), book)
    names = {"{id}": "{section_id}"}
    for route in app.router.routes():
        assert route.resource is not None
        path = f"/v1{route.resource.canonical}"
        for given, told in names.items():
            path = path.replace(given, told)
        if route.method != "HEAD":
            assert f"`{route.method} {path}`" in TEXT, (route.method, path)


def test_every_scope_stands_in_it() -> None:
    assert all(f"`{scope}`" in TEXT for scope in (READ, WRITE, PAGE, OPERATE))
