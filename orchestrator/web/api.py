"""The HTTP API for CRMs: sections are started, ended and looked at.

Guarantees: a section has its effect before anything is waited for; a start or an end is answered when Redis has it,
or after `SAVED_WITHIN_S` with the word that it has not; what waits is bounded in number and in time. docs/http-api.md
is the contract.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from http import HTTPStatus

from aiohttp import web

from orchestrator.engine.notices import RequestRefused
from orchestrator.engine.ports import Observer
from orchestrator.web.gate import READ, WRITE, Gate
from orchestrator.web.ports import PROTECTED, Clash, Desk, Document, Handed, Over, Refusal, Shut, Unfit, Unheard
from orchestrator.web.problems import Handler, Problem
from orchestrator.web.webhooks import Unverified, Webhooks

SAVED_WITHIN_S = 2.0
"""How long an answer waits for Redis."""
BODY_WITHIN_S = 10.0
MOST_WAIT_MS = 10_000
MOST_WAITS = 256
LOOK_AGAIN_S = 0.25
"""While waiting the section is looked at this often at least: of changes that cancel out nobody tells."""

JSON = "application/json"
_CLOUD_EVENT = "application/cloudevents+json"
_FRESH = {"Cache-Control": "no-store"}
SOON = {"Retry-After": "1"}
_CLOSE = {"Connection": "close"}

_STATUS: Mapping[type[Refusal], HTTPStatus] = {
    Unfit: HTTPStatus.BAD_REQUEST,
    Unheard: HTTPStatus.NOT_FOUND,
    Clash: HTTPStatus.CONFLICT,
    Over: HTTPStatus.GONE,
    Shut: HTTPStatus.SERVICE_UNAVAILABLE,
}

Answer = Callable[[web.Request], Awaitable[web.Response]]


def api_app(desk: Desk, gate: Gate, webhooks: Webhooks, observer: Observer) -> web.Application:
    """To be served below /v1."""
    api = Api(desk, webhooks, observer)

    def guarded(scope: str, answer: Answer) -> Answer:
        async def admitted(request: web.Request) -> web.Response:
            gate.admit(request, scope)
            return await answer(request)

        return admitted

    app = web.Application(middlewares=[refusals])
    app.add_routes(
        [
            web.put("/sections/{id}", guarded(WRITE, api.start)),
            web.delete("/sections/{id}", guarded(WRITE, api.end)),
            web.get("/sections", guarded(READ, api.sections)),
            web.get("/sections/{id}", guarded(READ, api.section)),
            web.get("/extensions/{sip}", guarded(READ, api.extension)),
            web.get("/calls", guarded(READ, api.calls)),
            web.post("/webhooks", api.take),
        ]
    )
    return app


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        more = {"cause": refusal.cause, "ended_at": refusal.ended_at} if isinstance(refusal, Over) else {}
        headers = SOON if isinstance(refusal, Shut) else None
        raise Problem(_STATUS[type(refusal)], str(refusal), headers, **more) from None


class Api:
    def __init__(self, desk: Desk, webhooks: Webhooks, observer: Observer) -> None:
        self._desk = desk
        self._webhooks = webhooks
        self._observer = observer
        self._waits = 0

    async def start(self, request: web.Request) -> web.Response:
        section_id, wait_s = request.match_info["id"], _wait_s(request)
        body = await body_of(request, JSON)
        until = asyncio.get_running_loop().time() + wait_s
        handed = self._desk.start(section_id, body)
        saved = await is_saved(handed)
        if wait_s and self._waits >= MOST_WAITS:
            detail = "The section runs, but too many requests wait at once: ask for it with GET, or again later."
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, SOON)
        self._waits += 1
        try:
            document = await self._protected(section_id, handed.account, until)
        finally:
            self._waits -= 1
        status = HTTPStatus.OK if document["state"] == PROTECTED else HTTPStatus.ACCEPTED
        return json_answer(document | {"saved": saved}, status)

    async def end(self, request: web.Request) -> web.Response:
        handed = self._desk.end(request.match_info["id"], _account(request))
        saved = await is_saved(handed)
        if handed.document is not None:
            return json_answer(handed.document | {"saved": saved})
        return (
            web.Response(status=HTTPStatus.NO_CONTENT)
            if saved
            else json_answer({"saved": False}, HTTPStatus.ACCEPTED)
        )

    async def take(self, request: web.Request) -> web.Response:
        """A sender of webhooks asks again until it hears of success: so that is said once Redis has the message."""
        if not self._webhooks.expected:
            detail = "Closed: http.webhook_secrets has no secret to verify webhooks with."
            raise Problem(HTTPStatus.FORBIDDEN, detail)
        body = await body_of(request, JSON, _CLOUD_EVENT)
        try:
            name = self._webhooks.verified(request.headers, body)
        except Unverified:
            self._observer.notice(RequestRefused("webhook not verified"))
            detail = (
                "webhook-id, webhook-timestamp and webhook-signature are needed: signed with a secret of"
                " http.webhook_secrets, within five minutes of now."
            )
            headers = {"WWW-Authenticate": "Webhook-Signature"}
            raise Problem(HTTPStatus.UNAUTHORIZED, detail, headers) from None
        handed = self._webhooks.taken(name)
        if handed is None:
            handed = self._desk.take(body, name)
            self._webhooks.remember(name, handed)
        if not await is_saved(handed):
            detail = "The message has its effect, but Redis has it not yet: send it again."
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, SOON)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def sections(self, request: web.Request) -> web.Response:
        return json_answer({"sections": self._desk.sections(_account(request))})

    async def section(self, request: web.Request) -> web.Response:
        return json_answer(self._desk.section(request.match_info["id"], _account(request)))

    async def extension(self, request: web.Request) -> web.Response:
        return json_answer(self._desk.extension(request.match_info["sip"], _account(request)))

    async def calls(self, request: web.Request) -> web.Response:
        return json_answer({"calls": self._desk.calls(_account(request))})

    async def _protected(self, section_id: str, account: str, until: float) -> Document:
        """The section once it is protected, or as it stands when the time is up."""
        time = asyncio.get_running_loop().time
        try:
            document = self._desk.section(section_id, account)
            while document["state"] != PROTECTED and (left_s := until - time()) > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left_s, LOOK_AGAIN_S)):
                        await self._desk.changed(section_id, account)
                document = self._desk.section(section_id, account)
        except Over as over:
            raise Clash(f"It ended while it was waited for ({over.cause}).") from None
        return document


async def is_saved(handed: Handed) -> bool:
    try:
        async with asyncio.timeout(SAVED_WITHIN_S):
            await handed.kept()
    except TimeoutError:
        return False
    return True


async def body_of(request: web.Request, *types: str) -> bytes:
    if request.content_type not in types:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Type: {' or '.join(types)} is needed.")
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            return await request.read()
    except TimeoutError:
        detail = f"The body did not come within {BODY_WITHIN_S:g} s."
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, detail, _CLOSE) from None
    except (web.RequestPayloadError, ConnectionError):
        detail = "The body could not be read: it broke off, or is not encoded as its headers say."
        raise Problem(HTTPStatus.BAD_REQUEST, detail, _CLOSE) from None


def _wait_s(request: web.Request) -> float:
    given = request.query.get("wait_ms", "0")
    if not (
        given.isascii() and given.isdecimal() and len(given) <= len(str(MOST_WAIT_MS)) and int(given) <= MOST_WAIT_MS
    ):
        raise Unfit(f"wait_ms: not a whole number from 0 to {MOST_WAIT_MS}")
    return int(given) / 1000


def _account(request: web.Request) -> str | None:
    return request.query.get("account")


def json_answer(document: Document, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(status=status, body=json.dumps(document).encode(), content_type=JSON, headers=_FRESH)
