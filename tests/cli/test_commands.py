"""The commands as a shell sees them: what they print, and their exit codes."""

import asyncio
import hashlib
import json
import os
import re
import sys
import tomllib
from pathlib import Path

import pytest

from orchestrator.simulator.process import DaemonProcess, account_environ
from orchestrator.simulator.simulation import Simulation
from tests.cli.command import command
from tests.cli.terminal import in_terminal
from tests.stories.stage import stage, until

GOOD = {"ORCHESTRATOR_ACCOUNTS__MAIN__LOGIN_TYPE": "token", "ORCHESTRATOR_ACCOUNTS__MAIN__TOKEN": "t"}


@pytest.mark.parametrize("unbuffered", ["", "1"])
async def test_a_reader_that_has_seen_enough_is_no_failure(unbuffered: str) -> None:
    theirs, ours = os.pipe()
    os.close(theirs)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "orchestrator",
        "token",
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        stdout=ours,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(ours)
    _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")


async def test_bad_usage_is_2() -> None:
    assert (await command()).code == 2
    assert (await command("nonsense")).code == 2
    assert (await command("audit", "--last", "0", environ=GOOD)).code == 2


async def test_check_of_a_good_configuration_is_0() -> None:
    result = await command("check", environ=GOOD)
    assert (result.code, result.err) == (0, "")


async def test_check_names_every_mistake_at_once_and_is_78(tmp_path: Path) -> None:
    file = tmp_path / "orchestrator.toml"
    file.write_text('[http]\nport = "many"\nhots = "x"\n[accounts.main]\nlogin_type = "tokem"\n')
    result = await command("check", "--config", str(file))
    assert result.code == 78
    assert len(result.err.splitlines()) == 3
    assert "accounts.main.login_type: 'tokem' is not one of token, account, user" in result.err


async def test_token_prints_one_and_the_configuration_that_knows_only_its_hash(tmp_path: Path) -> None:
    one, other = await command("token", "--name", 'das "CRM" ☎🙂'), await command("token")
    assert (one.code, one.err) == (0, "")
    assert one.out != other.out
    (token,) = re.findall(r"^# ([A-Za-z0-9_-]{43})$", one.out, re.MULTILINE)
    (entry,) = tomllib.loads(one.out)["http"]["tokens"]
    assert entry == {
        "name": 'das "CRM" ☎🙂',
        "sha256": hashlib.sha256(token.encode()).hexdigest(),
        "scopes": ["sections:write", "read"],
    }
    file = tmp_path / "orchestrator.toml"
    file.write_text(one.out)
    assert (await command("check", "--config", str(file), environ=GOOD)).code == 0


async def test_a_token_may_be_made_for_other_scopes() -> None:
    result = await command("token", "--name", "amira", "--scope", "page", "--scope", "operate")
    (entry,) = tomllib.loads(result.out)["http"]["tokens"]
    assert (entry["name"], entry["scopes"]) == ("amira", ["page", "operate"])
    assert (await command("token", "--scope", "everything")).code == 2


async def test_a_certificate_of_no_use_is_1_and_told_in_a_sentence(tmp_path: Path) -> None:
    environ = GOOD | {
        "ORCHESTRATOR_DATA_DIR": str(tmp_path),
        "ORCHESTRATOR_REDIS__EMBEDDED_PORT": "0",
        "ORCHESTRATOR_HTTP__TLS_CERT": "/nowhere/cert.pem",
        "ORCHESTRATOR_HTTP__TLS_KEY": "/nowhere/key.pem",
    }
    result = await command("run", environ=environ)
    assert result.code == 1
    assert "http.tls_cert" in result.err
    assert "Traceback" not in result.err


async def test_run_with_a_bad_configuration_is_78() -> None:
    result = await command("run")
    assert result.code == 78
    assert "accounts" in result.err


async def test_run_without_a_file_that_was_named_is_78(tmp_path: Path) -> None:
    result = await command("run", "--config", str(tmp_path / "nowhere.toml"), environ=GOOD)
    assert result.code == 78
    assert "nowhere.toml" in result.err


async def test_a_port_that_is_taken_is_1_and_told_in_a_sentence(tmp_path: Path) -> None:
    async with Simulation(agents=1) as sim:
        environ = account_environ(sim) | {"ORCHESTRATOR_HTTP__PORT": sim.http_url.rpartition(":")[2]}
        daemon = DaemonProcess(tmp_path, environ)
        result = await command("run", environ=daemon.environ)
        assert result.code == 1
        assert "http.port" in result.err
        assert "Traceback" not in result.err


