"""A contact centre in memory that knows the truth of its recordings, and applies requests as a network does: at once,
late, or never. It decides nothing; the core sees of it only what the feed and the polls show.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.core.claims import Verdict
from orchestrator.core.facts import PollAnswered, PollSent, ReleaseOrdered, Restored, SectionWoke
from orchestrator.core.model import Extension, FeedState, Leg
from orchestrator.core.reconcile import Ask
from orchestrator.core.state import Polled, PollFailed, State
from tests.core.world import World, extension, in_sight, ringing, talking

SIPS = ("s1", "s2")
PROBABLY = {"done": Verdict.DONE, "lost": Verdict.LOST, "failed": Verdict.FAILED, "unsent": Verdict.UNSENT}


@dataclass
class Request:
    """One that may be applied until its answer, and `late_s` after it if it is lost."""

    name: str
    by_extension: bool
    muted: bool
    for_call: str | None
    applied: bool = False


@dataclass
class Centre:
    world: World = field(default_factory=in_sight)
    on: dict[str, dict[str, bool]] = field(default_factory=lambda: {sip: {} for sip in SIPS})
    """sip -> its calls, and whether they were answered there."""
    muted: dict[str, bool] = field(default_factory=dict)
    """ivrid -> whether its recording is muted, for each call that is up."""
    foreign: frozenset[str] = frozenset()
    silent: bool = False
    """Neither the feed nor the polls say anything of recordings."""
    under_way: dict[str, Request] = field(default_factory=dict)
    late: list[tuple[float, Request]] = field(default_factory=list)
    polled: dict[str, tuple[float, Polled]] = field(default_factory=dict)
    serial: int = 0

    def shown(self, sip: str) -> Extension:
        legs: list[Leg] = []
        for ivrid, answered in self.on[sip].items():
            legs.append((talking if answered else ringing)(ivrid, muted=None if self.silent else self.muted[ivrid]))
        return extension(sip, *legs)

    def tell(self, sip: str) -> None:
        """An event of the feed, where it is up."""
        if self.world.state.feed is FeedState.SYNCED:
            seen = self.shown(sip)
            self.world.sees(sip, *seen.legs.values())

    def loses_the_feed(self) -> None:
        self.world.turns(FeedState.DOWN)

    def sync(self) -> None:
        self.world.snapshot(*(self.shown(sip) for sip in SIPS))

    # What people do

    def starts(self, section: tuple[str, str]) -> None:
        """A section keeps its target, so that stands in its id."""
        name, target = section
        if target in SIPS:
            self.world.starts(f"{name}-{target}", on=target)
        else:
            self.world.starts(f"{name}-{target}", call=target)

    def ends(self, section: tuple[str, str]) -> None:
        self.world.ends("-".join(section))
        self.world.state.ended.clear()  # its id may come again

    def calls(self, sip: str, answered: bool, muted_by_another: bool = False) -> None:
        self.serial += 1
        ivrid = f"c{self.serial}"
        self.on[sip][ivrid] = answered
        self.muted[ivrid] = muted_by_another
        if muted_by_another:
            self.foreign |= {ivrid}
        self.tell(sip)

    # While the feed is down calls begin and end, but do not move: of a call that was muted with its extension and is
    # seen elsewhere for the first time nobody could say whose mute it is.

    def _may_move(self) -> bool:
        return self.world.state.feed is FeedState.SYNCED

    def rings_too(self, sip: str, other: str) -> None:
        for ivrid, answered in list(self.on[sip].items()):
            if not answered and ivrid not in self.on[other] and self._may_move():
                self.on[other][ivrid] = False
                self.tell(other)

    def answers(self, sip: str) -> None:
        """What rings here is answered here; it rings nowhere else any more."""
        for ivrid, answered in list(self.on[sip].items()):
            if not answered:
                self.on[sip][ivrid] = True
                self.tell(sip)
                for other in SIPS if self._may_move() else ():
                    if other != sip and self.on[other].pop(ivrid, None) is not None:
                        self.tell(other)

    def transfers(self, sip: str, other: str) -> None:
        for ivrid, answered in list(self.on[sip].items()):
            if answered and ivrid not in self.on[other] and self._may_move():
                self.on[other][ivrid] = True
                self.tell(other)
                del self.on[sip][ivrid]
                self.tell(sip)
                return

    def hangs_up(self, sip: str) -> None:
        for ivrid in list(self.on[sip])[:1]:
            for other in SIPS:
                if self.on[other].pop(ivrid, None) is not None:
                    self.tell(other)
            del self.muted[ivrid]

    def orders_release(self, sip: str) -> None:
        """Of every call here, by hand: where that can be, it is nobody else's mute any more."""
        state = self.world.state
        for ivrid in self.on[sip]:
            known = ivrid in state.calls and state.calls[ivrid].on
            self.world.learn(ReleaseOrdered(ivrid))
            if known and ivrid not in state.covering:
                self.foreign -= {ivrid}

    # What the network does

    def asks(self) -> None:
        """Everything that is due is asked."""
        world = self.world
        for ivrid in sorted(world.state.mutes):
            decision = world.decision(ivrid)
            if isinstance(decision, Ask):
                assert ivrid not in self.under_way, "never two requests for one call"
                world.ask(ivrid, decision.muted, decision.sip)
                name = decision.sip or ivrid
                self.under_way[ivrid] = Request(name, decision.sip is not None, decision.muted, ivrid)
        for sip in sorted(world.state.blind):
            decision = world.of_extension(sip)
            if isinstance(decision, Ask):
                assert sip not in self.under_way, "never two requests for one extension"
                world.ask_all(sip, decision.muted)
                self.under_way[sip] = Request(sip, True, decision.muted, None)

    def applies(self, request: Request) -> bool:
        """Whether it found a call."""
        up = [ivrid for ivrid, answered in self.on[request.name].items() if answered] if request.by_extension else []
        reached = up if request.by_extension else [request.name]
        for ivrid in reached:
            if ivrid in self.muted:
                assert request.muted or ivrid not in self.foreign, "what somebody else muted stays as it is"
                self.muted[ivrid] = request.muted
        request.applied = True
        return any(ivrid in self.muted for ivrid in reached)

    def applied_early(self) -> None:
        """What is under way is applied, and not answered yet."""
        for request in self.under_way.values():
            if not request.applied:
                self.applies(request)

    def slips(self) -> None:
        """What was muted runs again, without a word: the vendor lost it."""
        for ivrid in self.world.state.covering:
            if ivrid in self.muted and ivrid not in self.foreign:
                self.muted[ivrid] = False

    def answered(self, how: str, late_s: float = 0.0) -> None:
        for key, request in sorted(self.under_way.items()):
            del self.under_way[key]
            verdict = PROBABLY[how]
            if verdict is Verdict.UNSENT and request.applied:
                verdict = Verdict.LOST
            if verdict is Verdict.DONE:
                up = (request.by_extension and any(self.on[request.name].values())) or request.name in self.muted
                if not request.applied:
                    up = self.applies(request)
                verdict = Verdict.DONE if up else Verdict.NOT_FOUND
            elif not request.applied and verdict is not Verdict.UNSENT:
                self.late.append((self.world.now + late_s, request))
            self._answer(key, request, verdict)

    def _answer(self, key: str, request: Request, verdict: Verdict) -> None:
        if request.for_call is None:
            self.world.answer_all(key, request.muted, verdict)
        else:
            sip = request.name if request.by_extension else None
            self.world.answer(key, request.muted, verdict, sip=sip)

    def works(self, how: str, late_s: float, after_s: float) -> None:
        """Everything that is due is asked and answered."""
        self.asks()
        self.passes(after_s)
        self.answered(how, late_s)

    def crosses(self, how: str, late_s: float, meanwhile: "Callable[[Centre], None]") -> None:
        """Something happens while requests are under way."""
        self.asks()
        meanwhile(self)
        self.asks()
        self.answered(how, late_s)

    def passes(self, seconds: float) -> None:
        self.world.passes(seconds)
        for at, request in sorted(self.late, key=lambda item: item[0]):
            if at <= self.world.now:
                self.late.remove((at, request))
                if not request.applied:
                    self.applies(request)
        for section_id in list(self.world.state.sections):
            self.world.learn(SectionWoke(section_id))
        self.world.sweeps()

    def polls(self) -> None:
        for key in self.world.polls_due():
            self.world.learn(PollSent(key))
            told = (self.shown(sip) for sip in SIPS if key in ("", sip))
            self.polled[key] = (self.world.now, Polled(tuple(told)))

    def poll_answers(self, fails: bool = False) -> None:
        for key, (sent_at, answer) in sorted(self.polled.items()):
            failed = PollFailed("no answer", refused=True)
            self.world.learn(PollAnswered(key, sent_at, failed if fails else answer))
        self.polled.clear()

    def restarts(self) -> None:
        """Another process takes over: what was under way may be applied yet, and is never answered."""
        before, self.world.state = self.world.state, State()
        self.late += [(self.world.now + 4.0, request) for request in self.under_way.values()]
        self.under_way.clear()
        self.polled.clear()
        self.world.learn(Restored(dict(before.sections), dict(before.ended), dict(before.mutes), dict(before.blind)))

    def settles(self) -> None:
        """All is well for two minutes."""
        self.answered("lost", late_s=4.0)
        self.world.learn_to_see(*(self.shown(sip) for sip in SIPS))
        for _ in range(40):
            self.passes(3.0)
            self.polls()
            self.poll_answers()
            self.asks()
            self.answered("done")
