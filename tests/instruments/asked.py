"""What a query asks for: which of our metrics, and which labels of them, with which values.

Reads as much of PromQL as alerts and panels are made of; not a parser of all of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.telemetry.metrics import PREFIX
from tests.telemetry.tables import families

TARGET_LABELS = {"instance", "job"}
"""Prometheus gives these to what it scrapes."""
ANY = re.compile(r"\$|\.\*")


@dataclass(frozen=True)
class Asked:
    metric: str
    label: str = ""
    """Empty: the metric alone."""
    value: str = ""
    """Empty: whatever it is. Else a value, or a pattern for several."""


def asked(query: str) -> Iterator[Asked]:
    """All that the query names of ours: metrics, and what it selects of each."""
    for metric, selected in re.findall(rf"\b({PREFIX}_\w+)(?:\{{([^}}]*)\}})?", query):
        yield Asked(metric)
        for label, value in re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"', selected):
            yield Asked(metric, label, "" if ANY.search(value) else value)


def grouped(query: str) -> set[str]:
    """The labels by which it groups or matches."""
    lists = re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)", query)
    return {label.strip() for labels in lists for label in labels.split(",")}


def unknown(query: str) -> list[Asked]:
    """What of it the daemon does not show. A label must exist, and a value of it, where the daemon's own words are
    all there is."""
    return [each for each in asked(query) if not _shown(each)]


def _shown(each: Asked) -> bool:
    series = SERIES.get(each.metric)
    if series is None or not each.label:
        return series is not None
    values = series.get(each.label)
    if values is None:
        return each.label in TARGET_LABELS
    return not each.value or each.label == "account" or all(part in values for part in each.value.split("|"))


def _series() -> dict[str, dict[str, set[str]]]:
    """The labels of each series, and their values."""
    found: dict[str, dict[str, set[str]]] = {}
    for family in families():
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    return found


SERIES = _series()
LABELS = {label for labels in SERIES.values() for label in labels} | TARGET_LABELS
