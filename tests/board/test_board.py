"""What is shown of a call's life, before a real engine in virtual time."""

import asyncio
import json
from typing import Any

from orchestrator.board import keeping
from orchestrator.core.claims import Verdict
from orchestrator.core.facts import ExtensionSeen, FeedChanged, SectionStarted
from orchestrator.core.model import FeedState, OnCall, OnUser
from orchestrator.core.policy import Policy
from tests.board.stage import Office, office, told
from tests.core.world import extension, ringing, talking
from tests.virtual_time import run

CALL, SECTION, EXTENSION = "main/c1", "main/pay", "main/s1"


async def heard(on: Office, seconds: float = 0.0) -> Any:
    """A fresh board, after so many seconds."""
    await asyncio.sleep(seconds)
    with on.board.follow(True) as reader:
        kind, board = await told(reader)
    assert kind == "board"
    return board


class TestBoard:
    def test_it_tells_all_that_is_up_and_nothing_else(self) -> None:
        async def story() -> None:
            async with office() as on:
                on.sees("s1", talking("c1"), ringing("c2"))
                on.learn(SectionStarted("other", OnCall("c9")))
                board = await heard(on, 1)
                assert board["version"]
                assert board["can_operate"] is True
                assert board["now"] > on.history.since
                assert board["extensions"] == {
                    EXTENSION: {
                        "account": "main",
                        "extension": "s1",
                        "calls": [
                            {"ivrid": "c1", "direction": "Incoming", "status": "Talking", "counts": True},
                            {"ivrid": "c2", "direction": "Incoming", "status": "Ringing", "counts": False},
                        ],
                    }
                }
                assert board["calls"].keys() == {CALL, "main/c2", "main/c9"}
                assert board["calls"][CALL]["state"] == "recorded"
                assert board["calls"][CALL]["extensions"] == ["s1"]
                assert board["sections"]["main/other"]["ivrid"] == "c9"
                assert [line["event"] for line in board["log"]] == ["section.started", "call.covered", "call.muted"]

        run(story())

    def test_an_extension_that_a_section_is_aimed_at_is_shown_without_a_call(self) -> None:
        async def story() -> None:
            async with office() as on:
                on.starts("pay", "s2")
                board = await heard(on)
                assert board["extensions"] == {"main/s2": {"account": "main", "extension": "s2", "calls": []}}

        run(story())

    def test_health_says_what_is_wrong_with_whom(self) -> None:
        async def story() -> None:
            async with office() as on:
                assert (await heard(on))["health"]["ready"] is True
                on.problems["main"] = "feed: down"
                on.account.lease.problem = "not ours"
                await asyncio.sleep(5)
                on.learn(FeedChanged(FeedState.DOWN))
                health = (await heard(on))["health"]
                assert (health["ready"], health["problems"]) == (False, {"main": "feed: down"})
                main = health["accounts"]["main"]
                assert main == {
                    "feed": "down",
                    "since": main["since"],
                    "redis": "ok",
                    "api": "ok",
                    "polling": "ok",
                    "exposure_alert_ms": 1500,
                    "owner": False,
                }
                assert main["since"] > on.history.since + 5

        run(story())


class TestStatesOfACall:
    def test_each_of_them(self) -> None:
        async def story() -> None:
            async with office(Policy(verify_s=60)) as on:
                on.api.latency_s = 1.0
                on.sees("s1", talking("c1"))
                on.sees("s2", talking("c2", muted=True))
                board = await heard(on, 0.5)
                assert (board["calls"][CALL]["state"], board["calls"]["main/c2"]["state"]) == ("recorded", "foreign")
                began = board["calls"][CALL]["since"]
                assert board["now"] - began > 0.4
                on.starts("pay", "s1")
                call = (await heard(on, 0.5))["calls"][CALL]
                assert (call["state"], call["sections"]) == ("covered", ["pay"])
                assert 400 < call["exposure_ms"] < 600
                call = (await heard(on, 1.0))["calls"][CALL]
                assert (call["state"], call["action_id"]) == ("muted", "a1")
                await asyncio.sleep(3)
                on.sees("s1", talking("c1", muted=True))
                assert (await heard(on))["calls"][CALL]["state"] == "verified"
                on.ends("pay")
                board = await heard(on, 0.5)
                assert board["calls"][CALL]["state"] == "releasing"
                assert board["sections"] == {}
                assert (await heard(on, 1.0))["calls"][CALL]["state"] == "recorded"
                on.sees("s1")
                assert (await heard(on))["calls"].keys() == {"main/c2"}

        run(story())

    def test_one_that_stays_open_becomes_exposed_though_nothing_happens(self) -> None:
        async def story() -> None:
            async with office() as on:
                on.api.latency_s = 10.0
                on.sees("s1", talking("c1"))
                on.starts("pay", "s1")
                with on.board.follow(True) as reader:
                    await told(reader)
                    state = section = ""
                    while state != "exposed" or section != "exposed":
                        _, change = await told(reader)
                        state = change.get("calls", {}).get(CALL, {}).get("state", state)
                        section = change.get("sections", {}).get(SECTION, {}).get("state", section)
                    alert_s = on.account.policy.exposure_alert_s
                    assert change["now"] - on.engine.state.sections["pay"].started_at < alert_s + 0.6

        run(story())

    def test_a_foreign_mute_under_a_section_is_shown_as_such(self) -> None:
        async def story() -> None:
            async with office() as on:
                on.sees("s1", talking("c1", muted=True))
                on.starts("pay", "s1")
                call = (await heard(on, 1))["calls"][CALL]
                assert (call["state"], call["sections"]) == ("foreign", ["pay"])

        run(story())


