"""The desk: what may be handed in and asked, before real engines whose requests nobody works off."""

import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from orchestrator.core.claims import Outcome, Verdict
from orchestrator.core.facts import ExtensionSeen, MuteAnswered, MuteAsked, SectionWoke
from orchestrator.core.model import Extension, FeedState
from orchestrator.core.policy import Policy
from orchestrator.core.state import State
from orchestrator.desk import Desk
from orchestrator.engine.loop import Engine
from orchestrator.engine.notices import MessageRejected, MessageTaken
from orchestrator.web.ports import Clash, Over, Shut, Unfit, Unheard
from tests.core.world import extension, ringing, talking
from tests.engine.doubles import MemoryStore, Notebook, ScriptedApi


@dataclass
class Hand:
    """A clock that is set by hand, an hour behind the wall."""

    at: float = 1_700_000_000.0
    ahead_s: float = 3600.0

    def now(self) -> float:
        return self.at

    def at_wall(self, epoch_s: float) -> float:
        return epoch_s - self.ahead_s


class Kept(MemoryStore):
    async def kept(self) -> None:
        """At once."""


@dataclass
class Account:
    name: str
    clock: Hand
    policy: Policy = field(default_factory=Policy)
    state: State = field(default_factory=lambda: State(feed=FeedState.SYNCED))

    def __post_init__(self) -> None:
        self.store = Kept(self.state)
        self.book = Notebook()
        self.engine = Engine(
            self.state, self.policy, self.clock, random.Random(1), self.store, ScriptedApi(), None, self.book, 1
        )

    def sees(self, seen: Extension) -> None:
        self.engine.learn(ExtensionSeen(seen))

    def mutes(self, ivrid: str) -> None:
        self.engine.learn(MuteAsked(ivrid, True))
        self.engine.learn(MuteAnswered(ivrid, True, Outcome(Verdict.DONE, "act"), 0.5))


@dataclass
class Office:
    desk: Desk
    clock: Hand
    book: Notebook
    main: Account
    other: Account

    def starts(self, section_id: str, /, **fields: object) -> None:
        self.desk.start(section_id, json.dumps({"extension": "s1", "account": "main"} | fields).encode())

    def shows(self, section_id: str) -> Any:
        return self.desk.section(section_id, "main")


@pytest.fixture
def shut() -> Office:
    clock, book = Hand(), Notebook()
    main, other = Account("main", clock), Account("other", clock)
    return Office(Desk({"main": main, "other": other}, clock, book), clock, book, main, other)


@pytest.fixture
async def office(shut: Office) -> AsyncIterator[Office]:
    with shut.desk.open():
        yield shut


class TestShut:
    """A process that waits for its turn knows nothing, and must not act as if it did."""

    async def test_nothing_is_taken_and_nothing_told(self, shut: Office) -> None:
        desk = shut.desk
        for ask in (
            lambda: shut.starts("pay"),
            lambda: desk.end("pay", "main"),
            lambda: desk.take(b"{}", "m"),
            lambda: desk.section("pay", "main"),
            lambda: desk.sections(None),
            lambda: desk.calls(None),
            lambda: desk.extension("s1", "main"),
        ):
            with pytest.raises(Shut):
                ask()
        assert shut.main.state == State(feed=FeedState.SYNCED)

    async def test_it_is_shut_again_afterwards(self, shut: Office) -> None:
        with shut.desk.open():
            shut.starts("pay")
        with pytest.raises(Shut):
            shut.desk.section("pay", "main")


