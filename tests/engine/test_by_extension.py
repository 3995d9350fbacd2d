"""Requests that name an extension: while its calls cannot be seen, or where the API does not know a call."""

import asyncio

import pytest

from orchestrator.core.claims import Recording, Verdict
from orchestrator.core.notices import ExtensionSet
from orchestrator.engine.notices import AttemptMade
from tests.core.world import extension, ringing, talking
from tests.engine.doubles import Request
from tests.engine.stage import stage
from tests.virtual_time import run


def test_without_the_feed_an_extension_is_muted_at_once_again_every_five_seconds_and_released_at_the_end() -> None:
    async def story() -> None:
        async with stage(polls=False) as on:
            on.loses_the_feed()
            on.starts("pay", "s1")
            await asyncio.sleep(12)
            on.ends("pay")
            await asyncio.sleep(30)
            assert on.api.asked == [("all of s1", True)] * 3 + [("all of s1", False)]
            times = [request.at for request in on.api.requests]
            assert times == pytest.approx([0.0, 5.05, 10.1, 12.0], abs=0.02)
            assert on.engine.state.blind == {}
            told = [notice.muted for notice in on.book.told if isinstance(notice, ExtensionSet)]
            assert told == [True, True, True, False]

    run(story())


def test_there_is_one_request_at_a_time_for_an_extension() -> None:
    async def story() -> None:
        async with stage(polls=False) as on:
            on.api.latency_s = 0.3
            on.loses_the_feed()
            for beat in range(100):
                on.starts(f"pay{beat}", "s1")
                await asyncio.sleep(0.02)
                on.ends(f"pay{beat}")
                await asyncio.sleep(0.02)
            await asyncio.sleep(10)
            assert not on.api.doubled
            assert on.api.most_at_once == 1
            assert on.api.asked[-1] == ("all of s1", False)
            assert on.engine.state.blind == {}

    run(story())


def test_a_failed_request_is_retried_until_it_succeeds() -> None:
    async def story() -> None:
        async with stage(polls=False) as on:
            on.api.answers = lambda request: Verdict.FAILED if request.at < 4 else Verdict.DONE
            on.loses_the_feed()
            on.starts("pay", "s1")
            await asyncio.sleep(7)
            assert len([notice for notice in on.book.told if isinstance(notice, ExtensionSet)]) == 1
            assert len(on.api.requests) > 4

    run(story())


def test_its_intention_is_waited_for_and_it_is_not_sent_if_the_section_ends_meanwhile() -> None:
    async def story() -> None:
        async with stage(polls=False) as on:
            on.store.latency_s = 0.04
            on.loses_the_feed()
            on.starts("pay", "s1")
            await asyncio.sleep(0.02)
            on.ends("pay")
            await asyncio.sleep(5)
            assert on.api.asked == []
            assert on.engine.state.blind == {}

    run(story())


def test_a_release_is_not_sent_if_a_call_that_must_stay_muted_came_meanwhile() -> None:
    async def story() -> None:
        async with stage(polls=False) as on:
            on.loses_the_feed()
            on.starts("pay", "s1")
            await asyncio.sleep(1)
            on.store.latency_s = 0.04
            on.ends("pay")
            await asyncio.sleep(0.02)
            on.starts_on_call("next", "c1")
            on.sees("s1", talking("c1"))
            await asyncio.sleep(4)
            assert on.api.asked == [("all of s1", True), ("c1", True)]
            on.ends("next")
            await asyncio.sleep(4)
            assert sorted(on.api.asked[2:]) == [("all of s1", False), ("c1", False)]

    run(story())


def test_mutes_by_extension_go_before_releases() -> None:
    async def story() -> None:
        async with stage(max_concurrency=1, polls=False) as on:
            on.loses_the_feed()
            on.sees("s1", *(talking(f"c{number}") for number in range(5)))
            on.starts("first", "s1")
            await asyncio.sleep(3)
            asked = len(on.api.asked)
            on.ends("first")
            on.starts("second", "s2")
            await asyncio.sleep(3)
            assert on.api.asked[asked] == ("all of s2", True)

    run(story())


def test_when_the_calls_are_seen_again_their_own_claims_take_over() -> None:
    async def story() -> None:
        async with stage() as on:
            on.loses_the_feed()
            on.starts("pay", "s1")
            await asyncio.sleep(1)
            on.sees_all(extension("s1", talking("c1", muted=True)))
            await asyncio.sleep(2)
            assert on.api.asked == [("all of s1", True), ("c1", True)]
            on.ends("pay")
            await asyncio.sleep(1)
            assert on.api.asked[2:] == [("c1", False)]
            await asyncio.sleep(on.engine.policy.unseen_s)
            assert on.engine.state.blind == {}

    run(story())


def test_a_call_that_the_api_does_not_know_is_muted_by_its_extension() -> None:
    async def story() -> None:
        async with stage() as on:

            def knows_no_c1(request: Request) -> Verdict:
                return Verdict.NOT_FOUND if request.ivrid == "c1" else Verdict.DONE

            on.api.answers = knows_no_c1
            on.sees("s1", talking("c1"), ringing("c2"))
            on.starts("pay", "s1")
            await asyncio.sleep(1)
            assert on.engine.state.mutes["c1"].recording is Recording.MUTED
            assert on.api.asked == [("c1", True), ("all of s1", True), ("c2", False)]
            made = [notice for notice in on.book.told if isinstance(notice, AttemptMade)]
            assert [(notice.ivrid, notice.sip) for notice in made] == [("c1", None), ("c1", "s1"), ("c2", None)]

    run(story())


def test_stopping_leaves_a_claim_by_extension_to_the_next_process() -> None:
    async def story() -> None:
        async with stage(polls=False) as on:
            on.loses_the_feed()
            on.starts("pay", "s1")
            await asyncio.sleep(0.02)
        assert on.api.asked == [("all of s1", True)]
        claim = on.engine.state.blind["s1"]
        assert claim.muted
        assert not claim.in_flight

    run(story())
