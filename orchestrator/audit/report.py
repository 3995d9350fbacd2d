"""The figures of a report, worked out from records: pure, in one pass, told by day and by extension.

Guarantees: every exposure record of the time is listed, whatever its length; a time without evidence is a gap, also
where the records begin later or end earlier than was asked for.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace

from orchestrator.audit.figures import Expired, Exposure, Figures, Report, gap_s, mark_unusual
from orchestrator.audit.gaps import SILENT, Gap, Gaps
from orchestrator.audit.journal import DAY_S
from orchestrator.audit.recorder import EXPOSURE
from orchestrator.audit.records import Record, day_of, epoch_s
from orchestrator.audit.verify import Verdict

LATER = "the records begin later"
_SAME_S = 1.0


@dataclass(slots=True)
class _Muted:
    since: float
    extension: str


@dataclass(frozen=True, slots=True)
class _Open:
    """A covered call of which no mute was told yet."""

    since: float
    offset_s: float | None
    sections: tuple[str, ...] = ()
    until: float = 0.0
    """Of one that was so when its process was killed: until when that is known."""


@dataclass(slots=True)
class Reporter:
    """Give it all records in order (also those before `since`: they say what was going on), then `verified`."""

    since: float
    until: float
    account: str | None = None
    _verdict: Verdict = field(default_factory=lambda: Verdict(0, None, None, ()))
    _days: dict[str, Figures] = field(default_factory=lambda: defaultdict(Figures))
    _extensions: dict[tuple[str, str], Figures] = field(default_factory=lambda: defaultdict(Figures))
    _total: Figures = field(default_factory=Figures)
    _exposures: list[Exposure] = field(default_factory=list)
    _expired: list[Expired] = field(default_factory=list)
    _gaps: Gaps = field(default_factory=Gaps)
    _events: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _on: dict[tuple[str, str], str] = field(default_factory=dict)
    """(account, ivrid) -> the extension that brought it under a section."""
    _places: dict[tuple[str, str], str] = field(default_factory=dict)
    """(account, section_id) -> its extension."""
    _muted: dict[tuple[str, str], _Muted] = field(default_factory=dict)
    _open: dict[tuple[str, str], _Open] = field(default_factory=dict)
    _covering: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    """By call: the sections that cover it."""
    _over: set[tuple[str, str]] = field(default_factory=set)
    """Calls that Voicenter did not know, and that were not asked for since."""
    _unresolved: dict[tuple[str, str], _Open] = field(default_factory=dict)
    """Those that were open when a process was killed."""
    _first_at: float | None = None

    def take(self, record: Record) -> None:
        if record.at >= self.until or (self.account is not None and record.account not in (None, self.account)):
            return
        self._first_at = record.at if self._first_at is None else self._first_at
        try:
            self._tell(record)
        except (LookupError, TypeError, ValueError):  # its hash fits, so whoever wrote it was not the daemon
            why = f"record {record.seq}, {record.event}, lacks what such a record has"
            self._gaps.damaged(record.at, record.at, why)

    def _tell(self, record: Record) -> None:
        self._gaps.take(record)
        self._follow(record)
        if record.at < self.since:
            return
        self._events[record.event] += 1
        match record.event:
            case "section.started":
                self._count(record, None, "sections", 1)
                if "extension" in record.fields:
                    self._place(record, str(record.fields["extension"]))
            case "section.ended":
                self._ended(record)
            case "call.covered":
                self._place(record, self._extension(record))
                self._count(record, self._extension(record), "covered", 1)
            case "call.unmuted" | "overmute" if "overmute_ms" in record.fields:
                self._count(record, self._extension(record), "over_mutes", 1)
                self._count(record, self._extension(record), "over_mute_s", record.fields["overmute_ms"] / 1000)
            case _ if record.event == EXPOSURE:
                self._exposed(record)

    def verified(self, verdict: Verdict) -> None:
        self._verdict = verdict

    def report(self) -> Report:
        for call, muted in self._muted.items():  # muted to the end of the time, as far as is known
            self._add_muted(call[0], muted.extension, muted.since, self.until)
        for call, left in self._unresolved.items():
            self._note_unresolved(call, left)
        for bad in self._verdict.bad:
            self._gaps.damaged(self.since if bad.since is None else bad.since, bad.until, str(bad))
        gaps = self._gaps.finished(self.until)
        if self._first_at is not None and self._first_at > self.since:
            gaps.insert(0, Gap(SILENT, None, self.since, self._first_at, LATER))
        for gap in gaps:
            gap.since = max(gap.since, self.since)
        gaps = [gap for gap in gaps if gap.until is None or gap.until >= self.since]
        self._spread()
        self._darken(gaps)
        mark_unusual(self._extensions)
        return Report(
            self.since,
            self.until,
            self._verdict,
            self._total,
            dict(sorted(self._days.items())),
            dict(sorted(self._extensions.items())),
            self._exposures,
            self._expired,
            gaps,
            dict(sorted(self._events.items())),
        )

    def _spread(self) -> None:
        seconds: dict[int, tuple[Figures, list[float]]] = {}
        for each in self._exposures:
            for figures in self._concerned(each.until, each.account, each.extension):
                seconds.setdefault(id(figures), (figures, []))[1].append(each.seconds)
        for figures, of in seconds.values():
            figures.spread(of)

    def _darken(self, gaps: list[Gap]) -> None:
        """Tell each day of its share in the gaps."""
        self._total.gap_s = gap_s(gaps, self.since, self.until)
        begin = self.since
        while begin < self.until:
            end = min(self.until, (begin // DAY_S + 1) * DAY_S)
            if dark_s := gap_s(gaps, begin, end):
                self._days[day_of(begin)].gap_s = dark_s
            begin = end

    def _concerned(self, at: float, account: str, extension: str | None) -> list[Figures]:
        """The day's, those of all, and the extension's (None: that is not known)."""
        known = [] if extension is None else [self._extensions[account, extension]]
        return [self._days[day_of(at)], self._total, *known]

    def _follow(self, record: Record) -> None:
        """Who is muted since when, and where, also from before the time of the report."""
        call = (record.account or "", str(record.fields.get("ivrid", "")))
        match record.event:
            case "call.covered":
                self._cover(record, call)
            case "section.ended":
                self._uncover(record)
            case "api.attempt" if call in self._over and record.fields.get("verdict") != "not_found":
                self._over.discard(call)
            case "mute.foreign":
                self._open.pop(call, None)
            case "audit.opened" if "alive_at" in record.fields:
                self._give_up(epoch_s(record.fields["alive_at"]))
            case _ if record.event == EXPOSURE:
                self._open.pop(call, None)
                left = self._unresolved.get(call)
                if left is not None and epoch_s(record.fields["from"]) <= left.since + _SAME_S:
                    del self._unresolved[call]
            case "call.muted":
                self._open.pop(call, None)
                self._muted.setdefault(call, _Muted(record.at, self._extension(record)))
                self._over.discard(call)
            case "call.unmuted" | "call.gone":
                self._open.pop(call, None)
                self._over |= {call} if record.event == "call.gone" else set()
                muted = self._muted.pop(call, None)
                if muted is not None:
                    self._add_muted(call[0], muted.extension, muted.since, record.at)

    def _give_up(self, alive_at: float) -> None:
        """What was open when a process ended."""
        for call, left in self._open.items():
            sections = tuple(sorted(self._covering.get(call, ())))
            self._unresolved[call] = replace(left, sections=sections, until=max(left.since, alive_at))
        self._open.clear()

    def _cover(self, record: Record, call: tuple[str, str]) -> None:
        """A call that is over may be named as related still; one that is seen is up again."""
        if "extension" in record.fields:
            self._on[call] = str(record.fields["extension"])
        self._covering[call].add(str(record.fields.get("section_id")))
        if record.fields.get("reason") == "leg":
            self._over.discard(call)
        if call not in self._muted and call not in self._over:
            self._open.setdefault(call, _Open(record.at, record.fields.get("offset_s")))

    def _uncover(self, record: Record) -> None:
        """What it alone covered is covered no more, and so not open."""
        calls, section_id = record.fields.get("calls"), str(record.fields.get("section_id"))
        for ivrid in calls if isinstance(calls, list) else ():
            call = (record.account or "", str(ivrid))
            covering = self._covering.get(call, set())
            covering.discard(section_id)
            if not covering:
                self._covering.pop(call, None)
                self._open.pop(call, None)
                self._over.discard(call)  # whoever covers it next has it asked for anew

    def _add_muted(self, account: str, extension: str, since: float, until: float) -> None:
        seconds = until - max(since, self.since)
        if seconds > 0:
            for figures in self._concerned(until, account, extension):
                figures.muted_s += seconds

    def _ended(self, record: Record) -> None:
        section_id, seconds = str(record.fields.get("section_id")), float(record.fields.get("duration_s", 0))
        place = self._places.pop((record.account or "", section_id), None)
        self._count(record, place, "section_s", seconds)
        if record.fields.get("cause") == "expired":
            self._count(record, place, "expired", 1)
            self._expired.append(Expired(record.at, record.account or "", section_id, _target(record), seconds))

    def _place(self, record: Record, extension: str) -> None:
        """The section is this extension's: its target, or where it first covered a call."""
        section = (record.account or "", str(record.fields.get("section_id")))
        if extension and section not in self._places:
            self._places[section] = extension
            self._extensions[record.account or "", extension].sections += 1

    def _note_unresolved(self, call: tuple[str, str], left: _Open) -> None:
        """It was open when the process was killed, and what came of it was not told before, nor by the next one."""
        if left.until >= self.since:
            on, seconds = self._on.get(call, ""), left.until - left.since
            offset = None if left.offset_s is None else (left.offset_s, round(left.offset_s + seconds, 3))
            exposure = Exposure(
                left.since, left.until, *call, on, left.sections, seconds, offset, "daemon_down", "unknown", None
            )
            self._exposures.append(exposure)
            for figures in self._concerned(left.until, call[0], on):
                figures.exposures += 1
                figures.exposure_s += exposure.seconds
                figures.breaches += exposure.breach

    def _exposed(self, record: Record) -> None:
        fields = record.fields
        offset = (fields["from_offset_s"], fields["to_offset_s"]) if "from_offset_s" in fields else None
        exposure = Exposure(
            epoch_s(fields["from"]),
            epoch_s(fields["to"]),
            record.account or "",
            str(fields["ivrid"]),
            self._extension(record),
            tuple(fields.get("section_ids", ())),
            fields["exposure_ms"] / 1000,
            offset,
            str(fields["cause"]),
            str(fields["ended_by"]),
            fields.get("answered"),
            epoch_s(fields["seen_at"]) if "seen_at" in fields else None,
        )
        self._exposures.append(exposure)
        self._count(record, exposure.extension, "exposures", 1)
        self._count(record, exposure.extension, "exposure_s", exposure.seconds)
        self._count(record, exposure.extension, "breaches", int(exposure.breach))

    def _count(self, record: Record, extension: str | None, what: str, more: float) -> None:
        for figures in self._concerned(record.at, record.account or "", extension):
            setattr(figures, what, getattr(figures, what) + more)

    def _extension(self, record: Record) -> str:
        named = record.fields.get("extension")
        return str(named) if named else self._on.get((record.account or "", str(record.fields.get("ivrid"))), "")


def _target(record: Record) -> str:
    fields = record.fields
    named = fields.get("extension")
    if named:
        return str(named)
    return f"user {fields['user_id']}" if "user_id" in fields else f"call {fields.get('ivrid', '')}"
