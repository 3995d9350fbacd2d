"""The rules for Prometheus: sound, about what the daemon shows, and each with an answer to what to do."""

import re
from pathlib import Path

from orchestrator.core.state import State
from orchestrator.telemetry import Metrics, now_of
from tests.instruments.asked import LABELS, asked, grouped, unknown
from tests.instruments.promtool import needed, promtool
from tests.telemetry.tables import DOCS

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config" / "prometheus"
ALERTS = (CONFIG / "alerts.yml").read_text("utf-8")
STORIES = Path(__file__).parent / "alerts_test.yml"
NAMES = re.findall(r"^ +- alert: (\w+)$", ALERTS, re.MULTILINE)


def test_alerts_ask_for_what_the_daemon_shows() -> None:
    assert len({each.metric for each in asked(ALERTS)}) > 10
    assert unknown(ALERTS) == []
    assert grouped(ALERTS) <= LABELS


def test_each_alert_says_how_grave_it_is_and_where_it_is_explained() -> None:
    operations = (DOCS / "operations.md").read_text("utf-8")
    for rule in ALERTS.split("- alert: ")[1:]:
        name = rule.split()[0]
        assert re.search(r"severity: (page|ticket)\b", rule), name
        assert f"runbook: docs/operations.md#{name.lower()}\n" in rule
        assert f"### {name}\n" in operations, f"docs/operations.md does not say what to do at {name}"


def test_operations_explains_no_alert_that_is_not_there() -> None:
    operations = (DOCS / "operations.md").read_text("utf-8")
    assert re.findall(r"^### (Mute\w+)$", operations, re.MULTILINE) == NAMES


def test_each_alert_is_told_in_a_story_of_series() -> None:
    stories = STORIES.read_text("utf-8")
    for name in NAMES:
        told = re.search(rf"alertname: {name}\n +exp_alerts:", stories)
        assert told, f"no story has {name} go off"


def test_what_a_query_asks_that_is_not_there_is_noticed() -> None:
    wrong = 'sum by (shape) (mute_orchestrator_owner{acount="main"}) > mute_orchestrator_feed_state{state="sinced"}'
    assert {each.label for each in unknown(wrong)} == {"acount", "state"}
    assert [each.metric for each in unknown("rate(mute_orchestrator_owners[5m])")] == ["mute_orchestrator_owners"]
    assert not grouped(wrong) <= LABELS


@needed
def test_promtool_finds_the_rules_and_the_example_sound() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", CONFIG / "alerts.yml")
    promtool("check", "config", CONFIG / "prometheus.yml")


@needed
def test_alerts_go_off_when_they_should_and_only_then() -> None:
    promtool("test", "rules", STORIES)


@needed
def test_promtool_finds_nothing_to_say_against_the_metrics_names() -> None:
    metrics = Metrics("1")
    metrics.follow("main", lambda: now_of(State(), store_up=True, at=0.0))
    promtool("check", "metrics", given=metrics.page())
