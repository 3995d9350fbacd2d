"""What is counted, and that labels stay bounded."""

import pytest

from orchestrator.core.claims import Outcome, Verdict
from orchestrator.core.facts import ExtensionSeen, Fact, MuteAnswered, MuteAsked, SectionEnded, SectionStarted
from orchestrator.core.fold import fold
from orchestrator.core.model import Direction, EndCause, Extension, FeedState, Leg, LegStatus, OnExtension
from orchestrator.core.notices import CallExposed, CallMuted, CallUnmuted, Notice, SectionClosed
from orchestrator.core.policy import Policy
from orchestrator.core.standing import Stage
from orchestrator.core.state import State
from orchestrator.engine.notices import (
    AttemptMade,
    CrmConnected,
    CrmLost,
    EdgeNotice,
    FeedEventRejected,
    LoginFailed,
    MessageRejected,
    MessageTaken,
    PollMade,
    RequestServed,
)
from orchestrator.telemetry import Metrics, MetricsObserver, now_of
from orchestrator.telemetry.metrics import PREFIX
from tests.telemetry.notices import EVERY, ON_USER


@pytest.fixture
def metrics() -> Metrics:
    metrics = Metrics("1.2.3")
    metrics.follow("main", lambda: now_of(State(), store_up=True, at=10.0))
    return metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"{PREFIX}_{name}", labels)


def tell(metrics: Metrics, *notices: Notice | EdgeNotice) -> None:
    observer = MetricsObserver(metrics, "main")
    for notice in notices:
        observer.notice(notice)


def test_series_are_there_before_anything_happens(metrics: Metrics) -> None:
    assert value(metrics, "exposure_seconds_count", account="main") == 0
    assert value(metrics, "mute_attempts_total", account="main", verdict="lost", muted="false") == 0
    assert value(metrics, "sections_ended_total", account="main", cause="expired") == 0
    assert value(metrics, "polls_total", account="main", result="failed") == 0
    assert value(metrics, "crm_messages_total", result="rejected") == 0
    assert value(metrics, "crm_connected") == 0
    assert value(metrics, "build_info", version="1.2.3") == 1


def test_exposure_has_a_bound_where_the_alarm_is(metrics: Metrics) -> None:
    tell(metrics, CallMuted("i", frozenset(), 1.4, 1, ""), CallMuted("i", frozenset(), 1.6, 1, ""))
    assert value(metrics, "exposure_seconds_bucket", account="main", le="1.5") == 1
    assert value(metrics, "exposure_seconds_count", account="main") == 2


def test_a_call_that_was_never_muted_counts_as_exposed_for_all_of_its_time(metrics: Metrics) -> None:
    tell(metrics, CallExposed("i", 42.0))
    assert value(metrics, "exposure_seconds_sum", account="main") == 42
    assert value(metrics, "calls_exposed_total", account="main") == 1


def test_a_confirmation_that_came_when_it_was_wanted_no_more_is_no_exposure(metrics: Metrics) -> None:
    tell(metrics, CallMuted("i", frozenset(), None, 1, ""), CallUnmuted("i", None, 1, ""))
    assert value(metrics, "exposure_seconds_count", account="main") == 0
    assert value(metrics, "overmute_seconds_count", account="main") == 0


def test_attempts_are_counted_by_verdict_and_wish(metrics: Metrics) -> None:
    tell(metrics, AttemptMade("i", None, True, Verdict.DONE, 0.03), AttemptMade("i", None, False, Verdict.LOST, 3.0))
    assert value(metrics, "mute_attempts_total", account="main", verdict="done", muted="true") == 1
    assert value(metrics, "mute_attempts_total", account="main", verdict="lost", muted="false") == 1
    assert value(metrics, "mute_request_seconds_sum", account="main") == pytest.approx(3.03)


def test_polls_are_counted_by_result(metrics: Metrics) -> None:
    tell(metrics, PollMade("SIP1", True, "", 0.03), *[PollMade(None, False, "HTTP 500", 0.03)] * 3)
    assert value(metrics, "polls_total", account="main", result="done") == 1
    assert value(metrics, "polls_total", account="main", result="failed") == 3


def test_of_a_storm_each_one_counts(metrics: Metrics) -> None:
    tell(metrics, *[FeedEventRejected("ExtensionEvent", "x")] * 100, *[MessageRejected("c", "x")] * 100)
    assert value(metrics, "feed_events_rejected_total", account="main") == 100
    assert value(metrics, "crm_messages_total", result="rejected") == 100


