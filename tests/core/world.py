"""The core in memory, played like a story: say what is learned, look at what is due.

`World` keeps the clock and answers requests; it decides nothing by itself.
"""

from dataclasses import dataclass, field

from orchestrator.core import polls
from orchestrator.core.changes import Changes
from orchestrator.core.claims import Outcome, Verdict
from orchestrator.core.facts import (
    ExtensionAnswered,
    ExtensionAsked,
    ExtensionSeen,
    Fact,
    FeedChanged,
    MuteAnswered,
    MuteAsked,
    PollAnswered,
    PollingConfigured,
    PollSent,
    SectionEnded,
    SectionStarted,
    SnapshotTaken,
    Swept,
    UserSeen,
)
from orchestrator.core.fold import fold
from orchestrator.core.model import Direction, Extension, FeedState, Leg, LegStatus, OnCall, OnExtension, OnUser
from orchestrator.core.notices import Notice
from orchestrator.core.policy import Policy
from orchestrator.core.reconcile import Ask, Decision, reconcile, reconcile_extension
from orchestrator.core.state import Polled, PollFailed, Polls, State

T0 = 1_000_000.0


def talking(ivrid: str, *related: str, muted: bool | None = False) -> Leg:
    return Leg(ivrid, Direction.INCOMING, LegStatus.TALKING, True, muted, related)


def ringing(ivrid: str, *related: str, muted: bool | None = False) -> Leg:
    return Leg(ivrid, Direction.INCOMING, LegStatus.RINGING, False, muted, related)


def dialing(ivrid: str, *related: str, muted: bool | None = False) -> Leg:
    return Leg(ivrid, Direction.OUTGOING, LegStatus.DIALING, False, muted, related)


def extension(sip: str, *legs: Leg, user: str | None = None, online: str | None = None) -> Extension:
    return Extension(sip, user, online, {leg.ivrid: leg for leg in legs})