class TestStart:
    async def test_it_opens_a_section_as_a_message_does(self, office: Office) -> None:
        office.main.sees(extension("s1", talking("c1")))
        office.starts("pay", max_seconds=60)
        assert office.shows("pay") == {
            "section_id": "pay",
            "account": "main",
            "extension": "s1",
            "state": "muting",
            "started_at": "2023-11-14T22:13:20.000Z",
            "expires_at": "2023-11-14T22:14:20.000Z",
            "calls": [{"ivrid": "c1", "state": "wanted", "exposure_ms": 0, "action_id": None}],
        }
        assert office.book.told == [MessageTaken("http", "started")]

    async def test_again_it_renews(self, office: Office) -> None:
        office.starts("pay", max_seconds=60)
        office.clock.at += 30
        office.starts("pay", max_seconds=60)
        assert office.shows("pay")["expires_at"] == "2023-11-14T22:14:50.000Z"

    async def test_the_same_message_twice_counts_once(self, office: Office) -> None:
        for _ in range(2):
            office.starts("pay", max_seconds=60, id="m1")
            office.clock.at += 30
        assert office.shows("pay")["expires_at"] == "2023-11-14T22:14:20.000Z"

    async def test_its_time_is_the_walls(self, office: Office) -> None:
        office.starts("pay", max_seconds=60, occurred_at="2023-11-14T23:13:00Z")
        assert office.shows("pay")["expires_at"] == "2023-11-14T22:14:00.000Z"

    async def test_what_says_the_same_as_the_request_may_stand_in_it(self, office: Office) -> None:
        office.starts("pay", type="sensitive_section.started", section_id="pay")
        assert office.shows("pay")["state"] == "no_call"

    @pytest.mark.parametrize(
        ("fields", "wrong"),
        [
            ({"type": "sensitive_section.ended"}, "type: says otherwise"),
            ({"section_id": "other"}, "section_id: says otherwise"),
            ({"ivrid": "c1"}, "target: 2 given"),
            ({"extension": None}, "target: 0 given"),
            ({"max_seconds": "long"}, "max_seconds: not a number"),
            ({"account": "third"}, "account: not one of main, other"),
            ({"account": None}, "account: needed where there are several; one of main, other"),
        ],
    )
    async def test_what_is_wrong_is_named(self, office: Office, fields: dict[str, object], wrong: str) -> None:
        with pytest.raises(Unfit, match=f"^{wrong}"):
            office.starts("pay", **fields)
        (told,) = office.book.told
        assert isinstance(told, MessageRejected)
        assert told.source == "http"
        assert not office.desk.sections(None)

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"extension": "a", "extension": "b"}'])
    async def test_what_is_no_object_is_refused(self, office: Office, body: bytes) -> None:
        with pytest.raises(Unfit, match=r"^message: "):
            office.desk.start("pay", body)

    @pytest.mark.parametrize("section_id", ["", " pay", "x" * 129, "a\nb"])
    async def test_so_is_an_id_that_could_not_stand_in_a_log(self, office: Office, section_id: str) -> None:
        with pytest.raises(Unfit, match=r"^section_id: "):
            office.starts(section_id)
        with pytest.raises(Unfit, match=r"^section_id: "):
            office.desk.end(section_id, "main")

    async def test_one_that_ended_for_good_stays_ended(self, office: Office) -> None:
        office.desk.end("pay", "main")
        with pytest.raises(Clash, match="a new one needs a new section_id"):
            office.starts("pay")

    async def test_one_that_expired_may_start_again(self, office: Office) -> None:
        office.starts("pay", max_seconds=60)
        expire(office, "pay", 61)
        office.starts("pay", max_seconds=60)
        assert office.shows("pay")["state"] == "no_call"

    async def test_unless_the_message_is_older_than_that(self, office: Office) -> None:
        office.starts("pay", max_seconds=60)
        expire(office, "pay", 61)
        with pytest.raises(Clash, match="older than that"):
            office.starts("pay", max_seconds=3600, occurred_at="2023-11-14T23:13:19Z")

    async def test_one_that_is_over_on_arrival_does_not_start(self, office: Office) -> None:
        with pytest.raises(Clash, match="over on arrival"):
            office.starts("pay", max_seconds=60, occurred_at="2023-11-14T23:12:00Z")

    async def test_a_section_keeps_its_target(self, office: Office) -> None:
        office.starts("pay")
        for target in ({"extension": "s2"}, {"extension": None, "user_id": 7}):
            with pytest.raises(Clash, match=r"another target \(extension\)"):
                office.starts("pay", **target)
        assert office.shows("pay")["extension"] == "s1"


def expire(office: Office, section_id: str, after_s: float) -> None:
    """Time passes."""
    office.clock.at += after_s
    office.main.engine.learn(SectionWoke(section_id))


