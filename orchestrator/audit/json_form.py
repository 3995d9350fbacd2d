"""A report as one JSON document, for programs."""

import json
from dataclasses import asdict
from typing import Any

from orchestrator.audit.figures import Exposure, Report
from orchestrator.audit.records import utc


def document(report: Report) -> str:
    verdict = report.verdict
    told: dict[str, Any] = {
        "v": 1,
        "since": utc(report.since),
        "until": utc(report.until),
        "whole": not verdict.bad,
        "bad": [str(bad) for bad in verdict.bad],
        "records": verdict.records,
        "last_hash": verdict.last.hash if verdict.last else None,
        "total": asdict(report.total),
        "exposure_s": {name: getattr(report.total, f"{name}_s") for name in ("p50", "p95", "p99", "worst")},
        "exposures": [exposure(each) for each in report.exposures],
        "expired": [asdict(each) | {"at": utc(each.at)} for each in report.expired],
        "gaps": [
            {
                "kind": gap.kind,
                "account": gap.account,
                "from": utc(gap.since),
                "to": None if gap.until is None else utc(gap.until),
                "note": gap.note,
                "sections": sorted(gap.sections),
            }
            for gap in report.gaps
        ],
        "days": [{"day": day} | asdict(figures) for day, figures in report.by_day.items()],
        "extensions": [
            {"account": account, "extension": extension} | asdict(figures)
            for (account, extension), figures in report.by_extension.items()
        ],
        "events": dict(report.events),
    }
    return json.dumps(told, indent=1) + "\n"


def exposure(of: Exposure) -> dict[str, Any]:
    start, end = of.offset or (None, None)
    return {
        "from": utc(of.at),
        "to": utc(of.until),
        "seen_at": None if of.seen_at is None else utc(of.seen_at),
        "account": of.account,
        "ivrid": of.ivrid,
        "extension": of.extension,
        "section_ids": " ".join(of.sections),
        "exposure_s": round(of.seconds, 3),
        "from_offset_s": start,
        "to_offset_s": end,
        "cause": of.cause,
        "ended_by": of.ended_by,
        "answered": of.answered,
        "breach": of.breach,
    }
