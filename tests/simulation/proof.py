"""The audit of a story, held against the truth: every moment that it tells of, and every one that it does not.

What is compared, per call, are times. From the truth: when it was up, and when its recording ran. From what the
daemon was told (`Told`, by the simulator's own rules of coverage): when it was covered as far as anybody could
know. From the records, through the report: exposures, over-mutes, gaps. A call that was covered as told, and
recorded, is an exposure; one that was muted by us and covered by nothing is an over-mute. Guarantee: what
`differences` does not name agrees to `SAME_S`, or has one of the reasons below, each of them something that the
daemon cannot know.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from orchestrator.audit.figures import Exposure
from orchestrator.audit.recorder import OVERMUTE
from orchestrator.audit.report import Reporter
from orchestrator.simulator.recordings import Recording, Recordings
from tests.simulation.faults import EVERY, RECOVERED_S, Fault
from tests.simulation.faults import KINDS as OF_KIND
from tests.simulation.feed import LAG_MOST_S, PONG_WITHIN_S
from tests.simulation.loop import WorldClock
from tests.simulation.reasons import PROCESS, SOON_S, UNDECLARED, unreasonable
from tests.simulation.spans import SAME_S, Span, both, length, minus
from tests.simulation.story import Script
from tests.simulation.vendor import LATENCY_S
from tests.simulation.world import World, played

KINDS = [kind for kind in EVERY if kind != "clock_stepped"]
"""The audit's times are the machine's: on one whose clock is wrong they are as wrong, which `clock.stepped` says."""
WAY_BACK_S = 2 * LATENCY_S[1] + SAME_S
"""From the moment in which a request is applied until its answer is there; where it named the extension, and another
one for the call is in flight beside it, until the answer of that."""
POLLED_S = 5.0
"""Extensions with a section are polled so often."""
UNSEEN = ("feed blind", "mutes not verified")
"""Gaps in which calls are muted by their extension, and which these are cannot be seen."""

SETTLED_S = RECOVERED_S + 5.0
"""Until nothing that a fault has left can be applied or come any more: the last attempt, and a late request."""


class Witness(Recordings):
    """Recordings that keep when each call was up, when its recording ran, and when we kept it muted."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: dict[str, list[Span]] = defaultdict(list)
        self.ran: dict[str, list[Span]] = defaultdict(list)
        self.ours: dict[str, list[Span]] = defaultdict(list)
        self._since: dict[str, float] = {}
        self._was: dict[str, tuple[float, bool, bool]] = {}

    def begin(self, ivrid: str, covered: bool, arguable: bool, now: float) -> None:
        self._since[ivrid] = now
        self._was[ivrid] = (now, True, False)
        super().begin(ivrid, covered, arguable, now)

    def finish(self, ivrid: str, now: float) -> None:
        if ivrid in self.up:
            self._note(self.up[ivrid], now)
            self.alive[ivrid].append((self._since.pop(ivrid), now))
        super().finish(ivrid, now)
        self._was.pop(ivrid, None)

    def _turn(self, recording: Recording, now: float) -> None:
        if recording.ivrid in self._was:
            self._note(recording, now)
        super()._turn(recording, now)

    def _note(self, recording: Recording, now: float) -> None:
        since, ran, ours = self._was[recording.ivrid]
        if ran:
            self.ran[recording.ivrid].append((since, now))
        if ours:
            self.ours[recording.ivrid].append((since, now))
        self._was[recording.ivrid] = (now, not recording.muted, recording.muted and not recording.foreign)


@dataclass(slots=True)
class Case:
    """All that is known of a story in the end."""

    script: Script
    witness: Witness
    told: dict[str, list[Span]] = field(default_factory=lambda: defaultdict(list))
    """By call: covered, as somebody may have known."""
    surely: dict[str, list[Span]] = field(default_factory=lambda: defaultdict(list))
    """By call: covered, as the daemon had to know."""
    exposed: dict[str, list[Exposure]] = field(default_factory=lambda: defaultdict(list))
    over_muted: dict[str, list[Span]] = field(default_factory=lambda: defaultdict(list))
    perhaps_over: set[tuple[str, Span]] = field(default_factory=set)
    """Those of the over-mutes of which the audit says that the call may have been over."""
    gaps: list[tuple[str, Span, str]] = field(default_factory=list)
    nobody: list[Span] = field(default_factory=list)
    """Declared as times in which no process worked, by all folders there are."""
    ends_at: float = 0.0

    def gap(self, kinds: Iterable[str], call: str = "") -> list[Span]:
        return [span for kind, span, note in self.gaps if kind in kinds and (not call or call in note)]

    def faulty(self, *prefixes: str, after_s: float) -> list[Span]:
        """While such a fault was in force, and until what it left behind was over."""
        hit = (span for fault, span in self.in_force() if fault.kind.startswith(prefixes))
        return [(since, until + after_s) for since, until in hit]

    def in_force(self) -> Iterator[tuple[Fault, Span]]:
        for fault in self.script.faults:
            begin = WorldClock.START + fault.at
            yield fault, (begin, begin + fault.lasts_s)


