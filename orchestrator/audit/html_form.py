"""A report as one page that needs nothing else, made for paper as for a screen.

Guarantees: whatever comes from records is escaped; there is no script and no address in it; the first thing it says
is whether the audit is whole, what was exposed, and for how long nobody can tell.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from importlib import resources

from orchestrator.audit import plots
from orchestrator.audit.figures import BREACH_MS, OVER_MUTED, Exposure, Figures, Report
from orchestrator.audit.gaps import MARKS, Gap
from orchestrator.audit.records import utc

MOST_ROWS = 2_000
"""Of one table; the page says how many more there are (the other forms have them all)."""
MOST_LIGHT = 50
"""Of exposures that are no breach: the longest."""
MOST_BARS = 20
_BLIND_S = 1.0
"""Every start is blind until the first snapshot: it is told, and is no cause for alarm."""
_BREACH = f"{BREACH_MS / 1000:g} s"

Cell = tuple[str, str]
"""Its class, its text."""


def page(report: Report) -> str:
    css = resources.files("orchestrator.audit").joinpath("page.css").read_text("utf-8")
    span = f"{_time(report.since)} to {_time(report.until)} (UTC)"
    parts = [
        f'<h1>Mutes of call recordings: evidence</h1><p class="soft">{span}</p>',
        _verdict(report),
        _figures(report),
        _section("Exposures", _exposures(report)),
        _section("Times without evidence", _gaps(report)),
        _section("Over-muted time", _over_mutes(report)),
        _section("Sections that expired", _expired(report)),
        _section("Day by day", _by_day(report)),
        _section("Extensions", _by_extension(report)),
        _footer(report),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Evidence {_day(report.since)} to {_day(report.until)}</title><style>{css}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _verdict(report: Report) -> str:
    bad, breaches, verdict = False, report.breaches, report.verdict
    said = []
    if verdict.bad:
        bad = True
        said.append(f"The audit is NOT whole: {escape(str(verdict.bad[0]))} ({len(verdict.bad)} places).")
    elif verdict.last is None:
        bad = True
        said.append("There is no audit: nothing can be said about this time.")
    else:
        said.append(f"The audit is whole: {verdict.records} records, each chained to the one before it.")
    if breaches:
        bad = True
        cases = f"{len(breaches)} times" if len(breaches) > 1 else "Once"
        said.append(f"{cases} a covered call was recorded for {_BREACH} or more, or was never muted.")
    else:
        said.append(f"The records show no covered call that was recorded for {_BREACH} or more.")
    blind_s = report.total.gap_s
    if blind_s:
        bad |= blind_s >= _BLIND_S
        said.append(f"For {_length(blind_s)} of this time evidence is missing or partial: see below what of.")
    if marks := _marks(report):
        bad = True
        counted = ", ".join(f"{kind} ({marks.count(kind)})" for kind in dict.fromkeys(marks))
        said.append(f"There is more to look at, however short: {counted}.")
    head = "To be looked into" if bad else "Nothing to be looked into"
    return f'<div class="verdict{" bad" if bad else ""}"><strong>{head}</strong>{" ".join(said)}</div>'


def _figures(report: Report) -> str:
    total = report.total
    boxes = [
        ("sections", f"{total.sections}", False),
        ("calls covered", f"{total.covered}", False),
        ("exposure p50 / p99", f"{total.p50_s:.2f} / {total.p99_s:.2f} s", False),
        ("longest exposure", _seconds(total.worst_s), total.worst_s * 1000 >= BREACH_MS),
        ("breaches", f"{total.breaches}", total.breaches > 0),
        ("over-muted", _length(total.over_mute_s), False),
        ("sections expired", f"{total.expired}", total.expired > 0),
        ("gaps", f"{len(report.gaps)}", bool(total.gap_s >= _BLIND_S or _marks(report))),
    ]
    each = (f"<div><dt>{name}</dt><dd{' class=bad' if bad else ''}>{value}</dd></div>" for name, value, bad in boxes)
    return f"<dl>{''.join(each)}</dl>"


def _exposures(report: Report) -> str:
    told = (
        "<p>From the moment a section covered a call to Voicenter's confirmation of its mute: so long card data "
        "may be on record. From and to are also counted from the begin of the call, as the feed told it (to 2 s): "
        "the part to delete. Of a drift the begin is not known: it is told from when the call was last known to be "
        "muted.</p>"
    )
    first = sorted(report.exposures, key=lambda each: (not each.breach, -each.seconds))
    listed = first[: len(report.breaches) + MOST_LIGHT]
    rows = [_exposure(each) for each in listed]
    more = len(first) - len(listed)
    rest = f'<p class="soft">and {more} shorter ones: the forms csv and json have them all</p>' if more else ""
    columns = ("call", "extension", "from", "to", ".seconds", ".in the call", "cause", "ended by", "answered")
    return told + _wide(plots.spread(report.exposures)) + _table(columns, rows) + rest


def _exposure(each: Exposure) -> list[Cell]:
    offset = "unknown" if each.offset is None else f"{each.offset[0]:.1f}–{each.offset[1]:.1f} s"
    answered = {True: "yes", False: "no", None: "unknown"}[each.answered]
    return [
        ("id", each.ivrid),
        ("", each.extension),
        ("at", _moment(each.at)),
        ("at", _moment(each.until) if _day(each.until) != _day(each.at) else _moment(each.until)[11:]),
        ("n bad" if each.breach else "n", f"{each.seconds:.3f}"),
        ("n at", offset),
        ("", each.cause.replace("_", " ")),
        ("", each.ended_by.replace("_", " ")),
        ("", answered),
    ]


def _gaps(report: Report) -> str:
    told = (
        "<p>Times in which the service was down or blind, or in which the audit itself lacks something. What "
        "happened in them is not known to the full; the sections that were active are named.</p>"
    )
    rows: list[list[Cell]] = []
    for gap in report.gaps:
        until = "still" if gap.until is None else _time(gap.until)
        lasted = _gap_s(gap, report.until)
        rows.append(
            [
                ("", gap.kind),
                ("", gap.account or "all"),
                ("at", _time(gap.since)),
                ("at", until),
                ("n", _length(lasted)),
                ("id", ", ".join(sorted(gap.sections)) or "none"),
                ("", gap.note),
            ]
        )
    columns = ("what", "account", "from", "to", ".length", "sections active", "note")
    return told + _wide(plots.timeline(report.gaps, report.since, report.until)) + _table(columns, rows)


def _over_mutes(report: Report) -> str:
    told = (
        "<p>Seconds that recordings stayed muted after the last cover had ended, by extension. An extension is "
        "marked as unusual where it has far more, or far longer ones, than its peers: a mute can be misused.</p>"
    )
    worst = sorted(report.by_extension.items(), key=lambda item: -item[1].over_mute_s)[:MOST_BARS]
    values = [
        (_named(*name), of.over_mute_s, any(OVER_MUTED in why for why in of.unusual))
        for name, of in worst
        if of.over_mute_s
    ]
    return told + _wide(plots.lying(values, "s"))


def _expired(report: Report) -> str:
    rows: list[list[Cell]] = [
        [
            ("id", each.section_id),
            ("", each.account),
            ("", each.target),
            ("at", _time(each.at)),
            ("n", _length(each.seconds)),
        ]
        for each in report.expired
    ]
    told = "<p>Nobody ended these: their time ran out. A CRM that loses its ends, or a form that was left open.</p>"
    return told + _table(("section", "account", "target", "ended", ".length"), rows)


def _by_day(report: Report) -> str:
    days = report.by_day.items()
    plot = plots.bars([(day[5:], of.sections, of.breaches > 0) for day, of in days], "sections (red: with a breach)")
    rows = [
        [("at", day), *_numbers(of), ("n bad" if of.gap_s >= _BLIND_S else "n", _length(of.gap_s))]
        for day, of in days
    ]
    return _TOLD + _wide(plot) + _table(("day", *_COLUMNS, ".gaps"), rows)


def _by_extension(report: Report) -> str:
    rows: list[list[Cell]] = []
    for (account, extension), of in report.by_extension.items():
        rows.append([("", _named(account, extension)), *_numbers(of), ("bad", "; ".join(of.unusual))])
    return _table(("extension", *_COLUMNS, "unusual"), rows)


_TOLD = (
    "<p>p50, p95 and p99: the seconds that half, 95 % and 99 % of the exposures do not exceed. Gaps: how long the "
    "service was down or blind, or the audit lacks something.</p>"
)
_COLUMNS = (
    ".sections",
    ".mean",
    ".expired",
    ".covered",
    ".exposures",
    ".p50",
    ".p95",
    ".p99",
    ".breaches",
    ".muted",
    ".over-muted",
)


def _numbers(of: Figures) -> list[Cell]:
    mean_s = of.section_s / of.sections if of.sections else 0.0
    return [
        ("n", f"{of.sections}"),
        ("n", _length(mean_s)),
        ("n", f"{of.expired}"),
        ("n", f"{of.covered}"),
        ("n", f"{of.exposures}"),
        *(("n bad" if each * 1000 >= BREACH_MS else "n", f"{each:.2f}") for each in (of.p50_s, of.p95_s, of.p99_s)),
        ("n bad" if of.breaches else "n", f"{of.breaches}"),
        ("n", _length(of.muted_s)),
        ("n", _seconds(of.over_mute_s)),
    ]


def _footer(report: Report) -> str:
    last = report.verdict.last
    anchor = f"The chain ends in record {last.seq}, hash {last.hash}. " if last else ""
    return (
        f"<footer><p>{anchor}The chain shows what was changed, removed or added by anybody who did not write all of "
        "it anew; against that, compare with a hash that was kept elsewhere (audit verify --anchor). Times are those "
        "of the daemon's own clock.</p></footer>"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _table(columns: Sequence[str], rows: Sequence[Iterable[Cell]]) -> str:
    """A column whose name begins with a dot has numbers."""
    if not rows:
        return '<p class="none">none</p>'
    head = "".join(f"<th{' class=n' if name[0] == '.' else ''}>{escape(name.lstrip('.'))}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows[:MOST_ROWS])
    more = f'<p class="soft">and {len(rows) - MOST_ROWS} more</p>' if len(rows) > MOST_ROWS else ""
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}'


def _cell(cell: Cell) -> str:
    return f'<td class="{cell[0]}">{escape(cell[1])}</td>' if cell[0] else f"<td>{escape(cell[1])}</td>"


def _wide(plot: str) -> str:
    return f'<div class="wide">{plot}</div>'


def _named(account: str, extension: str) -> str:
    return f"{account} {extension or '(no extension)'}".strip()


def _marks(report: Report) -> list[str]:
    return [gap.kind for gap in report.gaps if gap.kind in MARKS]


def _gap_s(gap: Gap, until: float) -> float:
    return (until if gap.until is None else gap.until) - gap.since


def _time(at: float) -> str:
    return utc(at)[:19].replace("T", " ")


def _moment(at: float) -> str:
    return utc(at)[:23].replace("T", " ")


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 10 else _length(seconds)


def _length(seconds: float) -> str:
    whole = round(seconds)
    if whole < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
