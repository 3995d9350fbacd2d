"""Which process is called gone, and of which one nothing is claimed."""

import asyncio
import os
import sys
from dataclasses import replace

import pytest

from orchestrator.store.instance import Instance, gone, instance_of
from tests.store.owner import HERE
from tests.valkey import alive, until

NO_SUCH_PID = 2**22 + 1
"""Above the highest that Linux gives."""


async def sleeper() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(60)")


def test_a_name_reads_back() -> None:
    assert Instance.parse(str(HERE)) == HERE
    assert HERE.in_words == f"process {os.getpid()} on {HERE.host}"


@pytest.mark.parametrize("text", ["", "a/b/c/d/e", "a/-1/c/d/e", "a/0/c/d/e", "a/1/c/d", "a/1/c/d/e/f"])
def test_what_is_no_name_is_none(text: str) -> None:
    assert Instance.parse(text) is None


async def test_a_process_that_was_killed_is_gone() -> None:
    process = await sleeper()
    other = instance_of(process.pid)
    assert not gone(other, HERE)
    process.kill()
    await process.wait()
    assert gone(other, HERE)


async def test_one_that_nobody_has_collected_yet_is_gone_too() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    try:
        await until(lambda: not alive(pid))
        assert gone(replace(HERE, pid=pid), HERE)
    finally:
        os.waitpid(pid, 0)  # noqa: ASYNC222 - it has ended


def test_a_later_process_with_the_same_pid_is_another_one() -> None:
    assert gone(replace(HERE, started="1"), HERE)
    assert not gone(HERE, HERE)


@pytest.mark.parametrize("apart", [{"host": "elsewhere"}, {"boot": "another"}, {"pids": "pid:[1]"}])
def test_a_pid_is_not_believed_elsewhere(apart: dict[str, str]) -> None:
    """On another machine, before another boot, in another container: the same number is another process."""
    assert not gone(replace(HERE, pid=NO_SUCH_PID, **apart), HERE)
    assert gone(replace(HERE, pid=NO_SUCH_PID), HERE)
