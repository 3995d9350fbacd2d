"""What of a configuration that is read again holds, and what is only named."""

from pathlib import Path

import pytest

from orchestrator.config import Config, load
from orchestrator.config.renewal import renewed

FILE = """
[accounts.main]
login_type = "token"
token = "t0ken"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "orchestrator.toml"


def read(file: Path, text: str) -> Config:
    file.write_text(text)
    return load(file, {})


def test_policy_and_log_level_are_taken_over(file: Path) -> None:
    running = read(file, FILE)
    again = read(file, f'{FILE}[policy]\nverify_seconds = 9\non_expiry = "hold"\n[log]\nlevel = "debug"\n')
    renewal = renewed(running, again)
    assert renewal.config == again
    assert set(renewal.changed) == {"policy.verify_seconds", "policy.on_expiry", "log.level"}
    assert renewal.needs_restart == ()


def test_all_else_stays_and_is_named_but_not_shown(file: Path) -> None:
    running = read(file, FILE)
    more = FILE.replace("t0ken", "s3cret") + "[accounts.two]\nlogin_type = 'token'\ntoken = 'x'\n"
    again = read(file, more + "[http]\nport = 9\n[log]\nformat = 'console'\n[crm]\nstreams = ['other']\n")
    renewal = renewed(running, again)
    assert renewal.config == running
    assert renewal.changed == ()
    assert set(renewal.needs_restart) == {
        "accounts.main.token",
        "accounts.two",
        "crm.streams",
        "http.port",
        "log.format",
    }


def test_what_needs_a_restart_is_named_until_there_was_one(file: Path) -> None:
    running = read(file, FILE)
    again = read(file, FILE + "[api]\nmax_concurrency = 8\n[policy]\nverify_seconds = 9\n")
    once = renewed(running, again)
    twice = renewed(once.config, again)
    assert (once.needs_restart, twice.needs_restart) == (("api.max_concurrency",),) * 2
    assert twice.changed == ()


def test_a_key_that_is_left_out_has_its_default_again(file: Path) -> None:
    before = read(file, FILE + "[policy]\nverify_seconds = 9\n")
    assert renewed(before, read(file, FILE)).config.policy.verify_seconds == 5
