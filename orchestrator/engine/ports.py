"""What the engine needs from outside, as contracts: the edges fulfil them, `app` brings them together."""

from dataclasses import dataclass, field
from typing import Protocol

from orchestrator.core.claims import Outcome
from orchestrator.core.facts import Restored
from orchestrator.core.notices import Notice
from orchestrator.core.state import Polled, PollFailed
from orchestrator.engine.notices import EdgeNotice


@dataclass(slots=True)
class Marks:
    """Names of what differs from Redis now: the values are read from the state when they are written."""

    sections: set[str] = field(default_factory=set)
    """Section ids, active or ended."""
    mutes: set[str] = field(default_factory=set)
    """ivrids."""
    extensions: set[str] = field(default_factory=set)
    """SIP ids."""
    blind: set[str] = field(default_factory=set)
    """SIP ids whose claim by extension differs."""

    def add(self, other: "Marks") -> None:
        self.sections |= other.sections
        self.mutes |= other.mutes
        self.extensions |= other.extensions
        self.blind |= other.blind

    def __bool__(self) -> bool:
        return bool(self.sections or self.mutes or self.extensions or self.blind)


class Store(Protocol):
    """The durable copy of one account's state."""

    async def load(self) -> Restored:
        """What an earlier process left. Raises `StoreUnavailable` when Redis does not answer."""

    def mark(self, marks: Marks) -> None:
        """These differ from Redis now. Returns at once; they are written soon, newest values only."""

    async def saved(self, within_s: float) -> bool:
        """Wait until all that was marked before this call is in Redis; False if that took longer than `within_s`."""


class StoreUnavailable(Exception):
    """Redis did not answer, or refused."""


class MuteApi(Protocol):
    async def set_muted(self, ivrid: str, muted: bool) -> Outcome:
        """One attempt, bounded in time, that never raises for what the network or the server did."""

    async def set_extension_muted(self, sip: str, muted: bool) -> Outcome:
        """The same, for all calls that are up on an extension at that moment; NOT_FOUND: there is none."""


class ActiveCalls(Protocol):
    async def ask(self, sip: str | None) -> Polled | PollFailed:
        """The calls of one extension, or (None) of all, now.

        One attempt, bounded in time, that never raises for what the network or the server did. An extension that
        is not in the answer is not told about: it may have calls or none.
        """


class Observer(Protocol):
    def notice(self, notice: Notice | EdgeNotice) -> None:
        """Something happened. Returns at once and never raises."""
