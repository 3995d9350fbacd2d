"""What a CRM may say, by docs/api/asyncapi.json, is what the daemon takes: no less, and no more."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from orchestrator.crm.message import ENDED, STARTED, MessageRefused, parse
from orchestrator.engine.notices import MessageRejected
from tests.contract.documents import ASYNCAPI, MESSAGES, at
from tests.crm.durable import LIST, STREAM, Taken, a_list, reading
from tests.crm.test_pubsub import CHANNEL, connected, listening
from tests.valkey import Heard, Valkey, until

SAID = [
    (at(ASYNCAPI, message["$ref"])["name"].partition(" ")[0], example["payload"])
    for message in ASYNCAPI["channels"]["crmStream"]["messages"].values()
    for example in at(ASYNCAPI, message["$ref"])["examples"]
]
"""Every example of a message to the daemon, after its word."""

ABSENT = object()
TEXTS: list[object] = [
    "SIPSIP1",
    "א",
    "a b",
    "x" * 128,
    "x" * 129,
    "",
    " a",
    "a ",
    "a\nb",
    7,
    True,
    {},
    [],
    None,
    ABSENT,
]
USERS: list[object] = [*TEXTS, 1, 0, -1, 10**18 - 1, 10**18, 1.5]
SECONDS: list[object] = [300, 0.5, 10**12, 0, -1, "300", True, [], None, ABSENT]
TIMES: list[object] = [
    "2026-11-23T10:00:00Z",
    "2026-11-23t10:00:00.123456z",
    "2026-11-23 10:00:00+02:00",
    "2026-11-23T10:00:00",
    "2026-11-23",
    "10:00:00Z",
    "",
    1764000000,
    None,
    ABSENT,
]
TYPES: list[object] = [
    STARTED,
    ENDED,
    f"com.example.{STARTED}",
    f"com.example.{ENDED}",
    f"x{STARTED}",
    STARTED.upper(),
    "section.started",
    7,
    None,
    ABSENT,
]


FIELDS: dict[str, list[object]] = {
    "section_id": TEXTS,
    "extension": TEXTS,
    "user_id": USERS,
    "ivrid": TEXTS,
    "max_seconds": SECONDS,
    "reason": TEXTS,
    "occurred_at": TIMES,
    "account": TEXTS,
    "own": TEXTS,
}
PLAIN: dict[str, list[object]] = {"type": TYPES, "id": TEXTS} | FIELDS
ENVELOPE: dict[str, list[object]] = {
    "specversion": ["1.0", "0.3", 1.0, None],
    "type": TYPES,
    "source": ["/" * 1024, "/" * 1025, *TEXTS],
    "id": TEXTS,
    "data": ["text", [], {}, None, ABSENT],
}
START: dict[str, object] = {"type": STARTED, "section_id": "pay-1", "extension": "SIPSIP1"}
EVENT: dict[str, object] = {"specversion": "1.0", "type": STARTED, "source": "/crm", "id": "e-1"}
BY_EACH: list[dict[str, object]] = [
    {"extension": "SIPSIP1"},
    {"user_id": 1},
    {"ivrid": "c"},
    {"extension": None, "ivrid": "c"},
]


def _with(message: dict[str, object], **fields: object) -> dict[str, object]:
    return {name: value for name, value in (message | fields).items() if value is not ABSENT}


def _taken(message: object) -> bool:
    try:
        parse(json.dumps(message).encode())
    except MessageRefused:
        return False
    return True


def _fulfils(message: object, *schemas: str) -> bool:
    return any(not MESSAGES.mistakes(message, f"#/components/schemas/{name}") for name in schemas)


def _agree_on(message: dict[str, object]) -> None:
    event = "specversion" in message
    schemas = ("StartedEvent", "EndedEvent") if event else ("Started", "Ended")
    assert _taken(message) == _fulfils(message, *schemas), message


@pytest.mark.parametrize("name", PLAIN)
def test_each_value_of_a_field_is_taken_exactly_if_it_fulfils_the_schema(name: str) -> None:
    for word in (STARTED, ENDED):
        for value in PLAIN[name]:
            _agree_on(_with(START | {"type": word}, **{name: value}))
            for target in BY_EACH:
                own: dict[str, object] = {"type": word, "section_id": "pay-1"}
                _agree_on(_with(own | target, **{name: value}))


@pytest.mark.parametrize("name", [*ENVELOPE, "time"])
def test_each_value_of_an_envelope_is_taken_exactly_if_it_fulfils_the_schema(name: str) -> None:
    data = {"section_id": "pay-1", "extension": "SIPSIP1"}
    for word in (STARTED, ENDED):
        for value in {**ENVELOPE, "time": TIMES}[name]:
            if not (name == "time" and word == ENDED):  # of an end no time is read
                _agree_on(_with(EVENT | {"type": word, "data": data}, **{name: value}))


def _mostly(right: object, values: list[object]) -> st.SearchStrategy[object]:
    return st.one_of(*[st.just(right)] * 9, st.sampled_from(values))


@st.composite
def _messages(draw: st.DrawFn) -> dict[str, object]:
    """Several fields at once, right and wrong, in either envelope."""
    right = draw(st.sampled_from(BY_EACH)) | {"section_id": "pay-1"}
    fields = {name: draw(_mostly(right.get(name, ABSENT), values)) for name, values in FIELDS.items()}
    word = draw(st.sampled_from([STARTED, ENDED]))
    if draw(st.booleans()):
        return _with(fields, type=word)
    return _with(EVENT, type=word, data=_with(fields))


@settings(deadline=None, max_examples=300)
@given(_messages())
def test_a_message_is_taken_exactly_if_it_fulfils_the_schema(message: dict[str, object]) -> None:
    _agree_on(message)


@pytest.mark.parametrize(("size", "taken"), [(65_536, True), (65_537, False)])
def test_the_longest_message_is_as_long_as_the_file_says(size: int, taken: bool) -> None:
    assert ASYNCAPI["components"]["messages"]["sectionStarted"]["x-max-bytes"] == 65_536
    message = {"type": STARTED, "section_id": "pay-1", "extension": "SIPSIP1", "own": ""}
    message["own"] = "x" * (size - len(json.dumps(message)))
    assert _taken(message) is taken


@pytest.mark.parametrize(("word", "payload"), SAID)
def test_every_example_is_what_it_is_called(word: str, payload: dict[str, Any]) -> None:
    message = parse(json.dumps(payload).encode())
    assert f"sensitive_section.{message.kind}" == word
    assert message.fact.section_id == payload.get("data", payload)["section_id"]


EXAMPLES = [json.dumps(payload) for _, payload in SAID]
SECTIONS = [payload.get("data", payload)["section_id"] for _, payload in SAID]


async def test_every_example_is_taken_from_a_stream(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    async with reading(valkey.url, heard) as (_, taken):
        for example in EXAMPLES:
            await redis.xadd(STREAM, {"data": example})
        await _all_of_them(taken, heard)


async def test_every_example_is_taken_from_a_list(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    async with reading(valkey.url, heard, a_list) as (_, taken):
        for example in EXAMPLES:
            await redis.lpush(LIST, example)
        await _all_of_them(taken, heard)


async def test_every_example_is_taken_from_a_channel(valkey: Valkey, redis: Redis, heard: Heard) -> None:
    async with listening(valkey, heard) as on:
        await connected(on, redis)
        for example in EXAMPLES:
            await redis.publish(CHANNEL, example)
        await until(lambda: len(on.sections) == len(EXAMPLES))
        assert on.sections == SECTIONS
    assert not heard.of(MessageRejected)


async def _all_of_them(taken: Taken, heard: Heard) -> None:
    await until(lambda: len(taken.messages) == len(EXAMPLES))
    await asyncio.sleep(0)
    assert taken.sections == SECTIONS
    assert not heard.of(MessageRejected)
