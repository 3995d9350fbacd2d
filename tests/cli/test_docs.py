"""docs/commands.md tells of every command there is, and of no other."""

import re
from pathlib import Path

from tests.cli.command import command

DOCS = Path(__file__).parents[2] / "docs" / "commands.md"


async def test_the_documented_commands_are_those_there_are() -> None:
    documented = re.findall(r"^\| `([a-z-]+)", DOCS.read_text(), re.MULTILINE)
    helped = re.findall(r"^    ([a-z-]+)(?: |$)", (await command("--help")).out, re.MULTILINE)
    assert documented == helped
