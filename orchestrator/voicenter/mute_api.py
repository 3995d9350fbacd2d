"""One attempt at Voicenter's mute API.

Guarantees: one call of `set_muted` or `set_extension_muted` is one request at most; it ends within `timeout_s`; it
never raises for what the network or the server did. A failure that left no chance for the request to be applied is
told apart from one that did (UNSENT from LOST).
"""

from collections.abc import Callable, Mapping

import aiohttp

from orchestrator.core.claims import Outcome, Verdict
from orchestrator.voicenter.exchange import Answer, Unanswered, bounded, post
from orchestrator.voicenter.payloads import whole_number

_MOST_BODY_BYTES = 64 * 1024
_MOST_ID_CHARACTERS = 128


class MuteClient:
    """Asks for recordings to be muted or opened (Voicenter's documentation of `MuteUnmuteCalls`)."""

    def __init__(
        self, http: aiohttp.ClientSession, url: Callable[[], str | None] | str, timeout_s: float = 3.0
    ) -> None:
        self._http = http
        self._url = url
        self._timeout = bounded(timeout_s)

    async def set_muted(self, ivrid: str, muted: bool) -> Outcome:
        """One attempt for this call ("Mute by a specific call"). NOT_FOUND: Voicenter does not know the call."""
        return await self._ask({"ivrid": ivrid}, muted)

    async def set_extension_muted(self, sip: str, muted: bool) -> Outcome:
        """One attempt for the calls that are up on this extension at that moment, and for no later one ("Mute by
        extension"). NOT_FOUND: none is up there."""
        return await self._ask({"extension": sip}, muted)

    async def _ask(self, whose: Mapping[str, str], muted: bool) -> Outcome:
        """The values are text, as documented."""
        url = self._url if isinstance(self._url, str) else self._url()
        if not url:
            return Outcome(Verdict.UNSENT, detail="no address: not logged in yet")
        request = {**whose, "state": "1" if muted else "0"}
        answer = await post(self._http, url, request, self._timeout, _MOST_BODY_BYTES)
        if isinstance(answer, Unanswered):
            return Outcome(answer.verdict, detail=answer.why)
        return _classify(answer)


def _classify(answer: Answer) -> Outcome:
    status = answer.status
    if status == 429:
        return Outcome(Verdict.BUSY, retry_after_s=answer.retry_after_s, detail="HTTP 429")
    if status in (401, 403):
        return Outcome(Verdict.REFUSED, detail=f"HTTP {status}")
    fields = answer.json_object()
    message = fields.get("Message") if fields else None
    words = message.casefold() if isinstance(message, str) else ""
    # What the text says outweighs the code: a call that is not found is not muted, whatever stands beside it.
    if "uniqueivrid not found" in words:
        return Outcome(Verdict.NOT_FOUND, detail="call not found")
    if status == 400 or "parameters are not valid" in words:
        return Outcome(Verdict.REFUSED, detail="parameters not valid")
    if status != 200:
        return Outcome(Verdict.FAILED, detail=f"HTTP {status}")
    if fields is None:
        return Outcome(Verdict.FAILED, detail=answer.no_object)
    code = whole_number(fields.get("ErrorCode"))
    if code == 200:
        return Outcome(Verdict.DONE, action_id=_action_id(fields.get("ActionID")))
    return Outcome(Verdict.FAILED, detail="no ErrorCode" if code is None else f"ErrorCode {code}")


def _action_id(value: object) -> str:
    return str(value)[:_MOST_ID_CHARACTERS] if isinstance(value, (str, int)) else ""