class TestChanges:
    def test_several_within_a_tick_are_one_and_only_what_changed_is_told(self) -> None:
        async def story() -> None:
            async with office() as on:
                on.sees("s1", talking("c1"))
                with on.board.follow(True) as reader:
                    await told(reader)
                    for ivrid in ("c2", "c3", "c4"):
                        on.sees("s2", talking(ivrid))
                    kind, change = await told(reader)
                    assert kind == "change"
                    assert change.keys() == {"now", "extensions", "calls"}
                    assert change["calls"].keys() == {"main/c4"}
                    assert change["extensions"].keys() == {"main/s2"}

        run(story())

    def test_what_is_gone_is_null(self) -> None:
        async def story() -> None:
            async with office() as on:
                on.sees("s1", talking("c1"))
                on.starts("pay", "s1")
                await asyncio.sleep(1)
                with on.board.follow(True) as reader:
                    await told(reader)
                    on.ends("pay")
                    on.sees("s1")
                    gone: dict[str, Any] = {}
                    while gone.keys() < {EXTENSION, SECTION}:
                        _, change = await told(reader)
                        gone |= change.get("extensions", {}) | change.get("sections", {})
                    assert (gone[EXTENSION], gone[SECTION]) == (None, None)

        run(story())

    def test_a_section_changes_with_its_calls(self) -> None:
        async def story() -> None:
            async with office() as on:
                on.api.latency_s = 0.6
                on.learn(SectionStarted("pay", OnUser("u1")))
                with on.board.follow(True) as reader:
                    _, board = await told(reader)
                    assert board["sections"][SECTION]["state"] == "no_call"
                    on.learn(ExtensionSeen(extension("s1", talking("c1"), user="u1", online="u1")))
                    states = []
                    while "protected" not in states:
                        _, change = await told(reader)
                        states.append(change.get("sections", {}).get(SECTION, {}).get("state"))
                    assert states[0] == "muting"

        run(story())

    def test_the_log_is_told_once_line_by_line(self) -> None:
        async def story() -> None:
            async with office() as on:
                on.sees("s1", talking("c1"))
                with on.board.follow(True) as reader:
                    lines = (await told(reader))[1]["log"]
                    for number in range(30):
                        on.starts(f"pay-{number}", "s1")
                        on.ends(f"pay-{number}")
                        await asyncio.sleep(0.1)
                        if number % 7 == 0:
                            lines += (await told(reader))[1].get("log", [])
                    await asyncio.sleep(1)
                    lines += (await told(reader))[1].get("log", [])
                    numbers = [line["id"] for line in lines]
                    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
                    assert len(numbers) > 60

        run(story())

    def test_history_tells_the_minutes_that_changed(self) -> None:
        async def story() -> None:
            async with office() as on:
                on.sees("s1", talking("c1"))
                with on.board.follow(True) as reader:
                    _, board = await told(reader)
                    first = board["history"]["from"]
                    assert board["history"] | {"since": 0} == {
                        "minute_s": 60,
                        "from": first,
                        "since": 0,
                        "minutes": [[0] * 6],
                    }
                    await asyncio.sleep(120)
                    on.starts("pay", "s1")
                    change: dict[str, Any] = {}
                    while "history" not in change:
                        _, change = await told(reader)
                    assert change["history"] == {"from": first + 120, "minutes": [[1, 51, 51, 0, 0, 0]]}
                board = await heard(on)
                assert board["history"]["minutes"] == [[0] * 6, [0] * 6, [1, 51, 51, 0, 0, 0]]

        run(story())


