"""The words of the simulated telephone exchange: lines, legs, queues and what changes about them.

All values are frozen. Times are epoch seconds of our own clock; only `payloads` turns them into the vendor's.
Names and numbers are invented and obviously so.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Direction(StrEnum):
    INCOMING = "Incoming"
    OUTGOING = "Outgoing"
    CLICK2CALL = "Click2Call"


class Status(StrEnum):
    RINGING = "Ringing"
    DIALING = "Dialing"
    TALKING = "Talking"
    HOLD = "Hold"


class Reason(StrEnum):
    """Why an extension's event is sent."""

    NEWCALL = "NEWCALL"
    ANSWER = "ANSWER"
    HOLD = "HOLD"
    UNHOLD = "UNHOLD"
    HANGUP = "HANGUP"
    USER_STATUS = "userStatusUpdate"


class QueueReason(StrEnum):
    JOIN = "JOIN"
    ANSWER = "ANSWER"
    """Taken by an agent for whom it did not ring."""
    EXIT = "EXIT"
    """Rang for an agent, who answered."""
    ABANDONED = "ABANDONED"


class Presence(IntEnum):
    """`representativeStatus`."""

    LOGIN = 1
    LOGOUT = 2
    LUNCH = 3
    ADMINISTRATIVE = 5


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody at the far end of a call. Personal data in a real account: so that a leak shows, it is there."""

    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class Leg:
    """A call as one extension sees it."""

    ivrid: str
    direction: Direction
    status: Status
    answered: bool
    started_at: float
    party: Party
    answered_at: float = 0.0
    """0 while not answered, and for legs that show as Talking without ever having been answered here."""
    related: tuple[str, ...] = ()
    queue_id: int | None = None
    internal: bool = False
    c2c_direction: int | None = None
    """Click2Call: 1 is the agent's leg, 2 the customer's."""
    channel: int = 0

    @property
    def counts(self) -> bool:
        """Whether the call is this extension's: answered here, up here, or placed from here."""
        return (
            self.answered or self.status in (Status.TALKING, Status.HOLD) or self.direction is not Direction.INCOMING
        )


@dataclass(frozen=True, slots=True)
class Line:
    """An extension: a SIP id, whose it is, who works there now, and the calls it sees."""

    sip: str
    number: int
    user_id: str
    user_name: str
    online_user_id: str | None = None
    presence: Presence = Presence.LOGOUT
    presence_at: float = 0.0
    legs: tuple[Leg, ...] = ()
    last_call_at: float = 0.0
    last_answer_at: float = 0.0
    last_hangup_at: float = 0.0

    def leg(self, ivrid: str) -> Leg | None:
        return next((leg for leg in self.legs if leg.ivrid == ivrid), None)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call that waits in a queue."""

    ivrid: str
    party: Party
    joined_at: float


@dataclass(frozen=True, slots=True)
class Queue:
    queue_id: int
    name: str
    calls: tuple[Waiting, ...] = ()


@dataclass(frozen=True, slots=True)
class LineChanged:
    """An extension, as it is after the change. `leg` is the one it is about (None: about the user)."""

    at: float
    line: Line
    reason: Reason
    leg: Leg | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class QueueChanged:
    at: float
    queue: Queue
    reason: QueueReason
    ivrid: str
    agent: str | None = None
    """Name of the agent who answered, on EXIT."""


@dataclass(frozen=True, slots=True)
class CallBegan:
    """A call is up that no extension sees: only its relation to another call tells of it."""

    at: float
    ivrid: str


@dataclass(frozen=True, slots=True)
class CallOver:
    """The call has no leg, waits nowhere and will not come back: its recording is closed."""

    at: float
    ivrid: str


Change = LineChanged | QueueChanged | CallBegan | CallOver
