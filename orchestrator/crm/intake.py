"""From the bytes of any source to whoever the message is for, and the word about it.

Guarantees: what is wrong raises `MessageRefused`, and is then told without its content; a bug of whoever takes the
messages is not taken for a wrong message.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from orchestrator.crm.message import CrmMessage, parse
from orchestrator.engine.notices import MessageTaken
from orchestrator.engine.ports import Observer

Receipt = Callable[[], Awaitable[None]]
"""Waits until what was delivered is in Redis. Receipts of the same account are equal."""

Kept = TypeVar("Kept")


def take(
    raw: bytes,
    source: str,
    deliver: Callable[[CrmMessage], Kept],
    observer: Observer,
    name: str | None = None,
    happened_at: float | None = None,
    waited_s: float | None = None,
) -> Kept:
    """Deliver one message. `name` and `happened_at` are the transport's own (see `parse`); `waited_s` is how long it
    lay there.

    Raises `MessageRefused` where it is wrong, or for nobody.
    """
    message = parse(raw, name, happened_at)
    kept = deliver(message)
    observer.notice(MessageTaken(source, message.kind, waited_s, message.trace))
    return kept
