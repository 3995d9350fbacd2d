"""Any bytes are a message or refused; a refusal names the field and repeats nothing."""

import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.core.facts import SectionEnded, SectionStarted
from orchestrator.core.model import OnCall, OnExtension, OnUser, Target
from orchestrator.crm.message import MOST_BYTES, CrmMessage, MessageRefused, parse
from orchestrator.engine.notices import Traced

STARTED = {"type": "sensitive_section.started", "section_id": "pay-81f3", "extension": "SIPSIP1"}
ENDED = {"type": "sensitive_section.ended", "section_id": "pay-81f3"}
AT_TEN = 1795428000.0  # 2026-11-23T10:00:00Z


def raw(message: object) -> bytes:
    return json.dumps(message).encode()


def started(**fields: Any) -> SectionStarted:
    fact = parse(raw(STARTED | fields)).fact
    assert isinstance(fact, SectionStarted)
    return fact


def refusal(message: object) -> str:
    with pytest.raises(MessageRefused) as caught:
        parse(message if isinstance(message, bytes) else raw(message))
    return str(caught.value)


def test_a_section_starts() -> None:
    given_all = STARTED | {
        "max_seconds": 300,
        "reason": "card_entry",
        "occurred_at": "2026-11-23T10:00:00Z",
        "id": "m1",
    }
    fact = SectionStarted("pay-81f3", OnExtension("SIPSIP1"), 300.0, "card_entry", AT_TEN, "m1")
    assert parse(raw(given_all)) == CrmMessage(None, fact)
    assert parse(raw(given_all)).kind == "started"


def test_a_section_ends() -> None:
    assert parse(raw(ENDED)) == CrmMessage(None, SectionEnded("pay-81f3"))
    assert parse(raw(ENDED)).kind == "ended"


def test_what_is_left_out_or_null_is_left_open() -> None:
    fact = SectionStarted("pay-81f3", OnExtension("SIPSIP1"))
    assert parse(raw(STARTED)).fact == fact
    nothing = dict.fromkeys(("user_id", "ivrid", "max_seconds", "reason", "occurred_at", "id", "account"))
    assert parse(raw(STARTED | nothing)).fact == fact


def test_the_account_is_told() -> None:
    assert parse(raw(STARTED | {"account": "main"})).account == "main"
    assert parse(raw(ENDED | {"account": "main"})).account == "main"


def test_the_transport_names_a_message_that_brings_no_name() -> None:
    unnamed, named = parse(raw(STARTED), "1-0").fact, parse(raw(STARTED | {"id": "m1"}), "1-0").fact
    assert isinstance(unnamed, SectionStarted)
    assert isinstance(named, SectionStarted)
    assert (unnamed.message_id, named.message_id) == ("1-0", "m1")


@pytest.mark.parametrize(
    ("said", "at"),
    [({}, AT_TEN + 5), ({"occurred_at": "2026-11-23T10:00:00Z"}, AT_TEN),
     ({"occurred_at": "2026-11-23T11:00:00Z"}, AT_TEN + 5)],
)  # fmt: skip
def test_a_message_did_not_happen_after_its_transport_took_it(said: dict[str, str], at: float) -> None:
    """A clock of the CRM's that is ahead must not have a section run past its end."""
    fact = parse(raw(STARTED | said), "1-0", AT_TEN + 5).fact
    assert isinstance(fact, SectionStarted)
    assert fact.occurred_at == at


@pytest.mark.parametrize(
    ("field", "value", "target"),
    [
        ("extension", "SIPSIP1", OnExtension("SIPSIP1")),
        ("user_id", "1012", OnUser("1012")),
        ("user_id", 1012, OnUser("1012")),
        ("ivrid", "2026112310-abc", OnCall("2026112310-abc")),
        ("extension", "x" * 128, OnExtension("x" * 128)),
        ("extension", "שלוחה 7", OnExtension("שלוחה 7")),
    ],
)
def test_one_of_three_targets(field: str, value: object, target: Target) -> None:
    message = {name: value for name, value in STARTED.items() if name != "extension"} | {field: value}
    fact = parse(raw(message)).fact
    assert isinstance(fact, SectionStarted)
    assert fact.target == target


@pytest.mark.parametrize("targets", [{"extension": None}, {"user_id": "7"}, {"user_id": 7, "ivrid": "i"}])
def test_none_or_several_targets_are_refused(targets: dict[str, object]) -> None:
    assert "exactly one of extension, user_id and ivrid" in refusal(STARTED | targets)


@pytest.mark.parametrize("field", ["extension", "section_id", "reason", "account", "id"])
@pytest.mark.parametrize("value", ["", " ", "a\nb", "a\x00", "x" * 129, " padded", 7, True, 1.5, ["a"], {"a": 1}])
def test_an_id_is_a_short_printable_text(field: str, value: object) -> None:
    assert refusal(STARTED | {field: value}).startswith(f"{field}: not a text")


