"""Who may use the API: bearer tokens with scopes.

Guarantees: how long a refusal takes does not tell how near a token was; a token is kept nowhere, not even in memory:
only its hash; without any token the API is open to programs on this machine and shut to all others. A browser's
page is no such program: it is refused by the name under which it believes to have found us.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from orchestrator.engine.notices import RequestRefused
from orchestrator.engine.ports import Observer
from orchestrator.loopback import is_loopback
from orchestrator.web.problems import Problem

READ, WRITE, PAGE, OPERATE = "read", "sections:write", "page", "operate"

LOOPBACK = "loopback"
"""Who it is where no token says so."""

_BEARER = 'Bearer realm="mute-orchestrator"'


@dataclass(frozen=True, slots=True)
class Token:
    name: str
    sha256: str
    """In hex. A fast hash is right here: a token is 256 random bits, which nobody can try one by one; slow hashes
    are for passwords, which people choose."""
    scopes: frozenset[str]


class Gate:
    def __init__(self, tokens: Sequence[Token], host: str, observer: Observer) -> None:
        """`host` is where we listen."""
        self._tokens = tokens
        self._local = is_loopback(host)
        self._observer = observer

    def admit(self, request: web.Request, scope: str) -> str:
        """The name of who asks. Raises `Problem` for who may not do what the scope names."""
        if self._tokens:
            return self._ask_for_token(request, scope).name
        if not self._local:
            raise self._refused(
                "no token configured",
                "Closed: http.host is not a loopback address and no token is configured. Make one with"
                " `mute-orchestrator token`.",
            )
        if not is_loopback(_host_named(request)):
            raise self._refused(
                "another host named",
                "Open to this machine alone, under its loopback address or localhost; for more, configure a token.",
            )
        return LOOPBACK

    def admit_own_page(self, request: web.Request, scope: str) -> str:
        """The same, for what a browser may do in the name of whoever sits before it: not for another site's page."""
        who = self.admit(request, scope)
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != request.host:
            raise self._refused("another origin", "Another site's page asked for this: only our own page may.")
        return who

    def may(self, request: web.Request, scope: str) -> bool:
        """Whether who was admitted for one scope has this one too."""
        if not self._tokens:
            return True
        token = self._known(_bearer(request))
        return token is not None and scope in token.scopes

    def _ask_for_token(self, request: web.Request, scope: str) -> Token:
        given = _bearer(request)
        if not given:
            self._observer.notice(RequestRefused("no token"))
            detail = "A token is needed: Authorization: Bearer <token>."
            raise Problem(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": _BEARER})
        token = self._known(given)
        if token is None:
            self._observer.notice(RequestRefused("unknown token"))
            headers = {"WWW-Authenticate": f'{_BEARER}, error="invalid_token"'}
            raise Problem(HTTPStatus.UNAUTHORIZED, "The token is none of those that are configured.", headers)
        if scope not in token.scopes:
            headers = {"WWW-Authenticate": f'{_BEARER}, error="insufficient_scope", scope="{scope}"'}
            raise self._refused("scope missing", f'The token lacks the scope "{scope}".', headers)
        return token

    def _known(self, given: str) -> Token | None:
        """All are compared, whichever it is."""
        digest = hashlib.sha256(given.encode("utf-8", "surrogateescape")).hexdigest()
        matching = [token for token in self._tokens if hmac.compare_digest(digest, token.sha256)]
        return matching[0] if matching else None

    def _refused(self, why: str, detail: str, headers: dict[str, str] | None = None) -> Problem:
        self._observer.notice(RequestRefused(why))
        return Problem(HTTPStatus.FORBIDDEN, detail, headers)


def _bearer(request: web.Request) -> str:
    """The token that was sent; empty: none."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def _host_named(request: web.Request) -> str:
    """The name in the Host header, without its port. An address of IPv6 stands in brackets there."""
    host = request.headers.get("Host", "")
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
