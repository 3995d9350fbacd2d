"""Voicenter's login: three ways in, one answer, and the refresh of its token.

A login ends in a `Session`, in `LoginRefused` (Voicenter's own no: another try with the same credentials is
pointless for now) or in `LoginUnavailable` (could not be asked, or answered nonsense: worth another try).
Credentials and tokens are in no repr and in no error text.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp

from orchestrator.clock import Clock
from orchestrator.voicenter.exchange import body_of
from orchestrator.voicenter.faults import fault
from orchestrator.voicenter.payloads import whole_number

LoginType = Literal["token", "account", "user"]

_PATHS = {"token": "Token", "account": "Account", "user": "User"}
_FIELDS = {
    "token": {"token": "token"},
    "account": {"username": "username", "password": "password"},
    "user": {"email": "email", "password": "pin"},  # Voicenter takes the password as "pin"
}
_REFUSED_STATUSES = frozenset({400, 401, 403})
_MOST_BODY_BYTES = 1024 * 1024
_CLIENT_VERSION = re.compile(r"\bv=(\d{1,9})\.")
_VERSION = re.compile(r"v?(\d{1,9})(?:\.|$)")
_FIRST_MAJOR_OF_ENGINEIO_4 = 3  # Socket.IO 1 and 2 speak Engine.IO 3


class LoginRefused(Exception):
    """Voicenter said no to these credentials."""


class LoginUnavailable(Exception):
    """There was no usable answer."""


class Credentials(Mapping[str, str]):
    """What a login needs, by name: `token`; `username` and `password`; `email` and `password`."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Credentials({', '.join(self._values)})"


@dataclass(frozen=True, slots=True)
class Session:
    """What a login gave."""

    token: str = field(repr=False)
    servers: tuple[str, ...]
    """Base addresses of the monitor servers, best first."""
    expires_at: float | None
    """By our clock; None: good until a server says otherwise."""
    refresh_token: str | None = field(repr=False)
    engineio: Literal[3, 4] | None
    """The generation that the servers speak, as far as the answer told."""


async def log_in(
    http: aiohttp.ClientSession,
    login_url: str,
    login_type: LoginType,
    credentials: Mapping[str, str],
    clock: Clock,
    timeout_s: float = 10.0,
) -> Session:
    """Log in. Raises `LoginRefused` or `LoginUnavailable`."""
    url = f"{login_url.rstrip('/')}/{_PATHS[login_type]}"
    body = {theirs: credentials[ours] for ours, theirs in _FIELDS[login_type].items()}
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with http.post(url, json=body, timeout=timeout, allow_redirects=False) as response:
            return await _session(response, clock)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise LoginUnavailable(fault(error)) from None


async def refresh(
    http: aiohttp.ClientSession, refresh_url: str, refresh_token: str, clock: Clock, timeout_s: float = 10.0
) -> Session:
    """A new token for an old one. Raises `LoginRefused` or `LoginUnavailable`."""
    headers = {"Authorization": f"Bearer {refresh_token}"}
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with http.get(refresh_url, headers=headers, timeout=timeout, allow_redirects=False) as response:
            return await _session(response, clock)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise LoginUnavailable(fault(error)) from None


async def _session(response: aiohttp.ClientResponse, clock: Clock) -> Session:
    if response.status in _REFUSED_STATUSES:
        raise LoginRefused(f"HTTP {response.status}")
    if response.status != 200:
        raise LoginUnavailable(f"HTTP {response.status}")
    body = await body_of(response, _MOST_BODY_BYTES)
    if body is None:
        raise LoginUnavailable("answer is too long")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise LoginUnavailable("answer is no JSON") from None
    return parse_session(answer, clock.now())


def parse_session(answer: object, now: float) -> Session:
    """The answer of a login or a refresh. Raises `LoginRefused` or `LoginUnavailable`."""
    if not isinstance(answer, dict):
        raise LoginUnavailable("answer is no object")
    if answer.get("error"):
        raise LoginRefused("error in the answer")
    if whole_number(answer.get("StatusCode")) in _REFUSED_STATUSES:
        raise LoginRefused(f"StatusCode {whole_number(answer['StatusCode'])}")
    data = answer.get("Data")
    socket = data.get("Socket") if isinstance(data, dict) else None
    if not isinstance(socket, dict):
        raise LoginUnavailable("Data.Socket: missing, expected an object")
    token = _text(socket.get("Token"))
    if token is None:
        raise LoginUnavailable("Data.Socket.Token: missing, expected text")
    servers = _servers(socket)
    if not servers:
        raise LoginUnavailable("Data.Socket.URLList: missing, expected at least one address")
    return Session(
        token=token,
        servers=servers,
        expires_at=_expiry(socket.get("TokenExpiry"), now),
        refresh_token=_text(socket.get("RefreshToken")),
        engineio=_generation(socket),
    )


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _servers(socket: dict[str, Any]) -> tuple[str, ...]:
    listed = socket.get("URLList")
    candidates = listed if isinstance(listed, list) and listed else [socket.get("Url")]
    addresses = (_address(text) for text in map(_text, candidates) if text)
    return tuple(dict.fromkeys(filter(None, addresses)))


def _address(text: str) -> str:
    """A base address; a bare host means https. Empty for what is no address."""
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        usable = parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        return ""
    scheme = {"https": "https", "wss": "https", "http": "http", "ws": "http"}.get(parts.scheme)
    return f"{scheme}://{parts.netloc.rpartition('@')[2]}" if scheme and usable else ""


def _expiry(expiry: object, now: float) -> float | None:
    """An ISO date (UTC unless it says otherwise).

    A date that is past on arrival tells that the clocks differ, not that the token is dead: it is not believed,
    and the servers' own word on the session decides.
    """
    if not isinstance(expiry, str):
        return None
    try:
        when = datetime.fromisoformat(expiry.strip())
    except ValueError:
        return None
    expires_at = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    return expires_at if expires_at > now else None


def _generation(socket: dict[str, Any]) -> Literal[3, 4] | None:
    """Engine.IO as told by the client library's address (it ends in `v=2.4.0`), else by the version."""
    found = _CLIENT_VERSION.search(_text(socket.get("Client")) or "")
    found = found or _VERSION.match(str(socket.get("Version") or ""))
    if found is None:
        return None
    return 4 if int(found[1]) >= _FIRST_MAJOR_OF_ENGINEIO_4 else 3
