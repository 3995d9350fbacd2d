"""The tables of docs/logs.md and docs/metrics.md, made from the catalogue and the registry.

`python -m tests.telemetry.tables` writes them into the documents, between the marks; tests compare.
"""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import Metric

from orchestrator.core.state import State
from orchestrator.telemetry import Metrics, now_of
from orchestrator.telemetry.events import CATALOGUE, FIELDS
from orchestrator.telemetry.metrics import PREFIX

DOCS = Path(__file__).parents[2] / "docs"
ACCOUNT = "main"


def events_table() -> str:
    rows = [
        f"| `{event.name}` | {event.level} | {', '.join(f'`{name}`' for name in event.fields)} | {event.meaning} |"
        for event in CATALOGUE.values()
    ]
    return "\n".join(["| event | level | fields | meaning |", "|---|---|---|---|", *rows])


def fields_table() -> str:
    rows = [f"| `{name}` | {meaning} |" for name, meaning in FIELDS.items()]
    return "\n".join(["| field | meaning |", "|---|---|", *rows])


def metrics_table() -> str:
    rows = [
        f"| `{_exposed(family)}` | {family.type} | {', '.join(f'`{name}`' for name in _labels(family))} "
        f"| {family.documentation} |"
        for family in families()
    ]
    return "\n".join(["| metric | kind | labels | meaning |", "|---|---|---|---|", *sorted(rows)])


def families() -> Iterator[Metric]:
    metrics = Metrics("0")
    metrics.follow(ACCOUNT, lambda: now_of(State(), store_up=True, at=0.0))
    metrics.http_requests.labels("/livez", "GET", "2xx")  # its series come with the requests
    return (family for family in metrics.registry.collect() if family.name.startswith(PREFIX))


def _exposed(family: Metric) -> str:
    return family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")


def _labels(family: Metric) -> list[str]:
    labels = list(dict.fromkeys(name for sample in family.samples for name in sample.labels))
    return [name for name in labels if name != "le"]


TABLES = {"logs.md": {"events": events_table, "fields": fields_table}, "metrics.md": {"metrics": metrics_table}}


def with_tables(document: str, text: str) -> str:
    """The document's text with its tables as they should be."""
    for name, table in TABLES[document].items():
        begin, end = f"<!-- {name}: made by tests/telemetry/tables.py -->", f"<!-- end of {name} -->"
        before, rest = text.split(begin)
        after = rest.split(end)[1]
        text = f"{before}{begin}\n{table()}\n{end}{after}"
    return text


def main() -> None:
    for document in TABLES:
        path = DOCS / document
        path.write_text(with_tables(document, path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
