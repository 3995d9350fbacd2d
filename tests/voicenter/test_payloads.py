"""What Voicenter sends, in all the shapes that a capture of its stream showed, and in some that it never should."""

import json
import re
import time
from typing import Any

import pytest
from msgspec.structs import replace

from orchestrator.core.facts import ExtensionSeen, SnapshotTaken, UserSeen
from orchestrator.core.model import Direction, Extension, Leg, LegStatus
from orchestrator.voicenter.payloads import PayloadError, parse_event, parse_snapshot
from tests.capture import needs_capture, trace
from tests.voicenter.vendor import Json, call, event, extension, snapshot


def never(error: PayloadError) -> None:
    """For payloads in which nothing is to be passed over."""
    raise error


def legs(data: Json) -> dict[str, Leg]:
    """The legs that a call event shows."""
    seen = parse_event(data, never)
    assert isinstance(seen, ExtensionSeen)
    return dict(seen.extension.legs)


# --- the shapes of the capture ------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["NEWCALL", "ANSWER", "HOLD", "UNHOLD"])
def test_capture_1_a_call_event_lists_all_calls_of_the_extension(reason: str) -> None:
    subject = extension("SIP1", call("a"), call("b"), currentCall=call("b"))
    assert list(legs(event(reason, subject))) == ["a", "b"]


@pytest.mark.parametrize("reason", ["NEWCALL", "ANSWER", "HOLD", "UNHOLD"])
def test_capture_1_a_current_call_that_is_not_listed_is_added(reason: str) -> None:
    subject = extension("SIP1", call("a"), currentCall=call("b"))
    assert list(legs(event(reason, subject))) == ["a", "b"]


def test_capture_1_the_list_is_believed_before_the_current_call() -> None:
    subject = extension("SIP1", call("a", callstatus="Hold"), currentCall=call("a", callstatus="Talking"))
    assert legs(event("HOLD", subject))["a"].status is LegStatus.HOLD


def test_capture_1_a_hangup_does_not_list_the_call_that_ended() -> None:
    subject = extension("SIP1", call("b"), currentCall=call("a"))
    hangup = event("HANGUP", subject, ivruniqueid="a", cause="Normal hangup", dialStatus="ANSWER", callerID="0")
    assert list(legs(hangup)) == ["b"]


@pytest.mark.parametrize("named", [{"ivruniqueid": "a"}, {}])
def test_capture_1_a_hangup_that_lists_it_all_the_same_ends_it(named: Json) -> None:
    subject = extension("SIP1", call("a"), call("b"), currentCall=None if named else call("a"))
    assert list(legs(event("HANGUP", subject, **named))) == ["b"]


@pytest.mark.parametrize("calls", [[], [call("a")]])
def test_capture_2_a_status_update_adds_and_ends_nothing(calls: list[Json]) -> None:
    subject = extension("SIP1", *calls, userID=7001, onlineUserID=7002)
    assert parse_event(event("userStatusUpdate", subject), never) == UserSeen("SIP1", "7001", "7002")


def test_capture_3_a_queue_rings_several_extensions_with_one_call() -> None:
    offered = [
        legs(event("NEWCALL", extension(sip, currentCall=call("q", answered=0, callstatus="Ringing"))))
        for sip in ("SIP1", "SIP2", "SIP3")
    ]
    assert all(list(seen) == ["q"] and not seen["q"].counts for seen in offered)


def test_capture_3_answered_elsewhere_takes_the_call_from_the_losers() -> None:
    lost = event("HANGUP", extension("SIP2"), ivruniqueid="q", cause="Answered elsewhere")
    assert legs(lost) == {}


def test_capture_4_a_call_comes_back_after_its_hangup() -> None:
    assert legs(event("HANGUP", extension("SIP1"), ivruniqueid="q")) == {}
    again = event("NEWCALL", extension("SIP1", call("q", answered=0, callstatus="Ringing"), currentCall=call("q")))
    assert list(legs(again)) == ["q"]


