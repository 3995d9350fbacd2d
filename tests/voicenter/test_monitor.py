"""The timing of one connection, in virtual time: hours of silence and of signs of life."""

import asyncio

import pytest

from orchestrator.core.facts import Fact
from orchestrator.core.notices import Notice
from orchestrator.engine.notices import EdgeNotice
from orchestrator.voicenter.connection import Connection
from orchestrator.voicenter.engineio import ConnectionLost
from orchestrator.voicenter.feed import Credentials, FeedSettings
from orchestrator.voicenter.monitor import FellSilent, Monitor
from tests.virtual_time import VirtualClock, run

SETTINGS = FeedSettings("token", Credentials({"token": "t"}), "http://login.test", "http://refresh.test")


class Blind:
    def notice(self, notice: Notice | EdgeNotice) -> None: ...


def ignore(fact: Fact) -> None: ...


class Server(Connection):
    """The other end, without a network: it says what the test wants, when the test wants."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, str]] = []
        self.monitor = Monitor(SETTINGS, "token", VirtualClock(), ignore, Blind())
        self.answers_after_s: float | None = None
        self._answers: asyncio.Queue[float] = asyncio.Queue()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = await self._answers.get()
            await asyncio.sleep(due - loop.time())
            self.monitor.take("keepaliveResponse", {"errorCode": 0})

    async def emit(self, name: str, argument: object) -> None:
        now = asyncio.get_running_loop().time()
        self.sent.append((round(now, 2), name))
        if name == "keepalive" and self.answers_after_s is not None:
            self._answers.put_nowait(now + self.answers_after_s)


@pytest.mark.parametrize("answer_s", [0.0, 0.05, 1.0, 30.0, 59.0])
def test_answered_keepalives_never_look_like_silence(answer_s: float) -> None:
    """Also when the answer and the next look at the clock come together."""

    async def story() -> list[tuple[float, str]]:
        server = Server()
        server.answers_after_s = answer_s
        server.monitor.take("AllExtensionsStatus", {"errorCode": 0, "extensions": []})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await server.monitor.follow(server)
        return server.sent

    sent = run(story())
    assert {name for _, name in sent} == {"keepalive"}
    assert 3600 / (60 + answer_s) - 2 <= len(sent) <= 3600 / (60 + answer_s) + 1


def test_no_answer_ends_it_after_twice_the_time() -> None:
    async def story() -> Server:
        server = Server()
        server.monitor.take("AllExtensionsStatus", {"errorCode": 0, "extensions": []})
        with pytest.raises(BaseExceptionGroup) as group:
            await server.monitor.follow(server)
        assert group.group_contains(FellSilent, match="no event for 120 s")
        assert asyncio.get_running_loop().time() == pytest.approx(120, abs=0.1)
        return server

    assert run(story()).sent == [(60.0, "keepalive")]


def test_no_snapshot_is_asked_for_and_then_given_up() -> None:
    async def story() -> Server:
        server = Server()
        server.answers_after_s = 0.1
        server.monitor.take("loginSuccess", {"errorCode": 0})
        with pytest.raises(BaseExceptionGroup) as group:
            await server.monitor.follow(server)
        assert group.group_contains(ConnectionLost, match="no snapshot within 60 s")
        return server

    assert run(story()).sent[0] == (30.0, "resync")
