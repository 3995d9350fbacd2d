"""What a notice becomes: level and figures."""

from orchestrator.core.claims import Verdict
from orchestrator.core.model import EndCause
from orchestrator.core.notices import CallMuted, MuteFailed, SectionClosed, SectionOpened
from orchestrator.engine.notices import LoginFailed
from orchestrator.telemetry import events
from orchestrator.telemetry.events import Level
from orchestrator.telemetry.lines import line
from tests.telemetry.notices import ON_CALL, ON_USER


def test_a_confirmed_mute_tells_its_exposure_in_whole_milliseconds() -> None:
    told = line(CallMuted("i", frozenset({"b", "a"}), 0.1815, 2, "act"))
    assert told.event is events.CALL_MUTED
    assert told.fields == {
        "ivrid": "i",
        "section_ids": ("a", "b"),
        "exposure_ms": 182,
        "attempts": 2,
        "action_id": "act",
    }


def test_a_section_is_told_with_its_target_and_its_time() -> None:
    assert line(SectionOpened(ON_USER)).fields == {"section_id": "s", "user_id": "7", "max_s": 300.0}
    assert line(SectionOpened(ON_CALL)).fields == {"section_id": "s", "ivrid": "i", "max_s": 300.0}


def test_a_section_that_nobody_ended_is_a_warning() -> None:
    assert line(SectionClosed(ON_USER, EndCause.MESSAGE, 250.0)).level is None
    assert line(SectionClosed(ON_USER, EndCause.EXPIRED, 250.0)).level is Level.WARNING


def test_the_fifth_failure_in_a_row_is_an_error() -> None:
    def level(attempts: int) -> Level | None:
        return line(MuteFailed("i", True, Verdict.FAILED, "", attempts, 0.1, 1.0)).level

    assert [level(attempts) for attempts in (1, 4, 5, 6)] == [None, None, Level.ERROR, Level.ERROR]


def test_refused_credentials_are_an_error_and_an_unreachable_login_is_not() -> None:
    assert line(LoginFailed("401", True, 60.0)).level is Level.ERROR
    assert line(LoginFailed("no route", False, 2.0)).level is None
