"""The simulated vendor's payloads beside the real ones: the same keys and types, event by event.

Needs a real capture (MUTE_TRACE names the file); without one, only what holds by itself is checked.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from orchestrator.simulator import account, payloads
from orchestrator.simulator.payloads import VendorClock
from orchestrator.simulator.telephony import LineChanged, QueueChanged, Reason
from tests.capture import needs_capture, trace
from tests.simulator.test_centre import START, live

CLOCK = VendorClock()


def simulated() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and payload of everything that the simulated feed sends."""
    lines, queues = account.lines(12, START, spare=3), account.queues(2)
    yield "loginSuccess", payloads.login_success(CLOCK, START)
    yield "loginStatus", payloads.login_status(queues, CLOCK, START)
    rows = [payloads.line_payload(line, CLOCK) for line in lines]
    yield "AllExtensionsStatus", payloads.all_extensions(rows, CLOCK, START)
    for seed in range(4):
        for change in live(seed)[0]:
            if isinstance(change, LineChanged):
                yield "ExtensionEvent", CLOCK.stamp(change.at) | payloads.extension_event(change, CLOCK)
            elif isinstance(change, QueueChanged):
                yield "QueueEvent", CLOCK.stamp(change.at) | payloads.queue_event(change, CLOCK)


def captured() -> Iterator[tuple[str, dict[str, Any]]]:
    for line in trace().read_text().splitlines():
        record = json.loads(line)
        yield record["name"], record["data"]


class Shape:
    """What the objects of one kind have in common."""

    def __init__(self) -> None:
        self.always: set[str] | None = None
        """Keys that each one met has."""
        self.types: dict[str, set[str]] = defaultdict(set)
        """Key -> the JSON types its values have."""

    def meet(self, payload: dict[str, Any], but: str = "") -> None:
        for key, value in payload.items():
            if key != but:
                self.types[key].add(type(value).__name__)
        self.always = payload.keys() - {but} if self.always is None else self.always & payload.keys()


def shapes(stream: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, Shape]:
    """Of every kind of object in the stream, by where it stands."""
    found: dict[str, Shape] = defaultdict(Shape)
    for name, payload in stream:
        found[f"{name} {payload.get('reason', '')}".strip()].meet(payload)
        data = payload.get("data", {})
        for extension in payload.get("extensions", [data] if name == "ExtensionEvent" else []):
            found["extension"].meet(extension, but="currentCall")
            for leg in extension["calls"]:
                found["leg"].meet(leg)
                found["recording"].meet(leg["recording"])
            if extension.get("currentCall"):
                found["leg"].meet(extension["currentCall"])
        for queue in payload.get("queues", [data] if name == "QueueEvent" else []):
            found["queue"].meet(queue)
            for call in queue["Calls"]:
                found["waiting"].meet(call)
    return found


@needs_capture
def test_every_object_has_the_keys_and_types_of_the_captured_ones() -> None:
    real, ours = shapes(captured()), shapes(simulated())
    assert set(ours) == set(real)
    for kind, met in ours.items():
        known = real[kind]
        undocumented = met.types.keys() - known.types.keys() - {"c2cdirection"}  # documented; none was captured
        assert not undocumented, kind
        assert (known.always or set()) <= (met.always or set()), kind
        for key, types in met.types.items():
            assert key == "c2cdirection" or types <= known.types[key], (kind, key)


@needs_capture
def test_what_a_capture_shows_of_words_is_what_is_sent() -> None:
    def words(stream: Iterable[tuple[str, dict[str, Any]]]) -> set[tuple[str, str, str]]:
        return {
            (payload["reason"], leg["direction"], leg["callstatus"])
            for name, payload in stream
            if name == "ExtensionEvent" and (leg := payload["data"].get("currentCall"))
        }

    rare = {("ANSWER", "Outgoing", "Hold"), ("ANSWER", "Incoming", "Hold"), ("HOLD", "Outgoing", "Talking")}
    rare |= {("UNHOLD", "Outgoing", "Dialing"), ("NEWCALL", "Outgoing", "Talking"), ("NEWCALL", "Outgoing", "Hold")}
    assert words(captured()) - rare <= words(simulated())


def test_call_events_list_the_call_they_are_about_and_hangups_do_not() -> None:
    for name, payload in simulated():
        if name != "ExtensionEvent":
            continue
        data = payload["data"]
        listed = {leg["ivrid"]: leg for leg in data["calls"]}
        if payload["reason"] == Reason.USER_STATUS:
            assert "currentCall" not in data
        elif payload["reason"] == Reason.HANGUP:
            assert payload["ivruniqueid"] == data["currentCall"]["ivrid"]
            assert payload["ivruniqueid"] not in listed
            assert {"cause", "dialStatus", "callerID"} <= payload.keys()
        else:
            assert listed[data["currentCall"]["ivrid"]] == data["currentCall"]


def test_the_account_s_clock_stands_apart_from_ours() -> None:
    assert VendorClock(offset_min=120).tell(1_000_000.9) == 1_007_200
    assert VendorClock().tell(0.0) == 0, "0 says that it has not happened"


def test_recordings_show_the_truth_in_the_list_and_in_the_current_call() -> None:
    changes, _ = live(1)
    event = next(
        payloads.extension_event(change, CLOCK)["data"]
        for change in changes
        if isinstance(change, LineChanged) and change.reason is Reason.ANSWER
    )
    ivrid = event["currentCall"]["ivrid"]
    shown = payloads.show_mutes(event, lambda asked: asked == ivrid)
    assert shown["currentCall"]["recording"]["IsMuted"] == 1
    assert {leg["ivrid"]: leg["recording"]["IsMuted"] for leg in shown["calls"]}[ivrid] == 1
    assert event["currentCall"]["recording"]["IsMuted"] == 0, "the payload as it was told stays what it was"