def test_capture_5_a_hangup_of_a_call_never_seen_is_taken() -> None:
    assert legs(event("HANGUP", extension("SIP1"), ivruniqueid="unseen", cause="Unknown")) == {}


def test_capture_5_a_new_call_may_arrive_answered_and_talking() -> None:
    subject = extension("SIP1", call("a"), currentCall=call("a"))
    assert legs(event("NEWCALL", subject))["a"] == Leg("a", Direction.INCOMING, LegStatus.TALKING, True, False)


def test_capture_6_three_calls_at_once() -> None:
    calls = [
        call("a", callstatus="Hold"),
        call("b", callstatus="Hold", direction="Outgoing"),
        call("c", callstatus="Dialing", direction="Outgoing", answered=0),
    ]
    seen = legs(event("NEWCALL", extension("SIP1", *calls, currentCall=calls[2])))
    assert [leg.status for leg in seen.values()] == [LegStatus.HOLD, LegStatus.HOLD, LegStatus.DIALING]
    assert all(leg.counts for leg in seen.values())


def test_capture_7_a_consult_call_counts_while_it_still_dials() -> None:
    dialing = call("c", callstatus="Dialing", direction="Outgoing", answered=0)
    assert legs(event("NEWCALL", extension("SIP1", dialing, currentCall=dialing)))["c"].counts


def test_capture_8_related_calls_are_named() -> None:
    related = call("a", direction="Click2Call", c2cdirection=1, relatedIvrUniqueIDs=["b", 17, None, ""])
    leg = legs(event("NEWCALL", extension("SIP1", related, currentCall=related)))["a"]
    assert (leg.direction, leg.related) == (Direction.CLICK2CALL, ("b", "17"))


def test_capture_10_servertime_changes_nothing() -> None:
    subject = extension("SIP1", call("a"), currentCall=call("a"))
    plain = event("ANSWER", subject)
    times = {"servertime": 99_999_999_999, "servertimeoffset": -600, "telephonyservertime": None}
    seen = parse_event(plain | times, never)
    assert isinstance(seen, ExtensionSeen)
    assert seen.ages_s == {}  # it is told, and decides nothing: of a call that is 3,000 years old it is not even told
    assert replace(seen, ages_s={"a": 100.0}) == parse_event(plain, never)


def test_capture_a_leg_may_be_talking_and_never_answered() -> None:
    talking = call("a", answered=0, callstatus="Talking")
    leg = legs(event("NEWCALL", extension("SIP1", talking, currentCall=talking)))["a"]
    assert (leg.answered, leg.status, leg.counts) == (False, LegStatus.TALKING, True)


@needs_capture
def test_every_line_of_a_capture_is_understood() -> None:
    kinds: dict[str, int] = {}
    with trace().open(encoding="utf-8") as lines:
        for line in lines:
            told = json.loads(line)
            if told["name"] == "AllExtensionsStatus":
                fact: object = parse_snapshot(told["data"], never)
            elif told["name"] == "ExtensionEvent":
                fact = parse_event(told["data"], never)
                listed = {item["ivrid"] for item in told["data"]["data"]["calls"]}
                if isinstance(fact, ExtensionSeen):
                    assert set(fact.extension.legs) == listed
            else:
                continue
            kinds[type(fact).__name__] = kinds.get(type(fact).__name__, 0) + 1
    assert kinds["SnapshotTaken"] == 1
    assert set(kinds) == {"SnapshotTaken", "ExtensionSeen", "UserSeen"}


# --- snapshots ----------------------------------------------------------------------------------------------------


