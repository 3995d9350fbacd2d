"""What people do by hand, before a real engine in virtual time."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.core.claims import Recording
from orchestrator.core.model import EndCause
from orchestrator.core.notices import SectionClosed
from orchestrator.core.policy import Policy
from orchestrator.engine.notices import HandEnded, HandMuted, HandReleased
from orchestrator.web.ports import Clash, Handed, Order, Over, Refusal, Unfit, Unheard
from tests.board.stage import Office, office
from tests.core.world import talking
from tests.virtual_time import run

ORDER = Order("amira", "left_muted", "INC-7", "main")


def said(on: Office) -> list[Any]:
    return [told for told in on.book.told if isinstance(told, HandMuted | HandReleased | HandEnded)]


def document(handed: Handed) -> Any:
    assert handed.document is not None
    return handed.document


def test_a_mute_by_hand_is_a_section_that_expires() -> None:
    async def story() -> None:
        async with office() as on:
            on.sees("s1", talking("c1"))
            started = document(on.hand.mute("c1", 60.0, ORDER))
            section_id = started["section_id"]
            assert section_id.startswith("hand-")
            assert len(section_id) == 13
            assert (started["ivrid"], started["state"]) == ("c1", "muting")
            assert said(on) == [HandMuted("c1", section_id, "amira", "left_muted", "INC-7")]
            await asyncio.sleep(1)
            assert on.api.asked == [("c1", True)]
            await asyncio.sleep(60)
            assert on.engine.state.sections == {}
            assert on.api.asked == [("c1", True), ("c1", False)]

    run(story())


def test_a_section_ended_by_hand_was_ended_by_an_operator() -> None:
    async def story() -> None:
        async with office() as on:
            on.sees("s1", talking("c1"))
            on.starts("pay", "s1")
            await asyncio.sleep(1)
            ended = document(on.hand.end("pay", ORDER))
            assert (ended["state"], ended["cause"]) == ("ended", "operator")
            assert ended["calls"][0]["state"] == "confirmed"
            assert said(on) == [HandEnded("pay", ("c1",), "amira", "left_muted", "INC-7")]
            (closed,) = [told for told in on.book.told if isinstance(told, SectionClosed)]
            assert closed.cause is EndCause.OPERATOR
            await asyncio.sleep(1)
            assert on.engine.state.mutes["c1"].recording is Recording.OPEN
            found = on.board.call("c1", None)
            assert ("hand", "hand.ended") in [(entry["what"], entry["event"]) for entry in found["timeline"]]

    run(story())


def test_what_somebody_else_muted_is_released_by_hand_only() -> None:
    async def story() -> None:
        async with office() as on:
            on.sees("s1", talking("c1", muted=True))
            await asyncio.sleep(60)
            assert on.api.asked == []
            assert document(on.hand.release("c1", ORDER)) == {"ivrid": "c1", "state": "releasing"}
            assert said(on) == [HandReleased("c1", "amira", "left_muted", "INC-7")]
            await asyncio.sleep(1)
            assert on.api.asked == [("c1", False)]

    run(story())


def test_what_a_section_covers_is_not_released_and_its_sections_are_named() -> None:
    async def story() -> None:
        async with office() as on:
            on.sees("s1", talking("c1"))
            on.starts("pay-b", "s1")
            on.starts("pay-a", "s1")
            with pytest.raises(Clash, match="pay-a, pay-b"):
                on.hand.release("c1", ORDER)
            assert said(on) == []

    run(story())


@pytest.mark.parametrize(
    ("act", "refusal"),
    [
        (lambda hand: hand.end("never", ORDER), Unheard),
        (lambda hand: hand.end("ended", ORDER), Over),
        (lambda hand: hand.mute("never", 60.0, ORDER), Unheard),
        (lambda hand: hand.mute("c1", 3601.0, ORDER), Unfit),
        (lambda hand: hand.release("never", ORDER), Unheard),
        (lambda hand: hand.end("ended", Order("amira", "drill", None, "no-such-account")), Unfit),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_no_trace(act: Callable[[Any], object], refusal: type[Refusal]) -> None:
    async def story() -> None:
        async with office(Policy(max_section_s=3600.0)) as on:
            on.sees("s1", talking("c1"))
            on.ends("ended")
            with pytest.raises(refusal):
                act(on.hand)
            assert said(on) == []
            assert on.engine.state.sections == {}

    run(story())
