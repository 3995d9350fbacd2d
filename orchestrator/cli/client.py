"""A running daemon, asked over HTTP.

Guarantees: an answer is a daemon's own, or `NotAsked` says in plain words why there is none; each takes `WITHIN_S` at
most; no redirect is followed, for the token is meant for one address.
"""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from orchestrator.cli.address import TOKEN, Address
from orchestrator.cli.table import Row, printable
from orchestrator.clock import utc

WITHIN_S = 5.0

_MOST_TOLD = 300


class NotAsked(Exception):
    """There is no answer, or it is a refusal."""


class NotNow(NotAsked):
    """The daemon is there, and does not work for the accounts at this time."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    at: str
    """When, by the daemon's clock (RFC 3339); empty where that is not told."""
    document: Row


class Client:
    def __init__(self, http: aiohttp.ClientSession, address: Address) -> None:
        self._http = http
        self._address = address

    async def ready(self) -> Answer:
        """What `/readyz` says, either way: `problems`, by what has them."""
        answer = await self._ask("GET", "/readyz", {})
        if not isinstance(answer.document.get("problems"), dict):
            raise self._no_daemon(answer.status)
        return answer

    async def listed(self, what: str, account: str | None) -> list[Row]:
        """The `sections` or the `calls`."""
        answer = self._admitted(await self._ask("GET", f"/v1/{what}", _of(account)))
        rows = answer.document.get(what)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._no_daemon(answer.status)
        return rows

    async def end(self, section_id: str, order: Mapping[str, str]) -> Answer:
        """By hand, as the page does it; `order` says why."""
        path = f"/v1/page/sections/{quote(section_id, safe='')}/end"
        return self._admitted(await self._ask("POST", path, {}, order))

    async def _ask(
        self, method: str, path: str, query: Mapping[str, str], given: Mapping[str, str] | None = None
    ) -> Answer:
        url = URL(f"{self._address.url}{path}", encoded=True).with_query(query or None)
        headers = {"Authorization": f"Bearer {self._address.token}"} if self._address.token else {}
        pinned: aiohttp.Fingerprint | bool = self._address.certificate or True
        try:
            async with self._http.request(
                method, url, json=given, headers=headers, ssl=pinned, allow_redirects=False
            ) as response:
                body = await response.read()
        except TimeoutError:
            raise NotAsked(f"{self._address.url} does not answer within {WITHIN_S:g} s") from None
        except aiohttp.ClientError as error:
            raise NotAsked(f"{self._address.url} cannot be reached: {_why(error)}") from None
        document = _json_object(response.content_type, body)
        if document is None and response.status != HTTPStatus.NO_CONTENT:
            raise self._no_daemon(response.status)
        return Answer(response.status, _at(response.headers.get("Date", "")), document or {})

    def _admitted(self, answer: Answer) -> Answer:
        """The answer, where it is no refusal."""
        url, status = self._address.url, answer.status
        if status < HTTPStatus.BAD_REQUEST:
            return answer
        detail = printable(answer.document.get("detail", f"status {status}"))[:_MOST_TOLD]
        match status:
            case HTTPStatus.UNAUTHORIZED if self._address.token:
                raise NotAsked(f"{url} does not know this token; one of its http.tokens is needed ({_HOW})")
            case HTTPStatus.UNAUTHORIZED:
                raise NotAsked(f"{url} asks for a token; put it in {TOKEN}, or in a file for --token-file ({_HOW})")
            case HTTPStatus.FORBIDDEN:
                raise NotAsked(f"{url} refuses: {detail} ({_HOW})")
            case HTTPStatus.NOT_FOUND if "type" not in answer.document:  # which each of ours has (RFC 9457)
                raise self._no_daemon(status)
            case HTTPStatus.SERVICE_UNAVAILABLE:
                raise NotNow(f"{url} cannot tell now: {detail}")
            case _:
                raise NotAsked(f"{url} refuses: {detail}")

    def _no_daemon(self, status: int) -> NotAsked:
        return NotAsked(
            f"what answers at {self._address.url} is no mute-orchestrator with this API (status {status})"
        )


_HOW = 'lists need the scope "read", end-section needs "operate"; `mute-orchestrator token` makes a token'


@asynccontextmanager
async def client(address: Address) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WITHIN_S)) as http:
        yield Client(http, address)


def _of(account: str | None) -> dict[str, str]:
    return {} if account is None else {"account": account}


def _json_object(content_type: str, body: bytes) -> Row | None:
    try:
        found: Any = json.loads(body) if content_type.endswith("json") else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _at(date: str) -> str:
    try:
        return utc(parsedate_to_datetime(date).timestamp())
    except ValueError:
        return ""


def _why(error: aiohttp.ClientError) -> str:
    match error:
        case aiohttp.ServerFingerprintMismatch():
            return "its certificate is not the one that the configuration names (http.tls_cert)"
        case aiohttp.ClientConnectorCertificateError():
            return "nobody this machine trusts vouches for its certificate"
        case aiohttp.ClientSSLError():
            return "it speaks no TLS that could be agreed on; is https right?"
        case aiohttp.ClientConnectorDNSError():
            return "no machine of this name is known"
        case aiohttp.ClientConnectorError():
            return os.strerror(error.errno) if error.errno else "nothing listens there"
        case aiohttp.ClientResponseError():
            return "it speaks no HTTP"
        case _:
            return "it hung up; does it speak TLS, so that https is right?"
