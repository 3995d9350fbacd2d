"""A report as one table, for a spreadsheet: a row for each exposure, gap and expired section, and the figures of all,
of each day and of each extension.

Guarantee: no cell begins with what a spreadsheet takes for a formula.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from orchestrator.audit.figures import Figures, Report
from orchestrator.audit.json_form import exposure
from orchestrator.audit.records import utc

FIGURES = tuple(each.name for each in fields(Figures) if each.name != "unusual")
_ROW = (
    "kind",
    "from",
    "to",
    "account",
    "ivrid",
    "extension",
    "section_ids",
    "exposure_s",
    "from_offset_s",
    "to_offset_s",
    "cause",
    "ended_by",
    "answered",
    "seen_at",
    "breach",
    "note",
)
COLUMNS = tuple(dict.fromkeys((*_ROW, *FIGURES)))


def table(report: Report) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in _rows(report):
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue()


def _rows(report: Report) -> Iterator[dict[str, Any]]:
    for bad in report.verdict.bad:
        yield {"kind": "audit not whole", "note": str(bad)}
    for each in report.exposures:
        yield {"kind": "exposure", **exposure(each)}
    for section in report.expired:
        yield {
            "kind": "section expired",
            "from": utc(section.at - section.seconds),
            "to": utc(section.at),
            "account": section.account,
            "extension": section.target,
            "section_ids": section.section_id,
        }
    for gap in report.gaps:
        yield {
            "kind": f"gap: {gap.kind}",
            "from": utc(gap.since),
            "to": "" if gap.until is None else utc(gap.until),
            "account": gap.account or "",
            "section_ids": " ".join(sorted(gap.sections)),
            "note": gap.note,
        }
    yield {"kind": "all", "from": utc(report.since), "to": utc(report.until), **_figures(report.total)}
    for day, figures in report.by_day.items():
        yield {"kind": "day", "from": day, **_figures(figures)}
    for (account, extension), figures in report.by_extension.items():
        kind, unusual = "unusual extension" if figures.unusual else "extension", "; ".join(figures.unusual)
        yield {"kind": kind, "account": account, "extension": extension, "note": unusual, **_figures(figures)}


def _figures(of: Figures) -> dict[str, Any]:
    return {name: round(getattr(of, name), 3) for name in FIGURES}


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value
