"""The picture that `watch` draws."""

import pytest

from orchestrator.cli.frame import Seen, Tone, frame, lost, painted
from orchestrator.cli.table import columns_of
from orchestrator.web.ports import Document, Shut
from tests.cli.centre import Centre, call, section
from tests.cli.command import command
from tests.web.desk import refusal, site

AT = "2026-11-24T10:00:00.000Z"
LONG = 100


def texts(seen: Seen, width: int = 80, height: int = LONG) -> list[str]:
    return [line.text for line in frame(seen, width, height)]


def on(ivrid: str, state: str, exposure_ms: int) -> Document:
    return {"ivrid": ivrid, "state": state, "exposure_ms": exposure_ms, "action_id": None}


BUSY = Seen(
    AT,
    {},
    [
        section("held", "protected", on("c2", "verified", 150), expires_at="2026-11-24T10:04:05.400Z"),
        section("pay", "exposed", on("c1", "asked", 1900), expires_at="2026-11-24T10:14:00.000Z"),
        section("early", "no_call", expires_at="2026-11-24T09:59:59.000Z"),
    ],
    [
        call("c1", "asked", "pay", exposure_ms=1900),
        call("c2", "verified", "held", exposure_ms=150),
        call("c3", "releasing", exposure_ms=10),
        call("c4", None),
        call("c6", "foreign"),
        call("c5", "released", exposure_ms=10),
    ],
)


def test_the_first_line_says_that_all_is_well_or_what_is_not() -> None:
    first = frame(Seen(AT, {}), 80, LONG)[0]
    assert first.text.split("  ")[0] == "ALL WELL"
    assert first.text.endswith("10:00:00Z")
    assert first.tone is Tone.GOOD
    assert texts(BUSY)[0].startswith("EXPOSED    feeds synced  sections 3  calls muted 1  exposed 1")
    lines = texts(Seen(AT, {"main": "feed: stale", "crm": "messages are not heard"}))
    assert lines[0].startswith("NOT READY  not ready")
    assert lines[1:] == ["  main: feed: stale", "  crm: messages are not heard"]


def test_exposed_sections_come_first_with_the_time_left_and_their_calls_below() -> None:
    rows = [line.split() for line in texts(BUSY)]
    assert rows[2:] == [
        ["LEFT", "STATE", "SECTION", "TARGET"],
        ["14:00", "exposed", "pay", "SIPSIP1"],
        ["asked", "c1", "open", "1900", "ms", "SIPSIP1"],
        ["0:00", "no_call", "early", "SIPSIP1"],
        ["4:05", "protected", "held", "SIPSIP1"],
        ["verified", "c2", "open", "150", "ms", "SIPSIP1"],
        [],
        ["not", "covered", "any", "more"],
        ["releasing", "c3", "open", "10", "ms", "SIPSIP1"],
    ]


def test_the_account_stands_before_the_target_where_there_are_several() -> None:
    one, other = section("pay", "exposed", on("c1", "asked", 9)), section("pay", "protected", on("c1", "verified", 9))
    calls = [call("c1", "asked", "pay"), call("c1", "verified", "pay") | {"account": "west", "extensions": ["w1"]}]
    rows = [line.split() for line in texts(Seen(AT, {}, [one, other | {"account": "west"}], calls))]
    assert [row[-2:] for row in rows[3:]] == [
        ["main:", "SIPSIP1"],
        ["ms", "SIPSIP1"],
        ["west:", "SIPSIP1"],
        ["ms", "w1"],
    ]


@pytest.mark.parametrize("width", [20, 80, 200])
def test_no_line_is_wider_than_the_screen_and_none_moves_the_cursor(width: int) -> None:
    odd = section("卡\x1b[2J\u202e" * 40, "exposed", on("c" * 99, "asked", 10**12), on("\n", "asked", 1))
    seen = Seen(AT, {"main": "feed: " + "lost " * 60}, [odd, *BUSY.sections], BUSY.calls)
    for line in [*frame(seen, width, LONG), *lost("why\x1b" * 60, seen, width, LONG)]:
        assert columns_of(line.text) <= width
        assert line.text.isprintable()


def test_the_first_line_of_a_busy_centre_has_room_in_80_columns() -> None:
    many = [section(f"s{number}", "exposed") for number in range(1000)]
    muted = [call(f"c{number}", "verified", "s1") for number in range(2000)]
    assert texts(Seen(AT, {}, many, muted))[0].endswith("10:00:00Z")


def test_a_screen_that_is_too_small_says_how_much_it_leaves_out() -> None:
    whole = texts(BUSY)
    assert texts(BUSY, height=5) == [*whole[:4], f"… {len(whole) - 4} more lines"]


def test_a_line_is_painted_by_its_tone() -> None:
    first, blank, _, exposed, call, *_ = frame(BUSY, 80, LONG)
    assert painted(first) == f"\x1b[1;31m{first.text}\x1b[0m"
    assert painted(blank) == ""
    assert (exposed.tone, call.tone) == (Tone.BAD, Tone.WAITING)


async def test_once_prints_a_frame_without_colour_and_ends() -> None:
    async with site(Centre(active=[*BUSY.sections], up=[*BUSY.calls])) as at:
        result = await command("watch", "--once", "--url", at.url, environ={"COLUMNS": "80"})
        assert (result.code, result.err) == (0, "")
        assert result.out.startswith("EXPOSED    feeds synced  sections 3")
        assert "\x1b" not in result.out


async def test_once_is_1_where_the_daemon_cannot_tell_and_says_why() -> None:
    async with site(Centre(refuses=refusal(Shut)), unready={"main": "another process works for it"}) as at:
        result = await command("watch", "--once", "--url", at.url)
        assert result.code == 1
        assert result.out.startswith("NOT READY")
        assert "main: another process works for it" in result.out
        assert "cannot tell now" in result.out
    assert (await command("watch", "--once", "--url", "http://127.0.0.1:1")).code == 1


async def test_once_is_1_where_the_daemon_is_not_ready() -> None:
    async with site(Centre(), unready={"crm": "messages are not heard"}) as at:
        result = await command("watch", "--once", "--url", at.url)
        assert (result.code, result.err) == (1, "")
        assert result.out.startswith("NOT READY")


async def test_live_needs_a_terminal() -> None:
    result = await command("watch", "--url", "http://127.0.0.1:1")
    assert result.code == 2
    assert "--once" in result.err
