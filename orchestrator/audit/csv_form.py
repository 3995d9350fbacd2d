"""A report as one table, for a spreadsheet: a row for each exposure, gap and expired section.

Guarantee: no cell begins with what a spreadsheet takes for a formula.
"""

import csv
import io
from collections.abc import Iterator
from typing import Any

from orchestrator.audit.figures import Report
from orchestrator.audit.json_form import exposure
from orchestrator.audit.records import utc

COLUMNS = (
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
    for (account, extension), figures in report.by_extension.items():
        if figures.unusual:
            unusual = "; ".join(figures.unusual)
            yield {"kind": "unusual extension", "account": account, "extension": extension, "note": unusual}


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value
