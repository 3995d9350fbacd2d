"""Replays of a capture written by hand, and (where MUTE_TRACE names one) of a real one."""

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.simulator import account, payloads
from orchestrator.simulator.payloads import VendorClock
from orchestrator.simulator.replay import NotACapture, Recorded, Replay, read_capture
from orchestrator.simulator.switchboard import Switchboard
from orchestrator.simulator.telephony import Change, LineChanged
from tests.capture import needs_capture, trace
from tests.simulator.feedclient import FeedClient
from tests.simulator.timeline import HandClock

A, B = "SIPSIP1", "SIPSIP2"


def written() -> list[Recorded]:
    """Ring at A, hang up, ring at B (the same call), answer, hang up; at a time and place of its own."""
    changes: list[Change] = []
    clock = VendorClock()
    board = Switchboard(account.lines(2, 5000.0), (), changes.append)
    lines = [payloads.line_payload(line, clock) for line in board.lines.values()]
    board.keep("c1")
    board.ring(5140.0, A, "c1", account.caller(1))
    board.hangup(5141.0, A, "c1")
    board.ring(5142.0, B, "c1", account.caller(1))
    board.answer(5143.0, B, "c1")
    board.hangup(5146.0, B, "c1")
    events = [
        Recorded("ExtensionEvent", clock.stamp(change.at) | payloads.extension_event(change, clock))
        for change in changes
        if isinstance(change, LineChanged)
    ]
    return [Recorded("AllExtensionsStatus", payloads.all_extensions(lines, clock, 5000.0)), *events]


async def test_a_stream_is_sent_as_captured_but_for_the_recordings() -> None:
    records = written()
    async with Replay(records, speed=1e6) as replay, FeedClient(replay, eio=3) as feed:
        assert len((await feed.snapshot())["extensions"]) == 2
        await replay.play()
        got = [await feed.event() for _ in records[1:]]
    assert got == [(record.name, record.data) for record in records[1:]]


async def test_a_call_lives_from_the_first_to_the_last_event_that_names_it() -> None:
    records = written()
    replay = Replay(records, clock=HandClock())
    alive = []
    for number, record in enumerate(records[1:]):
        replay._happen(number, record)
        alive.append(replay.truth.alive("c1"))
    assert alive == [True, True, True, True, False]


async def test_the_truth_covers_what_the_stream_shows() -> None:
    records = written()
    clock = HandClock()
    replay = Replay(records, clock=clock)
    replay.truth.section_started("s", extension=B)
    for number, record in enumerate(records[1:]):
        replay._happen(number, record)
        clock.at += 1
    [stretch] = replay.truth.verdict().exposures.stretches
    assert (stretch.ivrid, stretch.began_at, stretch.seconds) == ("c1", 1003.0, 1.0)


async def test_a_muted_call_shows_as_muted_in_events_and_snapshots() -> None:
    records = written()
    async with Replay(records, speed=1e6) as replay, FeedClient(replay, eio=3) as feed:
        await feed.snapshot()
        replay._happen(0, records[1])
        replay.truth.asked("c1", True)
        for number, record in list(enumerate(records[1:]))[1:4]:
            replay._happen(number, record)
        await feed.emit("resync", {"cache": False})
        events = [(await feed.event())[1] for _ in range(4)]
        snapshot = await feed.snapshot()
    shown = [event["data"]["currentCall"]["recording"]["IsMuted"] for event in events]
    assert shown == [0, 1, 1, 1]
    assert [leg["recording"]["IsMuted"] for line in snapshot["extensions"] for leg in line["calls"]] == [1]


async def test_a_status_update_ends_no_call_whatever_it_lists() -> None:
    records = written()
    update = json.loads(json.dumps(records[4].data))
    del update["data"]["currentCall"]
    update["data"]["calls"] = []
    update["reason"] = "userStatusUpdate"
    replay = Replay([*records[:5], Recorded("ExtensionEvent", update), *records[5:]], clock=HandClock())
    for number, record in enumerate(replay._events[:5]):
        replay._happen(number, record)
    assert [leg.ivrid for leg in replay.lines[B].legs] == ["c1"]


@pytest.mark.parametrize("text", ["no json", "[]", '{"name": "x"}', '{"name": "ExtensionEvent", "data": {}}'])
def test_what_is_no_capture_is_refused_with_a_reason(tmp_path: Path, text: str) -> None:
    path = tmp_path / "capture.jsonl"
    path.write_text(text + "\n")
    with pytest.raises(NotACapture, match=r"line 1|AllExtensionsStatus"):
        read_capture(path)


def test_a_file_that_cannot_be_read_is_told_with_why(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "nowhere", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(NotACapture, match=f"{path}: {why}"):
            read_capture(path)
    (latin := tmp_path / "latin").write_bytes(b"\xe4\n")
    with pytest.raises(NotACapture, match="line 1"):
        read_capture(latin)


@needs_capture
async def test_a_real_capture_plays_to_its_end() -> None:
    records = read_capture(trace())
    events: list[Any] = [record for record in records if record.name in ("ExtensionEvent", "QueueEvent")]
    async with Replay(records, speed=1e6) as replay, FeedClient(replay, eio=3) as feed:
        await feed.snapshot()
        replay.truth.section_started("s", extension=min(replay.busiest(1)))
        await replay.play()
        got = [await feed.event() for _ in events]
    assert [payload["servertime"] for _, payload in got] == [record.data["servertime"] for record in events]
    assert replay.truth.verdict().calls_covered > 1
