"""Whatever JSON Voicenter sends, the parsers take it or refuse it in their own words: nothing else may come out."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.voicenter.active_calls import ActiveCallsClient
from orchestrator.voicenter.exchange import Answer
from orchestrator.voicenter.login import LoginRefused, LoginUnavailable, parse_session
from orchestrator.voicenter.mute_api import _classify
from orchestrator.voicenter.payloads import PayloadError, error_code, parse_active_calls, parse_event, parse_snapshot
from tests.valkey import Heard
from tests.voicenter.vendor import Json, call, event, extension, snapshot

NOW = 1_700_000_000.0
BEYOND_FLOAT = 10**400

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([BEYOND_FLOAT, -BEYOND_FLOAT, 2**63, 0, 1])
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["\ud800", "9" * 5000, "v=" + "9" * 5000 + ".", "٣", "1", "HANGUP", "https://[", "//x:99999"])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)

CALL = call("c1", recording={"IsMuted": 1}, relatedIvrUniqueIDs=["c0"])
CALLS = [CALL, call("c2")]
EVENTS = [
    event(reason, extension("SIP1", *CALLS, currentCall=CALL), telephonyservertime=1_700_000_099, ivruniqueid="c1")
    for reason in ("NEWCALL", "HANGUP", "userStatusUpdate", None)
]
SNAPSHOT = snapshot(extension("SIP1", *CALLS), extension("SIP2"))
POLL = {"ERR": 0, "DESC": "OK", "EXTENSIONS": [{"username": "SIP1", "userID": 1, "onlineUserID": 1, "calls": CALLS}]}
LOGIN = {
    "StatusCode": 200,
    "Data": {
        "Socket": {
            "Token": "t",
            "TokenExpiry": "2030-01-01T00:00:00Z",
            "RefreshToken": "r",
            "URLList": ["https://m1", "m2"],
            "Url": "https://m1",
            "Client": "https://m1/socket.io/v=2.4.0",
            "Version": "2.4.0",
        }
    },
}
MUTED = {"ErrorCode": 200, "Message": "OK", "ActionID": 17}


def places(found: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    items: Any = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for name, value in items:
        yield from places(value, (*path, name))


def put(good: Json, path: tuple[str | int, ...], value: object) -> object:
    """The same with another value in one place."""
    if not path:
        return value
    changed = inner = deepcopy(good)
    for name in path[:-1]:
        inner = inner[name]  # type: ignore[index]  # a path may go through lists
    inner[path[-1]] = value  # type: ignore[index]
    return changed


def odd(*good: Json) -> st.SearchStrategy[object]:
    """Any JSON; and these, with any JSON in one place."""
    wheres = [(each, path) for each in good for path in places(each)]
    return anything | st.builds(
        lambda where, value: put(where[0], where[1], value), st.sampled_from(wheres), anything
    )


def survives(parse: Callable[[], object], *allowed: type[Exception]) -> None:
    try:
        parse()
    except allowed:
        return


@given(odd(*EVENTS))
@example(put(EVENTS[0], ("reason",), []) | {"data": {"extenUser": "s1"}})  # type: ignore[operator]
@example(put(EVENTS[0], ("reason",), {}) | {"data": {"extenUser": "s1", "calls": []}})  # type: ignore[operator]
@example(put(EVENTS[0], ("servertime",), BEYOND_FLOAT))
@example(put(EVENTS[0], ("data", "calls", 0, "callStarted"), BEYOND_FLOAT) | {"servertime": 1.5})  # type: ignore[operator]
def test_events(data: object) -> None:
    survives(lambda: parse_event(data, lambda _: None), PayloadError)


@given(odd(SNAPSHOT))
@example(put(SNAPSHOT, ("servertime",), 1e300))
@example(put(SNAPSHOT, ("extensions", 0, "calls", 0, "callStarted"), BEYOND_FLOAT) | {"servertime": 1.5})  # type: ignore[operator]
def test_snapshots(data: object) -> None:
    survives(lambda: parse_snapshot(data, lambda _: None), PayloadError)


@given(odd({"errorCode": 0}))
def test_error_codes(data: object) -> None:
    survives(lambda: error_code(data))


@given(odd(POLL))
def test_active_calls(data: object) -> None:
    survives(lambda: parse_active_calls(data, lambda _: None), PayloadError)


@given(odd(LOGIN))
@example(put(LOGIN, ("Data", "Socket", "Client"), "v=" + "9" * 5000 + "."))
@example(put({"Data": {"Socket": {"Token": "t", "URLList": ["m1"]}}}, ("Data", "Socket", "Version"), "9" * 5000))
def test_logins(data: object) -> None:
    survives(lambda: parse_session(data, NOW), LoginRefused, LoginUnavailable)


@pytest.mark.parametrize("status", [200, 400, 500])
@given(data=odd(POLL, MUTED))
def test_answers_of_the_apis(status: int, data: object) -> None:
    answer = Answer(status, {}, bytearray(json.dumps(data).encode()))
    survives(lambda: _classify(answer))
    client = ActiveCallsClient(None, "", "", 1.0, Heard())  # type: ignore[arg-type]  # nothing is sent
    survives(lambda: client._read(answer))


@given(st.text(max_size=30), st.text(max_size=30))
@example("9" * 400, "")
@example("Mon, 01 Jan 0001 00:00:00 +2359", "Fri, 31 Dec 9999 23:59:59 -2359")
def test_how_long_an_answer_asks_to_wait(told: str, date: str) -> None:
    survives(lambda: Answer(429, {"Retry-After": told, "Date": date}, None).retry_after_s)
