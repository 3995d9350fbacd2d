import json
import random
from itertools import pairwise
from typing import Any

from orchestrator.simulator import account
from orchestrator.simulator.crm import Crm, Message, Sections
from tests.simulator.timeline import Timeline

START = 1_000_000.0


def say(seed: int, seconds: float = 600.0) -> list[Message]:
    """All that the CRM of a centre says, where half of the agents talk."""
    line = Timeline(agents=6)
    for number in (1, 2, 3):
        line.talk(account.sip(number), f"c{number}")
    crm = Crm(line.board.lines.values, random.Random(seed), Sections())
    crm.open(START)
    said: list[Message] = []
    while crm.next_at is not None and crm.next_at <= START + seconds:
        said += crm.step(crm.next_at)
    running = {message.section_id for message in said} - {
        message.section_id for message in said if not message.target
    }
    return said + crm.close(START + seconds, sorted(running))


def test_every_section_ends_and_most_begin_first() -> None:
    said = say(1)
    started = [message.section_id for message in said if message.target]
    ended = [message.section_id for message in said if not message.target]
    assert set(started) == set(ended)
    first = [(ended.index(s), s) for s in set(ended) if _index(said, s, True) > _index(said, s, False)]
    assert 0 < len(first) < len(set(started)) / 10


def _index(said: list[Message], section_id: str, started: bool) -> int:
    return next(
        n for n, message in enumerate(said) if message.section_id == section_id and bool(message.target) == started
    )


def test_sections_are_on_extensions_users_and_calls_and_overlap() -> None:
    said = say(2)
    targets = [message.target for message in said if message.target]
    assert {key for key, _ in targets} == {"extension", "user_id", "ivrid"}
    times = [message.at for message in said]
    assert times == sorted(times)
    assert any(a.at == b.at and a.section_id != b.section_id for a, b in pairwise(said))


def test_some_messages_come_twice_and_some_sections_are_renewed_or_left_to_run_out() -> None:
    said = say(3)
    numbers = [message.number for message in said]
    assert len(set(numbers)) < len(numbers)
    by_section: dict[str, set[int]] = {}
    for message in said:
        if message.target:
            by_section.setdefault(message.section_id, set()).add(message.number)
    assert any(len(started) == 2 for started in by_section.values())
    assert any(message.max_seconds == Sections().run_out_s for message in said)


def test_the_same_seed_says_the_same() -> None:
    assert say(4) == say(4)
    assert say(4) != say(5)


def test_a_message_reads_the_same_plain_and_as_a_cloud_event() -> None:
    message = Message(7, START, "pay-1", ("extension", "SIPSIP1"), 60)
    plain: dict[str, Any] = json.loads(message.plain())
    assert plain == {
        "type": "sensitive_section.started",
        "id": "crm-7",
        "section_id": "pay-1",
        "extension": "SIPSIP1",
        "max_seconds": 60,
        "reason": "card_entry",
        "occurred_at": "1970-01-12T13:46:40.000Z",
    }
    event = json.loads(message.cloud_event())
    assert event["specversion"] == "1.0"
    assert event["type"].endswith("sensitive_section.started")
    assert event["data"] == {key: plain[key] for key in plain if key not in ("type", "id")}


def test_the_truth_hears_what_the_message_says() -> None:
    line = Timeline()
    line.talk("SIPSIP1", "c1")
    for target in (("extension", "SIPSIP1"), ("user_id", "1001"), ("ivrid", "c1")):
        Message(1, line.clock.at, "s" + target[0], target, 60).tell(line.truth)
        assert line.truth.covered("c1")
        Message(2, line.clock.at, "s" + target[0]).tell(line.truth)
        assert not line.truth.covered("c1")
