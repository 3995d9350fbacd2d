"""The poller's guarantees, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from orchestrator.core.facts import Fact, PollAnswered, PollingConfigured, SectionEnded, SectionStarted
from orchestrator.core.fold import fold
from orchestrator.core.model import FeedState, OnExtension
from orchestrator.core.policy import Policy
from orchestrator.core.state import Polled, PollFailed, State
from orchestrator.engine.notices import PollMade
from orchestrator.engine.poller import AT_ONCE, LOOK_EVERY_S, PAUSE_S, Poller
from tests.core.world import extension, talking
from tests.engine.doubles import Notebook
from tests.virtual_time import VirtualClock, run


@dataclass
class Answers:
    """Active Calls: one call on each extension, told after as long as `takes_s` says."""

    takes_s: Callable[[str | None], float] = lambda sip: 0.02
    fails: bool = False
    asked: list[tuple[str | None, float]] = field(default_factory=list)
    at_once: list[str | None] = field(default_factory=list)
    most_at_once: int = 0
    doubled: bool = False

    async def ask(self, sip: str | None) -> Polled | PollFailed:
        self.asked.append((sip, round(VirtualClock().now() - VirtualClock.START, 6)))
        self.doubled |= sip in self.at_once
        self.at_once.append(sip)
        self.most_at_once = max(self.most_at_once, len(self.at_once))
        await asyncio.sleep(self.takes_s(sip))
        self.at_once.remove(sip)
        return PollFailed("HTTP 500") if self.fails else Polled((extension(sip or "s1", talking(f"c of {sip}")),))

    def times(self, sip: str | None) -> list[float]:
        return [at for asked, at in self.asked if asked == sip]


@dataclass
class Stage:
    poller: Poller
    answers: Answers
    learn: Callable[[Fact], None]
    facts: list[Fact]
    book: Notebook

    def starts(self, *sips: str) -> None:
        for sip in sips:
            self.learn(SectionStarted(f"pay {sip}", OnExtension(sip), 900.0))
            self.poller.rouse()


@asynccontextmanager
async def stage(policy: Policy | None = None, answers: Answers | None = None) -> AsyncIterator[Stage]:
    state, facts, book, answers = State(feed=FeedState.SYNCED), list[Fact](), Notebook(), answers or Answers()
    policy = policy or Policy()

    def learn(fact: Fact) -> None:
        facts.append(fact)
        fold(state, fact, VirtualClock().now(), policy)

    poller = Poller(state, lambda: policy, VirtualClock(), answers, learn, book)
    async with asyncio.TaskGroup() as tasks:
        polling = tasks.create_task(poller.run())
        await asyncio.sleep(0)
        yield Stage(poller, answers, learn, facts, book)
        polling.cancel()


def test_that_there_is_a_way_to_poll_is_learned_first() -> None:
    async def story() -> None:
        async with stage() as on:
            assert on.facts == [PollingConfigured()]

    run(story())


def test_nothing_is_asked_while_nothing_is_sensitive() -> None:
    async def story() -> None:
        async with stage() as on:
            await asyncio.sleep(60)
            assert on.answers.asked == []

    run(story())


def test_a_new_section_is_polled_within_the_pause() -> None:
    async def story() -> None:
        async with stage() as on:
            await asyncio.sleep(10.3)
            on.starts("s1")
            await asyncio.sleep(PAUSE_S)
            assert len(on.answers.asked) == 1

    run(story())


def test_a_burst_of_sections_is_looked_at_once() -> None:
    """Twenty-one of them are one request for all."""

    async def story() -> None:
        async with stage() as on:
            await asyncio.sleep(10)
            on.starts(*(f"s{number}" for number in range(21)))
            await asyncio.sleep(1)
            assert on.answers.asked == [(None, 10.0)]

    run(story())


def test_a_suspect_is_asked_for_every_two_seconds_and_then_every_five() -> None:
    async def story() -> None:
        async with stage() as on:
            on.answers.fails = True
            on.starts("s1")
            await asyncio.sleep(5)
            on.answers.fails = False
            await asyncio.sleep(15)
            times = on.answers.times("s1")
            gaps = [round(later - earlier, 2) for earlier, later in pairwise(times)]
            assert gaps == pytest.approx([2, 2, 2, 5, 5], abs=PAUSE_S + 0.001)

    run(story())


def test_a_section_that_ended_is_asked_for_no_more() -> None:
    async def story() -> None:
        async with stage() as on:
            on.starts("s1")
            await asyncio.sleep(1)
            on.learn(SectionEnded("pay s1"))
            await asyncio.sleep(60)
            assert len(on.answers.asked) == 1

    run(story())


def test_a_key_is_asked_for_once_at_a_time() -> None:
    async def story() -> None:
        async with stage(answers=Answers(takes_s=lambda sip: 30.0)) as on:
            on.starts("s1")
            for _ in range(20):
                await asyncio.sleep(1)
                on.poller.rouse()
            assert len(on.answers.asked) == 1
            assert not on.answers.doubled

    run(story())


def test_a_slow_answer_delays_no_other_key() -> None:
    async def story() -> None:
        async with stage(answers=Answers(takes_s=lambda sip: 60.0 if sip == "slow" else 0.02)) as on:
            on.starts("slow", "s1")
            await asyncio.sleep(21)
            assert len(on.answers.times("slow")) == 1
            assert len(on.answers.times("s1")) == 5

    run(story())


def test_no_more_than_so_many_are_asked_for_at_once() -> None:
    async def story() -> None:
        async with stage(answers=Answers(takes_s=lambda sip: 1.0)) as on:
            on.starts(*(f"s{number:02}" for number in range(20)))
            await asyncio.sleep(2.99)
            assert on.answers.most_at_once == AT_ONCE
            assert len({sip for sip, _ in on.answers.asked}) == 20

    run(story())


def test_an_answer_is_as_old_as_its_question_and_not_as_its_turn() -> None:
    """One that waited for its turn is asked when its turn comes."""

    async def story() -> None:
        async with stage(answers=Answers(takes_s=lambda sip: 1.0)) as on:
            on.starts(*(f"s{number:02}" for number in range(AT_ONCE + 1)))
            await asyncio.sleep(2.5)
            answered = {fact.key: fact.sent_at for fact in on.facts if isinstance(fact, PollAnswered)}
            waited = answered[f"s{AT_ONCE:02}"] - answered["s00"]
            assert waited == pytest.approx(1.0)

    run(story())


def test_each_poll_is_told_with_its_time() -> None:
    async def story() -> None:
        async with stage(Policy(poll_singly=1)) as on:
            on.starts("s1")
            await asyncio.sleep(1)
            on.answers.fails = True
            on.starts("s2")
            await asyncio.sleep(1)
            made = [notice for notice in on.book.told if isinstance(notice, PollMade)]
            assert [(notice.extension, notice.ok, notice.why) for notice in made] == [
                ("s1", True, ""),
                (None, False, "HTTP 500"),
            ]
            assert [notice.seconds for notice in made] == pytest.approx([0.02, 0.02])

    run(story())


def test_what_falls_due_without_news_is_noticed_in_its_time() -> None:
    """A call that left its extension makes the section suspect; nobody rouses the poller for it."""

    async def story() -> None:
        async with stage() as on:
            on.starts("s1")
            await asyncio.sleep(3)
            assert len(on.answers.asked) == 1
            on.learn(PollAnswered("s1", VirtualClock().now(), Polled(())))
            on.learn(SectionStarted("next", OnExtension("s2"), 900.0))
            await asyncio.sleep(LOOK_EVERY_S)
            assert on.answers.times("s2") != []

    run(story())
