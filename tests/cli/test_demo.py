"""The demo that stays: its page can be looked at after the verdict, until it is told to end."""

import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.cli.terminal import Terminal, in_terminal
from tests.stories.stage import until
from tests.valkey import alive


async def test_a_demo_that_stays_has_its_page_after_the_verdict_and_leaves_nothing_behind() -> None:
    async with staying("--seconds", "2", "--agents", "4") as demo:
        await until(lambda: "Ctrl-C ends both" in demo.text, within_s=60, why="a verdict")
        assert "GOOD" in demo.text
        first, last = re.findall(r"http://127\.0\.0\.1:\d+/", demo.text)
        assert first == last, "the page is named at the beginning and at the end"

        async with aiohttp.ClientSession(first) as http:
            async with http.get("/") as page:
                assert (page.status, "Mute orchestrator" in await page.text()) == (200, True)

            async def goes_on() -> bool:
                """All sections had ended at the verdict."""
                async with http.get("/v1/sections") as answer:
                    return bool((await answer.json())["sections"])

            await until(goes_on, within_s=20)

        begun = list(descendants(demo.process.pid))
        assert len(begun) >= 2, "the daemon and its Valkey"
    assert demo.process.returncode == 0
    assert not [pid for pid in begun if alive(pid)], "the demo left a process behind"


@asynccontextmanager
async def staying(*arguments: str) -> AsyncIterator[Terminal]:
    """Ended by SIGINT, also where a test fails: killed, it could not end its daemon."""
    async with in_terminal("demo", "--stay", *arguments) as terminal:
        try:
            yield terminal
        finally:
            terminal.process.send_signal(signal.SIGINT)
            await terminal.code()


def descendants(pid: int) -> Iterator[int]:
    for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()):
        yield child
        yield from descendants(child)
