"""A desk that does as the test says, and the site that stands before it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import aiohttp

from orchestrator.clock import SystemClock
from orchestrator.web.api import api_app
from orchestrator.web.counting import counting
from orchestrator.web.gate import Gate, Token
from orchestrator.web.health import health_app, serve
from orchestrator.web.ports import Document, Handed, Refusal
from orchestrator.web.problems import problems
from orchestrator.web.webhooks import Webhooks
from tests.engine.doubles import Notebook

SITE = "127.0.0.1"


@dataclass
class FakeDesk:
    """One section, "pay", which stands as `state` says."""

    state: str = "muting"
    refuses: Exception | None = None
    """Raised by whatever is asked."""
    ran: bool = True
    redis: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: Redis takes what it is given."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    handed_in: list[tuple[Any, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.redis.set()

    def turns(self, state: str) -> None:
        self.state = state
        self.news.set()

    def start(self, section_id: str, body: bytes) -> Handed:
        return self._take("start", section_id, body)

    def end(self, section_id: str, account: str | None) -> Handed:
        handed = self._take("end", section_id, account)
        return Handed("main", handed.kept, {"section_id": section_id, "state": "ended"} if self.ran else None)

    def take(self, body: bytes, name: str) -> Handed:
        return self._take("take", body, name)

    def section(self, section_id: str, account: str | None) -> Document:
        self._answer()
        return {"section_id": section_id, "account": account, "state": self.state}

    async def changed(self, section_id: str, account: str | None) -> None:
        self.news.clear()
        await self.news.wait()

    def sections(self, account: str | None) -> list[Document]:
        self._answer()
        return [{"section_id": "pay", "account": account}]

    def extension(self, sip: str, account: str | None) -> Document:
        self._answer()
        return {"extension": sip, "account": account}

    def calls(self, account: str | None) -> list[Document]:
        self._answer()
        return [{"ivrid": "c1", "account": account}]

    def _take(self, *what: object) -> Handed:
        self._answer()
        self.handed_in.append(what)
        return Handed("main", self._kept)

    async def _kept(self) -> None:
        await self.redis.wait()

    def _answer(self) -> None:
        if self.refuses is not None:
            raise self.refuses


@dataclass(frozen=True)
class Got:
    status: int
    headers: Mapping[str, str]
    text: str
    document: Any
    """Of JSON."""


@dataclass
class Site:
    url: str
    desk: FakeDesk
    book: Notebook
    http: aiohttp.ClientSession

    async def ask(self, method: str, path: str, **options: Any) -> Got:
        async with self.http.request(method, path, **options) as response:
            text = await response.text()
            document = await response.json(content_type=None) if response.content_type.endswith("json") else None
            return Got(response.status, response.headers, text, document)

    async def put(self, path: str, **options: Any) -> Got:
        return await self.ask("PUT", f"/v1/sections/{path}", **{"json": {}} | options)

    async def problem(self, status: int, method: str, path: str, **options: Any) -> Got:
        """Asks for what must be refused so, in the form of RFC 9457."""
        got = await self.ask(method, path, **options)
        assert got.status == status, got.text
        assert got.headers["Content-Type"] == "application/problem+json"
        assert {"type", "title", "status", "detail"} <= got.document.keys()
        assert (got.document["type"], got.document["status"]) == ("about:blank", status)
        assert got.document["title"]
        return got


@asynccontextmanager
async def site(
    desk: FakeDesk | None = None,
    tokens: Sequence[Token] = (),
    host: str = SITE,
    webhooks: Webhooks | None = None,
    unready: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Site]:
    """`host` is where the gate believes to listen; it is 127.0.0.1 all the same."""
    desk, book = desk or FakeDesk(), Notebook()
    app = health_app(lambda: unready, lambda: b"up 1\n", counting(book), problems)
    app.add_subapp("/v1", api_app(desk, Gate(tokens, host, book), webhooks or Webhooks([], SystemClock()), book))
    async with serve(app, SITE, 0) as url, aiohttp.ClientSession(url) as http:
        yield Site(url, desk, book, http)


def refusal(kind: type[Refusal]) -> Refusal:
    return kind("said why")
