"""What goes wrong, as problem details (RFC 9457).

Guarantees: every answer from 400 on is `application/problem+json` and says what would be right; none repeats what
was sent, and none has the text of an exception that nobody foresaw: that goes to the loop's handler, which tells of
it by type and place.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CONTENT_TYPE = "application/problem+json"
MOST_BYTES = 64 * 1024
"""Of a body."""


class Problem(Exception):
    """An answer that says why it is not the one that was asked for. `more` are members beside the standard's."""

    def __init__(
        self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None, **more: object
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}
        self.more = more

    def answer(self) -> web.Response:
        standard = {"type": "about:blank", "title": self.status.phrase, "status": self.status, "detail": self.detail}
        return web.Response(
            status=self.status,
            body=json.dumps(standard | self.more).encode(),
            headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store", **self.headers},
        )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Problem as problem:
        return problem.answer()
    except web.HTTPException as refused:
        if refused.status < HTTPStatus.BAD_REQUEST:
            raise
        return _of_the_library(refused).answer()
    except Exception as bug:  # noqa: BLE001 - told to the loop's handler, without which nobody would hear of it
        asyncio.get_running_loop().call_exception_handler({"message": "a request failed", "exception": bug})
        return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "A fault of the daemon; its log tells where.").answer()


def _of_the_library(refused: web.HTTPException) -> Problem:
    status = HTTPStatus(refused.status)
    match refused:
        case web.HTTPNotFound():
            return Problem(status, "There is nothing at this path; docs/http-api.md lists what there is.")
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(refused.allowed_methods))
            return Problem(status, f"This path takes {allowed}.", {"Allow": allowed})
        case web.HTTPRequestEntityTooLarge():
            return Problem(status, f"A body has at most {MOST_BYTES} bytes.")
        case _:
            return Problem(status, "The request could not be understood.")
