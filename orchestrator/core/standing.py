"""How sections, and the claims on their calls, stand: the words for it."""

from enum import StrEnum

from msgspec import Struct

from orchestrator.core.claims import Mute, Recording
from orchestrator.core.model import EndCause, Section


class Standing(StrEnum):
    """How an active section stands."""

    MUTING = "muting"  # some call of it is not confirmed to be muted yet
    PROTECTED = "protected"  # all are
    EXPOSED = "exposed"  # some call of it has been open for too long
    NO_CALL = "no_call"  # it covers no call that is up


class Stage(StrEnum):
    """How far the claim on a call is."""

    WANTED = "wanted"  # covered, not asked for yet
    ASKED = "asked"  # covered, asked for, and not confirmed
    CONFIRMED = "confirmed"  # muted, as the API confirmed
    VERIFIED = "verified"  # muted, as the feed or a poll showed since
    FOREIGN = "foreign"  # muted by somebody else
    RELEASING = "releasing"  # not covered any more, and not confirmed to run again
    RELEASED = "released"  # runs again
    GONE = "gone"  # over, as far as is known


class CallStanding(Struct, frozen=True):
    ivrid: str
    stage: Stage
    exposure_s: float
    """How long it was covered by this section and yet recorded."""
    action_id: str
    """Of the last request that was confirmed; empty: none was."""


class SectionStanding(Struct, frozen=True):
    section: Section
    standing: Standing
    calls: tuple[CallStanding, ...]


def stage(mute: Mute, wish: bool) -> Stage:
    """Where the claim stands; `wish` is whether the call must be muted."""
    if mute.foreign:
        return Stage.FOREIGN
    if mute.gone:
        return Stage.GONE
    if not wish:
        return Stage.RELEASED if mute.recording is Recording.OPEN and not mute.in_flight else Stage.RELEASING
    if mute.recording is Recording.MUTED:
        return Stage.CONFIRMED if mute.verified_at is None else Stage.VERIFIED
    under_way = mute.in_flight or mute.attempts > 0 or mute.recording is Recording.UNKNOWN
    return Stage.ASKED if under_way else Stage.WANTED


class Word(StrEnum):
    """What the CRM is told of a section."""

    PROTECTED = "protected"
    EXPOSED = "exposed"
    NO_CALL = "no_call"
    EXPIRING = "expiring"
    ENDED = "ended"


class Told(Struct, frozen=True):
    """One word about a section, and how it stands: `state` is its standing, or "ended"."""

    word: Word
    section: Section
    state: str
    calls: tuple[CallStanding, ...]
    at: float
    cause: EndCause | None = None
    """Why it ended."""
