"""The reports as a table to read."""

from collections.abc import Iterable, Iterator

from tests.torture.judge import Report, Row

HEAD = (
    f"{'fault':<34}{'times':>6}{'sections':>9}{'covered':>8}  {'exposure p50':>12}{'p99':>7}{'worst':>7}"
    f"  {'not excused':>11}  {'over-mute p99':>13}{'worst':>7}  {'not excused':>11}  {'bound':>6}  verdict"
)


def lines(reports: Iterable[Report]) -> Iterator[str]:
    for report in reports:
        yield report.scenario
        yield HEAD
        yield from map(_row, report.rows)
        verdict = report.verdict
        yield (
            f"  left open {len(verdict.left_open)}, left muted {len(verdict.left_muted)},"
            f" foreign mutes opened {verdict.requests.trespasses}"
        )
        yield from (f"  {note}" for note in report.notes)
        yield from (f"  WRONG: {problem}" for problem in report.problems)
        yield f"  {'GOOD' if report.ok else 'BAD'}"
        yield ""


def _row(row: Row) -> str:
    exposed, muted = row.exposures, row.over_mutes
    return (
        f"{row.fault:<34}{row.times or '':>6}{row.sections:>9}{len(exposed.stretches):>8}"
        f"  {exposed.p50:>10.2f} s{exposed.p99:>7.2f}{exposed.worst:>7.2f}"
        f"  {row.longest_open_s:>9.2f} s  {muted.p99:>11.2f} s{muted.worst:>7.2f}  {row.longest_muted_s:>9.2f} s"
        f"  {row.bound_s:>4.1f} s  {'ok' if row.ok else 'MISSED'}"
    )
