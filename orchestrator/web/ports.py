"""What the HTTP API and the page need of the daemon, as contracts; `orchestrator.desk` and `.board` fulfil them.

Guarantees: nothing of the daemon is known here but documents (JSON objects for the answer) and refusals, whose text
is for the caller: it names what is wrong and what would be right, and never repeats what was sent.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

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


BOARD, CHANGE = "board", "change"


class Event(NamedTuple):
    kind: str
    """`BOARD`: everything; `CHANGE`: what differs from what the same reader was told last."""
    number: int
    """Counts what this reader is told."""
    data: bytes
    """A JSON object, in one line."""


class Reader(Protocol):
    """One who looks on. Nothing is kept for it but how far it has read."""

    async def next(self) -> Event:
        """Wait until there is something to tell. What changed several times is told as it is now."""


class Board(Protocol):
    """What is shown to people while it happens. Does not need this process to work for the accounts."""

    def follow(self, can_operate: bool) -> AbstractContextManager[Reader]:
        """One more looks on, while this lasts."""

    def call(self, ivrid: str, account: str | None) -> Document:
        """One call and its story. Raises `Refusal`."""


@dataclass(frozen=True, slots=True)
class Order:
    """Who does something by hand, and why: one of `REASONS`, and a ticket where there is one."""

    by: str
    why: str
    ticket: str | None
    account: str | None


REASONS = ("card_spoken", "left_muted", "crm_fault", "wrong_call", "drill", "other")


class Hand(Protocol):
    """What people may do. Each method may raise a `Refusal`; each is audited, whoever did it."""

    def end(self, section_id: str, order: Order) -> Handed:
        """End a section that runs."""

    def mute(self, ivrid: str, max_seconds: float, order: Order) -> Handed:
        """Start a section on the call."""

    def release(self, ivrid: str, order: Order) -> Handed:
        """Have the recording run, whoever muted it, where no section covers the call."""
