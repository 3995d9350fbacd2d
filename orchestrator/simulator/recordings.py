"""Every recording as it really ran: covered, muted, since when and by whom, from a call's begin to its end.

Guarantees: whatever changes about a call, the time since the last change is first booked: as exposure where the
call was covered and not muted; as over-mute where it was muted by the daemon without cover. A mute that somebody
else made is not the daemon's: it is never booked as over-mute. Times must not run backwards.
"""

from dataclasses import dataclass, field, replace

Span = tuple[float, float]
"""From and to."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time during which one call was covered (or muted without cover), and what it cost."""

    ivrid: str
    began_at: float
    seconds: float
    """Of a covered stretch: how long it was covered and yet recorded. Of an over-mute: how long it lasted."""
    spans: tuple[Span, ...] = field(default=(), compare=False)
    """When that was."""

    def with_span(self, since: float, until: float) -> "Stretch":
        """It was so in this time too, the last one so far."""
        if until <= since:
            return self
        spans, begins_at = self.spans, since
        if spans and spans[-1][1] == since:
            begins_at, spans = spans[-1][0], spans[:-1]
        return replace(self, seconds=self.seconds + until - since, spans=(*spans, (begins_at, until)))


@dataclass(slots=True)
class Recording:
    """The recording of a call that is up, and the stretches that run."""

    ivrid: str
    at: float
    """Booked up to here."""
    covered: bool = False
    arguable: bool = False
    """Covered to the best knowledge that anybody can have who is told by the feed."""
    muted: bool = False
    foreign: bool = False
    """Muted, and by somebody else."""
    muted_since: float | None = None
    exposure: Stretch | None = None
    over_mute: Stretch | None = None

    @property
    def open(self) -> bool:
        """Covered, and yet recorded."""
        return self.covered and not self.muted

    @property
    def over_muted(self) -> bool:
        """Muted by the daemon, and not covered."""
        return self.muted and not self.foreign and not self.covered and not self.arguable

    def book(self, now: float) -> None:
        passed = now - self.at
        if passed < 0:
            raise ValueError(f"time ran backwards by {-passed} s")
        if self.exposure and self.open:
            self.exposure = self.exposure.with_span(self.at, now)
        if self.over_mute:
            self.over_mute = self.over_mute.with_span(self.at, now)
        self.at = now


class Recordings:
    """Of the calls that are up, by `ivrid`, and what the stretches that are over came to."""

    def __init__(self) -> None:
        self.up: dict[str, Recording] = {}
        self.exposures: list[Stretch] = []
        self.over_mutes: list[Stretch] = []
        self.covered_ever: set[str] = set()
        self.muted_to_the_end: set[str] = set()
        """Calls that are over, and were muted then."""
        self.begun = 0

    def begin(self, ivrid: str, covered: bool, arguable: bool, now: float) -> None:
        self.begun += 1
        self.muted_to_the_end.discard(ivrid)
        recording = self.up[ivrid] = Recording(ivrid, at=now, covered=covered, arguable=arguable)
        self._turn(recording, now)

    def finish(self, ivrid: str, now: float) -> None:
        """A call that is over takes its mute with it: should its id come back, a new recording runs."""
        recording = self.up.get(ivrid)
        if recording:
            recording.book(now)
            if recording.muted:
                self.muted_to_the_end.add(ivrid)
            recording.covered = recording.arguable = recording.muted = False
            self._turn(recording, now)
            del self.up[ivrid]

    def set_covered(self, ivrid: str, covered: bool, now: float) -> None:
        recording = self.up.get(ivrid)
        if recording:
            recording.book(now)
            recording.covered = covered
            self._turn(recording, now)

    def set_arguable(self, ivrid: str, arguable: bool, now: float) -> None:
        recording = self.up.get(ivrid)
        if recording and recording.arguable is not arguable:
            recording.book(now)
            recording.arguable = arguable
            self._turn(recording, now)

    def set_muted(self, ivrid: str, muted: bool, foreign: bool, now: float) -> None:
        """Without effect where it holds already: a mute stays whose it was."""
        recording = self.up[ivrid]
        if recording.muted != muted:
            recording.book(now)
            recording.muted, recording.foreign = muted, muted and foreign
            recording.muted_since = now if muted else None
            self._turn(recording, now)

    def _turn(self, recording: Recording, now: float) -> None:
        """Begin and end stretches as the recording is now."""
        ivrid = recording.ivrid
        if recording.covered:
            self.covered_ever.add(ivrid)
            recording.exposure = recording.exposure or Stretch(ivrid, now, 0.0)
        elif recording.exposure:
            self.exposures.append(recording.exposure)
            recording.exposure = None
        if recording.over_muted:
            recording.over_mute = recording.over_mute or Stretch(ivrid, now, 0.0)
        elif recording.over_mute:
            self.over_mutes.append(recording.over_mute)
            recording.over_mute = None
