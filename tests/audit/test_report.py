"""The figures of a report, and its three forms."""

import csv
import io
import json
from pathlib import Path

from orchestrator.audit import csv_form, html_form, json_form
from orchestrator.audit.figures import Report
from orchestrator.audit.records import Record, Value, utc
from orchestrator.audit.report import Reporter
from orchestrator.audit.verify import Bad, Verdict, verify
from tests.audit.test_book import drafts, written
from tests.audit.test_gaps import T, record


def exposure(after_s: float, exposure_s: float, ivrid: str = "i", ended_by: str = "muted", **more: Value) -> Record:
    began, ended = utc(T + after_s - exposure_s), utc(T + after_s)
    fields: dict[str, Value] = {
        "from": began,
        "to": ended,
        "exposure_ms": round(exposure_s * 1000),
        "cause": "request",
    }
    return record(after_s, "exposure", "main", ivrid=ivrid, ended_by=ended_by, **fields, **more)


def report(*records: Record, since_s: float = 0.0, until_s: float = 60.0, verdict: Verdict | None = None) -> Report:
    reporter = Reporter(T + since_s, T + until_s)
    for each in records:
        reporter.take(each)
    reporter.verified(verdict or Verdict(len(records), None, None, ()))
    return reporter.report()


SOME = (
    record(0, "audit.alive"),
    record(1, "section.started", "main", section_id="s", extension="A"),
    record(1, "call.covered", "main", section_id="s", ivrid="i", extension="A"),
    exposure(1.2, 0.2, extension="A", from_offset_s=10.0, to_offset_s=10.2, section_ids=["s"], answered=True),
    record(1.2, "call.muted", "main", ivrid="i"),
    record(11.2, "section.ended", "main", section_id="s", extension="A", cause="expired", duration_s=10.2),
    record(11.7, "call.unmuted", "main", ivrid="i", overmute_ms=500),
)


def test_sections_exposures_and_over_mutes_are_told_in_all_by_day_and_by_extension() -> None:
    found = report(*SOME)
    for of in (found.total, found.by_day["2026-11-23"], found.by_extension["main", "A"]):
        assert (of.sections, of.expired, of.covered, of.exposures, of.breaches, of.over_mutes) == (1, 1, 1, 1, 0, 1)
        assert (of.section_s, of.exposure_s, of.over_mute_s, round(of.muted_s, 3)) == (10.2, 0.2, 0.5, 10.5)
    assert [each.section_id for each in found.expired] == ["s"]
    assert found.exposures[0].offset == (10.0, 10.2)


def test_a_long_exposure_and_one_that_was_never_muted_are_breaches() -> None:
    found = report(exposure(1, 0.2), exposure(2, 1.5), exposure(3, 0.1, ended_by="cover_ended"))
    assert [round(each.at - T, 3) for each in found.breaches] == [0.5, 2.9]
    for of in (found.total, found.by_day["2026-11-23"], found.by_extension["main", ""]):
        assert (of.p50_s, of.p95_s, of.p99_s, of.worst_s) == (0.2, 1.5, 1.5, 1.5)


def test_what_was_before_the_time_is_not_counted_and_what_went_on_from_before_is() -> None:
    found = report(*SOME, since_s=5.0)
    assert (found.total.sections, found.total.exposures, found.total.expired) == (0, 0, 1)
    assert round(found.total.muted_s, 3) == 6.7


def test_a_time_without_records_says_so() -> None:
    found = report()
    assert [(gap.kind, gap.since, gap.until) for gap in found.gaps] == [("no evidence", T, T + 60)]
    assert "There is no audit" in html_form.page(found)
    late = report(record(30, "audit.alive"))
    assert [(gap.kind, gap.since, gap.until) for gap in late.gaps] == [("no evidence", T, T + 30)]


def test_a_record_that_lacks_what_it_must_have_is_damage_and_the_rest_is_told() -> None:
    wrong: dict[str, Value] = {"from": 7}
    found = report(*SOME, record(20, "exposure", "main", ivrid="i"), record(21, "audit.lost", None, **wrong))
    assert [gap.note for gap in found.gaps if gap.kind == "audit damaged"] == [
        "record 1, exposure, lacks what such a record has",
        "record 1, audit.lost, lacks what such a record has",
    ]
    assert found.total.exposures == 1


def over_muted(extension: str, seconds: float) -> tuple[Record, Record]:
    covered = record(1, "call.covered", "main", section_id="s", ivrid=extension, extension=extension)
    return covered, record(2, "call.unmuted", "main", ivrid=extension, overmute_ms=seconds * 1000)


def test_an_extension_far_from_its_peers_is_marked_and_says_against_what() -> None:
    peers = [each for number in range(8) for each in over_muted(f"SIP{number}", 1.0 + number / 10)]
    found = report(*peers, *over_muted("odd", 40.0))
    unusual = {extension: of.unusual for (_, extension), of in found.by_extension.items() if of.unusual}
    assert unusual == {"odd": ("seconds over-muted: 40, its peers 1",)}


def test_peers_that_were_never_over_muted_are_peers() -> None:
    peers = [record(1, "call.covered", "main", section_id="s", ivrid=f"c{n}", extension=f"SIP{n}") for n in range(20)]
    found = report(*peers, *over_muted("odd", 40.0))
    unusual = {extension: of.unusual for (_, extension), of in found.by_extension.items() if of.unusual}
    assert unusual == {"odd": ("seconds over-muted: 40, its peers 0",)}