def test_a_snapshot_lists_every_extension_with_its_calls() -> None:
    data = snapshot(extension("SIP1", call("a"), userID=1, onlineUserID=0), extension("SIP2"))
    leg = Leg("a", Direction.INCOMING, LegStatus.TALKING, True, False)
    assert parse_snapshot(data, never) == SnapshotTaken(
        (Extension("SIP1", "1", None, {"a": leg}), Extension("SIP2", "7001", "7001")), {"a": 100.0}
    )


def test_one_bad_extension_loses_only_itself() -> None:
    rejected: list[PayloadError] = []
    data = snapshot(extension("SIP1"), extension(""), "nonsense", extension("SIP2"))  # type: ignore[arg-type]
    taken = parse_snapshot(data, rejected.append)
    assert [seen.sip for seen in taken.extensions] == ["SIP1", "SIP2"]
    assert [str(error) for error in rejected] == [
        "extensions[1].extenUser: expected text that is not empty, or a number",
        "extensions[2]: expected an object",
    ]


def test_one_bad_leg_loses_only_itself() -> None:
    rejected: list[PayloadError] = []
    taken = parse_snapshot(snapshot(extension("SIP1", call("a"), call(""), call("b"))), rejected.append)
    assert list(taken.extensions[0].legs) == ["a", "b"]
    assert [str(error) for error in rejected] == [
        "extensions[0].calls[1].ivrid: expected text that is not empty, or a number"
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (None, "AllExtensionsStatus: expected an object"),
        ([], "AllExtensionsStatus: expected an object"),
        ({}, "extensions: missing, expected a list"),
        ({"extensions": {}}, "extensions: expected a list"),
        (snapshot(errorCode=7), "errorCode: expected 0"),
        (snapshot(errorCode="seven"), "errorCode: expected 0"),
    ],
)
def test_a_snapshot_that_cannot_be_believed_ends_no_calls(data: object, text: str) -> None:
    with pytest.raises(PayloadError, match=f"^{re.escape(text)}$"):
        parse_snapshot(data, never)


def test_an_empty_account_is_a_snapshot() -> None:
    assert parse_snapshot({"extensions": None}, never) == SnapshotTaken(())


# --- events that are not as documented ----------------------------------------------------------------------------


def test_an_unknown_reason_with_a_current_call_tells_calls() -> None:
    assert list(legs(event("PARKED", extension("SIP1", currentCall=call("a"))))) == ["a"]


@pytest.mark.parametrize("reason", ["PARKED", None, 7])
def test_an_unknown_reason_without_a_current_call_ends_nothing(reason: Any) -> None:
    assert isinstance(parse_event(event(reason, extension("SIP1", call("a"))), never), UserSeen)


def test_a_known_reason_without_a_current_call_goes_by_the_list() -> None:
    assert list(legs(event("ANSWER", extension("SIP1", call("a"))))) == ["a"]


def test_a_known_reason_that_tells_no_calls_at_all_ends_nothing() -> None:
    assert isinstance(parse_event(event("ANSWER", extension("SIP1", calls=None)), never), UserSeen)


def test_an_event_about_something_else_is_passed_over() -> None:
    assert parse_event(event("NEWCALL", extension("SIP1"), eventName="queue"), never) is None


def test_a_bad_leg_of_an_event_loses_only_itself() -> None:
    rejected: list[PayloadError] = []
    subject = extension("SIP1", call("a"), None, currentCall="nonsense")  # type: ignore[arg-type]
    seen = parse_event(event("ANSWER", subject), rejected.append)
    assert isinstance(seen, ExtensionSeen)
    assert list(seen.extension.legs) == ["a"]
    assert [str(error) for error in rejected] == [
        "data.calls[1]: expected an object",
        "data.currentCall: expected an object",
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("text", "ExtensionEvent: expected an object"),
        ({"reason": "ANSWER"}, "data: expected an object"),
        (event("ANSWER", {"currentCall": call("a")}), "data.extenUser: expected text that is not empty, or a number"),
        (event("userStatusUpdate", {}), "data.extenUser: expected text that is not empty, or a number"),
        (event("ANSWER", extension("SIP1", calls="x", currentCall=call("a"))), "data.calls: expected a list"),
        (
            event("ANSWER", extension("SIP1", calls=None, currentCall={"ivrid": None})),
            "data.currentCall.ivrid: expected text that is not empty, or a number",
        ),
    ],
)
def test_an_event_that_cannot_be_understood_says_which_field(data: object, text: str) -> None:
    with pytest.raises(PayloadError, match=f"^{re.escape(text)}$"):
        parse_event(data, never)


