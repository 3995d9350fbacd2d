"""One question to Voicenter's Active Calls API: which calls are up now?

Guarantees: one call of `ask` is one request at most; it ends within `timeout_s` (and the reading of the answer); it
never raises for what the network or the server did. What could not be understood is told and passed over, and
nothing is concluded from what an answer leaves out: an extension that was asked for and is not listed is a failure,
not an extension without calls. The account's code and the server's words are in no text.
"""

import aiohttp

from orchestrator.core.model import Extension
from orchestrator.core.state import Polled, PollFailed
from orchestrator.engine.notices import FeedEventRejected
from orchestrator.engine.ports import Observer
from orchestrator.voicenter.exchange import Answer, Unanswered, bounded, post
from orchestrator.voicenter.payloads import PayloadError, in_short, parse_active_calls, whole_number

MOST_BODY_BYTES = 128 * 1024 * 1024
"""As for the feed's snapshot: an extension takes about 0.6 kB, a call 1.2 kB."""


class ActiveCallsClient:
    """Asks `GetExtensionsCalls` (Voicenter's documentation, "Active calls")."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        code: str,
        timeout_s: float,
        observer: Observer,
        most_body_bytes: int = MOST_BODY_BYTES,
    ) -> None:
        self._http = http
        self._url = url
        self._code = code
        self._timeout = bounded(timeout_s)
        self._observer = observer
        self._most_body_bytes = most_body_bytes

    async def ask(self, sip: str | None) -> Polled | PollFailed:
        """The calls of this extension, or (None) of all that the account lists."""
        request = {"code": self._code} if sip is None else {"code": self._code, "extension": sip}
        answer = await post(self._http, self._url, request, self._timeout, self._most_body_bytes)
        if isinstance(answer, Unanswered):
            return PollFailed(answer.why)
        read = self._read(answer)
        if isinstance(read, PollFailed) or sip is None:
            return read
        asked_for = tuple(extension for extension in read.extensions if extension.sip == sip)
        return Polled(asked_for) if asked_for else PollFailed("extension not in the answer", answered=True)

    def _read(self, answer: Answer) -> Polled | PollFailed:
        if answer.status == 429:
            return PollFailed("HTTP 429", retry_after_s=answer.retry_after_s)
        if answer.status in (401, 403):
            return PollFailed(f"HTTP {answer.status}", refused=True)
        fields = answer.json_object()
        described = fields.get("DESC") if fields else None
        if isinstance(described, str) and "authorization failed" in described.casefold():
            return PollFailed("authorization failed", refused=True)
        if answer.status != 200:
            return PollFailed(f"HTTP {answer.status}")
        if fields is None:
            return PollFailed(answer.no_object)
        code = whole_number(fields.get("ERR"))
        if code != 0:
            return PollFailed("no ERR" if code is None else f"ERR {code}")
        try:
            return Polled(self._extensions(fields))
        except PayloadError as error:
            return PollFailed(str(error))

    def _extensions(self, fields: object) -> tuple[Extension, ...]:
        rejected: list[PayloadError] = []
        extensions = parse_active_calls(fields, rejected.append)
        if rejected:
            self._observer.notice(FeedEventRejected("GetExtensionsCalls", in_short(rejected)))
            if not extensions:  # nothing of it was understood: that is no answer
                raise rejected[0]
        return extensions
