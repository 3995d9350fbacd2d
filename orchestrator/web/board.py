"""The page's own part of the server: the board as a stream of events, one call's story, and what is done by hand.

Guarantees: `MOST_STREAMS` people look on at most; who reads slowly delays nobody and costs no memory; what changes
something needs its own scope, a reason out of a list, and to be asked for by our own page.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from aiohttp import web

from orchestrator.web.api import JSON, SOON, body_of, is_saved, json_answer, refusals
from orchestrator.web.gate import OPERATE, PAGE, Gate
from orchestrator.web.ports import REASONS, Board, Event, Hand, Handed, Order, Reader, Unfit
from orchestrator.web.problems import Problem

MOST_STREAMS = 32
ALIVE_S = 10.0
"""How often a stream says at least that it is there."""
STUCK_S = 30.0
"""A reader that takes nothing for so long is gone, or as good as gone."""
DEFAULT_SECONDS = 300.0
"""Of a mute by hand."""

_ALIVE = b": alive\n\n"
_STREAM_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # some proxies hold back what looks like one long answer
}
_TICKET = re.compile(r"(?!.*\d(?:[._-]*\d){8})[A-Za-z0-9._-]{1,40}")
"""Without the room for a phone number or a card's."""


def board_app(board: Board, hand: Hand, gate: Gate) -> web.Application:
    """To be served below /v1/page."""
    page = Page(board, hand, gate)
    app = web.Application(middlewares=[refusals])
    app.add_routes(
        [
            web.get("/stream", page.stream, allow_head=False),
            web.get("/calls/{ivrid}", page.call),
            web.post("/calls/{ivrid}/mute", page.mute),
            web.post("/calls/{ivrid}/release", page.release),
            web.post("/sections/{id}/end", page.end),
        ]
    )
    app.on_shutdown.append(page.close)
    return app


class Page:
    def __init__(self, board: Board, hand: Hand, gate: Gate) -> None:
        self._board = board
        self._hand = hand
        self._gate = gate
        self._streams: set[asyncio.Task[Any] | None] = set()

    async def close(self, _app: web.Application) -> None:
        """Streams have no end of their own: a server that stops would wait for them."""
        for stream in self._streams:
            if stream is not None:
                stream.cancel()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        who = self._gate.admit(request, PAGE)
        if len(self._streams) >= MOST_STREAMS:
            detail = f"{MOST_STREAMS} streams are open already: close one, or ask again later."
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, SOON)
        with self._counted(), self._board.follow(self._gate.may(request, OPERATE)) as reader:
            return await self._tell(request, reader, who)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        task = asyncio.current_task()
        self._streams.add(task)
        try:
            yield
        finally:
            self._streams.discard(task)

    async def _tell(self, request: web.Request, reader: Reader, who: str) -> web.StreamResponse:
        # A header, as the board is worked out once for all who look on.
        response = web.StreamResponse(headers={**_STREAM_HEADERS, "Token-Name": quote(who)})
        await response.prepare(request)
        stream = uuid4().hex[:12]
        try:
            while True:
                told = await _next_or_alive(reader, stream)
                async with asyncio.timeout(STUCK_S):
                    await response.write(told)
        except (ConnectionError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()
        return response

    async def call(self, request: web.Request) -> web.Response:
        self._gate.admit(request, PAGE)
        return json_answer(self._board.call(request.match_info["ivrid"], request.query.get("account")))

    async def end(self, request: web.Request) -> web.Response:
        order, _ = await self._order(request)
        return await _answer(self._hand.end(request.match_info["id"], order), HTTPStatus.OK)

    async def mute(self, request: web.Request) -> web.Response:
        order, more = await self._order(request, "max_seconds")
        max_seconds = more.get("max_seconds", DEFAULT_SECONDS)
        if isinstance(max_seconds, bool) or not isinstance(max_seconds, int | float) or not max_seconds > 0:
            raise Unfit("max_seconds: not a number of seconds above 0")
        handed = self._hand.mute(request.match_info["ivrid"], float(max_seconds), order)
        return await _answer(handed, HTTPStatus.ACCEPTED)

    async def release(self, request: web.Request) -> web.Response:
        order, _ = await self._order(request)
        return await _answer(self._hand.release(request.match_info["ivrid"], order), HTTPStatus.ACCEPTED)

    async def _order(self, request: web.Request, *more: str) -> tuple[Order, Mapping[str, Any]]:
        """Who wants it and why, and what else the body says."""
        who = self._gate.admit_own_page(request, OPERATE)
        given = _object(await body_of(request, JSON))
        if unknown := given.keys() - {"reason", "ticket", "account", *more}:
            raise Unfit(f"{len(unknown)} unknown field(s): only {', '.join(('reason', 'ticket', 'account', *more))}")
        why, ticket, account = given.get("reason"), given.get("ticket"), given.get("account")
        if why not in REASONS:
            raise Unfit(f"reason: not one of {', '.join(REASONS)}")
        if ticket is not None and not (isinstance(ticket, str) and _TICKET.fullmatch(ticket)):
            raise Unfit(
                "ticket: not 1 to 40 of A-Z a-z 0-9 . _ - (nor with nine digits in a row, however they are parted,"
                " as a phone number has)"
            )
        if account is not None and not isinstance(account, str):
            raise Unfit("account: not a name")
        return Order(who, why, ticket, account), given


async def _next_or_alive(reader: Reader, stream: str) -> bytes:
    try:
        async with asyncio.timeout(ALIVE_S):
            return _framed(await reader.next(), stream)
    except TimeoutError:
        return _ALIVE


def _framed(event: Event, stream: str) -> bytes:
    return b"id: %s-%d\nevent: %s\ndata: %s\n\n" % (stream.encode(), event.number, event.kind.encode(), event.data)


async def _answer(handed: Handed, status: HTTPStatus) -> web.Response:
    saved = await is_saved(handed)
    return json_answer({**(handed.document or {}), "saved": saved}, status)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise Unfit("not JSON") from None
    if not isinstance(given, dict):
        raise Unfit("not a JSON object")
    return given
