"""What the CRM is told of its sections, in virtual time."""

import asyncio

from orchestrator.core.claims import Verdict
from orchestrator.core.model import EndCause
from orchestrator.core.policy import Policy
from orchestrator.core.standing import Word
from tests.core.world import dialing, talking
from tests.engine.doubles import Request
from tests.engine.stage import stage
from tests.virtual_time import run


def test_a_section_is_protected_until_it_ends() -> None:
    async def story() -> None:
        async with stage() as on:
            on.sees("s1", talking("c1"))
            on.starts("pay", "s1")
            await asyncio.sleep(10)
            on.ends("pay")
            await asyncio.sleep(1)
            assert on.words == [("pay", "protected"), ("pay", "ended")]
            protected, ended = on.told
            assert (protected.state, ended.state, ended.cause) == ("protected", "ended", EndCause.MESSAGE)
            assert [(call.ivrid, round(call.exposure_s, 2)) for call in ended.calls] == [("c1", 0.05)]

    run(story())


def test_a_new_call_is_told_of_only_when_it_stays_open() -> None:
    """While it is being muted the section is `muting`, which is no news; once it is muted the section is protected
    anew."""

    async def story() -> None:
        async with stage() as on:
            on.sees("s1", talking("c1"))
            on.starts("pay", "s1")
            await asyncio.sleep(10)
            on.sees("s1", talking("c1"), dialing("c2"))
            await asyncio.sleep(10)
            assert on.words == [("pay", "protected"), ("pay", "protected")]

    run(story())


def test_one_that_stays_open_exposes_it() -> None:
    async def story() -> None:
        async with stage() as on:
            on.api.answers = lambda request: Verdict.FAILED if request.at < 4 else Verdict.DONE
            on.sees("s1", talking("c1"))
            on.starts("pay", "s1")
            await asyncio.sleep(20)
            assert on.words == [("pay", "exposed"), ("pay", "protected")]
            assert 1.5 < on.told[0].at - on.engine.state.sections["pay"].started_at < 2.1

    run(story())


def test_without_a_call_that_is_said_at_once() -> None:
    async def story() -> None:
        async with stage() as on:
            on.starts("pay", "s1")
            await asyncio.sleep(0.01)
            assert on.words == [("pay", "no_call")]
            on.sees("s1", talking("c1"))
            await asyncio.sleep(1)
            assert on.words[1:] == [("pay", "protected")]
            on.sees("s1")
            await asyncio.sleep(1)
            assert on.words[2:] == [("pay", "no_call")]

    run(story())


def test_it_is_expiring_before_it_ends_by_itself() -> None:
    async def story() -> None:
        async with stage(policy=Policy(expiring_notice_s=30.0)) as on:
            on.sees("s1", talking("c1"))
            on.starts("pay", "s1", max_seconds=60)
            await asyncio.sleep(61)
            assert [word for _, word in on.words] == ["protected", "expiring", "ended"]
            assert on.told[-1].cause is EndCause.EXPIRED
            assert abs(on.told[1].at - on.told[1].section.expires_at + 30) < 0.01

    run(story())


def test_a_burst_is_told_of_once_and_the_end_comes_last() -> None:
    async def story() -> None:
        async with stage() as on:
            on.sees("s1", talking("c1"))
            for beat in range(50):
                on.starts(f"pay{beat}", "s1")
                on.ends(f"pay{beat}")
            await asyncio.sleep(5)
            assert on.words == [(f"pay{beat}", "ended") for beat in range(50)]

    run(story())


def test_nothing_that_mutes_waits_for_it() -> None:
    """It is told later than the request is sent."""
    seen: list[int] = []

    async def story() -> None:
        async with stage() as on:

            def before(_request: Request) -> None:
                seen.append(len(on.told))

            on.api.before = before
            on.starts("pay", "s1")
            on.sees("s1", talking("c1"))
            await asyncio.sleep(1)
            assert seen == [0]
            assert on.told

    run(story())


def test_whoever_waits_hears_of_every_change() -> None:
    async def story() -> None:
        async with stage() as on:
            on.sees("s1", talking("c1"))
            on.starts("pay", "s1")
            waiting = asyncio.create_task(on.engine.standings.changed("pay"))
            async with asyncio.timeout(1):
                await waiting
            while not any(told.word is Word.PROTECTED for told in on.told):
                async with asyncio.timeout(1):
                    await on.engine.standings.changed("pay")

    run(story())
