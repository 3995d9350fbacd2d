"""`audit verify`, `audit report` and `audit export` as a shell sees them, over files that a daemon left."""

import json
from pathlib import Path

import pytest

from orchestrator.audit.records import Draft
from tests.audit.test_book import NOON, drafts, written
from tests.cli.command import Result, command


async def audit(what: str, folder: Path, *arguments: str) -> Result:
    return await command("audit", what, "--data-dir", str(folder), *arguments)


async def test_an_export_has_every_line_also_one_whose_time_cannot_be_read(tmp_path: Path) -> None:
    path = written(tmp_path / "audit", drafts(4))
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1:3] = [lines[1].replace(b'"at":"2026', b'"at":"2O26'), lines[2].replace(b'"at":"2026', b'"at":"99')]
    path.write_bytes(b"".join(lines))
    result = await audit("export", tmp_path)
    assert (result.code, result.err) == (0, "")
    assert [json.loads(line)["seq"] for line in result.out.splitlines()] == [1, 2, 3, 4]
    later = await audit("export", tmp_path, "--since", "2026-11-24")
    assert [json.loads(line)["seq"] for line in later.out.splitlines()] == [2, 3]
    assert (await audit("verify", tmp_path)).code == 4


@pytest.mark.parametrize("what", ["verify", "report", "export"])
async def test_a_folder_that_is_not_there_is_1_and_named(tmp_path: Path, what: str) -> None:
    result = await audit(what, tmp_path)
    assert (result.code, result.out) == (1, "")
    assert str(tmp_path / "audit") in result.err
    assert "Traceback" not in result.err


async def test_a_report_on_an_account_that_no_record_names_is_2_and_says_which_there_are(tmp_path: Path) -> None:
    ready = Draft(NOON - 1, "daemon.ready", None, {"version": "1", "accounts": ["main", "quiet"]})
    written(tmp_path / "audit", [ready, *drafts(1)])
    result = await audit("report", tmp_path, "--account", "mian")
    assert (result.code, result.out) == (2, "")
    assert result.err == "--account: no record names 'mian'; those named: main, quiet\n"
    for account in ("main", "quiet"):
        assert (await audit("report", tmp_path, "--account", account)).code == 0