class TestReaders:
    def test_who_reads_slowly_hears_the_last_of_it_in_one(self) -> None:
        async def story() -> None:
            async with office() as on:
                with on.board.follow(True) as slow:
                    await told(slow)
                    for number in range(2000):
                        on.sees("s1", talking(f"c{number}"))
                        await asyncio.sleep(0.01)
                    await asyncio.sleep(1)
                    kind, change = await told(slow)
                    assert kind == "change"
                    assert [ivrid for ivrid, call in change["calls"].items() if call] == ["main/c1999"]
                    assert change["extensions"][EXTENSION]["calls"][0]["ivrid"] == "c1999"

        run(story())

    def test_who_missed_too_much_is_told_everything_anew(self) -> None:
        async def story() -> None:
            async with office() as on:
                with on.board.follow(True) as slow, on.board.follow(True) as quick:
                    await told(slow)
                    await told(quick)
                    for number in range(200):
                        on.sees("s1", *(talking(f"c{number}-{each}") for each in range(40)))
                        await asyncio.sleep(0.3)
                    assert (await told(slow))[0] == "board"
                    assert (await told(quick))[0] == "board"
                    on.sees("s1")
                    assert (await told(quick))[0] == "change"

        run(story())

    def test_two_hear_the_same(self) -> None:
        async def story() -> None:
            async with office() as on:
                with on.board.follow(True) as one, on.board.follow(False) as other:
                    assert [(await told(each))[1]["can_operate"] for each in (one, other)] == [True, False]
                    on.sees("s1", talking("c1"))
                    assert await told(one) == await told(other)

        run(story())

    def test_while_nobody_looks_on_nothing_is_kept_or_done(self) -> None:
        async def story() -> None:
            async with office() as on:
                with on.board.follow(True) as reader:
                    await told(reader)
                on.sees("s1", talking("c1"))
                await asyncio.sleep(1)
                assert not any(on.board._keeper._due.values())
                assert on.board._keeper.ledger.version == 0
                assert (await heard(on))["calls"].keys() == {CALL}

        run(story())

    def test_a_great_many_calls_are_looked_at_in_slices(self) -> None:
        async def story() -> None:
            crowd = [extension(f"x{number}", talking(f"c{number}")) for number in range(3 * keeping.SLICE)]
            async with office(None, *crowd) as on:
                board = await heard(on)
                assert len(board["calls"]) == len(board["extensions"]) == 3 * keeping.SLICE

        run(story())

    def test_ids_of_any_letters_are_told(self) -> None:
        async def story() -> None:
            async with office() as on:
                on.sees("s1", talking("half \ud83d"), talking("line\nbreak\u2028"))
                await asyncio.sleep(0.1)
                with on.board.follow(True) as reader:
                    event = await reader.next()
                assert b"\n" not in event.data
                assert len(json.loads(event.data)["calls"]) == 2

        run(story())


class TestOneCall:
    def test_its_story_in_order(self) -> None:
        async def story() -> None:
            async with office(Policy(verify_s=60)) as on:
                on.sees("s1", ringing("c1"))
                await asyncio.sleep(1)
                on.sees("s1", talking("c1"))
                await asyncio.sleep(1)
                on.api.answers = lambda _: Verdict.FAILED if len(on.api.requests) == 1 else Verdict.DONE
                on.starts("pay", "s1")
                await asyncio.sleep(5)
                on.sees("s1", talking("c1", muted=True))
                on.ends("pay")
                await asyncio.sleep(1)
                on.sees("s1")
                found = on.board.call("c1", None)
                assert (found["call"], found["legs"], found["complete"]) == (None, [], True)
                story = [(entry["what"], entry["event"]) for entry in found["timeline"]]
                assert story.count(("leg", "leg.changed")) >= 2  # answered, and shown as muted
                assert [entry for entry in story if entry != ("leg", "leg.changed")] == [
                    ("leg", "leg.came"),
                    ("section", "call.covered"),
                    ("request", "api.asked"),
                    ("answer", "api.attempt"),
                    ("answer", "mute.failed"),
                    ("request", "api.asked"),
                    ("answer", "api.attempt"),
                    ("state", "call.muted"),
                    ("evidence", "call.verified"),
                    ("section", "section.ended"),
                    ("request", "api.asked"),
                    ("answer", "api.attempt"),
                    ("state", "call.unmuted"),
                    ("leg", "leg.left"),
                ]

        run(story())

    def test_one_that_is_up(self) -> None:
        async def story() -> None:
            async with office() as on:
                on.sees("s1", talking("c1"))
                await asyncio.sleep(1)
                found = on.board.call("c1", "main")
                assert found["call"]["state"] == "recorded"
                assert found["legs"] == [
                    {
                        "extension": "s1",
                        "ivrid": "c1",
                        "direction": "Incoming",
                        "status": "Talking",
                        "answered": True,
                        "counts": True,
                        "muted": False,
                    }
                ]

        run(story())