def test_half_a_character_is_refused() -> None:
    assert refusal(rb'{"type":"sensitive_section.ended","section_id":"a\ud800"}').startswith("section_id: not a text")


def test_a_user_id_is_no_truth_value_or_fraction() -> None:
    for value in (True, 1.0, [1]):
        message = {**STARTED, "extension": None, "user_id": value}
        assert refusal(message).startswith("user_id: not a text")


@pytest.mark.parametrize("value", [0, -1, 10**18, 10**400, True])
def test_a_user_id_as_a_number_is_one_that_voicenter_can_have_given(value: object) -> None:
    """0 is Voicenter's word for nobody: such a section would cover no call, and nobody would be told why."""
    expected = "user_id: not a text, nor a whole number above 0 of at most 18 digits"
    assert refusal({**STARTED, "extension": None, "user_id": value}) == expected


@pytest.mark.parametrize(("value", "seconds"), [(300, 300.0), (0.5, 0.5), (10**400, 1e9), (5e300, 1e9)])
def test_a_long_section_is_the_business_of_the_policy(value: float, seconds: float) -> None:
    assert started(max_seconds=value).max_seconds == seconds


@pytest.mark.parametrize("value", [0, -1, "300", True, False, [300], {"s": 1}])
def test_max_seconds_is_a_number_above_zero(value: object) -> None:
    assert refusal(STARTED | {"max_seconds": value}) == "max_seconds: not a number of seconds above 0"


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_what_is_no_number_of_json_is_refused(number: bytes) -> None:
    refusal(raw(STARTED)[:-1] + b', "max_seconds": ' + number + b"}")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-23T10:00:00Z", AT_TEN),
        ("2026-11-23t10:00:00z", AT_TEN),
        ("2026-11-23T12:00:00+02:00", AT_TEN),
        ("2026-11-23 10:00:00.250Z", AT_TEN + 0.25),
        ("2026-11-23T10:00:00.123456789Z", AT_TEN + 0.123456),
        ("1970-01-01T00:00:00Z", 0.0),
    ],
)
def test_a_time_with_its_zone(text: str, at: float) -> None:
    assert started(occurred_at=text).occurred_at == pytest.approx(at, abs=1e-6)


@pytest.mark.parametrize(
    "value",
    ["2026-11-23T10:00:00", "2026-11-23", "10:00", "now", "2026-02-31T10:00:00Z",
     "2026-11-23T10:00:00+25:00", "٢026-11-23T10:00:00Z", 1795428000, 1.5, True, []],
)  # fmt: skip
def test_any_other_time_is_refused(value: object) -> None:
    assert refusal(STARTED | {"occurred_at": value}).startswith("occurred_at: not an RFC 3339 time with its zone")


@pytest.mark.parametrize(
    "kind", [None, "started", "sensitive_section.Started", "com.x.sensitive_section.started", 1, []]
)
def test_plain_json_says_exactly_one_of_two_words(kind: object) -> None:
    assert refusal(STARTED | {"type": kind}) == 'type: not "sensitive_section.started" or "sensitive_section.ended"'


def test_of_an_end_nothing_is_read_that_it_does_not_need() -> None:
    """A recording must not stay muted for a slip in a field without a meaning."""
    slips = {"extension": 7, "user_id": [], "max_seconds": "x", "occurred_at": "now", "reason": 1}
    assert parse(raw(ENDED | slips | {"id": 7})).fact == SectionEnded("pay-81f3")
    event = EVENT | {"type": ENDED["type"], "time": "yesterday", "data": ENDED | slips}
    assert parse(raw(event)).fact == SectionEnded("pay-81f3")


def test_the_type_is_looked_at_first() -> None:
    """What was never meant for us is told to be that, not to lack a section."""
    assert refusal({"type": "order.paid"}).startswith("type: not")
    assert refusal({}).startswith("type: not")


def test_a_section_has_an_id() -> None:
    assert refusal({"type": "sensitive_section.ended"}) == "section_id: missing"


def test_unknown_fields_are_passed_over_and_stand_in_for_nothing() -> None:
    assert parse(raw(STARTED | {"customer": {"name": "x"}, "max_second": 5})).fact == parse(raw(STARTED)).fact
    assert refusal({"type": "sensitive_section.started", "section_id": "a", "Extension": "b"}).startswith("target: 0")


def test_a_field_that_occurs_twice_is_refused() -> None:
    assert "twice" in refusal(raw(STARTED)[:-1] + b', "extension": "SIPSIP2"}')


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'"text"', "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"[" * 60_000, "not JSON"),
        (b'{"a":' * 13_000, "not JSON"),
        (b'{"a":' + b"9" * 5000 + b"}", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b" " * (MOST_BYTES + 1), "longer than 65536 bytes"),
    ],
)
def test_what_is_no_json_object_is_refused(message: bytes, why: str) -> None:
    assert why in refusal(message)


