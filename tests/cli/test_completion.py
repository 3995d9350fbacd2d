"""Completion, as the shells do it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import command


async def script_for(shell: str, folder: Path) -> Path:
    result = await command("completion", shell)
    assert (result.code, result.err) == (0, "")
    script = folder / f"completion.{shell}"
    script.write_text(result.out)
    return script


@pytest.fixture
async def in_bash(tmp_path: Path) -> Path:
    return await script_for("bash", tmp_path)


@pytest.fixture
async def in_zsh(tmp_path: Path) -> Path:
    return await script_for("zsh", tmp_path)


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


@pytest.mark.skipif(shutil.which("zsh") is None and "REQUIRE_ZSH" not in os.environ, reason="zsh is not here")
def test_zsh_takes_its_script(in_zsh: Path) -> None:
    ask = 'autoload -Uz compinit; compinit -D -u; source "$0"; print $_comps[mute-orchestrator]'
    done = subprocess.run(["zsh", "-f", "-c", ask, str(in_zsh)], check=True, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("_mute_orchestrator", "")