def shift(seed: int, hours: float) -> Script:
    """A whole shift, with a fault every few minutes."""
    chance, faults, at = random.Random(f"shift {seed}"), [], 60.0
    while at < hours * 3600:
        kind = chance.choice(KINDS)
        lasts_s = round(chance.uniform(*OF_KIND[kind].lasts_s), 3)
        faults.append(Fault(kind, round(at, 3), lasts_s, round(chance.uniform(0.0, 0.999), 3)))
        at += lasts_s + chance.uniform(120.0, 400.0)
    return Script(seed, 4, 3.0, hours * 3600, tuple(faults))


@dataclass(slots=True)
class Checked:
    """Stories, and how the audit of each agrees with the truth."""

    told: int = 0
    """Exposures and over-mutes."""
    differences: list[str] = field(default_factory=list)
    sections: int = 0
    records: int = 0
    size: int = 0
    """Of their files, in bytes."""

    def add(self, script: Script) -> None:
        case, world = tried(script)
        self.told += sum(map(len, case.exposed.values())) + sum(map(len, case.over_muted.values()))
        broken = [str(world.judge.first)] if world.judge.first else []
        found = dict.fromkeys([*broken, *differences(case, world)])
        self.differences += [f"seed {script.seed}: {each}" for each in found]
        for folder in world.archive.folders:
            self.sections += sum(record.event == "section.started" for record in folder.records)
            self.records += len(folder.records)
            self.size += folder.size

    def __str__(self) -> str:
        sections = self.sections or 1
        return (
            f"{self.told} exposures and over-mutes told, {len(self.differences)} differences\n"
            f"the audit of {self.sections} sections: {self.records} records, {self.size} bytes, "
            f"{self.size // (self.records or 1)} a record, {self.size // sections} a section"
        )


def tried(script: Script) -> tuple[Case, World]:
    """Play it, and collect what there is to compare."""
    case = Case(script, Witness())
    world = played(script, case.witness)
    for ivrid, since, until, sure in world.processes.covers:
        case.told[ivrid].append((since, until))
        if sure:
            case.surely[ivrid].append((since, until))
    case.ends_at = end = world.clock.now() + 1.0
    nobody: list[Span] | None = None
    for folder in world.archive.folders:
        reporter = Reporter(WorldClock.START, end)
        for record in folder.records:
            reporter.take(record)
            if record.event in ("call.unmuted", OVERMUTE) and "overmute_ms" in record.fields:
                ivrid, span = record.fields["ivrid"], (record.at - record.fields["overmute_ms"] / 1000, record.at)
                case.over_muted[ivrid].append(span)
                if "perhaps_over" in record.fields:
                    case.perhaps_over.add((ivrid, span))
        report = reporter.report()
        for exposure in report.exposures:
            case.exposed[exposure.ivrid].append(exposure)
        case.gaps += [(gap.kind, (gap.since, gap.until or end), gap.note) for gap in report.gaps]
        idle = [(gap.since, gap.until or end) for gap in report.gaps if gap.kind in UNDECLARED]
        idle += [(WorldClock.START, record.at) for record in folder.records[:1]]
        nobody = idle if nobody is None else both(nobody, idle)
    case.nobody = nobody or []
    return case, world


def differences(case: Case, world: World) -> Iterator[str]:
    """What the records have not, and what the truth has not."""
    verdict = world.truth.verdict()
    for exposure in verdict.exposures.stretches:
        yield from _shown("nobody was told of", exposure.ivrid, _untold(case, exposure.ivrid, list(exposure.spans)))
    over_mutes: dict[str, list[Span]] = defaultdict(list)
    for over_mute in verdict.over_mutes.stretches:
        over_mutes[over_mute.ivrid] += over_mute.spans
    for ivrid in {**case.told, **case.exposed, **case.over_muted, **over_mutes}:
        yield from _shown("exposure missing", ivrid, _missing(case, ivrid))
        yield from _shown("exposure invented", ivrid, _invented(case, ivrid))
        yield from _shown("over-mute missing", ivrid, _over_missing(case, ivrid, over_mutes[ivrid]))
        yield from _shown("over-mute invented", ivrid, _over_invented(case, ivrid, over_mutes[ivrid]))
    yield from unreasonable(case, world)


def _untold(case: Case, ivrid: str, spans: list[Span]) -> list[Span]:
    """What the daemon was not told when it was so: the feed lags, and so do a CRM's messages on a way that is
    disturbed. A section may begin and end before it is heard of."""
    heard = (
        case.told[ivrid] + case.nobody + case.gap(UNSEEN) + [(each.at, each.until) for each in case.exposed[ivrid]]
    )
    left = minus(spans, heard + case.faulty("feed", "login", "polls", "crm", "redis", *PROCESS, after_s=SETTLED_S))
    return [span for span in left if length(span) > LAG_MOST_S + SAME_S]


