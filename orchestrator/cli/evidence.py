"""`audit verify`, `audit report` and `audit export`: what the daily files of the audit say.

Guarantees: they read the files alone, so they work whether the daemon runs or not, and write nothing but an answer;
a folder or an account that is not there is an error, not an answer that nothing happened.
"""

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from orchestrator.audit import csv_form, html_form, json_form
from orchestrator.audit.book import days, path_of
from orchestrator.audit.figures import Report
from orchestrator.audit.records import Record, epoch_s, utc
from orchestrator.audit.report import Reporter
from orchestrator.audit.verify import lines, verify
from orchestrator.cli.codes import BAD_CONFIG, BAD_USAGE, FAILED, NOT_WHOLE, OK
from orchestrator.cli.configured import configured
from orchestrator.cli.table import printable

_FORMS: dict[str, Callable[[Report], str]] = {
    "html": html_form.page,
    "csv": csv_form.table,
    "json": json_form.document,
}
_UNITS_S = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


def take_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-dir", type=Path, metavar="FOLDER", help="the daemon's data_dir, instead of --config")
    parser.add_argument("--anchor", metavar="HASH", help="verify: a hash that was kept elsewhere must be in it")
    parser.add_argument("--since", type=moment, metavar="WHEN", help="report, export: a time, a day, or 7d, 12h ago")
    parser.add_argument("--until", type=moment, metavar="WHEN", help="report, export: up to here (default: now)")
    parser.add_argument("--format", choices=tuple(_FORMS), default="html", help="report: its form")


def run(args: argparse.Namespace) -> int:
    if args.data_dir is None:
        config = configured(args)
        if config is None:
            return BAD_CONFIG
        folder = config.data_dir / "audit"
    else:
        folder = args.data_dir / "audit"
    if not folder.is_dir():
        print(
            f"mute-orchestrator: {folder}: there is no such folder, so no daemon kept its audit here", file=sys.stderr
        )
        return FAILED
    return WHAT[args.what](args, folder)


def _verify(args: argparse.Namespace, folder: Path) -> int:
    verdict = verify(folder, args.anchor)
    for bad in verdict.bad:
        print(bad)
    if verdict.bad:
        print(f"NOT WHOLE: {len(verdict.bad)} places, the first is {verdict.bad[0]}", file=sys.stderr)
        return NOT_WHOLE
    if verdict.first is None or verdict.last is None:
        print(f"mute-orchestrator: {folder} has no records", file=sys.stderr)
        return FAILED
    first, last = verdict.first, verdict.last
    print(f"whole: {verdict.records} records, {utc(first.at)} to {utc(last.at)}; last hash {last.hash}")
    return OK


def _report(args: argparse.Namespace, folder: Path) -> int:
    until = time.time() if args.until is None else args.until
    reporter = Reporter(until - 30 * _UNITS_S["d"] if args.since is None else args.since, until, args.account)
    accounts: set[str] = set()

    def take(record: Record) -> None:
        accounts.update({record.account} if record.account else record.fields.get("accounts", ()))
        reporter.take(record)

    reporter.verified(verify(folder, args.anchor, take))
    if args.account is not None and args.account not in accounts:
        known = ", ".join(sorted(accounts)) or "none"
        print(f"--account: no record names '{printable(args.account)}'; those named: {known}", file=sys.stderr)
        return BAD_USAGE
    sys.stdout.write(_FORMS[args.format](reporter.report()))
    return OK


def told(folder: Path, form: str) -> str:
    """The report on all that there is, from the first record to the last."""
    moments = [line.record.at for line in lines(folder) if isinstance(line.record, Record)] or [time.time()]
    reporter = Reporter(moments[0], moments[-1] + 0.001)
    reporter.verified(verify(folder, None, reporter.take))
    return _FORMS[form](reporter.report())


def _export(args: argparse.Namespace, folder: Path) -> int:
    """The lines as they are: a SIEM may check the chain itself."""
    for line in _lines(folder, args.since or 0.0, args.until or float("inf")):
        sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
    return OK


def _lines(folder: Path, since: float, until: float) -> Iterator[bytes]:
    for day in days(folder):
        with path_of(folder, day).open("rb") as file:
            for line in file:
                at = _said_at(line)
                if line.endswith(b"\n") and (at is None or since <= at < until):
                    yield line


def _said_at(line: bytes) -> float | None:
    """None: it cannot be read. Whether the line is whole is for `verify` to say."""
    told = re.search(rb'"at":"([^"]+)"', line)
    try:
        return epoch_s(told[1].decode()) if told else None
    except ValueError:
        return None


def moment(text: str) -> float:
    if ago := re.fullmatch(r"(\d+)([mhdw])", text):
        return time.time() - int(ago[1]) * _UNITS_S[ago[2]]
    try:
        return epoch_s(f"{text}T00:00:00Z" if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time: give 2026-11-23, 2026-11-23T10:00:00Z, or 30m, 12h, 7d, 4w ago"
        ) from None


WHAT: Mapping[str, Callable[[argparse.Namespace, Path], int]] = {
    "verify": _verify,
    "report": _report,
    "export": _export,
}
