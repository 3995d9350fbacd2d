"""What the HTTP API needs of the daemon, as a contract; `orchestrator.desk` fulfils it.

Guarantees: nothing of the daemon is known here but documents (JSON objects for the answer) and refusals, whose text
is for the caller: it names what is wrong and what would be right, and never repeats what was sent.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

Document = dict[str, Any]

PROTECTED = "protected"
"""The `state` of a section document that is waited for."""

Kept = Callable[[], Awaitable[None]]
"""Waits until what was handed in is in Redis, however long that takes."""


class Refusal(Exception):
    """It is not done, for the reason that the text gives."""


class Unfit(Refusal):
    """The request is wrong: which field, and what would be right."""


class Unheard(Refusal):
    """Nothing of that name is known."""


class Clash(Refusal):
    """What it asks for cannot be, because of what was before."""


class Shut(Refusal):
    """This process does not work for the accounts, not yet or not any more."""


class Over(Refusal):
    """The section has ended."""

    def __init__(self, text: str, cause: str, ended_at: str) -> None:
        super().__init__(text)
        self.cause = cause
        self.ended_at = ended_at


@dataclass(frozen=True, slots=True)
class Handed:
    """What was handed in has its effect already; it is durable once `kept` returns."""

    account: str
    kept: Kept
    document: Document | None = None
    """The section as it ended; None where none did."""


class Desk(Protocol):
    """Each method may raise a `Refusal`. `account` is None where the request leaves it open; lists then tell of
    all accounts."""

    def start(self, section_id: str, body: bytes) -> Handed:
        """Start or renew the section, with what the body says of it."""

    def end(self, section_id: str, account: str | None) -> Handed:
        """End the section, also one never heard of."""

    def take(self, body: bytes, name: str) -> Handed:
        """Take a whole message of the CRM; `name` is its transport's, for one that brings none."""

    def section(self, section_id: str, account: str | None) -> Document: ...

    async def changed(self, section_id: str, account: str | None) -> None:
        """Wait until the section stands otherwise, or something of it was told."""

    def sections(self, account: str | None) -> list[Document]: ...

    def extension(self, sip: str, account: str | None) -> Document: ...

    def calls(self, account: str | None) -> list[Document]: ...