def test_the_rest_is_counted_where_it_belongs(metrics: Metrics) -> None:
    tell(
        metrics,
        SectionClosed(ON_USER, EndCause.EXPIRED, 9.0),
        LoginFailed("401", True, 60.0),
        MessageTaken("c", "started"),
        MessageRejected("c", "type: unknown"),
        CrmConnected("c"),
    )
    assert value(metrics, "sections_ended_total", account="main", cause="expired") == 1
    assert value(metrics, "logins_total", account="main", result="refused") == 1
    assert value(metrics, "crm_messages_total", result="started") == 1
    assert value(metrics, "crm_messages_total", result="rejected") == 1
    assert value(metrics, "crm_connected") == 1
    tell(metrics, CrmLost("c", "gone", 1.0))
    assert value(metrics, "crm_connected") == 0


def test_the_crm_is_heard_while_all_its_sources_are(metrics: Metrics) -> None:
    observer = MetricsObserver(metrics, None)
    for notice, heard in (
        (CrmConnected("a"), 1),
        (CrmLost("b", "no route", 1.0), 0),
        (CrmConnected("a"), 0),
        (CrmConnected("b"), 1),
    ):
        observer.notice(notice)
        assert value(metrics, "crm_connected") == heard


def test_what_a_message_waited_is_measured_where_its_source_tells(metrics: Metrics) -> None:
    tell(metrics, MessageTaken("pubsub:c", "started"), MessageTaken("stream:s", "ended", 2.0))
    assert value(metrics, "crm_message_wait_seconds_count") == 1
    assert value(metrics, "crm_message_wait_seconds_sum") == 2


def test_hostile_notices_add_no_series(metrics: Metrics) -> None:
    def series() -> set[tuple[str, ...]]:
        return {
            (sample.name, *sorted(sample.labels.values()))
            for family in metrics.registry.collect()
            for sample in family.samples
        }

    tell(metrics, MessageTaken("c", "something else"), RequestServed("/v1/sections/{id}", "PUT", 202))
    before = series()
    tell(metrics, *EVERY)
    assert series() == before


def test_the_page_is_prometheus_text(metrics: Metrics) -> None:
    page = metrics.page().decode()
    assert f'{PREFIX}_feed_state{{account="main",state="down"}} 1.0' in page
    assert f'{PREFIX}_store_up{{account="main"}} 1.0' in page


def test_gauges_follow_the_state_from_covered_to_released() -> None:
    state, metrics = State(), Metrics("0")
    metrics.follow("main", lambda: now_of(state, store_up=False, at=12.5))

    def stages(*facts: Fact) -> set[str]:
        for fact in facts:
            fold(state, fact, 10.0, Policy())
        return {stage for stage in Stage if value(metrics, "mutes_active", account="main", stage=stage)}

    leg = Leg("i", Direction.INCOMING, LegStatus.TALKING, answered=True)
    assert stages(ExtensionSeen(Extension("sip", legs={"i": leg}))) == set()
    assert stages(SectionStarted("s", OnExtension("sip"))) == {Stage.WANTED}
    assert value(metrics, "exposure_now_seconds", account="main") == 2.5
    assert value(metrics, "sections_active", account="main") == 1
    assert stages(MuteAsked("i", muted=True)) == {Stage.ASKED}
    assert stages(MuteAnswered("i", True, Outcome(Verdict.FAILED), 0.5)) == {Stage.ASKED}
    assert stages(MuteAnswered("i", True, Outcome(Verdict.DONE), 0.5)) == {Stage.CONFIRMED}
    assert value(metrics, "exposure_now_seconds", account="main") == 0
    assert value(metrics, "overmute_now_seconds", account="main") == 0
    assert stages(SectionEnded("s")) == {Stage.RELEASING}
    assert value(metrics, "overmute_now_seconds", account="main") == 2.5
    assert stages(MuteAsked("i", muted=False), MuteAnswered("i", False, Outcome(Verdict.DONE), 0.5)) == set()
    assert value(metrics, "calls_live", account="main") == 1
    assert value(metrics, "overmute_now_seconds", account="main") == 0
    assert value(metrics, "api_up", account="main") == 1
    assert value(metrics, "store_up", account="main") == 0


def test_a_call_muted_by_somebody_else_is_shown_as_such() -> None:
    state = State()
    leg = Leg("i", Direction.INCOMING, LegStatus.TALKING, answered=True, muted=True)
    for fact in (ExtensionSeen(Extension("sip", legs={"i": leg})), SectionStarted("s", OnExtension("sip"))):
        fold(state, fact, 10.0, Policy())
    now = now_of(state, store_up=True, at=10.0)
    assert {stage for stage, count in now.mutes.items() if count} == {Stage.FOREIGN}
    assert now.feed is FeedState.DOWN
