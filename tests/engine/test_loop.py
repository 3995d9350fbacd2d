"""The engine's guarantees, in virtual time."""

import asyncio

import pytest

from orchestrator.core.claims import Recording, Verdict
from orchestrator.core.notices import CallMuted, SectionClosed, SectionExpiring
from orchestrator.core.policy import Policy
from orchestrator.engine.notices import AttemptMade, StoreSlow
from tests.core.world import talking
from tests.engine.doubles import Request
from tests.engine.stage import stage
from tests.virtual_time import run


def test_a_covered_call_is_muted_and_released_with_one_request_each() -> None:
    async def story() -> None:
        async with stage() as on:
            on.sees("s1", talking("c1"))
            on.starts("pay", "s1")
            await asyncio.sleep(10)
            on.ends("pay")
            await asyncio.sleep(20)
            assert on.api.asked == [("c1", True), ("c1", False)]
            assert on.engine.state.mutes == {}

    run(story())


def test_there_is_one_request_at_a_time_for_a_call() -> None:
    async def story() -> None:
        async with stage() as on:
            on.api.latency_s = 0.3
            on.sees("s1", talking("c1"))
            for beat in range(200):
                on.starts(f"pay{beat}", "s1")
                await asyncio.sleep(0.01)
                on.ends(f"pay{beat}")
                await asyncio.sleep(0.01)
            await asyncio.sleep(20)
            assert not on.api.doubled
            assert on.api.most_at_once == 1
            assert on.engine.state.mutes == {}
            assert len(on.api.requests) < 20  # a burst collapses

    run(story())


def test_at_most_max_concurrency_requests_are_in_flight() -> None:
    async def story() -> None:
        async with stage(max_concurrency=64) as on:
            for number in range(300):
                on.sees(f"s{number}", talking(f"c{number}"))
                on.starts(f"pay{number}", f"s{number}")
            await asyncio.sleep(10)
            assert on.api.most_at_once == 64
            assert len(on.api.requests) == 300

    run(story())


def test_mutes_go_before_unmutes() -> None:
    async def story() -> None:
        async with stage(max_concurrency=1) as on:
            on.sees("s1", *(talking(f"c{number}") for number in range(5)))
            on.starts("first", "s1")
            await asyncio.sleep(5)
            on.ends("first")
            on.sees("s2", talking("urgent"))
            on.starts("second", "s2")
            await asyncio.sleep(5)
            later = on.api.asked[5:]
            assert later[0] == ("urgent", True)
            assert len(later) == 6

    run(story())


def test_a_request_is_for_the_state_wanted_when_it_is_sent() -> None:
    """While the intention is written down the section ends: nothing is sent, and nothing needs releasing."""

    async def story() -> None:
        async with stage() as on:
            on.store.latency_s = 0.04
            on.sees("s1", talking("c1"))
            on.starts("pay", "s1")
            await asyncio.sleep(0.02)
            on.ends("pay")
            await asyncio.sleep(10)
            assert on.api.asked == []
            assert on.engine.state.mutes == {}

    run(story())


def test_the_intention_is_written_before_the_request_is_sent() -> None:
    async def story() -> None:
        async with stage() as on:
            written: list[object] = []
            on.api.before = lambda request: written.append(on.store.mutes.get(request.ivrid))
            on.sees("s1", talking("c1"))
            on.starts("pay", "s1")
            await asyncio.sleep(1)
            on.ends("pay")
            await asyncio.sleep(1)
            wrote = [(mute.in_flight, mute.asked) for mute in written]  # type: ignore[attr-defined]  # mutes
            assert wrote == [(True, True), (True, False)]

    run(story())


def test_redis_away_delays_a_mute_by_50_ms_at_most() -> None:
    async def story() -> None:
        async with stage() as on:
            on.store.away = True
            on.sees("s1", talking("c1"))
            on.starts("pay", "s1")
            await asyncio.sleep(1)
            assert [request.at for request in on.api.requests] == pytest.approx([0.05])
            slow = [notice for notice in on.book.told if isinstance(notice, StoreSlow)]
            assert [notice.waited_s for notice in slow] == pytest.approx([0.05])

    run(story())


def test_a_failed_request_is_retried_until_it_succeeds() -> None:
    async def story() -> None:
        async with stage() as on:
            on.api.answers = lambda request: Verdict.FAILED if request.at < 5 else Verdict.DONE
            on.sees("s1", talking("c1"))
            on.starts("pay", "s1")
            await asyncio.sleep(10)
            assert on.engine.state.mutes["c1"].recording is Recording.MUTED
            muted = [notice for notice in on.book.told if isinstance(notice, CallMuted)]
            assert len(muted) == 1
            assert muted[0].exposure_s is not None
            assert 5 < muted[0].exposure_s < 7.2
            assert muted[0].attempts == len(on.api.requests)
            assert len([n for n in on.book.told if isinstance(n, AttemptMade)]) == len(on.api.requests)

    run(story())


