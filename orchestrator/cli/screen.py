"""What the demo shows while it runs: a live picture in a terminal, plain lines elsewhere.

Both look on only: the centre's own view of its recordings, and the daemon's log. Guarantees: the picture is never
higher than the terminal; where there is no room for every extension, what is covered or muted comes first.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from orchestrator.simulator.process import DaemonProcess
from orchestrator.simulator.stage import CallRow, Row, Stage

LOOK_EVERY_S = 0.1
LINES_SHOWN = 5

OF_CALLS = {
    "call.muted": "call {ivrid} muted, {exposure_ms} ms after it became covered",
    "call.unmuted": "call {ivrid} records again, {overmute_ms} ms after its last cover ended",
    "call.exposed": "call {ivrid} was open for {exposure_ms} ms until its cover ended",
    "mute.failed": "call {ivrid}: attempt {attempts} failed ({verdict})",
    "feed.lost": "feed lost",
    "daemon.crashed": "the daemon crashed",
}
OF_SECTIONS = {
    "section.started": "section {section_id} started",
    "section.ended": "section {section_id} ended ({cause})",
}
LEGEND = "green: covered, muted   red: covered, not muted   yellow: muted, not covered"


class LogTail:
    """The lines that the daemon wrote since the last look, as words: of the events that are `told`."""

    def __init__(self, daemon: DaemonProcess, told: Mapping[str, str]) -> None:
        self._file = daemon.log_file
        self._told = told
        self._at = 0

    def news(self) -> list[str]:
        with self._file.open("rb") as log:
            log.seek(self._at)
            whole, newline, _ = log.read().rpartition(b"\n")
        self._at += len(whole) + len(newline)
        return [told for line in whole.splitlines() if (told := _words(line, self._told))]


def _words(line: bytes, told: Mapping[str, str]) -> str | None:
    try:
        fields: dict[str, Any] = json.loads(line)
    except ValueError:
        return line.decode(errors="replace")  # no log line: the interpreter's own last words
    text = told.get(fields.get("event", ""))
    if text is None or (fields["event"] == "call.muted" and "exposure_ms" not in fields):
        return None
    return f"{fields['timestamp'][11:23]}  {text.format_map(_Lenient(fields))}"


class _Lenient(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "–"


@asynccontextmanager
async def plain_view(daemon: DaemonProcess) -> AsyncIterator[None]:
    tail = LogTail(daemon, OF_SECTIONS | OF_CALLS)

    def look() -> None:
        for line in tail.news():
            print(line, flush=True)

    async with _looking(look):
        yield


@asynccontextmanager
async def terminal_view(stage: Stage, daemon: DaemonProcess) -> AsyncIterator[None]:
    try:
        from rich.console import Console, Group
        from rich.live import Live
        from rich.table import Table
        from rich.text import Text
    except ImportError:  # the extra `demo` is not installed: lines do as well
        async with plain_view(daemon):
            yield
        return

    console = Console()
    tail, last = LogTail(daemon, OF_CALLS), deque[str](maxlen=LINES_SHOWN)

    def table(room: int) -> Table:
        busy = sorted((row for row in stage.snapshot_view() if row.calls), key=_of_no_concern)
        rows = Table(box=None, pad_edge=False)
        for title in ("extension", "signed in"):
            rows.add_column(title, no_wrap=True, min_width=len(title))  # where calls are many, they give way
        rows.add_column("calls", no_wrap=True)
        for row in busy[: max(room - 1, 0)]:  # under its head
            rows.add_row(row.extension, row.online_user_id or "", Text.assemble(*_calls(row)))
        return rows

    def screen() -> Group:
        last.extend(tail.news())
        sections = ", ".join(stage.truth.active_sections)
        texts = [LEGEND, f"active sections: {sections or 'none'}", "", *last, ""]
        lines = [Text(text, no_wrap=True, overflow="ellipsis") for text in texts]
        return Group(*lines, table(console.height - len(lines)))

    with Live(screen(), console=console, auto_refresh=False) as live:
        async with _looking(lambda: live.update(screen(), refresh=True)):
            yield


def _of_no_concern(row: Row) -> bool:
    return not any(call.covered or call.muted_since is not None for call in row.calls)


def _calls(row: Row) -> list[tuple[str, str]]:
    return [(f"{call.ivrid[-8:]} {call.status.lower()}  ", _colour(call)) for call in row.calls]


def _colour(call: CallRow) -> str:
    muted = call.muted_since is not None
    if call.covered:
        return "green" if muted else "bold red"
    return "yellow" if muted else ""


@asynccontextmanager
async def _looking(look: Callable[[], None]) -> AsyncIterator[None]:
    async def again() -> None:
        while True:
            look()
            await asyncio.sleep(LOOK_EVERY_S)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(again())
        try:
            yield
        finally:
            task.cancel()
            look()
