"""What is told to the service manager, over real sockets."""

import asyncio
import os
import socket
import time
import uuid
from pathlib import Path

import pytest

from orchestrator.service import BEATS, Service
from tests.service.manager import managing
from tests.stories.stage import until


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@mute-{uuid.uuid4()}"


async def test_its_words_arrive(address: str) -> None:
    async with managing(address) as manager:
        service = Service(address)
        await service.ready()
        await service.reloading()
        await service.stopping()
        await until(lambda: len(manager.words) == 5)
    ready, reloading, monotonic, stopping, status = manager.words
    assert (ready, reloading, stopping, status) == ("READY=1", "RELOADING=1", "STOPPING=1", "STATUS=stopping")
    assert monotonic.removeprefix("MONOTONIC_USEC=").isdecimal()


async def test_the_watchdog_is_fed_in_time_and_a_status_told_when_it_is_another(address: str) -> None:
    statuses = iter(["syncing", "syncing", "ready"])
    async with managing(address) as manager:
        attending = asyncio.create_task(Service(address, 0.15).attend(lambda: next(statuses, "ready")))
        await until(lambda: len(manager.beats) == 6)
        attending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attending
    assert manager.words == ["STATUS=syncing", "STATUS=ready"]
    assert manager.beats[-1] - manager.beats[0] >= 5 * 0.15 / BEATS - 0.01


async def test_a_loop_that_hangs_feeds_no_watchdog(tmp_path: Path) -> None:
    async with managing(str(tmp_path / "notify")) as manager:
        attending = asyncio.create_task(Service(manager.address, 0.06).attend(lambda: "ready"))
        await until(lambda: bool(manager.beats))
        before = len(manager.beats)
        time.sleep(0.2)  # noqa: ASYNC251 - the loop hangs
        assert len(manager.beats) == before
        await until(lambda: len(manager.beats) > before)
        attending.cancel()
        await asyncio.gather(attending, return_exceptions=True)


async def test_without_a_manager_nothing_is_told_and_nothing_runs() -> None:
    service = Service.of({}, os.getpid())
    await service.ready()
    await service.attend(lambda: "ready")  # returns


async def test_a_manager_that_is_gone_disturbs_nothing(tmp_path: Path) -> None:
    await Service(str(tmp_path / "gone")).ready()


async def test_a_manager_that_does_not_read_keeps_nothing_else_waiting(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(address)
        telling = asyncio.create_task(_tell_for_ever(Service(address)))
        await asyncio.sleep(0.1)  # the loop goes on
        assert not telling.done()
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


async def _tell_for_ever(service: Service) -> None:
    while True:
        await service.ready()


@pytest.mark.parametrize(
    ("environ", "meant"),
    [
        ({"NOTIFY_SOCKET": "/run/n"}, Service("/run/n")),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "10000000"}, Service("@n", 10.0)),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "42"}, Service("/run/n", 10.0)),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "41"}, Service("/run/n")),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "soon"}, Service("/run/n")),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "0"}, Service("/run/n")),
        ({"NOTIFY_SOCKET": "vsock:2:1"}, Service()),
        ({"WATCHDOG_USEC": "10000000"}, Service()),
    ],
)
def test_the_environment_says_who_listens_and_how_long_it_waits(environ: dict[str, str], meant: Service) -> None:
    assert Service.of(environ, 42) == meant
