"""Completion, as the shells do it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import command


@pytest.fixture
async def in_bash(tmp_path: Path) -> Path:
    result = await command("completion", "bash")
    assert (result.code, result.err) == (0, "")
    script = tmp_path / "completion.bash"
    script.write_text(result.out)
    return script


def completed(script: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    ask = (
        'source "$0"; COMP_WORDS=(mute-orchestrator "$@"); COMP_CWORD=$#; _mute_orchestrator;'
        ' for one in "${COMPREPLY[@]}"; do echo "$one"; done'
    )
    shell = ["bash", "--norc", "-c", ask, str(script), *words]
    done = subprocess.run(shell, cwd=script.parent, check=True, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_bash_knows_the_command_by_its_name(in_bash: Path) -> None:
    shell = ["bash", "--norc", "-c", 'source "$0"; complete -p mute-orchestrator', str(in_bash)]
    done = subprocess.run(shell, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "complete -o filenames -F _mute_orchestrator mute-orchestrator"


def test_commands_options_and_choices_are_offered(in_bash: Path) -> None:
    assert completed(in_bash, "se") == ["sections"]
    assert "end-section" in completed(in_bash, "")
    assert completed(in_bash, "sections", "--c") == ["--config", "--check"]
    assert completed(in_bash, "completion", "z") == ["zsh"]
    assert completed(in_bash, "simulate", "--crm-by", "") == ["channel", "stream", "list"]


def test_files_are_offered_where_a_file_is_meant_and_nothing_where_a_word_is(in_bash: Path) -> None:
    (in_bash.parent / "my config.toml").touch()
    assert completed(in_bash, "sections", "--config", "my") == ["my config.toml"]
    assert completed(in_bash, "sections", "--account", "") == []


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not here")
async def test_zsh_takes_its_script(tmp_path: Path) -> None:
    script = tmp_path / "completion.zsh"
    script.write_text((await command("completion", "zsh")).out)
    ask = 'autoload -Uz compinit; compinit -D -u; source "$0"; print $_comps[mute-orchestrator]'
    done = subprocess.run(["zsh", "-f", "-c", ask, str(script)], check=True, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("_mute_orchestrator", "")