def test_few_extensions_have_no_peers() -> None:
    assert not any(of.unusual for of in report(*over_muted("A", 1.0), *over_muted("B", 90.0)).by_extension.values())


def test_a_broken_chain_is_the_first_thing_that_the_page_says() -> None:
    bad = Verdict(1, None, None, (Bad("audit-2026-11-23.jsonl", 7, "was changed"),))
    page = html_form.page(report(*SOME, verdict=bad))
    assert page.index("NOT whole: audit-2026-11-23.jsonl:7: was changed") < page.index("<h2>")


def test_a_call_that_was_open_when_the_daemon_was_killed_is_an_exposure_unless_the_next_one_tells_of_it() -> None:
    covered = (
        record(1, "call.covered", "main", section_id="s", ivrid="lost", extension="A", offset_s=30.0),
        record(1, "call.covered", "main", section_id="s", ivrid="told", extension="A"),
        record(1, "call.covered", "main", section_id="s", ivrid="shut", extension="A"),
        record(2, "call.muted", "main", ivrid="shut"),
        record(5, "audit.opened", None, alive_at=utc(T + 4), torn_bytes=0, missing=0, damaged=False),
    )
    found = report(*covered, exposure(6, 5.0, ivrid="told")).exposures
    assert [(each.ivrid, each.at - T, each.seconds, each.ended_by) for each in found] == [
        ("told", 1.0, 5.0, "muted"),
        ("lost", 1.0, 3.0, "unknown"),
    ]
    assert (found[1].sections, found[1].offset) == (("s",), (30.0, 33.0))


def headline(found: Report) -> str:
    page = html_form.page(found)
    return page[page.index("<strong>") :].split("</strong>")[0]


def test_what_is_but_a_moment_is_to_be_looked_into_all_the_same() -> None:
    quiet = (record(0, "audit.alive"), record(50, "audit.alive"))
    whole = Verdict(2, quiet[0], quiet[1], ())
    assert "Nothing" in headline(report(*quiet, verdict=whole))
    torn = record(1, "audit.opened", torn_bytes=40, missing=0, damaged=False)
    for moment in (record(1, "clock.stepped", by_s=3600.0), torn):
        assert "Nothing" not in headline(report(quiet[0], moment, quiet[1], verdict=whole))


def test_damage_is_a_gap_from_the_last_record_before_it_to_the_next(tmp_path: Path) -> None:
    path = written(tmp_path, drafts(8))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], b"scribble\n", lines[4].replace(b"ivr-4", b"ivr-9"), *lines[5:]]))
    reporter = Reporter(T, T + 60.0)
    reporter.verified(verify(tmp_path, None, reporter.take))
    gaps = [(gap.since - T, None if gap.until is None else gap.until - T) for gap in reporter.report().gaps]
    assert gaps == [(2.0, 5.0), (2.0, 5.0)]
    assert [bad.line for bad in reporter.report().verdict.bad] == [4, 5]


def test_the_page_needs_nothing_else_and_escapes_what_it_shows() -> None:
    page = html_form.page(report(exposure(1, 2.0, ivrid="<script>alert(1)</script>")))
    assert "<script" not in page
    assert "http" not in page.replace('xmlns="http', "")
    assert page.isascii() or all(ord(letter) < 0x2100 for letter in page)


def test_the_table_has_a_row_for_each_exposure_and_gap_and_no_formula() -> None:
    blind = record(16, "feed.down", "main")
    rows = list(csv.DictReader(io.StringIO(csv_form.table(report(*SOME, exposure(15, 2.0, ivrid="=1+1"), blind)))))
    assert len(csv_form.COLUMNS) == len(set(csv_form.COLUMNS))
    kinds = ["exposure", "exposure", "section expired", "gap: feed blind", "all", "day", "extension", "extension"]
    assert [row["kind"] for row in rows] == kinds
    day = next(row for row in rows if row["kind"] == "day")
    assert (day["from"], day["sections"], day["p50_s"], day["p99_s"]) == ("2026-11-23", "1", "0.2", "2.0")
    assert (day["breaches"], day["over_mute_s"], day["gap_s"]) == ("1", "0.5", "44.0")
    assert (rows[1]["ivrid"], rows[1]["exposure_s"], rows[1]["breach"]) == ("'=1+1", "2.0", "True")


def test_each_day_has_its_own_share_of_a_gap_also_where_nothing_else_is_told() -> None:
    down = (record(0, "audit.closed", why="stopped"), record(129_600, "audit.opened"), record(129_601, "audit.alive"))
    found = report(*down, until_s=129_602)
    assert {day: of.gap_s for day, of in found.by_day.items()} == {"2026-11-23": 43_200, "2026-11-24": 86_400}
    assert found.total.gap_s == 129_600


def test_an_exposure_has_its_milliseconds_on_the_page_and_the_day_that_it_ended_on() -> None:
    page = html_form.page(report(exposure(43_200.25, 0.5), until_s=50_000))
    assert "2026-11-23 23:59:59.750" in page
    assert "2026-11-24 00:00:00.250" in page


def test_the_document_has_it_all() -> None:
    found = json.loads(json_form.document(report(*SOME)))
    assert (found["v"], found["whole"], found["total"]["sections"]) == (1, True, 1)
    assert found["exposures"][0]["from_offset_s"] == 10.0