class TestEnd:
    async def test_it_tells_how_the_calls_stood(self, office: Office) -> None:
        office.main.sees(extension("s1", talking("c1")))
        office.starts("pay")
        office.clock.at += 0.25
        office.main.mutes("c1")
        office.clock.at += 10
        ended = office.desk.end("pay", "main").document
        assert ended is not None
        assert (ended["state"], ended["cause"]) == ("ended", "message")
        assert ended["ended_at"] == "2023-11-14T22:13:30.250Z"
        assert ended["calls"] == [{"ivrid": "c1", "state": "confirmed", "exposure_ms": 250, "action_id": "act"}]

    async def test_of_one_never_heard_of_there_is_nothing_to_tell_and_it_stays_ended(self, office: Office) -> None:
        for _ in range(2):
            assert office.desk.end("pay", "main").document is None
        with pytest.raises(Over, match=r"ended \(cause: message\)"):
            office.shows("pay")

    async def test_where_there_are_several_accounts_it_says_which(self, office: Office) -> None:
        office.starts("pay")
        with pytest.raises(Unfit, match="account: needed"):
            office.desk.end("pay", None)
        assert office.desk.end("pay", "other").document is None
        assert office.shows("pay")["state"] == "no_call"


class TestWebhook:
    async def test_it_is_a_message_with_the_name_of_its_transport(self, office: Office) -> None:
        message = {"type": "sensitive_section.started", "section_id": "pay", "extension": "s1", "account": "main"}
        assert office.desk.take(json.dumps(message).encode(), "msg_1").account == "main"
        assert office.main.state.sections["pay"].messages == ("msg_1",)
        assert office.book.told == [MessageTaken("webhook", "started")]

    async def test_a_start_without_effect_is_taken_all_the_same(self, office: Office) -> None:
        """Whoever sent it would only send it again."""
        office.desk.end("pay", "main")
        message = {"type": "sensitive_section.started", "section_id": "pay", "extension": "s1", "account": "main"}
        office.desk.take(json.dumps(message).encode(), "msg_1")
        assert not office.desk.sections(None)

    async def test_what_is_wrong_is_named(self, office: Office) -> None:
        with pytest.raises(Unfit, match=r"^type: not"):
            office.desk.take(b'{"section_id": "pay"}', "msg_1")


class TestLook:
    async def test_a_section_that_nobody_knows(self, office: Office) -> None:
        with pytest.raises(Unheard):
            office.shows("pay")

    async def test_lists_tell_of_all_accounts_or_of_one(self, office: Office) -> None:
        office.starts("b")
        office.starts("a")
        office.starts("c", account="other")
        assert [row["section_id"] for row in office.desk.sections(None)] == ["a", "b", "c"]
        assert [row["section_id"] for row in office.desk.sections("other")] == ["c"]
        with pytest.raises(Unfit, match="account: not one of"):
            office.desk.sections("third")

    async def test_an_extension_with_who_is_there_and_its_calls(self, office: Office) -> None:
        seen = extension("s1", talking("c1"), ringing("c2"))
        office.main.sees(seen)
        office.starts("pay")
        shown = office.desk.extension("s1", "main")
        assert (shown["user_id"], shown["online_user_id"]) == (seen.user_id, seen.online_user_id)
        assert [(call["ivrid"], call["counts"], call["status"]) for call in shown["calls"]] == [
            ("c1", True, "Talking"),
            ("c2", False, "Ringing"),
        ]
        assert shown["sections"] == ["pay"]

    async def test_an_extension_that_only_a_section_names(self, office: Office) -> None:
        with pytest.raises(Unheard):
            office.desk.extension("s9", "main")
        office.starts("pay", extension="s9")
        assert office.desk.extension("s9", "main")["sections"] == ["pay"]

    async def test_every_call_that_is_up_or_claimed(self, office: Office) -> None:
        office.main.sees(extension("s1", talking("c1")))
        office.main.sees(extension("s2", talking("c2")))
        office.starts("pay")
        office.clock.at += 0.5
        office.starts("named", extension=None, ivrid="c3")
        by_ivrid = {row["ivrid"]: row for row in office.desk.calls("main")}
        assert by_ivrid["c1"] == {
            "ivrid": "c1",
            "account": "main",
            "extensions": ["s1"],
            "sections": ["pay"],
            "state": "wanted",
            "exposure_ms": 500,
            "action_id": None,
        }
        assert (by_ivrid["c2"]["state"], by_ivrid["c2"]["sections"]) == (None, [])
        assert (by_ivrid["c3"]["extensions"], by_ivrid["c3"]["sections"]) == ([], ["named"])
