"""One attempt at Voicenter's mute API.

Guarantees: one call of `set_muted` is one request at most (never repeated here or by the HTTP client, no redirect
is followed); it ends within `timeout_s`; it never raises for what the network or the server did. A failure that
left no chance for the request to be applied is told apart from one that did (UNSENT from LOST).
"""

import json
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

import aiohttp

from orchestrator.core.model import Outcome, Verdict
from orchestrator.engine.ports import Permit
from orchestrator.voicenter.faults import fault
from orchestrator.voicenter.payloads import whole_number

_MOST_BODY_BYTES = 64 * 1024
_MOST_RETRY_DIGITS = 9
_MOST_ID_CHARACTERS = 128
_UNSENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


def http_session(max_concurrency: int) -> aiohttp.ClientSession:
    """A session for up to `max_concurrency` requests at once, which keeps its connections warm between them."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=max_concurrency, ttl_dns_cache=300, keepalive_timeout=60),
        timeout=aiohttp.ClientTimeout(total=30, connect=10),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


class _NotPermitted(Exception):
    """The engine withdrew the request when it was about to be sent."""


class MuteClient:
    """Asks for a call's recording to be muted or opened (Voicenter's documentation, "Mute by a specific call")."""

    def __init__(
        self, http: aiohttp.ClientSession, url: Callable[[], str | None] | str, timeout_s: float = 3.0
    ) -> None:
        self._http = http
        self._url = url
        # Reaching the server gets less time than the whole attempt: when the whole is used up, it was reached.
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=timeout_s * 2 / 3)

    async def set_muted(self, ivrid: str, muted: bool, permit: Permit) -> Outcome | None:
        """One attempt for this call. The values are text, as documented."""
        url = self._url if isinstance(self._url, str) else self._url()
        if not url:
            return Outcome(Verdict.UNSENT, detail="no address: the feed is not connected")
        request = {"ivrid": ivrid, "state": "1" if muted else "0"}

        async def ask_leave(ready: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
            if not await permit():
                raise _NotPermitted
            return await send(ready)

        try:
            async with self._http.post(
                url, json=request, timeout=self._timeout, allow_redirects=False, middlewares=(ask_leave,)
            ) as response:
                body = await _read(response)
        except _NotPermitted:
            return None
        except _UNSENT as error:
            return Outcome(Verdict.UNSENT, detail=fault(error))
        except aiohttp.ClientResponseError as error:
            return Outcome(Verdict.FAILED, detail=fault(error))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Outcome(Verdict.LOST, detail=fault(error))
        return _classify(response.status, response.headers, body)


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """The body; None when it is longer than any answer of this API."""
    body = b""
    while chunk := await response.content.read(_MOST_BODY_BYTES):
        body += chunk
        if len(body) > _MOST_BODY_BYTES:
            response.close()
            return None
    return body


def _classify(status: int, headers: Mapping[str, str], body: bytes | None) -> Outcome:
    if status == 429:
        return Outcome(Verdict.BUSY, retry_after_s=_retry_after(headers), detail="HTTP 429")
    if status in (401, 403):
        return Outcome(Verdict.REFUSED, detail=f"HTTP {status}")
    answer = _json_object(body)
    message = answer.get("Message") if answer else None
    words = message.casefold() if isinstance(message, str) else ""
    # What the text says outweighs the code: a call that is not found is not muted, whatever stands beside it.
    if "uniqueivrid not found" in words:
        return Outcome(Verdict.NOT_FOUND, detail="call not found")
    if status == 400 or "parameters are not valid" in words:
        return Outcome(Verdict.REFUSED, detail="parameters not valid")
    if status != 200:
        return Outcome(Verdict.FAILED, detail=f"HTTP {status}")
    if answer is None:
        return Outcome(Verdict.FAILED, detail="answer is too long" if body is None else "answer is no JSON object")
    code = whole_number(answer.get("ErrorCode"))
    if code == 200:
        return Outcome(Verdict.DONE, action_id=_action_id(answer.get("ActionID")))
    return Outcome(Verdict.FAILED, detail="no ErrorCode" if code is None else f"ErrorCode {code}")


def _json_object(body: bytes | None) -> dict[str, object] | None:
    """The body as an object, whatever content type it was declared as."""
    if not body:
        return None
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _action_id(value: object) -> str:
    return str(value)[:_MOST_ID_CHARACTERS] if isinstance(value, (str, int)) else ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds. A date is measured against the answer's own `Date`: one clock, the server's."""
    told = headers.get("Retry-After", "").strip()
    if told.isascii() and told.isdecimal():
        return float(told) if len(told) <= _MOST_RETRY_DIGITS else None
    try:
        until, now = parsedate_to_datetime(told), parsedate_to_datetime(headers.get("Date", ""))
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError, OverflowError):  # no date, or one with and one without a zone
        return None
