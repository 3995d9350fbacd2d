"""`watch`: a daemon seen live, one screen, redrawn every second.

Guarantees: the terminal is as it was once this ends, however it ends but by SIGKILL; Ctrl-C ends it at once, also
while an answer is waited for; a daemon that is away for a while is waited for, once it was heard.
"""

import argparse
import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from orchestrator.cli.asking import asked, take_asking
from orchestrator.cli.client import Client, NotAsked, NotNow
from orchestrator.cli.codes import BAD_USAGE, FAILED, OK
from orchestrator.cli.frame import Line, Seen, frame, lost, painted
from orchestrator.lifetimes import unless

EVERY_S = 1.0

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_TOP, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
_NO_LIMIT = sys.maxsize


def take_arguments(parser: argparse.ArgumentParser) -> None:
    take_asking(parser)
    parser.add_argument("--once", action="store_true", help="print one frame and end")


def run(args: argparse.Namespace) -> int:
    if args.once:
        return asked(args, lambda daemon: _once(daemon, args.account))
    if not sys.stdout.isatty():
        print(
            "mute-orchestrator: watch draws in a terminal; elsewhere use --once, or sections --json", file=sys.stderr
        )
        return BAD_USAGE
    return asked(args, lambda daemon: _live(daemon, args.account))


async def look(daemon: Client, account: str | None) -> Seen:
    """Raises `NotAsked`."""
    ready = await daemon.ready()
    problems = ready.document["problems"]
    try:
        sections, calls = await daemon.listed("sections", account), await daemon.listed("calls", account)
    except NotNow as untold:
        return Seen(ready.at, problems, untold=str(untold))
    return Seen(ready.at, problems, sections, calls)


async def _once(daemon: Client, account: str | None) -> int:
    seen = await look(daemon, account)
    for line in frame(seen, shutil.get_terminal_size().columns, _NO_LIMIT):
        print(painted(line) if _coloured() else line.text)
    return FAILED if seen.problems or seen.untold else OK


async def _live(daemon: Client, account: str | None) -> int:
    seen = await look(daemon, account)  # a wrong address or token is told at once, not drawn
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    with _screen():
        await unless(stop, _again(daemon, account, seen))
    return OK


async def _again(daemon: Client, account: str | None, seen: Seen) -> None:
    fault = ""
    while True:
        width, height = shutil.get_terminal_size()
        _draw(lost(fault, seen, width, height) if fault else frame(seen, width, height))
        await asyncio.sleep(EVERY_S)
        try:
            seen, fault = await look(daemon, account), ""
        except NotAsked as error:
            fault = str(error)


def _draw(lines: Sequence[Line]) -> None:
    texts = [painted(line) if _coloured() else line.text for line in lines]
    sys.stdout.write(_TOP + "\n".join(text + _REST_OF_LINE for text in texts) + _REST_OF_SCREEN)
    sys.stdout.flush()


@contextmanager
def _screen() -> Iterator[None]:
    """One of its own; the terminal's comes back after it."""
    sys.stdout.write(_ENTER)
    try:
        yield
    finally:
        sys.stdout.write(_LEAVE)
        sys.stdout.flush()


def _coloured() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