def test_a_retry_asks_again_what_is_wanted() -> None:
    async def story() -> None:
        async with stage() as on:
            on.api.answers = lambda request: Verdict.LOST if request.muted else Verdict.DONE
            on.sees("s1", talking("c1"))
            on.starts("pay", "s1")
            await asyncio.sleep(3)
            on.ends("pay")
            tried = len(on.api.requests)
            await asyncio.sleep(10)
            assert all(request.muted for request in on.api.requests[:tried])
            assert on.api.asked[tried:] == [("c1", False), ("c1", False)]
            once, again = (request.at for request in on.api.requests[tried:])
            assert again - once >= Policy().late_s - 0.5, (
                "once more, when the lost request cannot be applied any more"
            )

    run(story())


def test_one_hanging_call_delays_no_other() -> None:
    async def story() -> None:
        async with stage(max_concurrency=4) as on:
            on.api.answers = lambda request: Verdict.LOST if request.ivrid == "hangs" else Verdict.DONE
            on.sees("s1", talking("hangs"))
            on.starts("pay1", "s1")
            await asyncio.sleep(1)
            on.sees("s2", talking("c2"))
            on.starts("pay2", "s2")
            await asyncio.sleep(0.06)
            assert on.engine.state.mutes["c2"].recording is Recording.MUTED

    run(story())


def test_a_section_ends_by_itself() -> None:
    async def story() -> None:
        async with stage() as on:
            on.sees("s1", talking("c1"))
            on.starts("pay", "s1", max_seconds=100)
            await asyncio.sleep(50)
            on.starts("pay", "s1", max_seconds=100)
            await asyncio.sleep(69)
            assert not [notice for notice in on.book.told if isinstance(notice, SectionExpiring)]
            await asyncio.sleep(2)
            assert [notice for notice in on.book.told if isinstance(notice, SectionExpiring)]
            await asyncio.sleep(28)
            assert "pay" in on.engine.state.sections
            await asyncio.sleep(2)
            assert [notice for notice in on.book.told if isinstance(notice, SectionClosed)]
            assert on.api.asked == [("c1", True), ("c1", False)]

    run(story())


def test_stopping_finishes_what_is_in_flight_and_opens_nothing() -> None:
    async def story() -> None:
        async with stage() as on:
            on.sees("s1", talking("c1"))
            on.starts("pay", "s1")
            await asyncio.sleep(0.02)
            assert on.api.at_once == ["c1"]
        assert on.api.asked == [("c1", True)]
        mute = on.engine.state.mutes["c1"]
        assert mute.recording is Recording.MUTED
        assert not mute.in_flight
        assert "pay" in on.engine.state.sections

    run(story())


def test_what_is_forgotten_is_forgotten_in_redis_too() -> None:
    async def story() -> None:
        async with stage() as on:
            on.sees("s1", talking("c1"))
            on.starts("pay", "s1")
            await asyncio.sleep(1)
            on.ends("pay")
            await asyncio.sleep(1)
            assert await on.store.saved(1)
            assert on.store.mutes["c1"] is not None
            await asyncio.sleep(20)
            assert on.store.marked.mutes == {"c1"}
            await asyncio.sleep(3600)
            assert on.store.marked.sections == {"pay"}

    run(story())


def test_a_bug_ends_the_engine_loudly() -> None:
    async def story() -> None:
        def fails(request: Request) -> None:
            raise ZeroDivisionError

        async with stage() as on:
            on.api.before = fails
            on.sees("s1", talking("c1"))
            on.starts("pay", "s1")
            await asyncio.sleep(10)

    with pytest.raises(ExceptionGroup) as caught:
        run(story())
    assert caught.group_contains(ZeroDivisionError)


def test_another_policy_holds_at_once_also_for_what_runs() -> None:
    async def story() -> None:
        async with stage(policy=Policy(verify_s=60.0)) as on:
            on.sees("s1", talking("c1"))
            on.starts("pay", "s1")
            await asyncio.sleep(5)
            on.sees("s1")
            await asyncio.sleep(100)
            assert "pay" in on.engine.state.sections
            on.engine.govern(Policy(end_after_idle_s=20.0))
            assert on.engine.policy.end_after_idle_s == 20
            await asyncio.sleep(19)
            assert "pay" in on.engine.state.sections
            await asyncio.sleep(2)
            assert on.words[-1] == ("pay", "ended")

    run(story())
