"""The demo: what it shows in a terminal, what it ends with, and that `--stay` keeps its page."""

import argparse
import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from orchestrator.cli import demo
from orchestrator.simulator.process import account_environ
from orchestrator.simulator.stage import Stage
from tests.cli.terminal import Terminal, in_terminal
from tests.stories.stage import until
from tests.valkey import alive

REDRAWN = re.compile(r"(?:\r|\x1b\[2K|\x1b\[1A){2,}")
"""How rich goes back over the picture before."""
CURSOR_BACK = "\x1b[?25h"


async def test_a_demo_that_stays_has_its_page_after_the_verdict_and_leaves_nothing_behind() -> None:
    async with staying("--seconds", "4", "--agents", "6") as terminal:
        await until(lambda: "Ctrl-C ends both" in terminal.text, within_s=60, why="a verdict")
        assert "GOOD" in terminal.text
        first, last = re.findall(r"http://127\.0\.0\.1:\d+/", terminal.text)
        assert first == last, "the page is named at the beginning and at the end"

        async with aiohttp.ClientSession(first) as http:
            async with http.get("/") as page:
                assert (page.status, "Mute orchestrator" in await page.text()) == (200, True)

            async def goes_on() -> bool:
                """All sections had ended at the verdict."""
                async with http.get("/v1/sections") as answer:
                    return bool((await answer.json())["sections"])

            await until(goes_on, within_s=20)

        begun = list(descendants(terminal.process.pid))
        assert len(begun) >= 2, "the daemon and its Valkey"
    assert terminal.process.returncode == 0
    assert not [pid for pid in begun if alive(pid)], "the demo left a process behind"


async def test_a_small_terminal_shows_the_legend_sections_and_latencies_while_it_runs() -> None:
    """On 24 lines: 20 agents and three spare desks would fill them."""
    async with in_terminal("demo", "--seconds", "6", environ={"TERM": "xterm"}) as terminal:
        assert await terminal.code() == 0, terminal.text
        pictures = REDRAWN.split(terminal.text.partition(CURSOR_BACK)[0])
    whole = [picture for picture in pictures if "green: covered, muted" in picture]
    assert len(whole) > 20
    assert max(len(picture.strip().splitlines()) for picture in whole) <= 24
    for what in (r"active sections: pay-\d", r" muted, \d+ ms after", r"SIPSIP\d+.*\x1b\[32m\w+ "):
        assert any(re.search(what, picture) for picture in whole), (what, whole[-1])


def test_a_demo_of_a_daemon_that_mutes_nothing_is_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its requests go where nobody listens."""

    def mute(stage: Stage, *, polling: bool) -> dict[str, str]:
        nowhere = {"ORCHESTRATOR_ACCOUNTS__MAIN__MUTE_URL": "http://127.0.0.1:1/"}
        return account_environ(stage, polling=polling) | nowhere

    monkeypatch.setattr(demo, "account_environ", mute)
    demo.take_arguments(parser := argparse.ArgumentParser())
    assert demo.run(parser.parse_args(["--seconds", "5", "--agents", "6"])) == 1
    assert "BAD" in capsys.readouterr().out


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
