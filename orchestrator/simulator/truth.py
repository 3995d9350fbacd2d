"""The truth about every recording, and the judge of the daemon.

Told of everything when it happens (not when the feed tells it): what each extension sees, which sections the CRM
announced, what was asked of the mute API. Guarantees: sections that run out end at their own time, however late
the next question comes; `verdict` may be asked at any time and changes nothing. The daemon is never better informed
than the feed: a call that left an extension just before a section began there, and whose leaving was still under way,
is arguable: to mute it is no over-mute, and not to is no exposure.
"""

from collections import deque
from dataclasses import replace

from orchestrator.clock import Clock
from orchestrator.simulator.coverage import Coverage, OnCall, OnExtension, OnUser, Section, Target
from orchestrator.simulator.recordings import Recordings
from orchestrator.simulator.telephony import CallBegan, CallOver, Change, Line, LineChanged, QueueChanged
from orchestrator.simulator.verdict import Requests, Spread, Verdict


class Truth:
    def __init__(self, clock: Clock, lag_s: float = 0.0, recordings: Recordings | None = None) -> None:
        """`lag_s`: how late the feed tells, at most; `recordings`: where it is kept, none yet."""
        self._clock = clock
        self._lag_s = lag_s
        self._coverage = Coverage()
        self._as_told = Coverage()  # for who is told everything as late as that
        self._under_way: deque[tuple[float, Line]] = deque()
        self._recordings = recordings or Recordings()
        self._ended: set[str] = set()
        self._sections = 0
        self._requests = Requests()

    # The exchange

    def take(self, change: Change) -> None:
        """Something changed at the exchange, just now."""
        now = self._settle()
        match change:
            case LineChanged():
                self._see(change.line, now)
            case QueueChanged():
                for waiting in change.queue.calls:
                    self._live(waiting.ivrid, now)
            case CallBegan():
                self._live(change.ivrid, now)
            case CallOver():
                self._recordings.finish(change.ivrid, now)

    def line_seen(self, line: Line) -> None:
        """How an extension is, without anything having happened to it."""
        self._see(line, self._settle())

    def alive(self, ivrid: str) -> bool:
        return ivrid in self._recordings.up

    def _see(self, line: Line, now: float) -> None:
        for leg in line.legs:
            self._live(leg.ivrid, now)
        for ivrid in self._coverage.seen(line):
            self._recordings.set_covered(ivrid, True, now)
        if self._lag_s:
            self._under_way.append((now + self._lag_s, line))

    def _live(self, ivrid: str, now: float) -> None:
        if not self.alive(ivrid):
            self._recordings.begin(ivrid, self._coverage.covered(ivrid), self._as_told.covered(ivrid), now)

    # The CRM

    def section_started(
        self,
        section_id: str,
        *,
        extension: str | None = None,
        user_id: str | None = None,
        ivrid: str | None = None,
        max_s: float = 900.0,
    ) -> None:
        """The CRM said so just now. Again: that renews it. After its end: without effect."""
        now = self._settle()
        if section_id in self._ended:
            return
        running = self._coverage.sections.get(section_id)
        if running:
            running.expires_at = now + max_s
            return
        self._sections += 1
        target = _target(extension, user_id, ivrid)
        for covered in self._coverage.start(Section(section_id, target, now + max_s)):
            self._recordings.set_covered(covered, True, now)
        for arguable in self._as_told.start(Section(section_id, target, now + max_s)):
            self._recordings.set_arguable(arguable, True, now)

    def section_ended(self, section_id: str) -> None:
        """The CRM said so just now, of a section known or not: from here that id never runs."""
        now = self._settle()
        self._ended.add(section_id)
        if section_id in self._coverage.sections:
            self._end(section_id, now)

    @property
    def active_sections(self) -> tuple[str, ...]:
        self._settle()
        return tuple(self._coverage.sections)

    def _settle(self) -> float:
        """End the sections that have run out, each at its own time, and let arrive what was under way."""
        now = self._clock.now()
        due = sorted((s.expires_at, s.section_id) for s in self._coverage.sections.values() if s.expires_at <= now)
        for expires_at, section_id in due:
            self._arrive(expires_at)
            self._end(section_id, expires_at)
        self._arrive(now)
        return now

    def _arrive(self, until: float) -> None:
        while self._under_way and self._under_way[0][0] <= until:
            at, line = self._under_way.popleft()
            for ivrid in self._as_told.seen(line):
                self._recordings.set_arguable(ivrid, True, at)

    def _end(self, section_id: str, at: float) -> None:
        for ivrid in self._coverage.end(section_id):
            self._recordings.set_covered(ivrid, False, at)
        for ivrid in self._as_told.end(section_id):
            self._recordings.set_arguable(ivrid, False, at)

    # The recordings

    def muted(self, ivrid: str) -> bool:
        recording = self._recordings.up.get(ivrid)
        return recording is not None and recording.muted

    def last_muted(self, ivrid: str) -> bool:
        """The same; of a call that is over, as it was to its end: so a list shows it that still has it."""
        return self.muted(ivrid) or ivrid in self._recordings.muted_to_the_end

    def muted_since(self, ivrid: str) -> float | None:
        recording = self._recordings.up.get(ivrid)
        return recording.muted_since if recording else None

    def covered(self, ivrid: str) -> bool:
        self._settle()
        return self._coverage.covered(ivrid)

    def evident(self, ivrid: str) -> bool:
        """Whether who comes to look now can tell that the call is covered: one that came under a section and was
        transferred since is, too, but only who saw that knows."""
        self._settle()
        return self._coverage.evident(ivrid)

    def open_calls(self) -> tuple[str, ...]:
        """Covered and recorded at this moment."""
        self._settle()
        return tuple(recording.ivrid for recording in self._recordings.up.values() if recording.open)

    def over_muted_calls(self) -> tuple[str, ...]:
        """Muted by the daemon at this moment, and covered by nothing."""
        self._settle()
        return tuple(recording.ivrid for recording in self._recordings.up.values() if recording.over_muted)

    def foreign(self, ivrid: str) -> bool:
        """Muted at this moment, and by somebody else."""
        recording = self._recordings.up.get(ivrid)
        return recording is not None and recording.foreign

    @property
    def calls_begun(self) -> int:
        """How many recordings there were, with those that run."""
        return self._recordings.begun

    @property
    def live_calls(self) -> tuple[str, ...]:
        return tuple(self._recordings.up)

    def asked(self, ivrid: str, muted: bool) -> bool:
        """The daemon's request was applied just now. False: there is no such call."""
        return self._apply((ivrid,), muted)

    def asked_by_extension(self, sip: str, muted: bool) -> bool:
        """As `asked`, for the calls that are this extension's now. False: there is none."""
        line = self._coverage.lines.get(sip)
        return self._apply(tuple(leg.ivrid for leg in line.legs if leg.counts) if line else (), muted)

    def foreign_mute(self, ivrid: str, muted: bool = True) -> None:
        """Somebody else muted (or opened) the recording."""
        if not self.alive(ivrid):
            raise LookupError(f"call {ivrid} is not up: nobody can mute it")
        self._recordings.set_muted(ivrid, muted, foreign=True, now=self._settle())

    def _apply(self, ivrids: tuple[str, ...], muted: bool) -> bool:
        now = self._settle()
        counts = self._requests
        self._requests = counts = replace(counts, total=counts.total + 1)
        before = [self._recordings.up[ivrid] for ivrid in ivrids if self.alive(ivrid)]
        if not before:
            self._requests = replace(counts, unknown=counts.unknown + 1)
            return False
        if all(recording.muted == muted for recording in before):
            self._requests = replace(counts, superfluous=counts.superfluous + 1)
        elif not muted and any(recording.foreign for recording in before):
            self._requests = replace(counts, trespasses=counts.trespasses + 1)
        for recording in before:
            self._recordings.set_muted(recording.ivrid, muted, foreign=False, now=now)
        return True

    # The judgement

    @property
    def holds(self) -> bool:
        """Whether the daemon keeps a call muted at this moment that nothing covers."""
        self._settle()
        return any(recording.over_muted for recording in self._recordings.up.values())

    def verdict(self) -> Verdict:
        now = self._settle()
        up = list(self._recordings.up.values())
        for recording in up:
            recording.book(now)
        exposures = [recording.exposure for recording in up if recording.exposure]
        over_mutes = [recording.over_mute for recording in up if recording.over_mute]
        return Verdict(
            sections=self._sections,
            calls_covered=len(self._recordings.covered_ever),
            exposures=Spread.of(self._recordings.exposures + exposures),
            over_mutes=Spread.of(self._recordings.over_mutes + over_mutes),
            requests=self._requests,
            left_muted=tuple(recording.ivrid for recording in up if recording.over_muted),
            left_open=tuple(recording.ivrid for recording in up if recording.open),
        )


def _target(extension: str | None, user_id: str | None, ivrid: str | None) -> Target:
    match extension, user_id, ivrid:
        case str(), None, None:
            return OnExtension(extension)
        case None, str(), None:
            return OnUser(user_id)
        case None, None, str():
            return OnCall(ivrid)
    raise ValueError("exactly one of extension, user_id and ivrid is the target of a section")