async def test_a_running_daemon_is_asked_watched_and_told_to_end_a_section(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        environ = on.daemon.environ
        await on.sim.talk("caller", "SIPSIP1")
        await on.form_opens("pay", extension="SIPSIP1")
        await on.muted("caller")
        await until(lambda: bool(on.daemon.lines("call.muted")))

        async def audited() -> bool:
            return "call.muted" in (await command("audit", environ=environ)).out

        await until(audited, within_s=20)
        (section,) = [json.loads(line) for line in (await command("sections", environ=environ)).out.splitlines()]
        assert (section["section_id"], section["state"], section["account"]) == ("pay", "protected", "main")
        (call,) = [json.loads(line) for line in (await command("calls", environ=environ)).out.splitlines()]
        assert (call["extensions"], call["ivrid"], call["sections"]) == (["SIPSIP1"], "caller", ["pay"])
        assert (await command("sections", "--check", environ=environ)).code == 0
        first = (await command("watch", "--once", environ=environ)).out.splitlines()[0]
        assert "ALL WELL" in first
        assert "sections 1  calls muted 1  exposed 0" in first
        async with in_terminal("audit", "--json", environ=environ) as terminal:
            assert await terminal.code() == 0
            await until(lambda: '"event": "call.muted"' in terminal.text)
        wrong = await command("audit", "--account", "other", environ=environ)
        assert (wrong.code, "main" in wrong.err) == (2, True)
        on.sim.truth.section_ended("pay")
        ended = await command("end-section", "pay", "--yes", environ=environ)
        assert (ended.code, ended.out) == (0, "pay has ended\n")
        await on.muted()
        await until(lambda: bool(on.daemon.lines("section.ended")))
        (by_hand,), (section_ended,) = on.daemon.lines("hand.ended"), on.daemon.lines("section.ended")
        assert (by_hand["by"], section_ended["cause"]) == ("loopback", "operator")


async def test_without_redis_the_audit_says_so_and_is_1() -> None:
    environ = GOOD | {"ORCHESTRATOR_REDIS__URL": "redis://127.0.0.1:1/0"}
    result = await command("audit", environ=environ)
    assert result.code == 1
    assert "Redis" in result.err
    assert "Traceback" not in result.err


async def test_simulate_says_where_it_is_and_ends_with_the_truth() -> None:
    result = await command("simulate", "--port", "0", "--agents", "3", "--seconds", "1")
    assert result.code == 0
    assert "export ORCHESTRATOR_ACCOUNTS__MAIN__LOGIN_URL=http://127.0.0.1:" in result.out
    assert "export ORCHESTRATOR_ACCOUNTS__MAIN__ACTIVE_CALLS_URL=http://127.0.0.1:" in result.out
    assert "export ORCHESTRATOR_ACCOUNTS__MAIN__API_CODE=simulated-code" in result.out
    assert "The truth about every recording" in result.out


async def test_simulate_of_a_file_that_is_no_capture_is_2(tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    file.write_text("{}\n")
    result = await command("simulate", "--port", "0", "--trace", str(file))
    assert result.code == 2
    assert "trace.jsonl" in result.err


@pytest.mark.parametrize("name", ["demo", "simulate"])
@pytest.mark.parametrize(
    ("wrong", "allowed"),
    [
        (("--agents", "0"), "whole number from 1 to 10000"),
        (("--agents", "1.5"), "whole number from 1 to 10000"),
        (("--seconds", "-1"), "number from 1 to 604800"),
        (("--seconds", "nan"), "number from 1 to 604800"),
        (("--speed", "0"), "number from 0.01 to 10000"),
        (("--trace", "/nowhere.jsonl"), "/nowhere.jsonl: No such file"),
        (("--trace", "/etc"), "/etc: Is a directory"),
    ],
)
async def test_what_cannot_be_played_is_2_and_told_in_a_sentence(
    name: str, wrong: tuple[str, str], allowed: str
) -> None:
    result = await command(name, *wrong)
    assert result.code == 2
    assert f"{wrong[0]}: " in result.err
    assert allowed in result.err
    assert "Traceback" not in result.err


async def test_the_demo_ends_with_a_good_verdict() -> None:
    result = await command("demo", "--seconds", "4", "--agents", "6")
    assert result.code == 0, result.out + result.err
    (page,) = re.findall(r"its page, while this runs: (http://127\.0\.0\.1:\d+/)\n", result.out)
    assert f"\nIts page was {page}: with --stay " in result.out.rpartition("verdict")[2]
    assert "muted," in result.out
    assert "calls left muted         0" in result.out
    assert "GOOD" in result.out