# --- single fields ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "muted"),
    [
        (0, False),
        (1, True),
        (True, True),
        (False, False),
        ("0", False),
        ("1", True),
        ("true", True),
        (None, None),
        ("", None),
    ],
)
def test_is_muted_in_every_form(told: object, muted: bool | None) -> None:
    subject = extension("SIP1", call("a", recording={"IsMuted": told}))
    assert legs(event("ANSWER", subject))["a"].muted is muted


@pytest.mark.parametrize("recording", [{}, None, "x", []])
def test_no_recording_says_nothing_about_muting(recording: object) -> None:
    assert legs(event("ANSWER", extension("SIP1", call("a", recording=recording))))["a"].muted is None


@pytest.mark.parametrize(
    ("told", "user"), [(7, "7"), ("7", "7"), ("x-7", "x-7"), (0, None), ("0", None), ("", None), (None, None)]
)
def test_users_in_every_form(told: object, user: str | None) -> None:
    update = event("userStatusUpdate", extension("SIP1", userID=told, onlineUserID=told))
    assert parse_event(update, never) == UserSeen("SIP1", user, user)


def test_a_nonsensical_user_is_told_and_costs_no_call() -> None:
    rejected: list[PayloadError] = []
    seen = parse_event(event("ANSWER", extension("SIP1", call("a"), userID=["x"])), rejected.append)
    assert isinstance(seen, ExtensionSeen)
    assert (seen.extension.user_id, list(seen.extension.legs)) == (None, ["a"])
    assert [str(error) for error in rejected] == ["data.userID: expected a number or text"]


def test_ids_may_be_numbers() -> None:
    seen = parse_event(event("ANSWER", extension("x", call("y") | {"ivrid": 42}, extenUser=17)), never)
    assert isinstance(seen, ExtensionSeen)
    assert (seen.extension.sip, list(seen.extension.legs)) == ("17", ["42"])


def test_nulls_and_unknown_words_are_met() -> None:
    bare = {"ivrid": "a", "answered": None, "callstatus": None, "direction": "Sideways", "relatedIvrUniqueIDs": None}
    leg = legs(event("ANSWER", extension("SIP1", bare)))["a"]
    assert leg == Leg("a", Direction.OTHER, LegStatus.OTHER, False)


def test_no_error_text_holds_a_value() -> None:
    secret = "somebody-0501234567"
    rejected: list[PayloadError] = []
    bad = [{"ivrid": [secret]}, secret, {"callerphone": secret, "ivrid": None}]
    for subject in (
        extension("SIP1", *bad, userID=[secret], currentCall=secret),  # type: ignore[arg-type]
        extension("SIP1", extenUser={"x": secret}),
        extension("SIP1", calls=secret),
    ):
        try:
            parse_event(event("ANSWER", subject), rejected.append)
        except PayloadError as error:
            rejected.append(error)
    assert len(rejected) == 7
    assert not any(secret in str(error) for error in rejected)


def test_three_thousand_events_a_second_leave_room() -> None:
    """A bound that only something clumsy breaks: a tenth of a core at full rate would be 33 µs."""
    calls = [call(f"c{n}") for n in range(3)]
    busy = event("HOLD", extension("SIP1", *calls, currentCall=calls[0]))
    started_s = time.process_time()
    for _ in range(3_000):
        parse_event(busy, never)
    assert time.process_time() - started_s < 1.0