@dataclass
class World:
    policy: Policy = field(default_factory=Policy)
    state: State = field(default_factory=State)
    now: float = T0
    told: list[Notice] = field(default_factory=list)
    asked: list[tuple[str, bool]] = field(default_factory=list)

    def learn(self, fact: Fact) -> Changes:
        changes = fold(self.state, fact, self.now, self.policy)
        self.told += changes.notices
        return changes

    def passes(self, seconds: float) -> None:
        self.now += seconds

    def sweeps(self) -> Changes:
        return self.learn(Swept())

    def snapshot(self, *extensions: Extension) -> None:
        self.learn(SnapshotTaken(extensions))

    def learn_to_see(self, *extensions: Extension) -> None:
        """The feed is synced, and there is a way to poll."""
        self.learn(PollingConfigured())
        self.snapshot(*extensions)

    def turns(self, feed: FeedState) -> None:
        self.learn(FeedChanged(feed))

    def sees(
        self, sip: str, *legs: Leg, user: str | None = None, online: str | None = None, lag_s: float = 0.0
    ) -> None:
        self.learn(ExtensionSeen(extension(sip, *legs, user=user, online=online), lag_s))

    def signs_in(self, sip: str, online: str | None, user: str | None = None) -> None:
        self.learn(UserSeen(sip, user, online))

    def starts(
        self,
        section_id: str,
        on: str | None = None,
        user: str | None = None,
        call: str | None = None,
        max_seconds: float | None = None,
        occurred_at: float | None = None,
        message_id: str | None = None,
    ) -> None:
        target = OnExtension(on) if on else OnUser(user) if user else OnCall(call or "")
        self.learn(SectionStarted(section_id, target, max_seconds, None, occurred_at, message_id))

    def ends(self, section_id: str) -> None:
        self.learn(SectionEnded(section_id))

    def decision(self, ivrid: str) -> Decision:
        return reconcile(self.state, ivrid, self.now)

    def ask(self, ivrid: str, muted: bool, sip: str | None = None) -> None:
        self.asked.append((ivrid if sip is None else f"{ivrid} by {sip}", muted))
        self.learn(MuteAsked(ivrid, muted, sip))

    def answer(
        self,
        ivrid: str,
        muted: bool,
        verdict: Verdict = Verdict.DONE,
        jitter: float = 1.0,
        told_s: float | None = None,
        sip: str | None = None,
    ) -> None:
        self.learn(MuteAnswered(ivrid, muted, Outcome(verdict, "a1", told_s, "x"), jitter, sip))

    def attempt(self, ivrid: str, verdict: Verdict = Verdict.DONE, told_s: float | None = None) -> None:
        decision = self.decision(ivrid)
        assert isinstance(decision, Ask), decision
        self.ask(ivrid, decision.muted, decision.sip)
        self.answer(ivrid, decision.muted, verdict, told_s=told_s, sip=decision.sip)

    def of_extension(self, sip: str) -> Decision:
        return reconcile_extension(self.state, sip, self.now)

    def ask_all(self, sip: str, muted: bool) -> None:
        self.asked.append((f"all of {sip}", muted))
        self.learn(ExtensionAsked(sip))

    def answer_all(self, sip: str, muted: bool, verdict: Verdict = Verdict.DONE, jitter: float = 1.0) -> None:
        self.learn(ExtensionAnswered(sip, muted, Outcome(verdict, "a1", None, "x"), jitter))

    def attempt_all(self, sip: str, verdict: Verdict = Verdict.DONE) -> None:
        decision = self.of_extension(sip)
        assert isinstance(decision, Ask), decision
        self.ask_all(sip, decision.muted)
        self.answer_all(sip, decision.muted, verdict)

    def settle(self) -> list[tuple[str, bool]]:
        """Work everything off with an API that always says yes; what was asked, in the order of the ids."""
        before = len(self.asked)
        for _ in range(10):
            due = [ivrid for ivrid in sorted(self.state.mutes) if isinstance(self.decision(ivrid), Ask)]
            if not due:
                return self.asked[before:]
            for ivrid in due:
                self.attempt(ivrid)
        raise AssertionError("does not settle")

    def polls_due(self) -> list[str]:
        return polls.plan(self.state, self.now, self.policy)[0]

    def polls_next(self) -> float | None:
        """In how many seconds it is to be looked again."""
        at = polls.plan(self.state, self.now, self.policy)[1]
        return None if at is None else round(at - self.now, 6)

    def asks_poll(self, key: str) -> None:
        assert key in self.polls_due(), self.polls_due()
        self.learn(PollSent(key))

    def polled(self, key: str, *extensions: Extension, sent_at: float | None = None) -> None:
        self.learn(PollAnswered(key, self.now if sent_at is None else sent_at, Polled(extensions)))

    def poll_fails(self, key: str, refused: bool = False, told_s: float | None = None) -> None:
        self.learn(PollAnswered(key, self.now, PollFailed("no answer", refused, told_s)))

    def poll_misses(self, sip: str) -> None:
        """Active Calls answers, and does not list the extension."""
        self.learn(PollAnswered(sip, self.now, PollFailed("not in the answer", answered=True)))

    def of(self, kind: type[Notice]) -> list[Notice]:
        return [notice for notice in self.told if isinstance(notice, kind)]


def in_sight(policy: Policy | None = None) -> World:
    """A world in which all is well: the feed is synced, and Active Calls answers."""
    state = State(feed=FeedState.SYNCED, polls=Polls(configured=True, possible=True))
    return World(policy or Policy(), state)


def in_the_dark() -> World:
    """The feed is down and there is no code to poll with; one section runs, and nothing is known of any call."""
    world = World()
    world.starts("pay", on="s1")
    return world


def muted_blindly() -> World:
    world = in_the_dark()
    world.attempt_all("s1")
    return world


def muted_without_polls() -> World:
    """Likewise, but with a feed that is synced."""
    world = muted_blindly()
    world.state.polls.possible = False
    world.turns(FeedState.SYNCED)
    return world
