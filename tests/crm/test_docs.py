"""docs/crm-messages.md holds: each example is a message that is taken."""

import re
from pathlib import Path

import pytest

from orchestrator.crm.message import CrmMessage, parse

PAGE = (Path(__file__).parents[2] / "docs" / "crm-messages.md").read_text("utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
EXAMPLES += re.findall(r"^redis-cli .*(?:data|PUBLISH \S+|LPUSH \S+) '(.*?)'$", PAGE, re.MULTILINE)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 6


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_example_is_taken(example: str) -> None:
    assert isinstance(parse(example.encode()), CrmMessage)
