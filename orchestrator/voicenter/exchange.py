"""One request to an API of Voicenter, and the whole answer, or why there is none.

Guarantees: one request at most (never repeated here or by the HTTP client, no redirect is followed); it ends within
its time, with a body no longer than allowed; nothing that the network or the server did is raised. A request that
cannot have been applied is told apart from one that may have been (UNSENT from LOST). No text made here comes from
the server or names the address.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from orchestrator.core.claims import Verdict
from orchestrator.encoding import decoded
from orchestrator.voicenter.faults import fault

_CHUNK_BYTES = 64 * 1024
_MOST_RETRY_DIGITS = 9
_UNSENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


def http_session() -> aiohttp.ClientSession:
    """For the feed and all requests of an account. Connections stay warm, and none is waited for: who asks bounds how
    much is asked at once, and a poll or the feed must not take the place of a mute."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, keepalive_timeout=60),
        timeout=aiohttp.ClientTimeout(total=30, connect=10),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytearray | None = field(repr=False)
    """None: it was longer than allowed."""

    def json_object(self) -> dict[str, Any] | None:
        """The body as an object, whatever content type it was declared as; None where it is none."""
        if not self.body:
            return None
        try:
            found = decoded(self.body)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    @property
    def no_object(self) -> str:
        """Why `json_object` gave None."""
        return "answer is too long" if self.body is None else "answer is no JSON object"

    @property
    def retry_after_s(self) -> float | None:
        """`Retry-After` in seconds. A date is measured against the answer's own `Date`: one clock, the server's."""
        told = self.headers.get("Retry-After", "").strip()
        if told.isascii() and told.isdecimal():
            return float(told) if len(told) <= _MOST_RETRY_DIGITS else None
        try:
            until, now = parsedate_to_datetime(told), parsedate_to_datetime(self.headers.get("Date", ""))
            return max(0.0, (until - now).total_seconds())
        except (ValueError, TypeError, OverflowError):  # no date, or one with and one without a zone
            return None


@dataclass(frozen=True, slots=True)
class Unanswered:
    verdict: Verdict
    """UNSENT, LOST, or FAILED for an answer that is no HTTP."""
    why: str


def bounded(timeout_s: float) -> aiohttp.ClientTimeout:
    """Reaching the server gets less time than the whole attempt: when the whole is used up, it was reached."""
    return aiohttp.ClientTimeout(total=timeout_s, connect=timeout_s * 2 / 3)


async def post(
    http: aiohttp.ClientSession,
    url: str,
    request: Mapping[str, str],
    timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the HTTP client's own, which tells connecting from waiting
    most_bytes: int,
) -> Answer | Unanswered:
    """Send `request` as JSON, once. The answer may have `most_bytes`."""
    try:
        async with http.post(url, json=request, timeout=timeout, allow_redirects=False) as response:
            return Answer(response.status, response.headers, await body_of(response, most_bytes))
    except _UNSENT as error:
        return Unanswered(Verdict.UNSENT, fault(error))
    except aiohttp.ClientResponseError as error:
        return Unanswered(Verdict.FAILED, fault(error))
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return Unanswered(Verdict.LOST, fault(error))


async def body_of(response: aiohttp.ClientResponse, most_bytes: int) -> bytearray | None:
    """None: it is longer than allowed."""
    body = bytearray()
    while chunk := await response.content.read(_CHUNK_BYTES):
        body += chunk
        if len(body) > most_bytes:
            response.close()
            return None
    return body