def test_the_longest_message_is_taken() -> None:
    message = raw(STARTED)
    assert parse(message[:-1] + b" " * (MOST_BYTES - len(message)) + b"}")


# CloudEvents 1.0, structured mode

EVENT = {
    "specversion": "1.0",
    "type": "com.example.sensitive_section.started",
    "source": "/crm/forms",
    "id": "e-1",
    "time": "2026-11-23T10:00:00Z",
    "data": {"section_id": "pay-81f3", "extension": "SIPSIP1", "account": "main"},
}


def test_a_cloud_event_is_the_same_message_in_an_envelope() -> None:
    fact = SectionStarted(
        "pay-81f3", OnExtension("SIPSIP1"), None, None, occurred_at=AT_TEN, message_id="/crm/forms e-1"
    )
    assert parse(raw(EVENT), "transport's name") == CrmMessage("main", fact)


def test_a_cloud_event_may_name_its_trace_and_a_wrong_name_does_no_harm() -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert parse(raw(EVENT | {"traceparent": parent})).trace == Traced("pay-81f3", parent)
    for wrong in ("", "00-4BF9", parent + "-x", 1, None, ["a"]):
        assert parse(raw(EVENT | {"traceparent": wrong})).trace is None
    assert parse(raw(STARTED | {"traceparent": parent})).trace is None  # not in an envelope


def test_the_data_of_a_cloud_event_know_better_when_it_happened() -> None:
    for at in (1.0, 0.0):
        text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
        fact = parse(raw(EVENT | {"data": {**STARTED, "occurred_at": text}})).fact
        assert isinstance(fact, SectionStarted)
        assert fact.occurred_at == at


def test_a_cloud_event_ends_a_section() -> None:
    for kind in ("com.example.sensitive_section.ended", "sensitive_section.ended"):
        assert parse(raw(EVENT | {"type": kind, "data": {"section_id": "a"}})).fact == SectionEnded("a")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"specversion": 1.0}, "specversion"),
        ({"id": None}, "id: missing"),
        ({"source": ""}, "source"),
        ({"type": "insensitive_section.started"}, "type"),
        ({"type": "sensitive_section.started.v2"}, "type"),
        ({"type": None}, "type"),
        ({"data": None}, "data: not a JSON object"),
        ({"data": "{}"}, "data: not a JSON object"),
        ({"time": "yesterday"}, "time: not an RFC 3339 time"),
        ({"data": {"section_id": "a"}, "extension": "SIPSIP1"}, "target: 0 given"),
    ],
)
def test_a_wrong_envelope_is_refused(changed: dict[str, object], why: str) -> None:
    assert refusal(EVENT | changed).startswith(why)


# Whatever comes

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(
    ["type", "section_id", "extension", "user_id", "ivrid", "max_seconds", "reason", "occurred_at", "id", "account",
     "specversion", "source", "time", "data"]
)  # fmt: skip


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
@example(b'{"type": [], "section_id": "a"}')
@example(b'{"specversion": "1.0", "data": {}, "type": {}}')
def test_any_bytes_are_a_message_or_refused(message: bytes) -> None:
    _judge(message)


@given(st.sampled_from([STARTED, ENDED, EVENT]), st.dictionaries(fields, values, max_size=4))
def test_any_value_in_any_field_is_understood_or_refused(base: dict[str, Any], changed: dict[str, Any]) -> None:
    _judge(raw(base | changed))


def _judge(message: bytes) -> MessageRefused | None:
    try:
        assert isinstance(parse(message), CrmMessage)
    except MessageRefused as refused:
        return refused
    return None


@given(st.sampled_from([STARTED, EVENT]), fields, st.sampled_from(["", "\n", "x" * 2000]), st.booleans())
def test_a_refusal_repeats_nothing_of_the_message(base: dict[str, Any], field: str, tail: str, nested: bool) -> None:
    secret = "4580-SECRET-CARD"
    value: object = [secret] if nested else secret + tail
    refused = _judge(raw(base | {field: value}))
    if refused is not None:
        assert "SECRET" not in str(refused)
        assert refused.__context__ is None or refused.__suppress_context__


def test_it_is_fast_enough_to_stand_between_a_message_and_its_request() -> None:
    """The best of many runs, with room for a slow machine: about 10 microseconds where it was written."""
    message = raw(STARTED | {"max_seconds": 300, "occurred_at": "2026-11-23T10:00:00Z"})
    best_s = min(_timed(message) for _ in range(300))
    assert best_s < 100e-6


def _timed(message: bytes) -> float:
    began = time.perf_counter()
    parse(message)
    return time.perf_counter() - began
