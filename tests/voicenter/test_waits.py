"""How long an account waits by default: other tests wait less. In virtual time."""

import asyncio
import random
from collections.abc import Sequence
from typing import NoReturn, cast

import aiohttp
import pytest

from orchestrator.engine.notices import FeedLost
from orchestrator.voicenter import access
from orchestrator.voicenter.access import Access
from orchestrator.voicenter.engineio import ConnectionLost
from orchestrator.voicenter.feed import Credentials, Feed, FeedSettings
from orchestrator.voicenter.login import LoginRefused, LoginUnavailable, Session
from tests.valkey import Heard
from tests.virtual_time import VirtualClock, run

BY_DEFAULT = FeedSettings("token", Credentials({"token": "token"}), "http://login.test", "http://refresh.test")
NO_HTTP = cast("aiohttp.ClientSession", None)
LONGEST_S = [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
"""Of each wait in a row; half of it is certain."""


class Logins:
    """Answers as listed, one login each, then with a session; when each was asked."""

    def __init__(self, answers: Sequence[Exception], lasts_s: float | None = None) -> None:
        self.asked_at: list[float] = []
        self._answers = iter(answers)
        self._lasts_s = lasts_s

    async def __call__(self, *_: object) -> Session:
        self.asked_at.append(asyncio.get_running_loop().time())
        for error in self._answers:
            raise error
        expires_at = None if self._lasts_s is None else VirtualClock().now() + self._lasts_s
        return Session("token", ("https://monitor.example",), expires_at, None, 3)

    @property
    def waits_s(self) -> list[float]:
        return [after - before for before, after in zip(self.asked_at, self.asked_at[1:], strict=False)]


def logged_in(monkeypatch: pytest.MonkeyPatch, logins: Logins, *, renewed: bool = False) -> list[float]:
    """The seconds between one login and the next."""
    monkeypatch.setattr(access, "log_in", logins)

    async def story() -> None:
        account = Access(BY_DEFAULT, NO_HTTP, VirtualClock(), random.Random(1), Heard())
        await account.session()
        if renewed:
            await account.renewed()

    run(story())
    return logins.waits_s


def test_a_login_that_cannot_be_asked_is_tried_again_after_1_s_up_to_30_s(monkeypatch: pytest.MonkeyPatch) -> None:
    waits_s = logged_in(monkeypatch, Logins([LoginUnavailable("away")] * len(LONGEST_S)))
    assert_doubling(waits_s)


def test_a_refused_login_is_tried_again_every_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    assert logged_in(monkeypatch, Logins([LoginRefused("no")] * 3)) == [60.0] * 3


def test_a_token_is_renewed_5_s_before_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    assert logged_in(monkeypatch, Logins([], lasts_s=3600.0), renewed=True) == [3595.0]


def test_a_server_that_drops_again_and_again_is_tried_after_1_s_up_to_30_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "log_in", Logins([]))
    heard = Heard()

    def drops(*_: object) -> NoReturn:
        raise ConnectionLost("connection broken")

    async def story() -> None:
        feed = Feed(BY_DEFAULT, NO_HTTP, VirtualClock(), random.Random(1), lambda _: None, heard, drops)
        task = asyncio.create_task(feed.run())
        await asyncio.sleep(sum(LONGEST_S))
        task.cancel()
        await asyncio.wait([task])

    run(story())
    at_once, *waits_s = [cast("FeedLost", lost).retry_in_s for lost in heard.of(FeedLost)]
    assert at_once == 0.0
    assert_doubling(waits_s[: len(LONGEST_S)])


def assert_doubling(waits_s: list[float]) -> None:
    assert all(most / 2 <= wait <= most for wait, most in zip(waits_s, LONGEST_S, strict=True)), waits_s