def _missing(case: Case, ivrid: str) -> list[Span]:
    exposures = case.exposed[ivrid]
    known = [(each.at, each.until) for each in exposures] + case.nobody
    known += case.gap(["mute in doubt"], ivrid)
    # A call that was opened beside others, by its extension, is known to be from the answer on:
    known += both([(each.at - WAY_BACK_S, each.at) for each in exposures], case.gap(UNSEEN))
    # A success that does nothing is believed until an event or a poll (5 s) that is newer by 2 s shows otherwise:
    known += case.faulty("api_hollow", after_s=RECOVERED_S + 2.0)
    # A live call that Voicenter says it does not know is over, as far as anybody can know, until it is seen anew:
    known += case.faulty("api_not_found", after_s=WAY_BACK_S)
    known += _not_seen_yet(case, ivrid)
    return minus(both(case.witness.ran[ivrid], case.surely[ivrid]), known)


def _not_seen_yet(case: Case, ivrid: str) -> Iterator[Span]:
    """A call that was covered before it was up (named as related, or redialled): Voicenter did not know it when it
    was asked, and the feed says late that it is up now, or when it is not blind any more."""
    for begin, end in case.witness.alive[ivrid]:
        if any(since < begin - SAME_S and until > begin for since, until in case.told[ivrid]):
            blind = [until for since, until in case.gap(UNSEEN) if since < begin + LAG_MOST_S and until > begin]
            # One that has fallen silent is not known to be blind yet: a poll finds the call.
            blind += [begin + POLLED_S for since, until in case.faulty("feed", after_s=0.0) if since < begin < until]
            yield begin, min(end, max([begin, *blind]) + LAG_MOST_S)


def _invented(case: Case, ivrid: str) -> list[Span]:
    # A call that is over counts as exposed until Voicenter says that there is none; that it said so is not
    # known to the process that comes after one that was killed.
    exposures = [(each, each.ended_by == "call_over" or each.cause == "daemon_down") for each in case.exposed[ivrid]]
    # Of a drift the begin is not known, only that it was before it was seen:
    told = [(each.seen_at or each.at, each.until) for each, perhaps_over in exposures if not perhaps_over]
    over = [(each.at, each.until) for each, perhaps_over in exposures if perhaps_over]
    true = both(case.witness.ran[ivrid], case.told[ivrid]) + case.nobody
    # An answer that was lost or late counts as none; a process that stands still for less than 5 s takes it late.
    true += case.faulty("api", *PROCESS, after_s=SETTLED_S)
    alive = case.witness.alive[ivrid]
    # That a call is over the feed tells late.
    ended = [(end, end + LAG_MOST_S + WAY_BACK_S) for _, end in alive] + case.gap(UNSEEN)
    # Nothing tells of the end where the feed loses events and says nothing of it, until a poll was asked long enough.
    ended += case.faulty("feed_loses", after_s=SETTLED_S)
    # A message that was held up may name a call that is over: Voicenter is asked for it a few times more.
    ended += case.faulty("crm", "redis", after_s=SETTLED_S)
    wrong = [span for span in minus(told, true + ended) if length(span) > WAY_BACK_S]
    return wrong + [span for span in minus(both(over, alive), true) if length(span) > WAY_BACK_S]


def _over_missing(case: Case, ivrid: str, spans: list[Span]) -> list[Span]:
    known = case.told[ivrid] + case.nobody
    # What was muted by its extension is opened by it when the gap is over, which takes a request:
    known += [(since, until + WAY_BACK_S) for since, until in case.gap(UNSEEN)]
    # One that began with a late answer is told from that answer:
    known += [(since - WAY_BACK_S, until) for since, until in case.over_muted[ivrid]]
    # What was lost may have been applied: it is opened as soon as that is known, and told from there.
    return minus(spans, known + case.faulty("api", after_s=SETTLED_S))


def _over_invented(case: Case, ivrid: str, spans: list[Span]) -> list[Span]:
    # A call that ended while nobody could see that is asked for until Voicenter is asked again after it: 2 s.
    true = spans + case.nobody + [(since, until + 2.0 + WAY_BACK_S) for since, until in case.gap(UNSEEN)]
    true += case.faulty("api", *PROCESS, after_s=SETTLED_S)  # what may have been muted counts as muted
    # That a call is over the feed tells late, or not at all where it loses events and says nothing of it.
    true += case.faulty("feed", "login", after_s=SETTLED_S) + [
        (end, end + LAG_MOST_S + WAY_BACK_S) for _, end in case.witness.alive[ivrid]
    ]
    true += case.faulty("feed_half_open", after_s=PONG_WITHIN_S[1] + SOON_S)
    told = case.over_muted[ivrid]
    perhaps = [span for span in told if (ivrid, span) in case.perhaps_over]
    told = [span for span in told if span not in perhaps] + both(perhaps, case.witness.alive[ivrid])
    left = minus(told, true)
    return [span for span in left if length(span) > WAY_BACK_S]


def _shown(what: str, ivrid: str, spans: list[Span]) -> Iterator[str]:
    for since, until in spans:
        yield f"{what}: {ivrid} from {since - WorldClock.START:.3f} to {until - WorldClock.START:.3f}"
